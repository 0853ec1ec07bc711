"""`fer-exp --help`, commands that only look, and the way to the first training steps against a bare script's.

Both fit the same small network on the same prepared faces. The bare script is told where the arrays are, and knows
neither records nor campaigns. When training began and when its first epoch's training was over is read from the record
and from the script's own clock.
"""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.setting import CHECKOUT, Setting
from benchmarks.sides import Doing, Goal, Row, in_turns, row, share, times_
from fer_exp.data.split.prepare import prepare
from fer_exp.data.split.protocol import Protocol
from fer_exp.records import Record

LOADED = "import typer, pydantic; pydantic.BaseModel, pydantic.Field"
LIMIT = 70  # training images: a few steps


def rows(setting: Setting) -> Iterator[Row]:
    """Help, commands that look, then first steps."""
    help_ = in_turns({"fer-exp --help": lambda: run("fer-exp", "--help")}, setting.pick(9, 1))
    yield row("fer-exp --help", help_, help_[0].median, Goal(high=0.3, unit=" s"))
    yield from _answers(setting)
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        source = str(setting.packed()) if setting.data else "demo"
        development = prepare(source, protocol=Protocol.OFFICIAL, seed=1, limit=LIMIT, cache=home / "cache")
        development.train(clahe=True), development.validation(clahe=True)
        ways = {
            "fer-exp search": lambda: _first_steps(home, source),
            "bare script": lambda: _bare_steps(development.folder),
        }
        sides = in_turns(ways, setting.pick(3, 1))
    yield share("from the command to the end of the first training steps, warm cache", sides, times_(high=1.3))


def _answers(setting: Setting) -> Iterator[Row]:
    """Commands that only look, beside a Python that does nothing and one that loads what every command loads."""
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        words = ["--name", "first", "--max-trials", "2", "--epochs", "1", "--limit", str(LIMIT), "--data", "demo"]
        run("fer-exp", "search", "benchmarks/toy.py", "--no-tracking", *words, home=home)
        times = setting.pick(9, 1)
        ways: dict[str, Doing] = {
            "fer-exp status": lambda: run("fer-exp", "status", home=home),
            "fer-exp status NAME": lambda: run("fer-exp", "status", "first", home=home),
            "fer-exp status NAME --json": lambda: run("fer-exp", "status", "first", "--json", home=home),
            "an error": lambda: run("fer-exp", "status", "nothing", home=home, refused=True),
            "completion": lambda: _completed(home),
            "doctor's first line": lambda: _first_line(home),
        }
        for name, way in ways.items():
            sides = in_turns({name: way, "bare Python": _python(""), "typer and pydantic": _python(LOADED)}, times)
            note = f"{sides[0].median / sides[1].median:.0f} starts of a bare Python"
            yield row(name, sides, sides[0].median, Goal(high=0.4, unit=" s"), note)


def _python(program: str) -> Doing:
    return lambda: run(sys.executable, "-c", program)


def _completed(home: Path) -> None:
    words = {"_FER_EXP_COMPLETE": "complete_bash", "COMP_WORDS": "fer-exp status ", "COMP_CWORD": "2"}
    if "first" not in run("fer-exp", home=home, refused=True, more=words):
        raise RuntimeError("completion did not name the campaign")


def _first_line(home: Path) -> float:
    """Seconds until doctor says that it looks."""
    began = time.perf_counter()
    environment = os.environ | {"FER_EXP_HOME": str(home)}
    command = [str(Path(sys.executable).parent / "fer-exp"), "doctor", "--no-tracking"]
    with subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        assert process.stderr is not None
        line = process.stderr.readline()
        seconds = time.perf_counter() - began
        process.stderr.read()
    if not line.startswith(b"Looking"):
        raise RuntimeError(f"doctor began with {line!r}")
    return seconds


def run(*command: str, home: Path | None = None, refused: bool = False, more: Mapping[str, str] | None = None) -> str:
    """Runs a command, `fer-exp` as it is installed beside this Python; what it printed.

    Args:
        command: The words.
        home: Where campaigns are.
        refused: Whether an exit code other than 0 is what is wanted or does not matter.
        more: Of the environment.
    """
    name, *words = command
    program = [sys.executable, "-c", "from fer_exp.cli import main; main()"] if name == "fer-exp" else [name]
    installed = Path(sys.executable).parent / "fer-exp"
    if name == "fer-exp" and installed.exists():
        program = [str(installed)]
    environment = os.environ | ({"FER_EXP_HOME": str(home)} if home else {}) | dict(more or {})
    done = subprocess.run([*program, *words], cwd=CHECKOUT, env=environment, capture_output=True, text=True)
    if done.returncode and not refused:
        raise RuntimeError(f"{' '.join(command)}: {done.stderr.strip()[-300:]}")
    return done.stdout


def _first_steps(home: Path, source: str) -> float:
    """Seconds from the command until the first epoch was trained, before its validation."""
    folder = home / "campaigns" / "first"
    shutil.rmtree(folder, ignore_errors=True)
    words = ["--name", "first", "--max-trials", "0", "--epochs", "1", "--limit", str(LIMIT), "--data", source]
    began = time.time()
    run("fer-exp", "search", "benchmarks/toy.py", "--no-tracking", *words, home=home)
    record = Record(folder / "trials" / "0000")
    epoch = record.history()[0]
    trained = LIMIT / epoch.images_per_second
    return epoch.time_ms / 1000 - epoch.seconds + trained - began


def _bare_steps(folder: Path) -> float:
    began = time.time()
    told = run(sys.executable, "-m", "benchmarks.bare", str(folder))
    return float(told.split("trained ")[1].split()[0]) - began
