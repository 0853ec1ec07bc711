"""Faces followed through a video, boxes from outside, and pictures that are faces already."""

from pathlib import Path

import numpy as np
import pytest

from fer_exp.data.faces import Images
from fer_exp.prediction.boxes import Boxes
from fer_exp.prediction.detectors import DETECTORS, detector
from fer_exp.prediction.faces import Face, Framing
from fer_exp.prediction.frames import Frame, Unreadable
from fer_exp.prediction.looking import WHOLE_EVERY, Detecting, Granted, Outside, overlap
from fer_exp.system.errors import BadInput, NotFound
from tests.made_photos import scene


class Spot:
    """A detector that sees a bright square, and notes how much it was shown."""

    name, framing, smallest = "spot", Framing(0.0), 20

    def __init__(self) -> None:
        self.shown: list[int] = []

    def find(self, image: Images) -> list[Face]:
        self.shown.append(image.shape[0] * image.shape[1])
        rows, columns = np.nonzero(image[..., 0] > 200)
        if not len(rows):
            return []
        left, top = int(columns.min()), int(rows.min())
        return [Face(left, top, int(columns.max()) + 1 - left, int(rows.max()) + 1 - top, 1.0)]


def frame(number: int, left: int | None, file: str = "film.mp4") -> Frame:
    """A frame of a video with a bright square of 80 pixels, or with none."""
    image = np.zeros((480, 640, 3), np.uint8)
    if left is not None:
        image[200:280, left : left + 80] = 255
    return Frame(file, number, number / 25, image, 25.0)


def test_a_face_is_followed_with_a_look_at_the_whole_now_and_then() -> None:
    spot = Spot()
    looking = Detecting(spot, spot.framing)
    for number in range(2 * WHOLE_EVERY + 1):
        (face,) = looking.faces(frame(number, 100 + 6 * number))
        assert (face.left, face.width) == pytest.approx((100 + 6 * number, 80), abs=3)
    wholes = [place for place, shown in enumerate(spot.shown) if shown == max(spot.shown)]
    assert wholes == [0, WHOLE_EVERY, 2 * WHOLE_EVERY]
    assert sorted(spot.shown)[len(spot.shown) // 2] < max(spot.shown) / 6  # what following saves


def test_a_face_that_is_lost_is_looked_for_in_the_whole_frame_at_once() -> None:
    spot = Spot()
    looking = Detecting(spot, spot.framing)
    looking.faces(frame(0, 100))
    (face,) = looking.faces(frame(1, 500))
    assert face.left == pytest.approx(500, abs=3)
    assert looking.faces(frame(2, None)) == []
    (face,) = looking.faces(frame(3, 20))  # where nothing was seen, the whole frame is looked at every time
    assert face.left == pytest.approx(20, abs=3)


def test_nothing_is_followed_from_one_video_into_the_next() -> None:
    spot = Spot()
    looking = Detecting(spot, spot.framing)
    looking.faces(frame(5, 100, "one.mp4"))
    looking.faces(frame(6, 130, "other.mp4"))
    assert spot.shown[0] == spot.shown[1]


@pytest.mark.parametrize("name", [name for name in DETECTORS if name == "haar"] + [None])
def test_a_real_face_is_followed_as_exactly_as_it_is_found(name: str | None) -> None:
    finder = detector(name)
    following, finding = Detecting(finder, finder.framing), Detecting(finder, finder.framing)
    for number in range(6):
        image = scene((90, 120 + 5 * number))
        (followed,) = following.faces(Frame("film.mp4", number, number / 25, image, 25.0))
        (found,) = finding.faces(Frame("still.png", 0, None, image))
        assert overlap(followed, found) > 0.7


def test_every_picture_is_a_face_where_that_is_said() -> None:
    (face,) = Granted().faces(Frame("a.png", 0, None, np.zeros((40, 60), np.uint8)))
    assert face[:4] == (10, 0, 40, 40)


# -- boxes


def outside(folder: Path, text: str, name: str = "boxes.csv") -> Outside:
    (folder / name).write_text(text)
    return Outside(Boxes.read(folder / name))


def still(file: str, number: int = 0) -> Frame:
    return Frame(file, number, None, np.zeros((100, 200), np.uint8))


def test_boxes_come_from_a_file_by_name_and_frame(tmp_path: Path) -> None:
    text = "file,left,top,width,height,frame,detector_score\na.png,1,2,30,40,,0.5\n"
    text += "a.png,5,6,30,40,0,\nb.mp4,7,8,9,10,3,\n"
    looking = outside(tmp_path, text)
    assert looking.faces(still("a.png")) == [Face(1, 2, 30, 40, 0.5), Face(5, 6, 30, 40)]
    assert looking.faces(still(str(Path("a.png").absolute()))) == looking.faces(still("./a.png")) != []
    assert looking.faces(still("c.png")) == []
    assert looking.boxes.unused == 1
    assert looking.faces(still("b.mp4", 3)) == [Face(7, 8, 9, 10)]
    assert looking.boxes.unused == 0


def test_boxes_may_be_json_lines_and_rows_without_a_face_are_none(tmp_path: Path) -> None:
    lines = '{"file": "a.png", "left": 1, "top": 2, "width": 3, "height": 4}\n\n{"file": "b.png", "left": null, '
    lines += '"top": null, "width": null, "height": null}\n'
    looking = outside(tmp_path, lines, "boxes.jsonl")
    assert looking.faces(still("a.png")) == [Face(1, 2, 3, 4)]
    assert looking.faces(still("b.png")) == []


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("file,left,top\na,1,2\n", "found no width, height"),
        ("", "found no file, left"),
        ("file,left,top,width,height\na,1,2,3,4\nb,1,2,x,4\n", "row 2: expected a box"),
        ("file,left,top,width,height\na,1,2,0,4\n", "row 1: expected a box"),
        ("file,left,top,width,height\na,nan,2,3,4\n", "row 1: expected a box"),
        ("file,left,top,width,height\na,1,2,3\n", "row 1: expected a box"),
        ("file,left,top,width,height,frame\na,1,2,3,4,first\n", "row 1: expected a box"),
        ("file,left,top,width,height\na,1,2,1e999,4\n", "row 1: expected a box"),
    ],
)
def test_files_that_hold_no_boxes_are_refused_with_the_row(tmp_path: Path, text: str, said: str) -> None:
    with pytest.raises(BadInput) as refused:
        outside(tmp_path, text)
    assert said in refused.value.problem


def test_json_that_is_none_and_files_that_are_not_there_are_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="row 0"):
        outside(tmp_path, "{not json}\n", "boxes.jsonl")
    with pytest.raises(NotFound, match="found none"):
        Boxes.read(tmp_path / "nothing.csv")


@pytest.mark.parametrize("box", ["500,2,30,40", "-40,2,30,40", "1,2,900,40"])
def test_a_box_beside_its_picture_or_far_too_large_is_said_of_the_picture(tmp_path: Path, box: str) -> None:
    looking = outside(tmp_path, f"file,left,top,width,height\na.png,{box}\n")
    with pytest.raises(Unreadable, match="within its 200 x 100 pixels"):
        looking.faces(still("a.png"))
