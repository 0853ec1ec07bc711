"""The command line as a person uses it, in this process or in one of its own, and campaigns small enough for tests.

In: arguments. Out: what the command wrote and its exit code. `quick_trials` puts trials that train nothing in the place
of real ones and leaves out the campaign's figures; everything else stays.
"""

import functools
import hashlib
import os
import subprocess
import sys
from pathlib import Path

import pytest
from typer import testing
from typer.main import get_command
from typer.testing import CliRunner, Result

from fer_exp.cli import app
from fer_exp.records import Record, records_in
from fer_exp.system.home import Home
from fer_exp.tuning import run as search_run
from tests.fake_trials import train_fake

# typer's runner builds the command of all options anew at each call; it is the same each time.
setattr(testing, "_get_command", functools.cache(get_command))  # noqa: B010  # the name by which the runner calls it
COMMAND = Path(sys.executable).with_name("fer-exp")
# Written on the way to a refusal, and no part of what a campaign is.
PASSING = ("lock.json", "forkserver.log", "tracking.lock", "mlflow.lock")

TINY = '''"""A tiny campaign."""

from fer_exp.campaign import Algorithm, Campaign, HyperParameters, Settings
from fer_exp.recipe import Recipe, baseline_recipe

BASELINE = baseline_recipe().but(widths=(4,), last_width=8, head_widths=(8,), head_dropouts=(0.1,), learning_rate=1e-2)


def space(hp: HyperParameters) -> Recipe:
    """Two numbers."""
    return BASELINE.but(
        block_dropout=hp.Choice("block_dropout", [0.0, 0.1, 0.2, 0.3], default=0.0),
        learning_rate=hp.Choice("learning_rate", [1e-3, 3e-3, 1e-2], default=1e-2),
    )


campaign = Campaign(
    name="tiny",
    question="Does it work?",
    space=space,
    baseline=BASELINE,
    settings=Settings(algorithm=Algorithm("{algorithm}"), max_trials={trials}, epochs={epochs}, limit=140),
    data="demo",
)
'''


def write_campaign(folder: Path, algorithm: str = "random", trials: int = 2, epochs: int = 2) -> Path:
    """A campaign file called tiny.py in `folder`."""
    path = folder / "tiny.py"
    path.write_text(TINY.format(algorithm=algorithm, trials=trials, epochs=epochs))
    return path


def trials(home: Home, name: str = "tiny") -> list[Record]:
    """The records of a campaign, in order."""
    return list(records_in(home.campaign(name) / "trials"))


def call(*arguments: object) -> Result:
    """Runs the command in this process."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments], prog_name="fer-exp")


def done(*arguments: object) -> str:
    """What the command, which must succeed, wrote to standard output."""
    result = call(*arguments)
    assert result.exit_code == 0, result.output
    return result.stdout


def refused(*arguments: object, code: int = 2) -> tuple[str, str]:
    """The problem and the remedy that the command ended with, in two lines and nothing behind them."""
    result = call(*arguments)
    assert result.exit_code == code, result.output
    assert "Traceback" not in result.output
    lines = result.stderr.splitlines()
    assert [number for number, line in enumerate(lines) if line.startswith("fer-exp: ")] == [len(lines) - 2]
    assert lines[-1].startswith(" " * 9)
    assert result.stdout == ""
    return lines[-2].removeprefix("fer-exp: "), lines[-1].strip()


def start(home: Home, *arguments: object, **environment: str) -> "subprocess.Popen[str]":
    """Starts the command in a process, and group, of its own."""
    return subprocess.Popen(
        [COMMAND, *(str(argument) for argument in arguments)],
        env={**os.environ, "FER_EXP_HOME": str(home.root), **environment},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(home: Home, *arguments: object, **environment: str) -> str:
    """What the command, run in a process of its own, wrote to standard output; it must succeed."""
    process = start(home, *arguments, **environment)
    written, said = process.communicate()
    assert process.returncode == 0, said
    assert "Traceback" not in said
    return written


def quick_trials(monkeypatch: pytest.MonkeyPatch) -> None:
    """Puts trials that train nothing in the place of real ones; tests/test_summary.py draws what a search draws."""
    monkeypatch.setattr("fer_exp.summary._write_figures", lambda *_: None)
    monkeypatch.setattr(search_run, "Conditions", functools.partial(search_run.Conditions, entry=train_fake))


def contents(home: Home) -> dict[str, str]:
    """Every file of a home by its digest, without caches, locks and logs."""
    return {
        str(path.relative_to(home.root)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in sorted(home.root.rglob("*"))
        if path.is_file() and path.name not in PASSING and home.cache not in path.parents
    }
