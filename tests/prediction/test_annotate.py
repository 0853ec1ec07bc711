"""Annotated pictures and videos: where they are written, and that boxes, words and the line at the foot are in them."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fer_exp.data.classes import FER2013
from fer_exp.data.faces import Images
from fer_exp.data.form import FER2013_FORM
from fer_exp.prediction import pictures, videos
from fer_exp.prediction.annotate import LINE, Annotator, annotated
from fer_exp.prediction.faces import Face
from fer_exp.prediction.frames import Frame
from fer_exp.prediction.inputs import Source, sources
from fer_exp.prediction.looking import Granted
from fer_exp.prediction.run import Seen, Tally, look
from tests.made_photos import FACE, photo, save, scene

SHARES = np.array([[0.02, 0.01, 0.05, 0.8, 0.02, 0.02, 0.08]], np.float32)


def seen(image: Images, name: str, number: int = 0, rate: float = 0.0) -> Seen:
    source = Source(name, Path(name).name, bool(rate), lambda: iter([]))
    frame = Frame(name, number, number / 25 if rate else None, image, rate)
    return Seen(source, frame, [FACE], np.zeros((1, 48, 48), np.uint8), SHARES)


def below(folder: Path) -> list[str]:
    return sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file())


def test_box_words_and_meaning_are_drawn_and_the_rest_stays() -> None:
    drawn = annotated(photo(), [FACE], SHARES, FER2013)
    assert drawn.shape == photo().shape
    assert tuple(drawn[112, 260]) == tuple(drawn[200, 172]) == LINE  # two sides of the box
    changed = (drawn != photo()).any(axis=2)
    assert changed[345:420, 172:300].mean() > 0.5  # the words under it
    assert changed[580:600, :200].mean() > 0.5  # the line at the foot
    assert not changed[:100].any()
    assert not changed[130:330, 190:330].any()  # the face itself can be seen


@pytest.mark.parametrize("shape", [(20, 20), (3, 2000), (1200, 40, 3), (1, 1)])
@pytest.mark.parametrize("face", [Face(-10, -10, 15, 15), Face(5, 5, 4000, 4000), Face(19, 19, 1, 1)])
def test_every_picture_and_every_box_can_be_drawn(shape: tuple[int, ...], face: Face) -> None:
    drawn = annotated(np.zeros(shape, np.uint8), [face], SHARES, FER2013)
    assert drawn.shape == (*shape[:2], 3)


def test_pictures_lie_as_their_originals_did_and_none_takes_another_s_place(tmp_path: Path) -> None:
    with Annotator(tmp_path, FER2013) as annotator:
        for name in ("a/one.jpg", "b/one.png", "two.webp"):
            annotator.add(seen(photo(), name))
    assert below(tmp_path) == ["one-2.png", "one.png", "two.png"]
    assert annotator.written == 3
    with Image.open(tmp_path / "two.png") as picture:
        assert picture.size == (512, 600)
        assert not picture.getexif()


def test_folders_within_folders_stay_folders(tmp_path: Path) -> None:
    (tmp_path / "in" / "b").mkdir(parents=True)
    save(photo()[:100], tmp_path / "in" / "b" / "one.jpg")
    moving = [Image.fromarray(np.full((32, 32), level, np.uint8)) for level in (10, 120)]
    moving[0].save(tmp_path / "in" / "moving.gif", save_all=True, append_images=moving[1:])

    class Even:
        form = FER2013_FORM

        def probabilities(self, crops: Images) -> "np.typing.NDArray[np.float32]":
            return np.full((len(crops), 7), 1 / 7, np.float32)

    with Annotator(tmp_path / "out", FER2013) as annotator:
        for one in look(sources([tmp_path / "in"]), Granted(), Even(), Tally(), keep_images=True):
            annotator.add(one)
    assert below(tmp_path / "out") == ["b/one.png", "moving-0001.png", "moving.png"]
    (frame,) = pictures.frames_of(tmp_path / "out" / "b" / "one.png", "one.png")
    assert frame.image.shape == (100, 512, 3)


def test_a_video_stays_a_video_of_the_same_length_and_pace(tmp_path: Path) -> None:
    with Annotator(tmp_path, FER2013) as annotator:
        for number in range(10):
            annotator.add(seen(photo()[:599, :511], "film.mov", number, 20.0))  # odd lengths, which the coding refuses
        annotator.add(seen(photo(), "still.jpg"))
        annotator.add(seen(scene((90, 100)), "other.avi", 0, 30.0))
        assert "other.mp4" not in below(tmp_path)  # it is under its name once it is whole
    assert below(tmp_path) == ["film.mp4", "other.mp4", "still.png"]
    frames = list(videos.frames_of(tmp_path / "film.mp4", "film.mp4"))
    assert [frame.seconds for frame in frames] == pytest.approx([number / 20 for number in range(10)], abs=0.002)
    assert np.abs(frames[4].image[112, 260].astype(int) - LINE).max() < 80


@pytest.mark.parametrize(("error", "left"), [(OSError, []), (KeyboardInterrupt, ["film.mp4"])])
def test_an_error_leaves_no_half_video_and_a_user_who_stops_it_one_that_plays(
    tmp_path: Path, error: type[BaseException], left: list[str]
) -> None:
    with pytest.raises(error):
        stopped(tmp_path, error())
    assert below(tmp_path) == left
    assert all(len(list(videos.frames_of(tmp_path / name, name))) == 2 for name in left)


def stopped(folder: Path, error: BaseException) -> None:
    """Two frames of a video are drawn, and then something happens."""
    with Annotator(folder, FER2013) as annotator:
        for number in range(2):
            annotator.add(seen(photo(), "film.avi", number, 25.0))
        raise error
