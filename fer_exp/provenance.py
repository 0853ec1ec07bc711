"""Where a result comes from: code, versions, machine. Written into every record.

In: the running process. Out: flat scalars. It reads the clock of nothing and changes nothing.
"""

import os
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from fer_exp import __version__

PACKAGES = (
    "tensorflow",
    "keras",
    "keras-tuner",
    "mlflow",
    "numpy",
    "opencv-python-headless",
    "scikit-learn",
    "jax",
    "torch",
)
GIT_SECONDS = 5  # a repository on a dead network disk must not hold a trial up


def collect() -> dict[str, str | int | bool]:
    """Git commit and dirty flag of the fer-exp sources, versions, backend, device, processor and operating system."""
    facts: dict[str, str | int | bool] = {
        "fer_exp": __version__,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "processor": _processor(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1,
        "command": " ".join([Path(sys.argv[0]).name, *sys.argv[1:]]),
    }
    for package in PACKAGES:
        try:
            facts[f"version.{package}"] = version(package)
        except PackageNotFoundError:
            continue
    return facts | _git()


def device() -> dict[str, str]:
    """Keras's backend and the devices it computes on. Starts the backend if nothing has yet."""
    import keras  # late: `collect` is also for processes that do not train

    devices = keras.distribution.list_devices("gpu") or keras.distribution.list_devices("cpu")
    return {"backend": keras.backend.backend(), "device": ", ".join(devices), "dtype": keras.config.dtype_policy().name}


def _git() -> dict[str, str | bool]:
    """The commit of the working folder's repository, where there is one."""
    commit = _run_git("rev-parse", "HEAD")
    if not commit:
        return {}
    return {"git_commit": commit, "git_dirty": bool(_run_git("status", "--porcelain"))}


def _run_git(*arguments: str) -> str:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, timeout=GIT_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ""
    return done.stdout.strip() if done.returncode == 0 else ""


def _processor() -> str:
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.exists():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor()
