"""Whether a node can train for this parent: what must agree, and what was found.

In: the facts of both. Out: reasons against the node, none where it fits. A training is determined by its recipe, data
and seed, and by the code, the libraries and the backend that train it (decision 0016): a node that has others would
give other results under the same name, so it is refused before it trains.
"""

import functools
import hashlib
import os
import platform
import shutil
import socket
import tempfile
import time
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import fer_exp
from fer_exp.execute.devices import visible_devices
from fer_exp.system.provenance import backend_name, trained_with

SCRATCH = "FER_EXP_SCRATCH"  # names the folder on a node for data and running trainings
ROOM = 1024**3  # bytes that a node's disk must have free
SKEW = 30.0  # seconds by which a node's clock may differ: times in records, logs and MLflow would lie by as much
LIBRARIES = ("numpy", "opencv-python-headless", "ray")  # besides Keras and its backend
SHOWN = 8  # digits of a digest


@dataclass(frozen=True)
class Facts:
    """What a machine is, as far as trainings depend on it."""

    host: str
    python: str  # 3.11.7
    fer_exp: str  # version
    source: str  # digest of the package's files
    trained_with: str  # training version, Keras, backend; without the kind of device
    libraries: tuple[tuple[str, str], ...]
    devices: tuple[str, ...]
    scratch: str
    free: int  # bytes on its disk; -1 where nothing can be written
    time: float  # seconds since 1970 on its clock


def facts() -> Facts:
    """Those of this machine; starts no device and loads no Keras."""
    return Facts(
        host=socket.gethostname(),
        python=platform.python_version(),
        fer_exp=fer_exp.__version__,
        source=source_digest(),
        trained_with=trained_with("").rstrip(", "),
        libraries=tuple((name, _version(name)) for name in LIBRARIES),
        devices=tuple(visible_devices()),
        scratch=str(scratch()),
        free=_free(scratch()),
        time=time.time(),
    )


def misfits(parent: Facts, node: Facts) -> tuple[str, ...]:
    """Why the node must not train for this parent; nothing where it may."""
    reasons = []
    if _minor(parent.python) != _minor(node.python):
        reasons.append(f"Python {node.python}, here {parent.python}")
    if parent.fer_exp != node.fer_exp:
        reasons.append(f"fer_exp {node.fer_exp}, here {parent.fer_exp}")
    elif parent.source != node.source:
        reasons.append(
            f"fer_exp {node.fer_exp} with other source ({node.source[:SHOWN]}, here {parent.source[:SHOWN]})"
        )
    if parent.trained_with != node.trained_with:
        reasons.append(f"{node.trained_with}, here {parent.trained_with}")
    theirs = dict(node.libraries)
    for name, ours in parent.libraries:
        if theirs.get(name) != ours:
            reasons.append(f"{name} {theirs.get(name, 'absent')}, here {ours}")
    if node.free < 0:
        reasons.append(f"nothing can be written into {node.scratch}")
    elif node.free < ROOM:
        reasons.append(f"{node.free / 1e6:.0f} MB free in {node.scratch}, at least {ROOM / 1e6:.0f} MB are needed")
    return tuple(reasons)


def skew_misfit(seconds: float) -> tuple[str, ...]:
    """A reason against a node whose clock differs by so much, as it was measured when the node was asked."""
    return () if abs(seconds) <= SKEW else (f"its clock is {seconds:+.0f} s off; at most {SKEW:.0f} s",)


def scratch() -> Path:
    """Where this machine keeps data and running trainings of clusters; may be deleted while nothing trains.

    `FER_EXP_SCRATCH` names it, in the environment in which `ray start` was given; else a folder of the user's among
    the temporary files.
    """
    return Path(os.environ.get(SCRATCH) or Path(tempfile.gettempdir()) / f"fer-exp-{os.getuid()}").absolute()


@functools.cache
def source_digest() -> str:
    """A digest of the package's source: two checkouts may share a version, and train otherwise."""
    package = Path(fer_exp.__file__).parent
    digest = hashlib.sha256()
    for path in sorted(package.rglob("*.py")):
        digest.update(path.relative_to(package).as_posix().encode() + b"\0" + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _minor(text: str) -> tuple[str, ...]:
    return tuple(text.split(".")[:2])


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return "absent"


def _free(folder: Path) -> int:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=folder) as opened:
            opened.write(b"?")
        return shutil.disk_usage(folder).free
    except OSError:
        return -1


def backend() -> dict[str, str]:
    """What a node's processes must find in their environment to train on the parent's backend."""
    return {"KERAS_BACKEND": backend_name()}
