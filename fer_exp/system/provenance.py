"""Where a result comes from: code, versions, machine. Written into every record.

In: the running process. Out: flat scalars. It reads the clock of nothing and changes nothing.
"""

import json
import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fer_exp import __version__

# TensorFlow comes under several names, of which an environment has one.
BACKEND_PACKAGES = {
    "tensorflow": ("tensorflow", "tensorflow-cpu", "tensorflow-macos", "tf-nightly", "tf-nightly-cpu"),
    "jax": ("jax", "jax-nightly"),
    "torch": ("torch",),
    "numpy": ("numpy",),
}
PACKAGES = (
    *BACKEND_PACKAGES["tensorflow"],
    "keras",
    "keras-tuner",
    "mlflow",
    "numpy",
    "opencv-python-headless",
    "scikit-learn",
    "jax",
    "torch",
)
# Raised whenever a change of fer-exp makes a recipe, a seed and data train to another result than before.
# 2: averages of weights (`ema`) forget where they began; all other recipes train as under 1 (see `tuning/reuse.py`).
TRAINING_VERSION = 2
UNKNOWN = "unknown"
GIT_SECONDS = 5  # a repository on a dead network disk must not hold a trial up


def collect() -> dict[str, str | int | bool]:
    """Versions, processor, operating system, command, and the working folder's git commit, where it has one.

    `git_dirty` says whether anything differs from that commit, new files included; absent where git could not tell.
    """
    facts: dict[str, str | int | bool] = {
        "fer_exp": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": cores(),
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
    }
    for package in PACKAGES:
        try:
            facts[f"version.{package}"] = version(package)
        except PackageNotFoundError:
            continue
    return facts | _git()


def cores() -> int:
    """Processors that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def device() -> dict[str, str]:
    """Keras's backend and the devices it computes on. Starts the backend if nothing has yet."""
    import keras  # late: `collect` is also for processes that do not train

    backend, dtype = keras.backend.backend(), keras.config.dtype_policy().name
    return {"backend": backend, "device": ", ".join(_devices()), "dtype": dtype}


def device_in_use() -> str:
    """What kind of device Keras computes on: "gpu", "tpu" or "cpu". Starts the backend if nothing has yet."""
    return _devices()[0].partition(":")[0]


def _devices() -> list[str]:
    """The devices that Keras's backend computes on, as `gpu:0`; Keras lists them for TensorFlow and JAX alone."""
    import keras

    backend = keras.backend.backend()
    if backend == "tensorflow":
        return list(keras.distribution.list_devices("gpu") or keras.distribution.list_devices("cpu"))
    if backend == "jax":
        return list(keras.distribution.list_devices())  # asked for a kind that is absent, JAX raises an error
    torch = sys.modules.get("torch")  # Keras has loaded it where it is the backend
    count = torch.cuda.device_count() if torch and backend == "torch" else 0
    return [f"gpu:{number}" for number in range(count)] or ["cpu:0"]


def trained_with(device_kind: str) -> str:
    """What determines a training beside its recipe, seed and data, as text: code, Keras, backend, kind of device.

    Known without loading Keras, so that who looks for an answer can ask before a device is started.

    Args:
        device_kind: "cpu" or "gpu".
    """
    backend = backend_name()
    versions = f"keras {_version('keras')}, {backend} {_version_of_backend(backend)}"
    return f"training {TRAINING_VERSION}, {versions}, {device_kind}"


def backend_name() -> str:
    """Keras's backend: of the environment, else of Keras's own file, else its default."""
    if named := os.environ.get("KERAS_BACKEND"):
        return named
    home = Path(os.environ.get("KERAS_HOME") or Path.home() / ".keras")
    try:
        stored = json.loads((home / "keras.json").read_bytes())
    except (OSError, ValueError):
        return "tensorflow"
    return str(stored.get("backend", "tensorflow")) if isinstance(stored, dict) else "tensorflow"


def _version_of_backend(backend: str) -> str:
    found = (_version(package) for package in BACKEND_PACKAGES.get(backend, (backend,)))
    return next((text for text in found if text != UNKNOWN), UNKNOWN)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return UNKNOWN


def _git() -> dict[str, str | bool]:
    """The commit of the working folder's repository, where there is one."""
    commit, status = _run_git("rev-parse", "HEAD"), _run_git("status", "--porcelain")
    facts: dict[str, str | bool] = {} if commit is None else {"git_commit": commit}
    return facts if commit is None or status is None else {**facts, "git_dirty": bool(status)}


def _run_git(*arguments: str) -> str | None:
    """What git says; None where there is no git, no repository, or no answer in time."""
    command = ["git", "--no-optional-locks", *arguments]  # else `status` locks the index under the user's hands
    try:
        done = subprocess.run(command, capture_output=True, timeout=GIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode(errors="replace").strip() if done.returncode == 0 else None


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
