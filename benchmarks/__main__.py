"""`python -m benchmarks [NAME...]`: measures, shows each row as it comes, writes one table.

Each subject runs in a process of its own; one that fails or takes too long is a line, and the others go on.
"""

import argparse
import contextlib
import os
import shlex
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from benchmarks import machine, table
from benchmarks.setting import CHECKOUT, NoData, Setting, find_data
from benchmarks.sides import Row
from benchmarks.subjects import SUBJECTS, Subject, named

LEFT_OUT = 3  # exit code of a subject that needs what is not there
ROW, WITHOUT = "row ", "without "  # begin lines of a subject's process: a row, and why one has no figure


def main() -> int:
    """Runs what the command line asks for; the exit code: 0, or 1 where a subject failed."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(128 + signal.SIGTERM))  # what it started ends with it
    options = _options()
    setting = Setting(find_data(options.data), options.tiny, options.long)
    if options.one:
        return _one(options.names[0], setting)
    try:
        subjects = named(options.names, long=options.long)
    except ValueError as error:
        print(f"benchmarks: {error}", file=sys.stderr)
        return 2
    return _all(subjects, setting, Path(options.out))


def _options() -> argparse.Namespace:
    names = "\n".join(f"  {s.name:<14} {s.what}{' (--long)' if s.long else ''}" for s in SUBJECTS)
    parser = argparse.ArgumentParser(
        "python -m benchmarks", epilog=f"rows:\n{names}", formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("names", nargs="*", metavar="NAME", help="rows to measure; all without")
    parser.add_argument("--data", help="folder with fer2013.csv.gz; default FER_EXP_DATA, then ../shared/data")
    parser.add_argument("--out", default="mlruns/bench", help="folder for table.md and table.json")
    parser.add_argument("--long", action="store_true", help="rows that take hours too")
    parser.add_argument("--tiny", action="store_true", help="as little as shows that it works; figures mean nothing")
    parser.add_argument("--one", action="store_true", help=argparse.SUPPRESS)  # a subject's own process
    return parser.parse_args()


def _all(subjects: list[Subject], setting: Setting, out: Path) -> int:
    began = time.monotonic()
    described = machine.described()
    print("\n".join(f"{name}: {value}" for name, value in described.items()), flush=True)
    rows: list[Row] = []
    without: list[str] = []
    failed = False
    for number, subject in enumerate(subjects, start=1):
        print(f"\n[{number}/{len(subjects)}, {time.monotonic() - began:.0f} s] {subject.what}", flush=True)
        process = _Process(subject, setting)
        for row in process.rows():
            if isinstance(row, str):
                without.append(row)
            else:
                rows.append(row)
            print(f"  {row if isinstance(row, str) else table.line(row)}", flush=True)
        if process.problem:
            without.append(f"{subject.what}: {process.problem}")
            print(f"  {subject.name}: {process.problem}", flush=True)
        failed |= process.failed
    command = shlex.join(["python", "-m", "benchmarks", *sys.argv[1:]])
    run = table.Run(described, command, time.monotonic() - began, tuple(rows), tuple(without))
    _write(run, out, whole=not setting.tiny and len(subjects) >= sum(not s.long for s in SUBJECTS))
    return int(failed)


def _write(run: table.Run, out: Path, *, whole: bool) -> None:
    out.mkdir(parents=True, exist_ok=True)
    text = table.markdown(run)
    (out / "table.md").write_text(text)
    (out / "table.json").write_text(table.to_json(run.rows))
    met = [row.met for row in run.rows]
    print(f"\n{met.count(True)} goals met, {met.count(False)} not, in {run.seconds / 60:.1f} minutes.")
    print(f"Written: {out / 'table.md'}, {out / 'table.json'}")
    page = CHECKOUT / "docs" / "performance.md"
    if whole and table.into_page(page, text):
        print(f"The table in {page.relative_to(CHECKOUT)} is this one now; look at it before you commit it.")


class _Process:
    """A subject in its process group, so that what it started ends with it."""

    def __init__(self, subject: Subject, setting: Setting) -> None:
        self._subject = subject
        self._setting = setting
        self.problem = ""
        self.failed = False
        self._late = False

    def rows(self) -> Iterator[Row | str]:
        """Its rows as they come; a text is why one has no figure."""
        given = [("--data", str(self._setting.data or os.devnull))]  # else it would look for itself
        flags = [flag for flag in ("tiny", "long") if getattr(self._setting, flag)]
        words = [word for pair in given for word in pair] + [f"--{flag}" for flag in flags]
        command = [sys.executable, "-m", "benchmarks", "--one", self._subject.name, *words]
        with tempfile.TemporaryFile("w+") as errors:
            with subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=errors, text=True, cwd=CHECKOUT, start_new_session=True
            ) as process:
                yield from self._heard(process)
            errors.seek(0)
            self._judge(process.returncode, errors.read())

    def _heard(self, process: "subprocess.Popen[str]") -> Iterator[Row | str]:
        """What it says, until it ends or is ended."""
        signal.signal(signal.SIGALRM, lambda *_: self._end_late(process))
        signal.setitimer(signal.ITIMER_REAL, self._subject.minutes * 60)
        try:
            for told in process.stdout or []:
                if told.startswith(ROW):
                    yield from table.from_json(told.removeprefix(ROW))
                elif told.startswith(WITHOUT):
                    yield told.removeprefix(WITHOUT).strip()
            process.wait()
        finally:
            signal.setitimer(signal.ITIMER_REAL, 0)
            _end(process)

    def _end_late(self, process: "subprocess.Popen[str]") -> None:
        self._late = True
        _end(process)

    def _judge(self, code: int, said: str) -> None:
        lines = [line for line in said.splitlines() if line.strip()]
        last = lines[-1] if lines else f"exit code {code}"
        if code == LEFT_OUT:
            self.problem = last
        elif code:
            self.failed = True
            self.problem = (
                f"failed: took more than {self._subject.minutes:g} minutes" if self._late else f"failed: {last}"
            )


def _end(process: "subprocess.Popen[str]") -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def _one(name: str, setting: Setting) -> int:
    """Inside a subject's process: rows on standard output, one a line."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"
    for variable in [v for v in os.environ if v.startswith("FER_EXP_") or v == "MLFLOW_TRACKING_URI"]:
        del os.environ[variable]  # the user's home and server are not for measurements
    subject = next(subject for subject in SUBJECTS if subject.name == name)
    try:
        for row in subject.rows(setting):
            print(WITHOUT + row if isinstance(row, str) else ROW + table.to_json([row]), flush=True)
    except NoData as reason:
        print(reason, file=sys.stderr)
        return LEFT_OUT
    return 0


if __name__ == "__main__":
    sys.exit(main())
