"""Parquet is read whatever form its images and labels have; what its numbers mean is taken from the file."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from fer_exp.data.emotions import Emotion
from fer_exp.data.reading import Reading
from fer_exp.data.sources.pixels import PIXELS
from fer_exp.data.sources.read import read_faces
from fer_exp.system.errors import BadData
from tests.made_faces import columns_of, png_of, same, some_faces, text_of, write_parquet

FACES = some_faces(40)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "anything"  # a name that gives nothing away


class TestParquet:
    @pytest.mark.parametrize(
        "image",
        [
            {"png": [png_of(image) for image in FACES.images]},
            {"image": [{"bytes": png_of(image, ".bmp"), "path": None} for image in FACES.images]},
            {"pixels": [text_of(image) for image in FACES.images]},
            {"pixels": [image.ravel().tolist() for image in FACES.images]},
            {"pixels": pa.array([image.ravel() for image in FACES.images], pa.list_(pa.uint8(), PIXELS))},
        ],
        ids=["bytes", "struct", "text", "list", "fixed list"],
    )
    def test_holds_images_in_any_usual_form(self, image: dict[str, object], file: Path) -> None:
        write_parquet(file, columns_of(FACES, **image))
        faces = read_faces(file)
        assert same(faces, FACES)
        assert (faces.kind, faces.notes) == ("parquet", ())

    def test_label_names_in_the_file_decide_over_numbers(self, file: Path) -> None:
        names = ["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"]
        metadata = {"info": {"features": {"label": {"names": names, "_type": "ClassLabel"}}}}
        images = [png_of(image) for image in FACES.images[:7]]
        write_parquet(file, {"image": images, "label": list(range(7))}, {b"huggingface": json.dumps(metadata).encode()})
        faces = read_faces(file)
        assert [Emotion(label).slug for label in faces.labels] == names
        assert faces.notes == ("There is no Usage: every row counts as Training.",)

    def test_labels_may_be_words(self, file: Path) -> None:
        images = [png_of(image) for image in FACES.images[:2]]
        write_parquet(file, {"image": images, "label": ["Happiness", "anger"]})
        faces = read_faces(file)
        assert [faces.classes.names[label] for label in faces.labels] == ["happy", "angry"]

    @pytest.mark.parametrize(
        ("change", "problem"),
        [
            ({"emotion": [0, 7, 2]}, "row 2: emotion: expected 0-6 or a known class, received '7'"),
            ({"emotion": [0, None, 2]}, "row 2: emotion: expected 0-6 or a known class, received 'None'"),
            ({"Usage": ["Training", None, "Training"]}, "row 2: Usage: expected"),
            (
                {"image": [png_of(FACES.images[0]), b"", png_of(FACES.images[2])]},
                "row 2: expected an image, received no",
            ),
            ({"image": [png_of(FACES.images[0]), None, png_of(FACES.images[2])]}, "row 2: expected the bytes"),
            ({"image": [text_of(FACES.images[0]), "1 2", text_of(FACES.images[2])]}, None),
        ],
    )
    def test_bad_rows_are_named(self, change: dict[str, object], problem: str | None, file: Path) -> None:
        three = some_faces(3)
        write_parquet(file, {**columns_of(three, image=[png_of(image) for image in three.images]), **change})
        with pytest.raises(BadData, match=problem or "expected one column of images or pixels"):
            read_faces(file)
        if problem:
            faces = read_faces(file, reading=Reading(skip_bad_rows=True))
            assert (len(faces), faces.dropped[0].where) == (2, "anything row 2")

    @pytest.mark.parametrize(
        ("second", "problem"),
        [
            ([1] * 2303, "expected 2304 pixels, received 2303"),
            ([-1] + [1] * 2303, "pixel 1: expected a whole number 0-255, received '-1'"),
            ([1] * 2303 + [256], "pixel 2304: expected a whole number 0-255, received '256'"),
            ([None] + [1] * 2303, "received an empty value"),
            (None, "expected a list of 2304"),
        ],
    )
    def test_bad_lists_of_pixels_are_named(self, second: list[int] | None, problem: str, file: Path) -> None:
        write_parquet(file, {"pixels": [[1] * PIXELS, second], "emotion": [0, 1]})
        with pytest.raises(BadData, match=f"row 2: .*{problem}"):
            read_faces(file)

    def test_that_is_cut_off_is_refused(self, file: Path) -> None:
        write_parquet(file, columns_of(FACES, png=[png_of(image) for image in FACES.images]))
        file.write_bytes(file.read_bytes()[:-100])
        with pytest.raises(BadData, match="damaged or cut-off"):
            read_faces(file)

    @pytest.mark.parametrize("labels", [[0.0, 1.0], [True, False], [[1], [2]]])
    def test_labels_of_other_types_are_refused(self, labels: list[object], file: Path) -> None:
        write_parquet(file, {"image": [b"x", b"y"], "emotion": labels})
        with pytest.raises(BadData, match="whole numbers or class names"):
            read_faces(file)

    def test_unknown_label_names_are_refused(self, file: Path) -> None:
        metadata = {"info": {"features": {"label": {"names": ["angry", "??"]}}}}
        write_parquet(file, {"image": [b"x"], "label": [0]}, {b"huggingface": json.dumps(metadata).encode()})
        with pytest.raises(BadData, match="'\\?\\?'"):
            read_faces(file)
