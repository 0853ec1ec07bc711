"""Videos frame by frame, with times; broken ones as far as they go."""

from pathlib import Path

import numpy as np
import pytest

from fer_exp.data.faces import Images
from fer_exp.prediction import videos
from fer_exp.prediction.frames import Frame, Unreadable
from tests.made_photos import scene, write_video


def moving(count: int) -> list[Images]:
    """Frames that differ enough not to be coded as copies."""
    return [np.roll(scene((90, 150), height=300), 7 * number, axis=1) for number in range(count)]


def read(path: Path) -> tuple[list[Frame], str]:
    """The frames that came, and why it ended early."""
    found: list[Frame] = []
    try:
        found.extend(videos.frames_of(path, path.name))  # keeps what came before an error
    except Unreadable as why:
        return found, str(why)
    return found, ""


@pytest.mark.parametrize(("ending", "coding"), [(".mp4", "mp4v"), (".avi", "MJPG"), (".webm", "VP80")])
def test_every_frame_comes_with_its_time(tmp_path: Path, ending: str, coding: str) -> None:
    path = write_video(tmp_path / f"film{ending}", moving(12), rate=20.0, coding=coding)
    found, why = read(path)
    assert why == ""
    assert [frame.number for frame in found] == list(range(12))
    assert [frame.seconds for frame in found] == pytest.approx([number / 20 for number in range(12)], abs=0.002)
    assert {frame.image.shape for frame in found} == {(480, 640, 3)}
    assert found[0].rate == pytest.approx(20)
    assert np.abs(found[5].image.astype(int) - moving(12)[5]).mean() < 6  # in red, green, blue


def test_a_video_that_is_cut_off_gives_what_it_has_and_says_so(tmp_path: Path) -> None:
    path = write_video(tmp_path / "film.avi", moving(20), coding="MJPG")
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])
    found, why = read(path)
    assert 3 < len(found) < 20
    assert why == "" or "expected 20 frames" in why  # an index that is cut off no longer tells how many there were


def test_frames_that_are_broken_in_the_middle_are_left_out_and_the_rest_goes_on(tmp_path: Path) -> None:
    path = write_video(tmp_path / "film.mp4", moving(40), coding="mp4v")
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle - 6000 : middle + 6000] = np.random.default_rng(1).integers(0, 256, 12_000, dtype=np.uint8).tobytes()
    path.write_bytes(bytes(data))
    found, _ = read(path)
    assert len(found) > 20
    assert found[-1].number >= 35  # it went on behind the damage


@pytest.mark.parametrize(
    ("content", "said"),
    [(b"", "no bytes"), (b"no video at all " * 100, "another kind"), (b"\x00\x00\x00\x18ftypmp42", "")],
)
def test_what_is_no_video_is_refused(tmp_path: Path, content: bytes, said: str) -> None:
    (tmp_path / "no.mp4").write_bytes(content)
    found, why = read(tmp_path / "no.mp4")
    assert found == []
    assert why.startswith("expected a video")
    assert said in why


def test_a_video_cut_off_before_its_table_is_refused(tmp_path: Path) -> None:
    path = write_video(tmp_path / "film.mp4", moving(6))
    path.write_bytes(path.read_bytes()[:3000])
    assert read(path)[0] == []


def test_a_list_of_addresses_that_is_called_a_video_asks_nobody(tmp_path: Path) -> None:
    """FFmpeg opens a playlist by its content; a server on this machine sees no request."""
    import socket

    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen()
        server.settimeout(0.5)
        port = server.getsockname()[1]
        playlist = f"#EXTM3U\n#EXT-X-TARGETDURATION:9\n#EXTINF:9,\nhttp://127.0.0.1:{port}/a.ts\n#EXT-X-ENDLIST\n"
        (tmp_path / "film.mp4").write_text(playlist)
        (tmp_path / "film.ts").write_text(playlist)
        assert read(tmp_path / "film.mp4")[0] == []
        assert read(tmp_path / "film.ts")[0] == []
        with pytest.raises(TimeoutError):
            server.accept()
