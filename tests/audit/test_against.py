"""How much of one face set lies in another: to the pixel, or as another copy of the same photograph."""

import json
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_exp.audit.against import against, describe_overlap
from fer_exp.data.faces import Faces, Images
from fer_exp.data.sources.read import read_faces
from tests.commands import done
from tests.made_faces import csv_of


@pytest.fixture(scope="module")
def demo() -> Faces:
    return read_faces("demo")


def some(faces: Faces, rows: slice) -> Faces:
    return replace(faces, images=faces.images[rows], labels=faces.labels[rows], usage=faces.usage[rows])


def packed_again(image: Images) -> Images:
    """The same photograph in poor JPEG."""
    _, data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 60])
    found = cv2.imdecode(data, cv2.IMREAD_GRAYSCALE)
    assert found is not None
    return np.asarray(found, np.uint8)


def test_a_pack_that_contains_a_set_whole_is_seen_to_do_so(demo: Faces) -> None:
    pack, part = some(demo, slice(0, 200)), some(demo, slice(150, 200))
    found = against(pack, part)
    assert (found.b_in_a, found.a_in_b) == (50, 50)
    assert "50 of 50 images of demo (drawn faces) (100.0 %) lie in" in describe_overlap(found)
    assert found.examples[0] == (150, 0)


def test_copies_of_the_same_photographs_are_found_and_other_faces_are_not(demo: Faces) -> None:
    one, other = some(demo, slice(0, 60)), some(demo, slice(40, 100))
    again = replace(other, images=np.stack([packed_again(image) for image in other.images]))
    found = against(one, again)
    assert found.b_in_a == 0
    assert found.b_near_a == pytest.approx(20, abs=2)
    assert against(some(demo, slice(0, 50)), some(demo, slice(50, 100))).b_near_a <= 1


def test_another_side_and_colours_are_no_hiding_place(demo: Faces) -> None:
    one = some(demo, slice(0, 30))
    large = np.stack([cv2.resize(image, (96, 96), interpolation=cv2.INTER_NEAREST) for image in one.images])
    coloured = replace(one, images=np.stack([large] * 3, axis=-1).astype(np.uint8))
    assert against(one, coloured).b_in_a == 30


@pytest.mark.usefixtures("home")
def test_the_command_says_it(demo: Faces, tmp_path: Path) -> None:
    (tmp_path / "pack.csv").write_bytes(csv_of(some(demo, slice(0, 40))))
    (tmp_path / "part.csv").write_bytes(csv_of(some(demo, slice(30, 40))))
    told = done("data", "audit", tmp_path / "pack.csv", "--against", tmp_path / "part.csv")
    assert "10 of 10 images of part.csv (100.0 %) lie in pack.csv to the pixel" in told
    told = done("data", "audit", tmp_path / "pack.csv", "--against", tmp_path / "part.csv", "--json")
    assert json.loads(told)["b_in_a"] == 10
