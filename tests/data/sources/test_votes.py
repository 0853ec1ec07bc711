"""FER+'s votes become labels by a named rule, and join no other rows than those they were given for."""

import csv
import gzip
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer_exp.data.classes import FER2013
from fer_exp.data.faces import Faces
from fer_exp.data.reading import Reading
from fer_exp.data.sources.names import class_named
from fer_exp.data.sources.read import read_faces
from fer_exp.data.sources.votes import RULES, agreement, by_rule, read_votes, reduced_by, with_votes
from fer_exp.data.split.prepare import prepare
from fer_exp.data.split.protocol import Protocol
from fer_exp.system.errors import BadData
from tests.commands import quick_trials, refused, write_campaign
from tests.made_faces import csv_of, some_faces

NAMES = ("neutral", "happiness", "surprise", "sadness", "anger", "disgust", "fear", "contempt", "unknown", "nf")
KEPT = {  # of fer2013new.csv, by part; `argmax` takes the first of columns with equally many votes
    "majority": (25060, 3199, 3153),
    "argmax": (28389, 3553, 3546),
    "multi-target": (27671, 3472, 3472),
    "probability": (27956, 3505, 3505),
    "cross-entropy": (27956, 3505, 3505),
}


def votes_of(**given: int) -> np.ndarray:
    return np.array([[given.get(name, 0) for name in NAMES]], np.float64)


def shares(rule: str, **given: int) -> dict[str, float] | None:
    """What a rule makes of one image's votes; None where it keeps none of them."""
    classes, found, kept = by_rule(NAMES, votes_of(**given), rule)
    return {name: round(float(s), 3) for name, s in zip(classes.names, found[0], strict=True) if s} if kept[0] else None


@pytest.mark.parametrize(
    ("rule", "given", "expected"),
    [
        ("majority", {"happiness": 6, "neutral": 4}, {"happy": 1.0}),
        ("majority", {"happiness": 5, "neutral": 5}, None),
        (
            "majority",
            {"happiness": 3, "neutral": 2, "sadness": 1, "anger": 1, "fear": 1, "surprise": 1},
            {"happy": 1.0},
        ),
        ("majority", {"unknown": 6, "neutral": 4}, None),
        ("argmax", {"happiness": 4, "neutral": 3, "nf": 3}, {"happy": 1.0}),
        ("argmax", {"nf": 5, "neutral": 3}, None),
        ("multi-target", {"happiness": 4, "neutral": 4, "sadness": 2}, {"happy": 0.5, "neutral": 0.5}),
        ("multi-target", {"happiness": 5, "unknown": 4}, {"happy": 1.0}),
        ("probability", {"happiness": 6, "neutral": 3, "sadness": 1}, {"happy": 0.667, "neutral": 0.333}),
        ("probability", {"happiness": 8, "neutral": 2}, {"happy": 1.0}),
        ("probability", {"unknown": 6, "neutral": 4}, None),
    ],
)
def test_rules(rule: str, given: dict[str, int], expected: dict[str, float] | None) -> None:
    assert shares(rule, **given) == expected


@pytest.fixture(scope="session")
def real(fer2013: Path) -> Path:
    path = fer2013 / "fer2013new.csv.gz"
    if not path.is_file():
        pytest.skip(f"FER+ is not at hand: no {path.name}")
    return path


@pytest.fixture(scope="session")
def usage(real: Path) -> np.ndarray:
    parts = {"Training": 0, "PublicTest": 1, "PrivateTest": 2}
    with gzip.open(real, "rt") as file:
        return np.array([parts[row["Usage"]] for row in csv.DictReader(file)], np.uint8)


@pytest.mark.parametrize("rule", RULES)
def test_each_rule_keeps_its_rows_of_the_real_votes(real: Path, usage: np.ndarray, rule: str) -> None:
    names, votes = read_votes(real)
    classes, found, kept = by_rule(names, votes, rule)
    assert tuple(np.bincount(usage[kept])) == KEPT[rule]
    assert classes.names == (*FER2013.names, "contempt")
    assert found[kept].sum(axis=1) == pytest.approx(np.ones(kept.sum()))


def labelled_like(real: Path, usage: np.ndarray, share: float = 0.67) -> Faces:
    """Synthetic images whose labels agree with the majority of the votes on so many rows, as FER2013's do."""
    names, votes = read_votes(real)
    classes, found, _ = by_rule(names, votes, "argmax")
    voted = [classes.names[place] for place in found.argmax(axis=1)]
    generator = np.random.default_rng(1)
    labels = generator.integers(0, 7, len(voted)).astype(np.uint8)
    agree = generator.random(len(voted)) < share
    known = np.array([name in FER2013.names for name in voted])
    labels[agree & known] = [FER2013.names.index(voted[row]) for row in np.flatnonzero(agree & known)]
    return Faces(np.zeros((len(voted), 48, 48), np.uint8), labels, usage, "fer2013.csv", "csv")


def test_votes_join_the_rows_they_were_given_for(real: Path, usage: np.ndarray) -> None:
    faces = with_votes(labelled_like(real, usage), real, "majority")
    assert tuple(np.bincount(faces.usage)) == KEPT["majority"]
    assert "25,060 / 3,199 / 3,153" in faces.notes[-1]
    assert faces.votes is not None
    assert np.array_equal(faces.votes.argmax(axis=1), faces.labels)


def test_votes_on_other_rows_are_refused(real: Path, usage: np.ndarray, fer2013: Path) -> None:
    """The set of `shared/data` is FER2013 in another order; so are these labels, turned."""
    faces = labelled_like(real, usage)
    assert agreement(faces, *read_votes(real)) > 0.6
    with pytest.raises(BadData, match="two thirds agree"):
        with_votes(replace(faces, labels=faces.labels[::-1].copy()), real, "majority")
    with pytest.raises(BadData, match="two thirds agree"):
        read_faces(fer2013 / "fer2013.parquet", Reading(votes=str(real)))


def few(tmp_path: Path) -> tuple[Path, Path]:
    """Forty faces and votes on them: nine of ten for the label, and one face in ten that nobody could name."""
    faces = some_faces(40)
    (tmp_path / "faces.csv").write_bytes(csv_of(faces))
    lines = ["Usage,Image name," + ",".join(NAMES)]
    for number, label in enumerate(faces.labels):
        slug = FER2013.names[label]
        cells = [8 if class_named(name) == slug else 2 if name == "contempt" else 0 for name in NAMES]
        lines.append("x,x," + ",".join(map(str, cells if number % 10 else [0] * 8 + [10, 0])))
    (tmp_path / "votes.csv").write_text("\n".join([*lines, ""]))
    return tmp_path / "faces.csv", tmp_path / "votes.csv"


def test_shares_reach_the_training_part(tmp_path: Path) -> None:
    source, votes = few(tmp_path)
    reading = Reading(votes=str(votes), rule="cross-entropy")
    terms = {"seed": 1, "limit": None, "cache": tmp_path / "cache"}
    info = None
    for _ in range(2):  # made, and found again
        found = prepare(str(source), protocol=Protocol.OFFICIAL, reading=reading, **terms)  # type: ignore[arg-type]  # one dict
        part = found.train(clahe=False)
        assert part.votes is not None
        assert part.votes.shape == (len(part), 8)
        assert info in (None, found.info)
        info = found.info
    assert info is not None
    assert info.voted
    assert sum(info.train_counts) + sum(info.validation_counts) + sum(info.test_counts) == 36


def test_classes_are_dropped_and_merged_after_the_vote(tmp_path: Path) -> None:
    source, votes = few(tmp_path)
    voted = read_faces(source, Reading(votes=str(votes), rule="multi-target"))
    assert voted.votes is not None
    merged = reduced_by(voted, Reading(merge={"contempt": "disgust"}))
    assert merged.classes.names == FER2013.names
    dropped = read_faces(source, Reading(votes=str(votes), rule="multi-target", drop=("neutral",)))
    assert dropped.votes is not None
    assert "neutral" not in dropped.classes.names
    assert dropped.votes.sum(axis=1) == pytest.approx(np.ones(len(dropped)), abs=1e-6)


@pytest.mark.parametrize(
    ("text", "problem"),
    [("", "something else"), ("a,b\n1,2\n", "columns of votes"), ("neutral,happiness\nx,y\n", "something else")],
)
def test_a_file_that_holds_no_votes_is_refused(tmp_path: Path, text: str, problem: str) -> None:
    source, votes = few(tmp_path)
    votes.write_text(text)
    with pytest.raises(BadData, match=problem):
        read_faces(source, Reading(votes=str(votes)))


def test_an_unknown_rule_and_too_few_votes_are_refused(tmp_path: Path) -> None:
    source, votes = few(tmp_path)
    with pytest.raises(BadData, match="expected one of majority, argmax"):
        read_faces(source, Reading(votes=str(votes), rule="most"))
    votes.write_text("\n".join(votes.read_text().splitlines()[:-1]))
    with pytest.raises(BadData, match="39 for 40"):
        read_faces(source, Reading(votes=str(votes)))


@pytest.mark.usefixtures("home")
def test_a_recipe_that_trains_on_votes_needs_data_with_votes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    quick_trials(monkeypatch)
    file = write_campaign(tmp_path)
    file.write_text(file.read_text().replace("learning_rate=1e-2)\n", 'learning_rate=1e-2, targets="votes")\n', 1))
    problem, remedy = refused("search", file, "--no-tracking")
    assert "expected data with annotators' votes" in problem
    assert "--votes" in remedy
