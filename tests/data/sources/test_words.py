"""Words and numbers for classes and parts, as files that circulate have them: read where they are unambiguous."""

from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from fer_exp.data.emotions import Emotion
from fer_exp.data.faces import Usage
from fer_exp.data.sources.images import Decoder
from fer_exp.data.sources.numbering import ALPHABETICAL, FER2013, KNOWN, order_of
from fer_exp.data.sources.read import read_faces
from fer_exp.system.errors import BadData
from tests.made_faces import some_faces, text_of

FACES = some_faces(21)
WORDS = {
    "official": ("Training", "PublicTest", "PrivateTest"),
    "lower": ("training", "publictest", "privatetest"),
    "folders": ("train", "val", "test"),
    "long": ("Training", "Validation", "Testing"),
}


def table(column: str, words: tuple[str, ...], label: str = "emotion") -> dict[str, list[object]]:
    return {
        label: [int(number) for number in FACES.labels],
        "pixels": [text_of(image) for image in FACES.images],
        column: [words[usage] for usage in FACES.usage],
    }


def write_csv(path: Path, columns: dict[str, list[object]]) -> Path:
    rows = [",".join(map(str, row)) for row in zip(*columns.values(), strict=True)]
    path.write_text("\n".join([",".join(columns), *rows, ""]))
    return path


def write_parquet(path: Path, columns: dict[str, list[object]]) -> Path:
    pq.write_table(pa.table(columns), path)
    return path


@pytest.mark.parametrize("write", [write_csv, write_parquet])
@pytest.mark.parametrize("column", ["Usage", "usage", "split", "subset", "partition"])
@pytest.mark.parametrize("words", WORDS.values(), ids=WORDS)
def test_a_column_that_names_parts_is_used(tmp_path: Path, column: str, words: tuple[str, ...], write: object) -> None:
    """Else test faces of the file become training faces without a word."""
    path = write(tmp_path / "faces.csv", table(column, words))  # type: ignore[operator]  # one of two functions
    faces = read_faces(path)
    assert np.array_equal(faces.usage, FACES.usage)
    assert np.array_equal(faces.labels, FACES.labels)


@pytest.mark.parametrize("write", [write_csv, write_parquet])
def test_a_column_of_other_words_for_parts_is_refused(tmp_path: Path, write: object) -> None:
    path = write(tmp_path / "faces.csv", table("split", ("a", "b", "c")))  # type: ignore[operator]
    with pytest.raises(BadData, match="split: expected Training, PublicTest or PrivateTest, received"):
        read_faces(path)


@pytest.mark.parametrize("name", ["Training", "training", "train"])
@pytest.mark.parametrize("test", ["PrivateTest", "test", "testing"])
def test_folders_may_have_the_official_words(tmp_path: Path, name: str, test: str) -> None:
    for part in (name, "PublicTest", test):
        for emotion in Emotion:
            folder = tmp_path / part / emotion.slug
            folder.mkdir(parents=True)
            cv2.imwrite(str(folder / "1.png"), FACES.images[0])
    assert np.bincount(read_faces(tmp_path).usage).tolist() == [7, 7, 7]


# -- labels


@pytest.mark.parametrize("form", ["{}", "{}.0", " {} "])
def test_whole_floats_are_labels(tmp_path: Path, form: str) -> None:
    columns = table("Usage", WORDS["official"])
    columns["emotion"] = [form.format(number) for number in FACES.labels]
    assert np.array_equal(read_faces(write_csv(tmp_path / "faces.csv", columns)).labels, FACES.labels)


def test_class_names_are_labels(tmp_path: Path) -> None:
    columns = table("Usage", WORDS["official"], label="label")
    columns["label"] = [Emotion(number).title for number in FACES.labels]
    for write in (write_csv, write_parquet):
        assert np.array_equal(read_faces(write(tmp_path / "faces.csv", columns)).labels, FACES.labels)


@pytest.mark.parametrize("write", [write_csv, write_parquet])
@pytest.mark.parametrize("column", ["label", "labels"])
def test_numbers_that_nothing_explains_are_refused(tmp_path: Path, column: str, write: object) -> None:
    """Alphabetical numbers would be read as other emotions without a word."""
    path = write(tmp_path / "faces.csv", table("Usage", WORDS["official"], label=column))  # type: ignore[operator]
    with pytest.raises(BadData, match=f"expected '{column}' to hold class names") as refused:
        read_faces(path)
    assert "call the column emotion" in refused.value.remedy


def test_fer2013s_own_counts_decide_what_numbers_mean() -> None:
    for known in KNOWN:
        assert order_of(known) == FER2013
        assert order_of([known[emotion] for emotion in ALPHABETICAL]) == ALPHABETICAL
    assert order_of([10] * 7) is None
    assert [emotion.slug for emotion in ALPHABETICAL] == sorted(emotion.slug for emotion in Emotion)
    assert sum(KNOWN[-1]) == 35_887


@pytest.mark.slow
@pytest.mark.parametrize("order", [FER2013, ALPHABETICAL], ids=["its own", "alphabetical"])
def test_a_part_of_fer2013_with_bare_numbers_is_read_by_its_counts(tmp_path: Path, order: tuple[Emotion, ...]) -> None:
    emotions = [emotion for emotion in Emotion for _ in range(KNOWN[1][emotion])]
    png = cv2.imencode(".png", FACES.images[0])[1].tobytes()
    columns: dict[str, list[object]] = {
        "label": [order.index(emotion) for emotion in emotions],
        "image": [png] * len(emotions),
        "split": ["validation"] * len(emotions),
    }
    faces = read_faces(write_parquet(tmp_path / "faces.parquet", columns))
    assert faces.labels.tolist() == [emotion.value for emotion in emotions]
    assert set(faces.usage) == {Usage.PUBLIC_TEST}
    assert any("by their counts they are FER2013's" in note for note in faces.notes)


# -- images


@pytest.mark.parametrize("ending", [".jpg", ".png"])
@pytest.mark.parametrize("behind", [b"\n", b"\r\n", b"\0" * 9, b"MotionPhoto_Data" + bytes(range(256))])
def test_bytes_behind_a_whole_image_are_passed_over(ending: str, behind: bytes) -> None:
    data = cv2.imencode(ending, FACES.images[0])[1].tobytes()
    assert isinstance(Decoder().face(data + behind), np.ndarray)


@pytest.mark.parametrize("ending", [".jpg", ".png"])
def test_what_is_cut_off_is_called_so_even_behind_a_small_image_within(ending: str) -> None:
    data = cv2.imencode(ending, FACES.images[0])[1].tobytes()
    said = Decoder().face(data[: len(data) * 2 // 3])
    assert isinstance(said, str)
    assert "cut off" in said
    if ending == ".jpg":  # as a camera's thumbnail, in a segment of its own
        small = cv2.imencode(".jpg", cv2.resize(FACES.images[0], (16, 16)))[1].tobytes()
        segment = b"\xff\xe1" + (len(small) + 2).to_bytes(2, "big") + small
        whole = data[:2] + segment + data[2:]
        assert isinstance(Decoder().face(whole), np.ndarray)
        said = Decoder().face(whole[:-40])
        assert isinstance(said, str)
        assert "cut off" in said


# -- folders and files as people have them


def class_folders(root: Path, names: dict[Emotion, str] | None = None) -> Path:
    for emotion in Emotion:
        folder = root / ((names or {}).get(emotion) or emotion.slug)
        folder.mkdir(parents=True)
        cv2.imwrite(str(folder / "1.png"), FACES.images[0])
    return root


def test_a_folder_within_a_folder_is_followed(tmp_path: Path) -> None:
    class_folders(tmp_path / "FER Daten ü" / "images" / "train")
    assert len(read_faces(tmp_path)) == 7


def test_debris_is_passed_over(tmp_path: Path) -> None:
    class_folders(tmp_path / "train")
    (tmp_path / "__MACOSX" / "train" / "angry").mkdir(parents=True)
    (tmp_path / "Thumbs.db").write_bytes(b"x")
    (tmp_path / "train" / "angry" / "._1.png").write_bytes(b"x")
    assert len(read_faces(tmp_path)) == 7


def test_a_number_before_a_class_is_not_read(tmp_path: Path) -> None:
    """Editions differ in the numbers: here anger has the number of happiness."""
    numbers = {emotion: f"{(emotion + 3) % 7}_{emotion.slug}" for emotion in Emotion}
    faces = read_faces(class_folders(tmp_path, numbers))
    assert sorted(faces.labels) == list(range(7))
    assert any("the names decide" in note for note in faces.notes)


def test_a_misspelt_class_is_refused_with_the_nearest_word(tmp_path: Path) -> None:
    class_folders(tmp_path, {Emotion.SURPRISE: "suprise"})
    with pytest.raises(BadData, match="received 'suprise'; did you mean 'surprise'"):
        read_faces(tmp_path)


def test_images_without_class_folders_are_refused_with_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "train").mkdir()
    cv2.imwrite(str(tmp_path / "train" / "1.png"), FACES.images[0])
    with pytest.raises(BadData, match="nothing says which emotion they show") as refused:
        read_faces(tmp_path)
    assert "train/angry" in refused.value.remedy


KINDS = {
    "UTF-16": ("emotion,pixels,Usage\n0,1,Training\n".encode("utf-16"), "a text in UTF-16", "UTF-8"),
    "semicolons": (b"emotion;pixels;Usage\n0;1;Training\n", "columns separated by semicolons", "commas"),
    "tabs": (b"emotion\tpixels\tUsage\n", "columns separated by tabs", "commas"),
    "a web page": (b"\n<!DOCTYPE html><html>", "a web page", "Sign in"),
    "Git LFS": (b"version https://git-lfs.github.com/spec/v1\noid sha256:0\n", "a pointer of Git LFS", "git lfs pull"),
    "JSON": (b'{"message": "401 - Unauthorized"}', "JSON", "download the file itself"),
    "two columns": (b"emotion,pixels,pixels\n", "2 columns for one thing: pixels, pixels", "Leave one"),
    "two labels": (b"emotion,label,pixels\n", "2 columns for one thing: emotion, label", "Leave one"),
    "old Mac": (b"emotion,pixels,Usage\r0,1,Training\r", "lines that end as on an old Mac", "line ends"),
}


@pytest.mark.parametrize(("content", "what", "step"), KINDS.values(), ids=KINDS)
def test_a_file_that_is_no_data_is_called_what_it_is(tmp_path: Path, content: bytes, what: str, step: str) -> None:
    path = tmp_path / "fer2013.csv"
    path.write_bytes(content)
    with pytest.raises(BadData, match=f"received {what}") as refused:
        read_faces(path)
    assert step in refused.value.remedy
