"""Classes are read by name, from whatever a source calls them; the user's own words decide, and are told."""

from pathlib import Path

import numpy as np
import pytest

from fer_exp.data.classes import FER2013
from fer_exp.data.faces import Images
from fer_exp.data.reading import Reading
from fer_exp.data.sources.convert import convert
from fer_exp.data.sources.read import read_faces
from fer_exp.data.split.prepare import prepare
from fer_exp.data.split.protocol import Protocol
from fer_exp.system.errors import BadData
from tests.commands import done, refused
from tests.made_faces import png_of, some_faces, text_of

FACES = some_faces(40)


def folders(root: Path, *names: str, each: int = 2, form: Images | None = None) -> Path:
    for place, name in enumerate(names):
        (root / name).mkdir(parents=True)
        for number in range(each):
            image = FACES.images[place * each + number] if form is None else form
            (root / name / f"{number}.png").write_bytes(png_of(image))
    return root


def table(path: Path, labels: list[object], column: str = "emotion") -> Path:
    rows = [f"{label},{text_of(FACES.images[place])},Training" for place, label in enumerate(labels)]
    path.write_text("\n".join([f"{column},pixels,Usage", *rows, ""]))
    return path


def test_a_known_class_beyond_fer2013_s_is_one(tmp_path: Path) -> None:
    faces = read_faces(folders(tmp_path / "ck", "anger", "contempt", "happiness"))
    assert faces.classes.names == ("angry", "happy", "contempt")
    assert faces.labels.tolist() == [0, 0, 1, 1, 2, 2]


def test_folders_of_any_other_names_are_classes_of_their_own(tmp_path: Path) -> None:
    faces = read_faces(folders(tmp_path / "lab", "Very Bored", "engaged"))
    assert faces.classes.names == ("engaged", "very-bored")
    assert any("classes of their own: Very Bored, engaged" in note for note in faces.notes)


def test_beside_known_classes_an_unknown_name_needs_the_user_s_word(tmp_path: Path) -> None:
    lab = folders(tmp_path / "lab", "happy", "suprise")
    with pytest.raises(BadData, match="did you mean") as caught:
        read_faces(lab)
    assert "--classes suprise=NAME" in caught.value.remedy
    assert read_faces(lab, Reading(classes={"suprise": "surprise"})).classes.names == ("happy", "surprise")


def test_numbered_folders_are_read_by_the_user_s_word_alone(tmp_path: Path) -> None:
    numbered = folders(tmp_path / "raf", "1", "2", "4")
    with pytest.raises(BadData, match="received '1'"):
        read_faces(numbered)
    found = read_faces(numbered, Reading(classes={"1": "surprise", "2": "fear", "4": "happy"}))
    assert found.classes.names == ("surprise", "fear", "happy")  # in the order of the user's words
    named = [found.classes.names[label] for label in found.labels]
    assert named == ["fear", "fear", "happy", "happy", "surprise", "surprise"]


@pytest.mark.parametrize("column", ["emotion", "label"])
def test_numbers_of_a_table_mean_what_the_user_says(tmp_path: Path, column: str) -> None:
    path = table(tmp_path / "raf.csv", [1, 2, 7, "1.0"], column)
    faces = read_faces(path, Reading(classes={"1": "surprise", "2": "fear", "7": "neutral"}))
    assert faces.classes.names == ("surprise", "fear", "neutral")
    assert faces.labels.tolist() == [0, 1, 2, 0]
    with pytest.raises(BadData, match=r"expected one of 1, 2 or a known class, received '7'"):
        read_faces(path, Reading(classes={"1": "surprise", "2": "fear"}))


def test_classes_are_merged_and_dropped_by_the_user_s_word_and_that_is_told(tmp_path: Path) -> None:
    ck = folders(tmp_path / "ck", "anger", "contempt", "disgust", "happy")
    merged = read_faces(ck, Reading(merge={"contempt": "disgust"}))
    assert merged.classes.names == ("angry", "disgust", "happy")
    assert np.bincount(merged.labels).tolist() == [2, 4, 2]
    assert "2 faces of contempt count as disgust, as asked." in merged.notes
    dropped = read_faces(ck, Reading(drop=("contempt",)))
    assert dropped.classes.names == ("angry", "disgust", "happy")
    assert len(dropped) == 6
    assert "2 faces of contempt were left out, as asked." in dropped.notes


def test_fer2013_s_numbers_are_all_seven_whichever_occur(tmp_path: Path) -> None:
    assert read_faces(table(tmp_path / "few.csv", [3, 3, 6])).classes == FER2013
    six = read_faces(table(tmp_path / "six.csv", [3, 5, 6]), Reading(drop=("neutral",)))
    assert six.classes.names == FER2013.names[:-1]
    assert six.labels.tolist() == [3, 5]


@pytest.mark.parametrize("side", [32, 64])
@pytest.mark.parametrize("colour", [False, True])
def test_faces_come_at_the_side_and_in_the_colours_that_are_wanted(tmp_path: Path, side: int, colour: bool) -> None:
    rgb = np.zeros((96, 96, 3), np.uint8)
    rgb[..., 2] = 200  # OpenCV's red
    source = folders(tmp_path / "lab", "happy", "sad", form=rgb)
    faces = read_faces(source, Reading(side=side, colour=colour))
    assert faces.images.shape == (4, side, side, *([3] if colour else []))
    assert faces.form == (side, 3 if colour else 1, 2)
    assert faces.images[0, 0, 0].tolist() == ([200, 0, 0] if colour else 60)
    convert(source, tmp_path / "again", Reading(side=side, colour=colour))
    assert np.array_equal(read_faces(tmp_path / "again", Reading(side=side, colour=colour)).images, faces.images)


def test_what_is_prepared_knows_its_classes_and_its_form(tmp_path: Path) -> None:
    reading = Reading(side=64, colour=True, drop=("neutral",), licence="ours")
    development = prepare(
        "demo", protocol=Protocol.OFFICIAL, seed=1, limit=60, cache=tmp_path / "cache", reading=reading
    )
    assert development.info.class_names == FER2013.names[:-1]
    assert development.info.form == (64, 3, 6)
    assert development.info.reading == reading
    assert development.info.licence == "ours"
    assert development.train(clahe=True).images.shape == (60, 64, 64, 3)
    again = prepare("demo", protocol=Protocol.OFFICIAL, seed=1, limit=60, cache=tmp_path / "cache", reading=reading)
    assert again.info == development.info
    plain = prepare("demo", protocol=Protocol.OFFICIAL, seed=1, limit=60, cache=tmp_path / "cache")
    assert plain.info.data_digest != development.info.data_digest


@pytest.mark.usefixtures("home")
def test_the_commands_take_the_user_s_words(tmp_path: Path) -> None:
    ck = folders(tmp_path / "ck", "anger", "contempt", "happy")
    told = done("data", "check", ck, "--merge", "contempt=angry", "--side", 64)
    assert "count as angry, as asked" in told
    assert "Page:" in done("data", "audit", ck, "--side", 64, "--colour", "--out", tmp_path / "audit")
    assert "Contempt" not in told.split("Note:")[0]
    assert "expected pairs such as" in refused("data", "check", ck, "--merge", "contempt")[0]
    assert "multiple of 8" in refused("data", "check", ck, "--side", 50)[0]
    assert "received Sad!" in refused("data", "check", ck, "--drop", "Sad!")[0]
