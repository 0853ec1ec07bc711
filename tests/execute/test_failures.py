"""What a failed attempt means, in the order in which attempts begin and end."""

from pathlib import Path

import pytest

from fer_exp.execute.engine import End, Ended
from fer_exp.execute.failures import Decision, Failures
from fer_exp.execute.fault import Fault, FaultKind
from fer_exp.records import Record
from fer_exp.system.errors import TrialsFailed

PROGRAM = Fault(FaultKind.PROGRAM, "ImportError: libcudnn.so.9")
NODE = Fault(FaultKind.NODE, "its node is gone")


def failed(record: Record) -> Ended:
    return Ended(record, attempt=1, end=End.MACHINE_FAILED, fault=PROGRAM)


@pytest.fixture
def one(tmp_path: Path) -> Record:
    return Record(tmp_path / "one")


@pytest.fixture
def other(tmp_path: Path) -> Record:
    return Record(tmp_path / "other")


def test_a_training_that_began_before_the_failure_says_nothing_about_the_machine(one: Record, other: Record) -> None:
    failures = Failures()
    failures.started(other)
    failures.started(one)
    assert failures.failed(failed(one), PROGRAM, alone=False) is Decision.AGAIN
    failures.ended(other, finished=True)  # it had read what the machine lacks now
    failures.started(one)
    assert failures.failed(failed(one), PROGRAM, alone=False) is Decision.LATER
    assert not failures.proven(one)


def test_a_training_that_began_after_the_failure_and_ended_well_is_evidence(one: Record, other: Record) -> None:
    failures = Failures()
    failures.started(one)
    failures.failed(failed(one), PROGRAM, alone=False)
    failures.started(one)
    failures.started(other)
    failures.failed(failed(one), PROGRAM, alone=False)
    failures.ended(other, finished=True)
    assert failures.proven(one)
    failures.started(one)
    assert failures.failed(failed(one), PROGRAM, alone=True) is Decision.RECIPE


def test_three_failures_in_a_row_stop_the_search(one: Record, other: Record) -> None:
    failures = Failures()
    for record in (one, other):
        failures.started(record)
        failures.failed(failed(record), PROGRAM, alone=False)
    failures.started(one)
    with pytest.raises(TrialsFailed, match="3 attempts in a row failed"):
        failures.failed(failed(one), PROGRAM, alone=False)


def test_a_node_that_takes_many_attempts_with_it_stops_no_search(tmp_path: Path) -> None:
    failures = Failures()
    records = [Record(tmp_path / str(number)) for number in range(8)]
    for record in records:
        failures.started(record)
    for _ in range(2):
        assert {failures.failed(failed(record), NODE, alone=False) for record in records} == {Decision.AGAIN}


def test_a_trial_that_loses_every_node_stops_the_search_and_is_not_given_up(one: Record, other: Record) -> None:
    failures = Failures()
    failures.started(other)
    failures.ended(other, finished=True)
    decisions = []
    for _ in range(4):
        failures.started(one)
        decisions.append(failures.failed(failed(one), NODE, alone=False))
    assert decisions == [Decision.AGAIN, Decision.AGAIN, Decision.AGAIN, Decision.LATER]
    failures.started(one)
    with pytest.raises(TrialsFailed, match="its node is gone"):
        failures.failed(failed(one), NODE, alone=True)


def test_a_trial_that_gets_further_on_each_node_goes_on(one: Record) -> None:
    failures = Failures()
    one.path.mkdir()
    for epoch in range(10):
        failures.started(one)
        with (one.path / "history.jsonl").open("a") as history:
            history.write(f"{epoch}\n")
        assert failures.failed(failed(one), NODE, alone=False) is Decision.AGAIN
