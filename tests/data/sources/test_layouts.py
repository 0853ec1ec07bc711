"""Face sets as they circulate, rebuilt as small trees of drawn faces: each is recognised and read by name."""

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_exp.data.faces import Faces, Usage
from fer_exp.data.reading import Reading
from fer_exp.data.sources.layouts import LAYOUTS
from fer_exp.data.sources.read import read_faces
from fer_exp.system.errors import BadData
from tests.made_faces import some_faces

FACES = some_faces(40)
LETTERS = {"AN": "angry", "DI": "disgust", "FE": "fear", "HA": "happy", "NE": "neutral", "SA": "sad", "SU": "surprise"}


def put(path: Path, number: int = 0, height: int = 48, width: int = 48) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    image = cv2.resize(FACES.images[number % len(FACES)], (width, height))
    cv2.imwrite(str(path), np.dstack([image] * 3))
    return path


def rafdb(root: Path) -> None:
    lines = []
    for number, label in enumerate((1, 2, 3, 4, 5, 6, 7, 4)):
        part = "train" if number < 6 else "test"
        put(root / "Image" / "aligned" / f"{part}_{number:05}_aligned.jpg", number, 100, 100)
        lines.append(f"{part}_{number:05}.jpg {label}")
    (root / "EmoLabel").mkdir()
    (root / "EmoLabel" / "list_patition_label.txt").write_text("\n".join([*lines, ""]))


def rafdb_kaggle(root: Path) -> None:
    for part, labels in (("train", (1, 2, 3, 4, 5, 6)), ("test", (7, 4))):
        for number, label in enumerate(labels):
            put(root / "DATASET" / part / str(label) / f"{part}_{number:05}_aligned.jpg", number, 100, 100)
        (root / f"{part}_labels.csv").write_text("image,label\n")


def affectnet(root: Path) -> None:
    columns = "subDirectory_filePath,face_x,face_y,face_width,face_height,facial_landmarks,expression,valence,arousal"
    for name, labels in (("training", (3, 4, 6, 1, 2, 5, 7, 8, 10)), ("validation", (0, 1))):
        lines = [columns]
        for number, label in enumerate(labels):
            put(root / "Manually_Annotated_Images" / name / f"{number}.jpg", number, 120, 160)
            lines.append(f"{name}/{number}.jpg,40,10,80,90,1;2,{label},0.1,0.2")
        (root / f"{name}.csv").write_text("\n".join([*lines, ""]))


def affectnet_npy(root: Path) -> None:
    for part, labels in (("train_set", (3, 4, 6, 1, 2, 5, 7)), ("val_set", (0, 1))):
        for number, label in enumerate(labels):
            put(root / part / "images" / f"{number}.jpg", number, 224, 224)
            (root / part / "annotations").mkdir(exist_ok=True)
            np.save(root / part / "annotations" / f"{number}_exp.npy", np.array(str(label)))


def affectnet_kaggle(root: Path) -> None:
    lines = [",pth,label,relFCs"]
    for number, label in enumerate(("anger", "contempt", "happy")):
        put(root / label / f"{number}.jpg", number, 96, 96)
        lines.append(f"{number},{label}/{number}.jpg,{label},0.8")
    (root / "labels.csv").write_text("\n".join([*lines, ""]))


def ckplus(root: Path) -> None:
    for number, (subject, sequence, label) in enumerate(
        (("S005", "001", 3), ("S010", "002", 7), ("S010", "004", 1), ("S011", "001", None))
    ):
        for frame in range(1, 6):
            name = f"{subject}_{sequence}_{frame:08}.png"
            put(root / "cohn-kanade-images" / subject / sequence / name, number * 5 + frame, 60, 80)
        folder = root / "Emotion" / subject / sequence
        folder.mkdir(parents=True)
        if label is not None:
            (folder / f"{subject}_{sequence}_00000005_emotion.txt").write_text(f"   {label}.0000000e+00\n")


def jaffe(root: Path) -> None:
    for person in ("KA", "KL"):
        for number, letters in enumerate(LETTERS):
            put(root / f"{person}.{letters}1.{number}.tiff", number, 256, 256)


def kdef(root: Path) -> None:
    for session in "AB":
        for person in ("F01", "M02"):
            for number, letters in enumerate(("AF", "AN", "DI", "HA", "NE", "SA", "SU")):
                for view in ("S", "HL"):
                    folder = root / f"{session}{person}"
                    put(folder / f"{session}{person}{letters}{view}.JPG", number, 76, 56)


def rafd(root: Path) -> None:
    for camera in ("090", "045"):
        for person in ("01", "02"):
            for number, word in enumerate(("angry", "contemptuous", "fearful")):
                put(root / f"Rafd{camera}_{person}_Caucasian_female_{word}_frontal.jpg", number, 102, 68)


def expw(root: Path) -> None:
    lines = []
    for number in range(7):
        photo = f"photo_{number // 2}.jpg"
        put(root / "image" / photo, number, 120, 160)
        lines.append(f"{photo} {number % 2} {10 + number} {20} {80} {90} 60.25 {number}")
    (root / "label").mkdir()
    (root / "label" / "label.lst").write_text("\n".join([*lines, ""]))


MADE: dict[str, Callable[[Path], None]] = {
    "rafdb": rafdb,
    "rafdb-kaggle": rafdb_kaggle,
    "affectnet": affectnet,
    "affectnet-npy": affectnet_npy,
    "affectnet-kaggle": affectnet_kaggle,
    "ckplus": ckplus,
    "jaffe": jaffe,
    "kdef": kdef,
    "rafd": rafd,
    "expw": expw,
}


def made(tmp_path: Path, name: str) -> Path:
    MADE[name](tmp_path / "set")
    return tmp_path / "set"


def words(faces: Faces) -> list[str]:
    return [faces.classes.names[label] for label in faces.labels]


def test_every_layout_has_a_tree_here() -> None:
    assert [layout.name for layout in LAYOUTS] == list(MADE)


@pytest.mark.parametrize("name", MADE)
def test_a_set_is_recognised_as_itself_and_nothing_else(tmp_path: Path, name: str) -> None:
    root = made(tmp_path, name)
    assert [layout.name for layout in LAYOUTS if layout.recognise(root)] == [name]
    faces = read_faces(root)
    assert faces.kind == name
    assert len(faces) > 2
    assert read_faces(root, Reading(layout=name)).digest == faces.digest


@pytest.mark.parametrize("name", MADE)
def test_a_set_one_folder_deeper_is_found(tmp_path: Path, name: str) -> None:
    MADE[name](tmp_path / "download" / "set")
    assert read_faces(tmp_path / "download").kind == name


@pytest.mark.parametrize("name", ["rafdb", "rafdb-kaggle"])
def test_rafdb_counts_from_surprise(tmp_path: Path, name: str) -> None:
    faces = read_faces(made(tmp_path, name))
    assert sorted(words(faces)) == sorted(["surprise", "fear", "disgust", "happy", "sad", "angry", "neutral", "happy"])
    assert np.bincount(faces.usage, minlength=3).tolist() == [6, 0, 2]
    test = [word for word, usage in zip(words(faces), faces.usage, strict=True) if usage == Usage.PRIVATE_TEST]
    assert sorted(test) == ["happy", "neutral"]
    assert "8 images of 100x100 were shrunk by area averaging to 48x48." in faces.notes
    assert "non-commercial research" in faces.licence
    assert read_faces(tmp_path / "set", Reading(licence="by letter of 3 May")).licence == "by letter of 3 May"


@pytest.mark.parametrize("name", ["affectnet", "affectnet-npy"])
def test_affectnet_counts_from_neutral_and_its_validation_is_the_test_part(tmp_path: Path, name: str) -> None:
    faces = read_faces(made(tmp_path, name))
    assert words(faces) == ["surprise", "fear", "angry", "happy", "sad", "disgust", "contempt", "neutral", "happy"]
    assert np.bincount(faces.usage, minlength=3).tolist() == [7, 0, 2]
    assert any("public validation" in note for note in faces.notes)


def test_affectnet_s_faces_are_cut_out_and_those_without_an_emotion_passed_over(tmp_path: Path) -> None:
    faces = read_faces(made(tmp_path, "affectnet"))
    assert "9 faces were cut out by the boxes that the source gives." in faces.notes
    assert {"1 passed over: none.", "1 passed over: no face."} <= set(faces.notes)


def test_ckplus_gives_the_peak_of_each_labelled_sequence_and_its_people(tmp_path: Path) -> None:
    faces = read_faces(made(tmp_path, "ckplus"))
    assert words(faces) == ["disgust"] * 3 + ["surprise"] * 3 + ["angry"] * 3
    assert faces.grouped_by == "subject"
    assert faces.groups is not None
    assert faces.groups.tolist() == [0] * 3 + [1] * 6
    assert "1 passed over: sequences without a label." in faces.notes


def test_jaffe_and_kdef_name_the_person_and_sessions_are_one_person(tmp_path: Path) -> None:
    faces = read_faces(made(tmp_path / "j", "jaffe"))
    assert words(faces) == [LETTERS[letters] for letters in sorted(LETTERS)] * 2
    assert faces.groups is not None
    assert len(set(faces.groups.tolist())) == 2
    faces = read_faces(made(tmp_path / "k", "kdef"))
    assert len(faces) == 28
    assert faces.groups is not None
    assert len(set(faces.groups.tolist())) == 2
    assert words(faces)[:7] == ["fear", "angry", "disgust", "happy", "neutral", "sad", "surprise"]
    assert "28 passed over: views from the side." in faces.notes
    assert "No faces were looked for: the square in the middle of 28 images was taken." in faces.notes


def test_rafd_is_read_from_the_front(tmp_path: Path) -> None:
    faces = read_faces(made(tmp_path, "rafd"))
    assert sorted(set(words(faces))) == ["angry", "contempt", "fear"]
    assert len(faces) == 6


def test_expw_has_several_faces_a_photo_and_keeps_them_together(tmp_path: Path) -> None:
    faces = read_faces(made(tmp_path, "expw"))
    assert words(faces) == ["angry", "disgust", "fear", "happy", "sad", "surprise", "neutral"]
    assert faces.grouped_by == "photo"
    assert faces.groups is not None
    assert faces.groups.tolist() == [0, 0, 1, 1, 2, 2, 3]


def test_two_sets_in_one_folder_are_refused_with_both_named(tmp_path: Path) -> None:
    rafdb(tmp_path / "set")
    jaffe(tmp_path / "set")
    with pytest.raises(BadData, match="RAF-DB, basic or JAFFE") as caught:
        read_faces(tmp_path / "set")
    assert "--layout rafdb or --layout jaffe" in caught.value.remedy
    assert read_faces(tmp_path / "set", Reading(layout="jaffe")).kind == "jaffe"
    with pytest.raises(BadData, match="--layout: expected one of folder, rafdb"):
        read_faces(tmp_path / "set", Reading(layout="raf"))


@pytest.mark.parametrize(
    ("name", "file", "content", "problem"),
    [
        ("rafdb", "EmoLabel/list_patition_label.txt", "train_00001.jpg 9\n", "a number from 1 to 7, received '9'"),
        ("rafdb", "EmoLabel/list_patition_label.txt", "x_00001.jpg 1\n", "begins with train or test"),
        ("expw", "label/label.lst", "photo_0.jpg 1 2\n", "expected eight values"),
        ("affectnet-npy", "train_set/annotations/1_exp.npy", "rubbish", "1_exp.npy: expected a stored class number"),
        ("ckplus", "Emotion/S005/001/S005_001_00000005_emotion.txt", "many", "a number from 0 to 7, received 'many'"),
    ],
)
def test_rubbish_in_a_list_is_named(tmp_path: Path, name: str, file: str, content: str, problem: str) -> None:
    root = made(tmp_path, name)
    (root / file).write_text(content)
    with pytest.raises(BadData, match=problem):
        read_faces(root)


def test_an_image_that_a_list_names_and_nobody_has_is_a_bad_row(tmp_path: Path) -> None:
    root = made(tmp_path, "rafdb")
    (root / "Image" / "aligned" / "train_00003_aligned.jpg").unlink()
    with pytest.raises(BadData, match=r"train_00003.jpg: expected an image, received No such file"):
        read_faces(root)
    faces = read_faces(root, Reading(skip_bad_rows=True))
    assert (len(faces), len(faces.dropped)) == (7, 1)
