"""A fault of the machine is never charged to a recipe: the search stops, says why, and the same command goes on."""

import errno

import pytest

from fer_exp.execute.loop import Ending
from fer_exp.records import Record, State
from fer_exp.system.errors import ExitCode, FerExpError
from fer_exp.system.home import Home
from fer_exp.tuning.run import Conditions, run_search
from fer_exp.tuning.values import DataChoice, Result
from tests.fake_trials import train_fake_where_it_works
from tests.toy_search import At, campaign, leaderboard, records


def run(home: Home, watcher: At | None = None, workers: int = 1) -> Result:
    toy = campaign(max_trials=8)
    conditions = Conditions(
        home,
        watcher or At(lambda _: False, lambda: None),
        workers,
        tracking=False,
        entry=train_fake_where_it_works,
    )
    return run_search(toy, toy.settings, "toy.py", "fingerprint", DataChoice("demo"), conditions)


def breaks_after_three(home: Home, error: str) -> At:
    """Breaks the machine when three trainings have ended."""
    return At(lambda seen: seen.ended >= 3, lambda: write(home, error))


def write(home: Home, error: str) -> None:
    (home.root / "broken").write_text(error)


FAULTS = {
    "the cache was deleted": (
        "FileNotFoundError(2, 'No such file or directory', 'images.npy')",
        ExitCode.TRIALS_FAILED,
    ),
    "the disk does not answer": (f"OSError({errno.EIO}, 'Input/output error')", ExitCode.DISK_FAILED),
    "the file server forgot": (f"OSError({errno.ESTALE}, 'Stale file handle')", ExitCode.DISK_FAILED),
    "another program took the device": ("RuntimeError('RESOURCE_EXHAUSTED: out of memory')", ExitCode.TRIALS_FAILED),
    "a library is missing": ("ImportError('libcudnn.so.9: cannot open shared object file')", ExitCode.TRIALS_FAILED),
}


@pytest.mark.parametrize("workers", [1, 2])
@pytest.mark.parametrize(("error", "code"), FAULTS.values(), ids=FAULTS)
def test_a_fault_of_the_machine_stops_the_search_and_fails_no_trial(
    home: Home, error: str, code: ExitCode, workers: int
) -> None:
    with pytest.raises(FerExpError) as raised:
        run(home, breaks_after_three(home, error), workers)
    assert raised.value.exit_code == code
    assert error.split("'")[1].partition(":")[0] in raised.value.problem
    assert "give the same command again" in raised.value.remedy
    states = [record.state() for record in records(home)]
    assert State.FAILED not in states
    assert states.count(State.FINISHED) >= 3
    (home.root / "broken").unlink()
    result = run(home, workers=workers)
    assert result.ending is Ending.DONE
    assert {row.state for row in result.rows} == {State.FINISHED}
    assert len(result.rows) == 9


def test_the_search_ends_as_one_on_a_machine_without_faults(home: Home) -> None:
    with pytest.raises(FerExpError):
        run(home, breaks_after_three(home, "OSError(5, 'Input/output error')"))
    (home.root / "broken").unlink()
    elsewhere = Home(home.root.parent / "elsewhere")
    assert leaderboard(run(home)) == leaderboard(run(elsewhere))


def test_an_open_trial_names_the_fault(home: Home) -> None:
    with pytest.raises(FerExpError):
        run(home, breaks_after_three(home, "OSError(5, 'Input/output error')"))
    still_open = [record for record in records(home) if record.outcome() is None]
    assert still_open
    assert all("OSError: [Errno 5] Input/output error" in deaths(record) for record in still_open)


def deaths(record: Record) -> str:
    return (record.path / "deaths.jsonl").read_text()
