"""Whether this machine and this environment have what fer-exp needs, found out by loading it.

In: nothing. Out: a line for each thing that is missing. Each group of modules is loaded in a process of its own, all at
once, because a processor without an instruction that a library uses ends the process; loading also compiles what
later starts load, so that the first of them does not take longer.
"""

import platform
import re
import signal
import subprocess
import sys
from pathlib import Path

from fer_exp.system.provenance import backend_name

GROUPS = {  # what each loads, and the modules that load it
    "Keras Tuner, Keras and its backend": ("fer_exp.tuning.keras_tuner_proposer", "fer_exp.execute.child"),
    "MLflow": ("fer_exp.tracking",),
    "OpenCV, figures and tables": ("cv2", "fer_exp.figures", "fer_exp.verdict", "fer_exp.audit"),
}
PATIENCE = 300  # seconds; a cold disk takes a minute for TensorFlow
NEEDED = "avx"  # of an x86 processor, by TensorFlow and jaxlib as they are published
_LIBRARY = re.compile(r"(lib[\w.+-]+\.so[\w.]*): cannot open shared object")
_PACKAGE = re.compile(r"No module named '([\w.]+)'")


def missing() -> list[str]:
    """A line for each thing that is missing, with what to do; empty where nothing is."""
    found = _processor()
    loading = {
        what: subprocess.Popen(
            [sys.executable, "-c", f"import {', '.join(modules)}"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )
        for what, modules in GROUPS.items()
    }
    for what, process in loading.items():
        try:
            _, said = process.communicate(timeout=PATIENCE)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            found.append(f"{what}: not loaded within {PATIENCE} s")
            continue
        if process.returncode:
            found.append(f"{what}: {_why(process.returncode, said)}")
    return found


def _why(code: int, said: str) -> str:
    if code == -signal.SIGILL:
        return "this processor lacks an instruction that it uses; take another machine, or KERAS_BACKEND=torch"
    if library := _LIBRARY.search(said):
        return f"the system library {library[1]} is missing; install the package that holds it"
    if package := _PACKAGE.search(said):
        return f"the Python package {package[1]} is missing; run make setup again"
    last = said.strip().splitlines()
    return last[-1][:200] if last else f"loading it ended with {code}"


def _processor() -> list[str]:
    """Empty also where nobody says what the processor can."""
    flags = Path("/proc/cpuinfo")
    if platform.machine() not in ("x86_64", "AMD64") or not flags.exists():
        return []
    listed = re.search(r"^flags\s*:(.*)$", flags.read_text(), re.MULTILINE)
    if listed is None or NEEDED in listed[1].split():
        return []
    return [
        f"this processor has no {NEEDED.upper()}, which Keras's backend {backend_name()} needs; take another machine"
    ]
