"""A state file that is damaged, missing or of another time: the proposer is made again from the records."""

import json
from collections.abc import Callable
from pathlib import Path

import pytest

from fer_exp.campaign import Algorithm, Campaign, HyperParameters, Settings
from fer_exp.recipe import Recipe, baseline_recipe
from fer_exp.records import ASKED, Kind, Outcome, Record, State, TrialSpec, records_in
from fer_exp.system.errors import BadRecord
from fer_exp.tuning import resume
from fer_exp.tuning import state as search_state
from fer_exp.tuning.make import make_proposer
from fer_exp.tuning.proposer import Nothing, Proposal, Proposer
from fer_exp.tuning.resume import Asked, note_asked, resume_proposer
from fer_exp.tuning.state import CampaignState, read_state, write_state

ALGORITHMS = list(Algorithm)
DAMAGES: dict[str, Callable[[str], str]] = {
    "torn": lambda text: text[: len(text) // 2],
    "empty": lambda _: "",
    "of another type": lambda _: "[1, 2]",
    "of other fields": lambda _: '{"schema_version": 1, "proposer": 3}',
    "of no oracle": lambda _: '{"schema_version": 1, "proposer": {"oracle": {}, "trials": [], "extra": []}}',
}


def space(hp: HyperParameters) -> Recipe:
    return baseline_recipe().but(
        block_dropout=hp.Float("block_dropout", 0.0, 0.4, step=0.1, default=0.2),
        learning_rate=hp.Choice("learning_rate", [1e-3, 3e-3, 1e-2], default=1e-3),
    )


def campaign(algorithm: Algorithm) -> Campaign:
    """Nine trials: the Bayesian search draws six at random before its first fit."""
    return Campaign("toy", "?", space, Settings(algorithm=algorithm, max_trials=9, epochs=9))


def score(record: Record) -> float | None:
    """Trial 3 fails."""
    spec = record.spec()
    return None if spec.number == 3 else 0.01 * spec.epochs - abs(spec.recipe.block_dropout - 0.3)


def course(_: Record) -> dict[int, float]:
    """Of the baseline, in nine epochs."""
    return {1: 0.0, 2: 0.01, 3: 0.02, 9: 0.07}


def converse(folder: Path, proposer: Proposer, workers: int, upto: int) -> list[Proposal]:
    """Asks and tells as a search does, until `upto` proposals are there; those of a search that is over end all."""
    running = [record for record in trials(folder) if record.outcome() is None]
    proposals: list[Proposal] = []
    while True:
        answer = proposer.ask() if len(running) < workers and len(trials(folder)) < upto else Nothing.WAIT
        if isinstance(answer, Proposal):
            note_asked(folder / "trials" / f"{answer.number:04d}", proposer, answer.number)
            running.append(Record.create(folder / "trials" / f"{answer.number:04d}", spec_of(answer)))
            proposals.append(answer)
        elif not running or len(trials(folder)) >= upto:
            return proposals
        else:
            ended = running.pop(0)
            state = State.FAILED if ended.spec().number == 3 else State.FINISHED
            ended.end(Outcome(state=state))
            if ended.spec().number == 0:
                proposer.tell_baseline(course(ended))
            else:
                proposer.tell(ended.spec().number, score(ended))


def spec_of(proposal: Proposal) -> TrialSpec:
    return TrialSpec(
        campaign="toy",
        kind=Kind.TRIAL,
        number=proposal.number,
        seed=1,
        recipe=proposal.recipe,
        epochs=proposal.epochs,
        horizon=9,
        data_digest="d",
        split_digest="s",
        protocol="official",
        values=proposal.values,
        continues=proposal.continues,
    )


def trials(folder: Path) -> list[Record]:
    return list(records_in(folder / "trials"))


def maker(algorithm: Algorithm) -> Callable[[], Proposer]:
    return lambda: make_proposer(campaign(algorithm), campaign(algorithm).settings)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_when_the_baseline_was_told_about_is_remembered(workers: int, tmp_path: Path) -> None:
    """Among three workers two trials are proposed before it ends, and the others afterwards."""

    def around_the_baseline(hp: HyperParameters) -> Recipe:
        return baseline_recipe().but(
            block_dropout=hp.Float("block_dropout", 0.05, 0.45, step=0.1, default=0.25),
            learning_rate=hp.Choice("learning_rate", [1e-3, 3e-3, 1e-2], default=1e-3),
        )

    def make() -> Proposer:
        settings = Settings(algorithm=Algorithm.ADAPTIVE, max_trials=9, epochs=9)
        return make_proposer(Campaign("toy", "?", around_the_baseline, settings), settings)

    lost = make()
    baseline = TrialSpec(
        campaign="toy", kind=Kind.BASELINE, number=0, seed=1, recipe=baseline_recipe(), epochs=9, horizon=9,
        data_digest="d", split_digest="s", protocol="official",
    )  # fmt: skip
    Record.create(tmp_path / "trials" / "0000", baseline)
    for upto in (2, 3, 4, 6, 12):
        converse(tmp_path, lost, workers, upto)
        again, said = resume_proposer(tmp_path, trials(tmp_path), make, score, course)
        assert json.loads(again.state_text()) == json.loads(lost.state_text())
        assert said == ["state.json is missing: it is made again from the records."]
        write_state(tmp_path, CampaignState(proposer=json.loads(lost.state_text())))
        restored, said = resume_proposer(tmp_path, trials(tmp_path), make, score, course)
        assert json.loads(restored.state_text()) == json.loads(lost.state_text())
        assert said == []
        (tmp_path / search_state.FILE).unlink()
    assert lost.told().index(0) == 0
    assert lost.known()[0] is False
    first_notes = [Asked.read(tmp_path / "trials" / f"{number:04d}" / ASKED).told for number in (1, 2, 3)]
    assert [0 in told for told in first_notes] == [workers == 1, workers < 3, True]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_proposer_made_again_from_records_is_the_one_that_was_lost(
    algorithm: Algorithm, workers: int, tmp_path: Path
) -> None:
    """To the bit, for every algorithm, also while trials run: so it proposes what the lost one would have."""
    lost = maker(algorithm)()
    for upto in (1, 4, 8):
        converse(tmp_path, lost, workers, upto)
        again, said = resume_proposer(tmp_path, trials(tmp_path), maker(algorithm), score, course)
        assert json.loads(again.state_text()) == json.loads(lost.state_text())
        assert said == ["state.json is missing: it is made again from the records."]


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_notes_name_the_last_trials_told_about_and_together_all(
    algorithm: Algorithm, workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Notes that named them all would take gigabytes in a search of 100,000 trials."""
    converse(tmp_path / "all", maker(algorithm)(), workers, 8)
    monkeypatch.setattr(resume, "LAST_TOLD", 2)
    lost = maker(algorithm)()
    converse(tmp_path, lost, workers, 8)
    named, short = (
        [Asked.read(record.path / ASKED) for record in trials(folder)] for folder in (tmp_path / "all", tmp_path)
    )
    assert [(note.told, note.before) for note in short] == [(one.told[-2:], max(len(one.told) - 2, 0)) for one in named]
    assert max(note.before for note in short) > 2
    again, _ = resume_proposer(tmp_path, trials(tmp_path), maker(algorithm), score, course)
    assert json.loads(again.state_text()) == json.loads(lost.state_text())


def test_a_trial_that_only_the_note_of_a_lost_record_names_is_told_about_in_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(resume, "LAST_TOLD", 1)
    lost = maker(Algorithm.RANDOM)()
    converse(tmp_path, lost, 1, 6)
    (tmp_path / "trials" / "0004").rename(tmp_path / "moved away")  # it alone names trial 3
    again, _ = resume_proposer(tmp_path, trials(tmp_path), maker(Algorithm.RANDOM), score, course)
    assert lost.told() == (1, 2, 3, 4, 5)
    assert again.told() == (1, 2, 3, 5)


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_state_is_set_aside_and_named(damage: str, tmp_path: Path) -> None:
    lost = maker(Algorithm.RANDOM)()
    converse(tmp_path, lost, 1, 4)
    write_state(tmp_path, CampaignState(proposer=json.loads(lost.state_text())))
    path = tmp_path / "state.json"
    text = DAMAGES[damage](path.read_text())
    path.write_text(text)
    again, said = resume_proposer(tmp_path, trials(tmp_path), maker(Algorithm.RANDOM), score, course)
    (aside,) = tmp_path.glob("state.json.damaged-*")
    assert aside.read_text() == text
    assert not path.exists()
    assert len(said) == 1
    assert aside.name in said[0]
    assert "\n" not in said[0]
    assert json.loads(again.state_text()) == json.loads(lost.state_text())


def test_a_state_of_a_later_version_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.json"
    path.write_text('{"schema_version": 99, "proposer": {}, "something_new": 1}')
    with pytest.raises(BadRecord, match="expected schema version 1 or lower, received 99"):
        resume_proposer(tmp_path, [], maker(Algorithm.RANDOM), score, course)
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.json"]


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_a_state_older_than_the_records_loses_nothing(algorithm: Algorithm, tmp_path: Path) -> None:
    proposer = maker(algorithm)()
    converse(tmp_path, proposer, 1, 2)
    write_state(tmp_path, CampaignState(proposer=json.loads(proposer.state_text())))
    converse(tmp_path, proposer, 1, 6)
    for record in trials(tmp_path):
        record.attempt_log(1).write_text("")
    again, said = resume_proposer(tmp_path, trials(tmp_path), maker(algorithm), score, course)
    assert said == ["state.json does not fit the records: it is made again from them."]
    assert json.loads(again.state_text()) == json.loads(proposer.state_text())


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_the_state_of_a_long_search_is_brought_level_with_the_records(
    algorithm: Algorithm, workers: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_state, "OFTEN", 2)
    proposer = maker(algorithm)()
    converse(tmp_path, proposer, workers, 3)
    write_state(tmp_path, CampaignState(proposer=json.loads(proposer.state_text())))
    for upto in (5, 6):  # three more of six are what half of them comes to
        converse(tmp_path, proposer, workers, upto)
        for record in trials(tmp_path):
            record.attempt_log(1).write_text("")
        again, said = resume_proposer(tmp_path, trials(tmp_path), maker(algorithm), score, course)
        assert said == []
        assert json.loads(again.state_text()) == json.loads(proposer.state_text())
    converse(tmp_path, proposer, workers, 7)
    trials(tmp_path)[-1].attempt_log(1).write_text("")
    again, said = resume_proposer(tmp_path, trials(tmp_path), maker(algorithm), score, course)
    assert said == ["state.json does not fit the records: it is made again from them."]
    assert json.loads(again.state_text()) == json.loads(proposer.state_text())


@pytest.mark.parametrize("algorithm", ALGORITHMS)
@pytest.mark.parametrize("gone", [2, 3])
def test_trials_whose_records_are_gone_are_asked_for_again_and_the_others_stand(
    algorithm: Algorithm, gone: int, tmp_path: Path
) -> None:
    """Where the same cannot come out any more: no trial is lost or renumbered, and the search comes to its end."""
    proposer = maker(algorithm)()
    converse(tmp_path, proposer, 1, 6)
    (tmp_path / "trials" / f"{gone:04d}").rename(tmp_path / "moved away")
    again, _ = resume_proposer(tmp_path, trials(tmp_path), maker(algorithm), score, course)
    assert gone in {proposal.number for proposal in again.running()}
    before = {record.spec().number: record.spec() for record in trials(tmp_path)}
    assert set(again.known()) == {1, 2, 3, 4, 5, 6}
    for proposal in again.running():
        if proposal.number == gone:
            Record.create(tmp_path / "trials" / f"{gone:04d}", spec_of(proposal))
    added = converse(tmp_path, again, 1, 1000)
    assert [proposal.number for proposal in added] == list(range(7, 7 + len(added)))
    assert {record.spec().number: record.spec() for record in trials(tmp_path)}.items() >= before.items()


@pytest.mark.parametrize("algorithm", ALGORITHMS)
def test_records_that_say_nothing_of_their_conversation_still_stand(algorithm: Algorithm, tmp_path: Path) -> None:
    proposer = maker(algorithm)()
    converse(tmp_path, proposer, 2, 7)
    for record in trials(tmp_path):
        (record.path / ASKED).unlink()
    again, _ = resume_proposer(tmp_path, trials(tmp_path), maker(algorithm), score, course)
    assert set(again.known()) == set(proposer.known())
    for proposal in again.running():
        assert spec_of(proposal) == Record(tmp_path / "trials" / f"{proposal.number:04d}").spec()
    assert read_state(tmp_path) is None
