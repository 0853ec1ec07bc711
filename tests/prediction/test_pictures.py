"""Every kind of picture that people have, as arrays: upright, opaque, 8 bits; and what is no picture, by its reason."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_exp.data.faces import Images
from fer_exp.prediction import pictures
from fer_exp.prediction.frames import MOST_PIXELS, Frame, Unreadable
from tests.made_photos import photo, save

GREY = np.arange(48 * 64, dtype=np.uint32).reshape(48, 64) % 256


def frames(path: Path) -> list[Frame]:
    return list(pictures.frames_of(path, path.name))


def only(path: Path) -> Images:
    (frame,) = frames(path)
    assert (frame.number, frame.seconds, frame.rate) == (0, None, 0.0)
    return frame.image


def refused(path: Path) -> str:
    with pytest.raises(Unreadable) as why:
        frames(path)
    return str(why.value)


def small() -> Images:
    return photo()[100:148, 200:264].copy()


def test_grey_and_coloured_pictures_keep_every_pixel(tmp_path: Path) -> None:
    grey = GREY.astype(np.uint8)
    assert np.array_equal(only(save(grey, tmp_path / "grey.png")), grey)
    assert np.array_equal(only(save(small(), tmp_path / "colour.png")), small())
    assert np.array_equal(only(save(small(), tmp_path / "colour.bmp")), small())


def test_sixteen_bits_become_eight(tmp_path: Path) -> None:
    deep = (GREY * 257).astype(np.uint16)
    assert np.array_equal(only(save(deep, tmp_path / "deep.png")), GREY.astype(np.uint8))
    assert np.array_equal(only(save(deep, tmp_path / "deep.tif")), GREY.astype(np.uint8))


def test_fractions_are_refused_because_nothing_says_what_is_white(tmp_path: Path) -> None:
    assert "fractions" in refused(save(GREY.astype(np.float32), tmp_path / "float.tif"))


def test_cmyk_of_a_printer_is_shown_in_its_colours(tmp_path: Path) -> None:
    path = tmp_path / "print.jpg"
    Image.fromarray(small()).convert("CMYK").save(path, quality=100)
    shown = only(path)
    assert shown.shape == small().shape
    assert np.abs(shown.astype(int) - small()).mean() < 4


def test_what_is_transparent_lies_on_white(tmp_path: Path) -> None:
    opaque = np.dstack([small(), np.full((48, 64), 255, np.uint8)])
    assert np.array_equal(only(save(opaque, tmp_path / "opaque.png")), small())
    opaque[:, :32, 3] = 0
    shown = only(save(opaque, tmp_path / "half.png"))
    assert (shown[:, :32] == 255).all()
    assert np.array_equal(shown[:, 32:], small()[:, 32:])


def test_a_palette_and_two_levels_are_pictures_too(tmp_path: Path) -> None:
    Image.fromarray(small()).quantize(64).save(tmp_path / "palette.png")
    assert only(tmp_path / "palette.png").shape == (48, 64, 3)
    Image.fromarray(GREY.astype(np.uint8)).convert("1").save(tmp_path / "two.png")
    assert set(np.unique(only(tmp_path / "two.png"))) == {0, 255}


@pytest.mark.parametrize(("orientation", "turns"), [(1, 0), (3, 2), (6, 1), (8, 3)])
def test_a_picture_is_turned_as_its_camera_says(tmp_path: Path, orientation: int, turns: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    lying = np.rot90(small(), turns)
    assert np.array_equal(only(save(np.ascontiguousarray(lying), tmp_path / "turned.png", exif=exif)), small())


def test_an_animation_is_frames_with_times(tmp_path: Path) -> None:
    shown = [Image.fromarray(np.full((32, 32), level, np.uint8)) for level in (10, 120, 240)]
    shown[0].save(tmp_path / "moving.gif", save_all=True, append_images=shown[1:], duration=200)
    found = frames(tmp_path / "moving.gif")
    assert [(frame.number, frame.seconds) for frame in found] == [(0, 0.0), (1, 0.2), (2, 0.4)]
    assert [int(frame.image.mean()) for frame in found] == [10, 120, 240]


def test_pages_are_frames_without_times(tmp_path: Path) -> None:
    pages = [Image.fromarray(np.full((32, 32), level, np.uint8)) for level in (10, 120)]
    pages[0].save(tmp_path / "pages.tif", save_all=True, append_images=pages[1:])
    assert [(frame.number, frame.seconds) for frame in frames(tmp_path / "pages.tif")] == [(0, None), (1, None)]


@pytest.mark.parametrize("ending", [".jpg", ".png", ".gif", ".webp", ".bmp", ".tif"])
def test_what_is_cut_off_is_refused_wherever_it_is_cut(tmp_path: Path, ending: str) -> None:
    whole = save(small(), tmp_path / f"whole{ending}").read_bytes()
    path = tmp_path / f"cut{ending}"
    for share in (0.02, 0.3, 0.6, 0.9):
        path.write_bytes(whole[: int(share * len(whole))])
        assert refused(path).startswith("expected ")


def test_of_an_animation_that_is_cut_off_the_first_frames_come(tmp_path: Path) -> None:
    random = np.random.default_rng(1)
    shown = [Image.fromarray(random.integers(0, 256, (64, 64), dtype=np.uint8)) for _ in range(4)]
    shown[0].save(tmp_path / "moving.gif", save_all=True, append_images=shown[1:], duration=100)
    whole = (tmp_path / "moving.gif").read_bytes()
    (tmp_path / "moving.gif").write_bytes(whole[: len(whole) * 5 // 8])
    coming = pictures.frames_of(tmp_path / "moving.gif", "moving.gif")
    assert [next(coming).number, next(coming).number] == [0, 1]
    with pytest.raises(Unreadable):
        list(coming)


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "no bytes"), (b"not a picture at all", "another kind"), (b"\x89PNG\r\n\x1a\n", "expected")],
)
def test_what_is_no_picture_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "no.png").write_bytes(content)
    assert said in refused(tmp_path / "no.png")


def test_a_folder_or_a_pipe_is_no_picture(tmp_path: Path) -> None:
    import os

    (tmp_path / "folder.png").mkdir()
    os.mkfifo(tmp_path / "pipe.png")
    assert "something else" in refused(tmp_path / "folder.png")
    assert "something else" in refused(tmp_path / "pipe.png")  # and is not waited for


def test_a_picture_that_unpacks_to_gigabytes_is_refused_by_its_head(tmp_path: Path) -> None:
    """A PNG of two kilobytes that asks for 100,000 x 100,000 pixels."""
    import struct
    import zlib

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 8, 0, 0, 0, 0))
    bomb = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(bytes(100_000))) + chunk(b"IEND", b"")
    (tmp_path / "bomb.png").write_bytes(bomb)
    assert refused(tmp_path / "bomb.png").startswith("expected ")
    assert MOST_PIXELS < 100_000**2


def test_the_largest_picture_is_read(tmp_path: Path) -> None:
    path = save(np.zeros((4096, 4096), np.uint8), tmp_path / "large.png")
    assert only(path).shape == (4096, 4096)


def test_a_phone_s_second_view_is_not_a_second_frame(tmp_path: Path) -> None:
    views = [Image.fromarray(small()), Image.fromarray(small()[:, ::-1].copy())]
    views[0].save(tmp_path / "stereo.jpg", format="MPO", save_all=True, append_images=views[1:])
    assert len(frames(tmp_path / "stereo.jpg")) == 1


def test_damaged_exif_is_no_obstacle(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x010E] = "a" * 60
    buffer = io.BytesIO()
    Image.fromarray(small()).save(buffer, "JPEG", exif=exif)
    data = bytearray(buffer.getvalue())
    place = data.index(b"Exif\x00\x00") + 14
    data[place : place + 6] = b"\xff" * 6
    (tmp_path / "exif.jpg").write_bytes(bytes(data))
    assert only(tmp_path / "exif.jpg").shape == (48, 64, 3)
