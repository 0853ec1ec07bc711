"""What a table was measured on: processor, memory, versions, and the command that repeats it."""

import os
import platform
import re
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import psutil

from fer_exp.system.provenance import cores

PACKAGES = ("tensorflow", "keras", "keras-tuner", "mlflow", "optuna", "optuna-integration", "numpy", "pandas")
BFLOAT16 = ("avx512_bf16", "amx_bf16", "bf16")  # x86's flags, then Arm's


def processor() -> str:
    """Its name, where the system says it."""
    found = re.search(r"model name\s*:\s*(.+)", _cpuinfo())
    return found[1] if found else platform.processor() or platform.machine()


def has_bfloat16() -> bool:
    """Whether the processor multiplies bfloat16 itself."""
    return any(flag in BFLOAT16 for flag in _cpuinfo().split())


def described() -> dict[str, str]:
    """Line by line."""
    return {
        "processor": f"{processor()}, {cores()} cores, bfloat16 {'yes' if has_bfloat16() else 'no'}",
        "memory": f"{psutil.virtual_memory().total / 2**30:.0f} GiB",
        "system": f"{platform.system()} {platform.release()}, Python {platform.python_version()}",
        "packages": ", ".join(f"{name} {_version(name)}" for name in PACKAGES),
        "load": "load average at the start " + ", ".join(f"{load:.1f}" for load in os.getloadavg()),
    }


def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


def _cpuinfo() -> str:
    path = Path("/proc/cpuinfo")
    return path.read_text() if path.exists() else ""
