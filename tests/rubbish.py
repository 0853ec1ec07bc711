"""Rubbish: a good file made bad in every way that was thought of, and what the product may do about it.

In: the bytes of a good file. Out: inputs, each with a name. An input follows from the seed, the file's name and its own
name alone, so one that fails is made again alone: `RUBBISH='outcome.json: flip 17' pytest tests/test_rubbish_...`.
"""

import hashlib
import json
import os
import random
import signal
import socket
import stat
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from fer_exp.system.errors import FerExpError

SEED = 1  # of everything drawn at random here
PATIENCE = 20  # seconds that any input may take; most take a thousandth of one
LONGEST = 4_000  # characters of an error
CHANGED = object()  # stands for "whatever came, it is not what was stored"

Put = Callable[[Path], None]


@dataclass(frozen=True)
class Input:
    """One bad file."""

    name: str
    put: Put  # makes the file at a path where nothing is
    damaged: bool = True  # whether a sealed file must be refused where it differs; else it is only another file


def drawn(*about: object) -> random.Random:
    """A source of randomness of this input's own."""
    return random.Random(":".join(map(str, (SEED, *about))))  # text is hashed the same in every process


# -- bytes


def altered(good: bytes, file: str, flips: int, cuts: int) -> Iterator[Input]:
    """`good` cut off at `cuts` places, altered at random in `flips` ways, and replaced by what it is not."""
    for number in range(min(cuts, len(good))):
        yield _bytes(f"cut {number}", good[: len(good) * number // min(cuts, len(good))])
    for number in range(flips):
        yield _bytes(f"flip {number}", _flipped(good, drawn(file, "flip", number)))
    for number in range(flips // 4):
        yield _bytes(f"splice {number}", _spliced(good, drawn(file, "splice", number)))
    for name, content in _OTHERS.items():
        yield _bytes(name, content)
    for name, change in _RECODED.items():
        yield _bytes(name, change(good))


def _bytes(name: str, content: bytes) -> Input:
    return Input(name, partial(_write, content=content))


def _write(path: Path, content: bytes) -> None:
    path.write_bytes(content)


def _flipped(good: bytes, chance: random.Random) -> bytes:
    content = bytearray(good)
    for _ in range(chance.choice((1, 1, 1, 2, 5))):
        content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    return bytes(content)


def _spliced(good: bytes, chance: random.Random) -> bytes:
    """A piece taken out, doubled, moved, or turned into noise."""
    start, end = sorted(chance.randrange(len(good) + 1) for _ in range(2))
    piece = good[start:end]
    instead = chance.choice((b"", piece + piece, chance.randbytes(len(piece)), piece[::-1], b"\0" * len(piece)))
    return good[:start] + instead + good[end:]


_OTHERS: dict[str, bytes] = {
    "empty": b"",
    "one newline": b"\n",
    "a bracket": b"{",
    "NUL bytes": b"\0" * 512,
    "a line of 10 MB": b"x" * 10_000_000 + b"\n",
    "a JSON string of 10 MB": b'"' + b"x" * 10_000_000 + b'"\n',
    "lists nested 100,000 deep": b"[" * 100_000 + b"]" * 100_000 + b"\n",
    "objects nested 100,000 deep": b'{"a":' * 100_000 + b"1" + b"}" * 100_000 + b"\n",
    "a number of 5,000 digits": b"9" * 5_000 + b"\n",
    "NaN": b"NaN\n",
    "null": b"null\n",
    "a list": b"[]\n",
    "an object": b"{}\n",
    "a lone surrogate": b'{"name": "\\ud800"}\n',
    "a web page": b"<!DOCTYPE html><html><body>404 Not Found</body></html>\n",
    "a merge conflict": b"<<<<<<< HEAD\n{}\n=======\n{}\n>>>>>>> other\n",
    "noise": random.Random(SEED).randbytes(4_096),
}
_RECODED: dict[str, Callable[[bytes], bytes]] = {
    "a byte order mark before it": lambda good: b"\xef\xbb\xbf" + good,
    "Windows's ends of lines": lambda good: good.replace(b"\n", b"\r\n"),
    "UTF-16": lambda good: good.decode("latin-1").encode("utf-16"),
    "UTF-32": lambda good: good.decode("latin-1").encode("utf-32"),
    "a byte that is no UTF-8": lambda good: good.replace(b"e", b"\xe9", 1),
    "twice": lambda good: good + good,
    "rubbish behind it": lambda good: good + b"rubbish\n",
    "NUL bytes behind it": lambda good: good + b"\0" * 100 + b"\n",
    "NUL bytes before it": lambda good: b"\0" * 100 + good,
}


# -- JSON

_DIGITS = "<5,000 digits>"
_SURROGATE = "<surrogate>"
_WRONG: tuple[Any, ...] = (
    *(None, True, -1, 0, 0.5, 1e18, 10**25, float("nan"), float("inf"), _DIGITS, "", "x", "\0", _SURROGATE, "é\n"),
    *([], {}, [None], {"a": None}, [[[]]], "x" * 10_000),
)


def misfilled(good: bytes, file: str, count: int) -> Iterator[Input]:
    """`good`, JSON, without its seal and with another value in one place; `count` of all by chance."""
    whole = json.loads(good)
    whole.pop("crc32", None)
    places = list(_places(whole))
    for number in range(count):
        chance = drawn(file, "field", number)
        place, wrong = chance.choice(places), chance.choice((*_WRONG, _GONE, _EXTRA, _DOUBLE))
        yield Input(f"field {number}", partial(_write, content=_with(whole, place, wrong)), damaged=False)


_GONE, _EXTRA, _DOUBLE = object(), object(), object()


def _places(value: Any, before: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, within in inner:
        yield (*before, key)
        yield from _places(within, (*before, key))


def _with(whole: Any, place: tuple[Any, ...], wrong: Any) -> bytes:
    copy = json.loads(json.dumps(whole))
    inner = copy
    for key in place[:-1]:
        inner = inner[key]
    if wrong is _GONE:
        del inner[place[-1]]
    elif wrong is _EXTRA or (wrong is _DOUBLE and isinstance(inner, list)):
        if isinstance(inner, list):
            inner.append("extra")
        else:
            inner["extra"] = 1
    elif wrong is not _DOUBLE:
        inner[place[-1]] = wrong
    text = json.dumps(copy).replace(f'"{_DIGITS}"', "9" * 5_000).replace(_SURROGATE, "\\ud800")
    if wrong is _DOUBLE and isinstance(inner, dict):
        text = text.replace(f'"{place[-1]}":', f'"{place[-1]}": null, "{place[-1]}":', 1)
    return text.encode()


# -- things that are no file


def no_files() -> Iterator[Input]:
    """Whatever else may have a file's name."""
    yield Input("a folder", lambda path: path.mkdir())
    yield Input("a full folder", lambda path: (path / "within" / "it").mkdir(parents=True))
    yield Input("a pipe", os.mkfifo)
    yield Input("a link to itself", lambda path: path.symlink_to(path))
    yield Input("a link to nothing", lambda path: path.symlink_to("nothing"))
    yield Input("a link to a device without end", lambda path: path.symlink_to("/dev/zero"))
    yield Input("a socket", _socket)
    yield Input("a hole of a terabyte", _hole)


def _socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the names of sockets are short
    try:
        with socket.socket(socket.AF_UNIX) as made:
            made.bind(path.name)
    finally:
        os.chdir(here)


def _hole(path: Path) -> None:
    with path.open("wb") as file:
        file.truncate(2**40)  # takes no space


# -- what the product may do


@dataclass
class Verdict:
    """What came of many inputs; `check` tells."""

    tried: int = 0
    refused: int = 0
    defects: list[str] = field(default_factory=list)

    def check(self, at_least: int) -> None:
        """Fails with the first defects and how to make them again."""
        shown = "\n\n".join(self.defects[:5])
        assert not self.defects, f"{len(self.defects)} of {self.tried} inputs (seed {SEED}):\n{shown}"
        assert self.tried >= at_least or "RUBBISH" in os.environ


def throw(
    file: Path, inputs: Iterable[Input], read: Callable[[], Any], home: Path, *, label: str = "", mends: bool = False
) -> Verdict:
    """Puts each input in the place of `file` and reads; afterwards the good file is back.

    Allowed is a FerExpError that says everything in two lines, or the same as from the good file; of an input that is
    only another file, anything that is no crash. Nothing below `home` may change, unless reading `mends` what it reads.
    """
    good, expected, verdict = file.read_bytes(), read(), Verdict()
    expected = read()
    label = label or file.name
    for given in inputs:
        name = f"{label}: {given.name}"
        if os.environ.get("RUBBISH", name) != name:
            continue
        verdict.tried += 1
        remove(file)
        given.put(file)
        before = None if mends else seen(home)
        problem = _problem(verdict, given, read, expected)
        if problem is None and before is not None and seen(home) != before:
            problem = "something on disk was changed"
        if problem is not None:
            verdict.defects.append(f"RUBBISH={name!r}\n{problem}")
        remove(file)
        file.write_bytes(good)
    return verdict


def _problem(verdict: Verdict, given: Input, read: Callable[[], Any], expected: Any) -> str | None:
    try:
        with patience():
            found = read()
    except FerExpError as error:
        verdict.refused += 1
        return told_badly(error)
    except Exception:
        return traceback.format_exc(limit=-4)
    if given.damaged and found != expected:
        return f"other content was believed: {str(found)[:500]}"
    return None


def told_badly(error: FerExpError) -> str | None:
    """What is wrong with how an error is told; None where nothing is."""
    for said in (error.problem, error.remedy):
        if not said.strip() or len(said) > LONGEST or "\n" in said:
            return f"told badly: {said[:200]!r} ({len(said)} characters)"
    return None


class TooSlow(Exception):
    """An input held its reader up."""


@contextmanager
def patience(seconds: float = PATIENCE) -> Iterator[None]:
    """Ends what waits for ever."""

    def give_up(_number: int, _frame: object) -> None:
        raise TooSlow(f"not done within {seconds} s")

    before = signal.signal(signal.SIGALRM, give_up)
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        yield
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)


def remove(path: Path) -> None:
    """Whatever has that name."""
    if path.is_dir() and not path.is_symlink():
        for within in path.iterdir():
            remove(within)
        path.rmdir()
    else:
        with suppress(FileNotFoundError):
            path.unlink()


def seen(home: Path) -> dict[str, str]:
    """Everything below `home`: files by digest, the rest by kind. Files of holes and gigabytes by size."""
    found = {}
    for path in sorted(home.rglob("*")):
        status = path.lstat()
        small = stat.S_ISREG(status.st_mode) and status.st_size < 2**22
        what = hashlib.md5(path.read_bytes()).hexdigest() if small else f"{status.st_mode} {status.st_size}"
        found[str(path.relative_to(home))] = what
    return found
