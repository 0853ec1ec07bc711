"""Cleaning takes rows from training and from nothing else, says how many, and is part of what a campaign is."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from typer.testing import CliRunner

from fer_exp.campaign import CampaignSpec, Settings
from fer_exp.campaign.changes import refuse_changes
from fer_exp.cli import app
from fer_exp.data.faces import Faces
from fer_exp.data.sources.read import read_faces
from fer_exp.data.split.assign import assign, leak_share
from fer_exp.data.split.info import Cleaning, DataInfo
from fer_exp.data.split.prepare import Development, prepare
from fer_exp.data.split.protocol import Protocol
from fer_exp.holdout.sealed import open_test
from fer_exp.system.errors import BadCampaign, BadData, BadInput
from fer_exp.system.home import Home
from tests.made_faces import csv_of
from tests.made_records import made_campaign_spec

ALL = Cleaning(drop_leaks=True, drop_conflicts=True, drop_blank=True)
LEAKS, CONFLICTS, BLANK = Cleaning(drop_leaks=True), Cleaning(drop_conflicts=True), Cleaning(drop_blank=True)


def made() -> Faces:
    """Thirteen faces of which training rows 2 and 3 leak, 4 and 5 are in conflict, 6 is blank, 7 and 8 agree."""
    image = np.random.default_rng(1).integers(0, 256, (10, 48, 48), dtype=np.uint8)
    image[4] = 9
    rows = [  # image, label, usage
        (0, 0, 0),
        (1, 1, 0),
        (2, 2, 0),  # validation's too
        (3, 3, 0),  # the test part's too, under another label
        (5, 4, 0),
        (5, 5, 0),
        (4, 6, 0),
        (6, 1, 0),
        (6, 1, 0),
        (2, 2, 1),
        (4, 0, 1),  # blank as well
        (3, 0, 2),
        (7, 0, 2),
    ]
    images, labels, usage = (np.array(column) for column in zip(*rows, strict=True))
    return Faces(image[images], labels.astype(np.uint8), usage.astype(np.uint8), "made.csv", "csv")


def kept(cleaning: Cleaning) -> list[int]:
    return [int(row) for row in assign(made(), Protocol.OFFICIAL, 1, cleaning=cleaning).train]


def test_nothing_is_cleaned_unless_asked_for() -> None:
    assert Settings().cleaning == Cleaning()
    assert Cleaning().rules == ()
    assert kept(Cleaning()) == list(range(9))


def test_each_rule_leaves_out_what_it_names() -> None:
    assert kept(LEAKS) == [0, 1, 4, 5, 7, 8]  # the blank one is validation's too
    assert kept(CONFLICTS) == [0, 1, 2, 3, 6, 7, 8]
    assert kept(BLANK) == [0, 1, 2, 3, 4, 5, 7, 8]
    assert kept(ALL) == [0, 1, 7, 8]


def test_a_label_of_validation_or_test_decides_nothing() -> None:
    faces = made()
    labels = faces.labels.copy()
    labels[9:] = (labels[9:] + 3) % 7
    other = replace(faces, labels=labels)
    for cleaning in (LEAKS, CONFLICTS, BLANK, ALL):
        assert assign(other, Protocol.OFFICIAL, 1, cleaning=cleaning).train.tolist() == kept(cleaning)


def test_what_was_left_out_is_counted() -> None:
    notes = assign(made(), Protocol.OFFICIAL, 1, cleaning=ALL).notes
    assert notes == (
        "drop_leaks: 3 training images that validation or test holds too were left out.",
        "drop_conflicts: 2 training images that carry several labels within training were left out.",
        "drop_blank: 1 training images of a single grey level were left out.",
        "Cleaning left 4 of 9 training images.",
    )


@given(
    rows=st.lists(st.tuples(st.integers(0, 12), st.integers(0, 6), st.integers(0, 2)), min_size=1, max_size=60),
    rules=st.tuples(st.booleans(), st.booleans(), st.booleans()),
)
def test_validation_and_test_stay_whole_and_dropping_leaks_ends_the_leak(
    rows: list[tuple[int, int, int]], rules: tuple[bool, bool, bool]
) -> None:
    rows = [*rows, (100, 0, 0), (101, 1, 1), (102, 2, 2)]
    numbers, labels, usage = (np.array(column, np.uint8) for column in zip(*rows, strict=True))
    images = np.zeros((len(rows), 48, 48), np.uint8)
    images[:, 0, 0] = numbers
    faces = Faces(images, labels, usage, "made", "csv")
    cleaning = Cleaning(drop_leaks=rules[0], drop_conflicts=rules[1])
    whole, cleaned = assign(faces, Protocol.OFFICIAL, 1), assign(faces, Protocol.OFFICIAL, 1, cleaning=cleaning)
    np.testing.assert_array_equal(cleaned.validation, whole.validation)
    np.testing.assert_array_equal(cleaned.test, whole.test)
    assert set(cleaned.train) <= set(whole.train)
    if cleaning.drop_leaks:
        assert leak_share(faces, cleaned) == 0


def test_a_limit_counts_what_is_left() -> None:
    faces = read_faces("demo")
    blanked = replace(faces, images=np.where(np.arange(len(faces))[:, None, None] % 2, faces.images, np.uint8(0)))
    train = assign(blanked, Protocol.STRATIFIED, 1, limit=500, cleaning=BLANK).train
    assert len(train) == 500
    assert (train % 2 == 1).all()


def test_the_reference_is_not_cleaned() -> None:
    with pytest.raises(BadInput, match="expected the notebook's procedure as it is, received drop_leaks besides"):
        assign(read_faces("demo"), Protocol.REFERENCE, 1, cleaning=LEAKS)


def test_a_rule_that_leaves_nothing_to_train_on_is_told() -> None:
    faces = made()
    blank = replace(faces, images=np.zeros_like(faces.images))
    with pytest.raises(BadData, match="that leave 0 for training"):
        assign(blank, Protocol.OFFICIAL, 1, cleaning=BLANK)


# -- in a folder, and in a campaign


def prepared(folder: Path, cleaning: Cleaning) -> Development:
    source = folder / "made.csv"
    source.write_bytes(csv_of(made()))
    cache = folder / "cache"
    return prepare(str(source), protocol=Protocol.OFFICIAL, seed=1, limit=None, cache=cache, cleaning=cleaning)


def test_cleaned_data_have_a_folder_of_their_own_and_say_what_was_done(tmp_path: Path) -> None:
    whole, cleaned = prepared(tmp_path, Cleaning()), prepared(tmp_path, LEAKS)
    assert [data.folder.name for data in (whole, cleaned)] == ["official-1-all", "official-1-all-drop_leaks"]
    assert whole.info.split_digest != cleaned.info.split_digest
    assert (cleaned.info.cleaning, cleaned.info.notes[0][:13]) == (LEAKS, "drop_leaks: 3")
    assert cleaned.train(clahe=False).rows.tolist() == kept(LEAKS)
    assert prepared(tmp_path, LEAKS) == cleaned


def test_the_test_part_of_cleaned_data_is_whole_and_without_copies(tmp_path: Path) -> None:
    for cleaning, copies in ((Cleaning(), 1), (LEAKS, 0)):
        info = prepared(tmp_path, cleaning).info
        test = open_test(info.path, info=info, cache=tmp_path / "cache")
        assert (test.rows.tolist(), test.copied.sum()) == ([11, 12], copies)


def without_cleaning(text: str) -> str:
    """What earlier versions wrote."""
    off = Cleaning().to_json()
    assert f'"cleaning":{off},' in text
    return text.replace(f'"cleaning":{off},', "")


def test_files_from_before_there_was_cleaning_still_read() -> None:
    spec = made_campaign_spec()
    assert CampaignSpec.from_json(without_cleaning(spec.to_json())) == spec
    assert DataInfo.from_json(without_cleaning(spec.data.to_json())) == spec.data


def test_a_campaign_goes_on_only_as_clean_as_it_was_started() -> None:
    spec = made_campaign_spec()
    dirty = spec.model_copy(update={"settings": spec.settings.model_copy(update={"cleaning": BLANK})})
    refuse_changes(dirty, dirty)  # nothing to refuse
    with pytest.raises(BadCampaign, match="cleaning: none -> drop_blank"):
        refuse_changes(spec, dirty)


@pytest.mark.slow
def test_the_command_line_asks_for_cleaning(home: Home) -> None:
    done = CliRunner().invoke(app, ["baseline", "--data", "demo", "--protocol", "reference", "--drop-leaks"])
    assert done.exit_code == 2
    assert "expected the notebook's procedure as it is, received drop_leaks besides" in done.output
    campaign = str(Path(__file__).resolve().parents[3] / "experiments" / "demo.py")
    plan = CliRunner().invoke(app, ["search", campaign, "--dry-run", "--drop-leaks", "--drop-blank"])
    assert plan.exit_code == 0, plan.output
    (info,) = (DataInfo.read(path) for path in home.cache.glob("*/official-*-drop_leaks-drop_blank/info.json"))
    assert info.cleaning == Cleaning(drop_leaks=True, drop_blank=True)


# -- the real data


def test_what_cleaning_takes_from_the_official_training_part(fer2013: Path) -> None:
    faces = read_faces(fer2013 / "fer2013.parquet")
    cleaned = assign(faces, Protocol.OFFICIAL, 1, cleaning=ALL)
    assert [len(part) for part in (cleaned.validation, cleaned.test)] == [3_589, 3_589]
    assert leak_share(faces, cleaned) == 0
    assert [note.partition(":")[2].split()[0] for note in cleaned.notes[:3]] == ["703", "107", "11"]
    assert cleaned.notes[3] == "Cleaning left 27,933 of 28,709 training images."
