"""From sources to frames with faces and probabilities: in order, in bounded memory, whatever a file holds."""

import gc
import os
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fer_exp.data.faces import Images
from fer_exp.data.form import Form
from fer_exp.prediction.faces import Framing
from fer_exp.prediction.frames import Frame
from fer_exp.prediction.inputs import Source, sources
from fer_exp.prediction.looking import Granted
from fer_exp.prediction.run import FACES, FRAMES, Probabilities, Seen, Tally, look
from fer_exp.system.errors import BadInput
from tests.made_photos import grey_faces, photo, save, scene, write_video

GREY = Form(48, 1, 2)


class Brightness:
    """Two classes: how dark and how bright a face is; notes how many it was asked about at a time."""

    def __init__(self, form: Form = GREY) -> None:
        self.form = form
        self.asked: list[int] = []

    def probabilities(self, crops: Images) -> Probabilities:
        self.asked.append(len(crops))
        bright = crops.reshape(len(crops), -1).mean(axis=1) / 255 if len(crops) else np.empty(0)
        return np.stack([1 - bright, bright], axis=1).astype(np.float32)


def seen(*given: object, model: Brightness | None = None, tally: Tally | None = None) -> list[Seen]:
    """Every picture as one face."""
    return list(look(sources(given), Granted(), model or Brightness(), tally or Tally()))  # type: ignore[arg-type]


def level(one: Seen) -> float:
    return float(one.probabilities[0, 1]) * 255


def test_files_folders_and_arrays_come_in_order(tmp_path: Path) -> None:
    for place, name in enumerate(["b/2.png", "b/10.png", "b/c/1.png", "a.png", "b/.hidden.png"]):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        save(np.full((48, 48), 10 * place, np.uint8), tmp_path / name)
    (tmp_path / "b" / "notes.txt").write_text("no picture")
    (tmp_path / "b" / "again").symlink_to(tmp_path / "b")  # a folder in itself
    found = seen(tmp_path / "a.png", tmp_path / "b", np.full((48, 48), 200, np.uint8))
    names = [os.path.relpath(one.frame.file, tmp_path) for one in found[:-1]]
    assert names == ["a.png", "b/10.png", "b/2.png", "b/c/1.png"]
    assert [round(level(one)) for one in found] == [30, 10, 0, 20, 200]
    assert found[1].source.within == "10.png"
    assert found[3].source.within == "c/1.png"


def test_faces_go_to_the_model_together_and_answers_to_their_own_frames() -> None:
    model = Brightness()
    faces = grey_faces(FRAMES * 2 + 5)
    found = seen(faces, model=model)
    assert model.asked == [FRAMES, FRAMES, 5]
    assert [level(one) for one in found] == pytest.approx([float(face.mean()) for face in faces], abs=0.01)
    assert [one.frame.file for one in found[:2]] == ["array-0-0", "array-0-1"]


def test_a_bad_file_never_ends_the_batch(tmp_path: Path) -> None:
    save(photo(), tmp_path / "good.jpg")
    (tmp_path / "empty.png").touch()
    (tmp_path / "text.jpg").write_text("no picture")
    (tmp_path / "cut.jpg").write_bytes((tmp_path / "good.jpg").read_bytes()[:9000])
    (tmp_path / "broken.mp4").write_bytes(b"no video")
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "nowhere.png").symlink_to(tmp_path / "nothing")
    tally = Tally()
    found = seen(tmp_path, tmp_path / "missing.png", "name\0with zero.png", model=Brightness(), tally=tally)
    assert [Path(one.frame.file).name for one in found] == ["good.jpg"]
    said = {Path(file).name: why for file, why in tally.unreadable}
    assert set(said) == {
        *("empty.png", "text.jpg", "cut.jpg", "broken.mp4", "pipe.png", "nowhere.png", "missing.png"),
        "name\0with zero.png",
    }
    assert "found nothing of that name" in said["missing.png"]
    assert all("\n" not in why for why in said.values())
    assert (tally.sources, tally.frames, tally.faces) == (9, 1, 1)


def test_a_file_that_may_not_be_read_is_counted() -> None:
    def denied() -> Iterator[Frame]:
        raise PermissionError(13, "Permission denied", "mine.png")
        yield

    tally = Tally()
    assert list(look([Source("mine.png", "mine.png", False, denied)], Granted(), Brightness(), tally)) == []
    assert "Permission denied" in tally.unreadable[0][1]


def test_of_a_video_that_breaks_off_the_frames_before_count(tmp_path: Path) -> None:
    path = write_video(tmp_path / "film.avi", [scene((90, 10 * number)) for number in range(10)], coding="MJPG")
    path.write_bytes(path.read_bytes()[: path.stat().st_size * 2 // 3])
    tally = Tally()
    found = seen(path, tally=tally)
    assert 2 < len(found) < 10
    assert [one.frame.number for one in found] == list(range(len(found)))
    assert tally.unreadable == []
    assert tally.seconds == pytest.approx(len(found) / 25)


def test_a_folder_of_ten_thousand_is_never_in_memory(tmp_path: Path) -> None:
    """10,000 names of one picture; what is held at any time is a batch."""
    save(grey_faces(1)[0], tmp_path / "0.png")
    for number in range(1, 10_000):
        os.link(tmp_path / "0.png", tmp_path / f"{number}.png")
    tally, alive = Tally(), []
    for number, _ in enumerate(look(sources([tmp_path]), Granted(), Brightness(), tally)):
        if number % 1000 == 0:
            alive.append(sum(isinstance(one, Frame) for one in gc.get_objects()))
    assert (tally.sources, tally.frames) == (10_000, 10_000)
    assert max(alive) <= 2 * FRAMES + 2


def large(count: int) -> Iterator[Source]:
    """Frames of 16 megapixels, made as they are asked for."""
    for number in range(count):
        name = f"{number}.png"
        frame = Frame(name, 0, None, np.zeros((4096, 4096), np.uint8))
        yield Source(name, name, False, lambda frame=frame: iter([frame]))  # type: ignore[misc]  # bound now


def test_frames_that_are_kept_for_drawing_wait_by_their_size() -> None:
    model = Brightness()
    for one in look(large(10), Granted(), model, Tally(), keep_images=True):
        assert one.frame.image.shape == (4096, 4096)
    assert model.asked == [4, 4, 2]
    assert all(one.frame.image.size == 0 for one in look(large(2), Granted(), model, Tally()))


def test_frames_without_faces_cost_the_model_nothing_and_are_kept() -> None:
    class Nothing:
        framing = Framing(0.0)

        def faces(self, frame: Frame) -> list[object]:
            return []

    tally = Tally()
    (one,) = look(sources([grey_faces(1)[0]]), Nothing(), Brightness(), tally)  # type: ignore[arg-type]
    assert (one.faces, one.probabilities.shape, one.crops.shape) == ([], (0, 2), (0, 48, 48))
    assert tally.without_face == 1


def test_more_faces_than_a_batch_in_one_frame_all_get_answers() -> None:
    from fer_exp.prediction.faces import Face

    class Many:
        framing = Framing(0.0)

        def faces(self, frame: Frame) -> list[Face]:
            return [Face(0, 0, 48, 48)] * (3 * FACES)

    (one,) = look(sources([grey_faces(1)[0]]), Many(), Brightness(), Tally())
    assert one.probabilities.shape == (3 * FACES, 2)


@pytest.mark.parametrize(
    "array",
    [
        np.zeros((48, 48), np.float32),
        np.zeros((48, 48, 3, 3, 3), np.uint8),
        np.zeros(48, np.uint8),
        np.zeros((0, 48), np.uint8),
        np.zeros((2, 48, 48, 4), np.uint8),
    ],
)
def test_arrays_that_are_no_pictures_are_refused(array: np.ndarray) -> None:
    with pytest.raises(BadInput, match="expected uint8 arrays"):
        list(sources([array]))


@pytest.mark.parametrize(
    ("shape", "count"), [((50, 60), 1), ((50, 60, 3), 1), ((50, 60, 1), 1), ((4, 50, 60), 4), ((4, 50, 60, 3), 4)]
)
def test_arrays_are_pictures_or_batches(shape: tuple[int, ...], count: int) -> None:
    assert len(list(sources([np.zeros(shape, np.uint8)]))) == count


def test_the_crop_is_of_the_model_s_form() -> None:
    (one,) = seen(photo(), model=Brightness(Form(64, 3, 2)))
    assert one.crops.shape == (1, 64, 64, 3)
