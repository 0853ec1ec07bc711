"""Folders of images are read in a fixed order, usage told by prefix or folder; what is converted is said."""

from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_exp.data.faces import Images, Usage
from fer_exp.data.reading import Reading
from fer_exp.data.sources.read import read_faces
from fer_exp.system.errors import BadData
from tests.made_faces import png_of, some_faces

FACES = some_faces(40)


def put(path: Path, image: Images) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(png_of(image, path.suffix))


def empty(*folders: Path) -> None:
    """Classes that a data set has, although no image of them is there."""
    for folder in folders:
        folder.mkdir(parents=True)


class TestImageFolders:
    def test_prefixes_tell_the_usage_and_rows_are_sorted(self, tmp_path: Path) -> None:
        names = [
            "train/angry/Training_2.png",
            "train/angry/Training_3.png",
            "train/Happiness/Training_1.png",
            "test/angry/PrivateTest_5.png",
            "test/angry/PublicTest_4.png",
            "test/neutrality/6.png",
        ]
        for number in reversed(range(6)):
            put(tmp_path / names[number], FACES.images[number])
        (tmp_path / ".DS_Store").write_bytes(b"x")
        (tmp_path / "train/angry/Thumbs.db").write_bytes(b"x")
        faces = read_faces(tmp_path)
        assert np.array_equal(faces.images, FACES.images[:6])
        assert faces.classes.names == ("angry", "happy", "neutral")
        assert faces.labels.tolist() == [0, 0, 1, 0, 0, 2]
        assert faces.usage.tolist() == [0, 0, 0, 2, 1, 2]
        assert (faces.kind, faces.notes) == ("folder", ())

    def test_a_validation_folder_is_public_test(self, tmp_path: Path) -> None:
        for number, part in enumerate(("Train", "validation", "TEST")):
            put(tmp_path / part / "sad" / "1.png", FACES.images[number])
        empty(tmp_path / "Train" / "happy")
        assert read_faces(tmp_path).usage.tolist() == [0, 1, 2]

    def test_class_folders_alone_are_all_training_and_that_is_said(self, tmp_path: Path) -> None:
        put(tmp_path / "Surprised" / "1.png", FACES.images[0])
        put(tmp_path / "fearful" / "1.png", FACES.images[1])
        faces = read_faces(tmp_path)
        assert faces.classes.names == ("fear", "surprise")
        assert faces.labels.tolist() == [0, 1]
        assert faces.usage.tolist() == [0, 0]
        assert faces.notes == ("There is no Usage: every row counts as Training.",)

    def test_a_prefix_that_contradicts_its_folder_is_followed_and_told(self, tmp_path: Path) -> None:
        put(tmp_path / "train/sad/PrivateTest_1.png", FACES.images[0])
        empty(tmp_path / "train/happy")
        faces = read_faces(tmp_path)
        assert faces.usage.tolist() == [Usage.PRIVATE_TEST]
        assert faces.notes == ("1 files lie in another part than their prefix says; the prefix was followed.",)

    @pytest.mark.parametrize(
        "name", ["train/sad/1.png train/smug/1.png", "train/angry/1.png ../extra/1.png", "angry/1.png 5/1.png"]
    )
    def test_unknown_folders_are_named(self, name: str, tmp_path: Path) -> None:
        for part in name.split():
            put(tmp_path / "set" / part.replace("../", ""), FACES.images[0])
        with pytest.raises(BadData, match=r"received '(smug|extra|5)'"):
            read_faces(tmp_path / "set")

    def test_other_sizes_and_colours_are_converted_and_counted(self, tmp_path: Path) -> None:
        large = cv2.resize(FACES.images[0], (96, 96), interpolation=cv2.INTER_NEAREST)
        put(tmp_path / "happy/1.png", np.asarray(large, np.uint8))
        put(tmp_path / "happy/2.png", np.dstack([FACES.images[1]] * 3))
        put(tmp_path / "happy/3.png", FACES.images[2, :24, :24])
        empty(tmp_path / "sad")
        faces = read_faces(tmp_path)
        assert np.array_equal(faces.images[:2], FACES.images[:2])  # averages of four equal pixels; three equal colours
        assert faces.notes[1:] == (
            "1 colour images were turned grey.",
            "1 images of 24x24 were enlarged by linear interpolation to 48x48.",
            "1 images of 96x96 were shrunk by area averaging to 48x48.",
        )

    @pytest.mark.parametrize("ending", [".jpg", ".png"])
    @pytest.mark.parametrize("kept", [0.5, 0.97])
    def test_a_cut_off_image_is_named_or_dropped(self, ending: str, kept: float, tmp_path: Path) -> None:
        for number in range(3):
            put(tmp_path / f"set/sad/{number}{ending}", FACES.images[number])
        empty(tmp_path / "set/happy")
        bad = tmp_path / f"set/sad/1{ending}"
        bad.write_bytes(bad.read_bytes()[: int(bad.stat().st_size * kept)])
        with pytest.raises(BadData, match=f"set/sad/1{ending}: expected a whole image"):
            read_faces(tmp_path / "set")
        faces = read_faces(tmp_path / "set", reading=Reading(skip_bad_rows=True))
        assert (len(faces), faces.dropped[0].where) == (2, f"set/sad/1{ending}")

    @pytest.mark.parametrize(
        ("content", "problem"),
        [
            (b"", "received no bytes"),
            (b"hello", "cannot be decoded"),
            (png_of(FACES.images[0, :40]), "expected a square image, received 48x40"),
            (cv2.imencode(".png", np.zeros((48, 48), np.uint16))[1].tobytes(), "expected 8 bits"),
        ],
    )
    def test_what_is_no_square_8_bit_image_is_a_bad_row(self, content: bytes, problem: str, tmp_path: Path) -> None:
        put(tmp_path / "sad/1.png", FACES.images[0])
        (tmp_path / "sad/2.png").write_bytes(content)
        with pytest.raises(BadData, match=problem):
            read_faces(tmp_path)

    def test_a_subfolder_among_images_is_a_bad_row(self, tmp_path: Path) -> None:
        put(tmp_path / "sad/more/1.png", FACES.images[0])
        with pytest.raises(BadData, match="sad/more"):
            read_faces(tmp_path)
