"""From a run or a model back to its record, and which version is the champion."""

import os
from pathlib import Path

import pytest

from fer_exp.doctor import Code, examine, mend
from fer_exp.records import Kind, Record
from fer_exp.records.handovers import FILE, Handover, handovers_of, note_handover
from fer_exp.system.errors import BadRecord, NotFound, TrackingFailed
from fer_exp.system.files import temporary_name
from fer_exp.system.home import Home
from fer_exp.tracking import champion, download_model, find_model, find_run, register, run_id_of, set_champion, sync
from fer_exp.tracking.mapping import folder_of
from tests.made_records import made_scores
from tests.tracked import NAME, begin, begin_campaign, client_of, finish, run_of

BASELINE = Path("campaigns", NAME, "trials", "0000")


@pytest.fixture
def recorded(mlflow_home: Home) -> Home:
    """A home with a baseline, a better trial with a model and a trial whose model was not kept, all in MLflow."""
    begin_campaign(mlflow_home)
    finish(begin(mlflow_home, 0, kind=Kind.BASELINE), 0.65, epochs=2)
    finish(begin(mlflow_home, 1), 0.68, model=b"a better model", epochs=2)
    finish(begin(mlflow_home, 2), 0.60, model=None, epochs=2)
    sync(mlflow_home, NAME)
    return mlflow_home


def trial(home: Home, number: int) -> Record:
    return Record(home.campaign(NAME) / "trials" / f"{number:04d}")


def test_a_run_leads_back_to_its_record(recorded: Home) -> None:
    found = find_run(recorded, run_of(recorded, "baseline").info.run_id)
    assert (found.campaign, found.kind, found.record) == (NAME, Kind.BASELINE, BASELINE)
    assert Record(recorded.root / found.record).exists()
    parent = find_run(recorded, run_of(recorded, NAME).info.run_id)
    assert (parent.kind, parent.record) == (Kind.CAMPAIGN, Path("campaigns", NAME))


def test_a_record_leads_to_its_run(recorded: Home) -> None:
    assert run_id_of(recorded, NAME, trial(recorded, 1)) == run_of(recorded, "trial 1").info.run_id
    assert run_id_of(recorded, NAME, begin(recorded, 3)) is None


def test_an_unknown_run_names_the_campaigns_there_are(recorded: Home) -> None:
    for run_id in ("0123456789abcdef0123456789abcdef", "no id at all"):
        with pytest.raises(NotFound, match=f"it holds runs of: {NAME}"):
            find_run(recorded, run_id)


def test_a_run_of_another_program_is_not_taken_for_a_record_s(recorded: Home) -> None:
    foreign = client_of(recorded).create_run("0")
    with pytest.raises(NotFound, match="not made by fer-exp"):
        find_run(recorded, foreign.info.run_id)


def test_a_registered_model_is_found_by_version_alias_and_id(recorded: Home) -> None:
    assert champion(recorded, NAME) is None
    first = register(recorded, NAME, trial(recorded, 0))
    second = register(recorded, NAME, trial(recorded, 1))
    assert (first.name, first.version, second.version) == (NAME, 1, 2)
    set_champion(recorded, NAME, 2)
    for uri in (f"models:/{NAME}@champion", f"models:/{NAME}/2", f"models:/{second.model_id}"):
        assert find_model(recorded, uri).run_id == second.run_id == run_of(recorded, "trial 1").info.run_id
    assert find_model(recorded, f"models:/{NAME}/1").record == BASELINE


def test_the_champion_says_what_it_was_chosen_by(recorded: Home) -> None:
    version = register(recorded, NAME, trial(recorded, 1))
    set_champion(recorded, NAME, version.version)
    holder = champion(recorded, NAME)
    assert holder is not None
    assert (holder.version, holder.run_id, holder.model_id) == (1, version.run_id, version.model_id)
    assert holder.record == Path("campaigns", NAME, "trials", "0001")
    assert (holder.metric, holder.value) == ("val/accuracy", made_scores(0.68)["val/accuracy"])
    assert (holder.data_digest, holder.protocol, holder.seed) == ("0123456789abcdef", "official", 1)


def test_the_alias_moves_to_whoever_gets_it(recorded: Home) -> None:
    for number in (0, 1):
        set_champion(recorded, NAME, register(recorded, NAME, trial(recorded, number)).version)
    holder = champion(recorded, NAME)
    assert holder is not None
    assert holder.version == 2


def test_registering_twice_makes_one_version(recorded: Home) -> None:
    assert register(recorded, NAME, trial(recorded, 0)) == register(recorded, NAME, trial(recorded, 0))
    assert len(client_of(recorded).search_model_versions(f"name = '{NAME}'")) == 1


def test_registering_touches_no_other_store(recorded: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "here").mkdir()
    monkeypatch.chdir(tmp_path / "here")
    register(recorded, NAME, trial(recorded, 0))
    assert list((tmp_path / "here").iterdir()) == []
    assert "MLFLOW_TRACKING_URI" not in os.environ


def test_registering_brings_mlflow_level_with_the_record_first(mlflow_home: Home) -> None:
    begin_campaign(mlflow_home)
    record = finish(begin(mlflow_home, 0, kind=Kind.BASELINE))
    assert register(mlflow_home, NAME, record).run_id == run_of(mlflow_home, "baseline").info.run_id


def test_a_record_without_a_model_is_not_registered(recorded: Home) -> None:
    with pytest.raises(NotFound, match="its training has none, or its campaign keeps only the best"):
        register(recorded, NAME, trial(recorded, 2))
    assert client_of(recorded).search_registered_models() == []


def test_a_champion_that_another_program_registered_is_refused(recorded: Home) -> None:
    client = client_of(recorded)
    client.create_registered_model(NAME)
    client.create_model_version(NAME, "file:///elsewhere")
    set_champion(recorded, NAME, 1)
    with pytest.raises(TrackingFailed, match="not registered by fer-exp"):
        champion(recorded, NAME)


def test_an_unknown_model_names_what_there_is(recorded: Home) -> None:
    set_champion(recorded, NAME, register(recorded, NAME, trial(recorded, 0)).version)
    for uri, said in {
        "models:/made@best": "versions up to 1, aliases: champion = version 1",
        "models:/made/7": "versions up to 1",
        "models:/other@champion": "registered: made",
        "models:/m-00000000000000000000000000000000": "it holds runs of: made",
        "made": "expected models:/NAME@champion",
    }.items():
        with pytest.raises(NotFound, match=said):
            find_model(recorded, uri)


def test_a_champion_must_be_a_version_there_is(recorded: Home) -> None:
    register(recorded, NAME, trial(recorded, 0))
    with pytest.raises(NotFound, match="there: 1"):
        set_champion(recorded, NAME, 2)


def test_a_model_that_the_record_no_longer_keeps_stays_while_it_is_registered(recorded: Home, tmp_path: Path) -> None:
    version = register(recorded, NAME, trial(recorded, 1))
    set_champion(recorded, NAME, version.version)
    trial(recorded, 1).model.unlink()
    assert sync(recorded, NAME).models_deleted == 0
    for what in (version.run_id, f"models:/{NAME}@champion"):
        assert download_model(recorded, what, tmp_path / "got").read_bytes() == b"a better model"
    assert [path.name for path in (tmp_path / "got").rglob("*.keras")] == ["model.keras"]


def test_two_downloaded_models_do_not_take_each_others_place(recorded: Home, tmp_path: Path) -> None:
    runs = [run_of(recorded, title).info.run_id for title in ("baseline", "trial 1")]
    files = [download_model(recorded, run, tmp_path / "got") for run in runs]
    assert [file.read_bytes() for file in files] == [trial(recorded, number).model.read_bytes() for number in (0, 1)]
    assert list((tmp_path / "got").rglob(".partial-*")) == []


def test_what_a_killed_download_left_is_cleared_and_what_another_writes_is_not(recorded: Home, tmp_path: Path) -> None:
    run = run_of(recorded, "baseline").info.run_id
    folder = download_model(recorded, run, tmp_path / "got").parent
    left, foreign = temporary_name("download", pid=2**22 + 1), temporary_name("download", host="0123abcd")
    for name in (left, foreign):
        (folder / name).mkdir()
        (folder / name / "model.keras").write_bytes(b"half a mod")
    file = download_model(recorded, run, tmp_path / "got")
    assert file.read_bytes() == trial(recorded, 0).model.read_bytes()
    assert {path.name for path in folder.iterdir()} == {"model.keras", foreign}


def test_a_run_without_a_model_has_none_to_download(recorded: Home, tmp_path: Path) -> None:
    trial(recorded, 0).model.unlink()
    sync(recorded, NAME)
    for title in ("baseline", "trial 2"):
        with pytest.raises(NotFound, match=r"has no model in MLflow"):
            download_model(recorded, run_of(recorded, title).info.run_id, tmp_path)


# -- hand-overs


def handed_over(home: Home) -> list[Record]:
    """Two retrains of a campaign, handed over; the second became the champion."""
    begin_campaign(home)
    records = [finish(begin(home, number, kind=Kind.RETRAIN), accuracy) for number, accuracy in ((1, 0.66), (2, 0.7))]
    sync(home, NAME)
    for record in records:
        version = register(home, NAME, record)
        set_champion(home, NAME, version.version)
        handover = Handover(
            time_ms=1,
            version=version.version,
            record=folder_of(record),
            metric="val/accuracy",
            value=record.scores()["val/accuracy"],
            champion=True,
            reason="better",
            verdict="Better: A is above B.",
        )
        note_handover(home.campaign(NAME), handover)
    return records


def test_a_store_that_was_lost_gets_versions_and_alias_again(mlflow_home: Home) -> None:
    _, second = handed_over(mlflow_home)
    (mlflow_home.root / "mlflow.db").rename(mlflow_home.root / "old.db")
    report = sync(mlflow_home, NAME)
    assert report.versions == 2
    present = champion(mlflow_home, NAME)
    assert present is not None
    assert mlflow_home.root / present.record == second.path
    assert sync(mlflow_home, NAME).versions == 0


def test_a_version_that_a_person_deleted_stays_deleted(mlflow_home: Home) -> None:
    handed_over(mlflow_home)
    client_of(mlflow_home).delete_model_version(NAME, "1")
    assert sync(mlflow_home, NAME).versions == 0


def test_the_campaigns_run_tells_what_was_handed_over(mlflow_home: Home) -> None:
    handed_over(mlflow_home)
    sync(mlflow_home, NAME)
    note = run_of(mlflow_home, NAME).data.tags["mlflow.note.content"]
    assert "Version 2: `retrains/" in note
    assert "Against the baseline: Better: A is above B." in note


def test_a_version_says_the_order_of_its_answer_and_how_it_is_loaded(mlflow_home: Home) -> None:
    handed_over(mlflow_home)
    about = client_of(mlflow_home).get_model_version(NAME, "2").description or ""
    assert 'mlflow.pyfunc.load_model("models:/made@champion")' in about
    assert "Angry, Disgust, Fear, Happy, Sad, Surprise, Neutral" in about
    assert "the licence of the data is not recorded" in about


def test_a_damaged_list_of_hand_overs_is_named_and_moved_aside(mlflow_home: Home) -> None:
    handed_over(mlflow_home)
    path = mlflow_home.campaign(NAME) / FILE
    path.write_text(path.read_text().replace("better", "worse", 1))
    with pytest.raises(BadRecord, match="line 1: expected a hand-over in JSON"):
        handovers_of(mlflow_home.campaign(NAME))
    (found,) = examine(mlflow_home, [NAME], tracking=False).left
    assert found.code is Code.HANDOVERS_UNREADABLE
    assert not mend(mlflow_home, [NAME], tracking=False).left
    assert not path.exists()
