"""Graphics processors: found without starting one, and dealt to the slots of an engine.

In: the environment and what the driver lists. Out: for each slot, what its process may see. A process that starts a
device holds memory on it for as long as it lives, so the process of the search asks the driver's own tools instead.
"""

import os
import re
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

LIST_COMMAND = ("nvidia-smi", "-L")
LIST_SECONDS = 10.0  # a driver that does not answer by then is left alone
DRIVER_FOLDER = Path("/proc/driver/nvidia/gpus")  # a folder for each processor, where nvidia-smi is missing
ROUNDING = 1e-9  # three thirds are one
VISIBLE = "CUDA_VISIBLE_DEVICES"
# Both backends take most of a device's memory at their first operation, unless they are told to take what they need.
SHARED_MEMORY = {"TF_FORCE_GPU_ALLOW_GROWTH": "true", "XLA_PYTHON_CLIENT_PREALLOCATE": "false"}


@dataclass(frozen=True)
class Slot:
    """What the process of a slot finds in its environment."""

    device: str | None  # value of CUDA_VISIBLE_DEVICES; None leaves it alone
    shares_device: bool = False  # another slot computes on the same device

    def environment(self) -> dict[str, str]:
        """The variables to set before a backend starts."""
        return ({} if self.device is None else {VISIBLE: self.device}) | (SHARED_MEMORY if self.shares_device else {})


def visible_devices(environment: Mapping[str, str] | None = None) -> list[str]:
    """The devices that CUDA would see, as `CUDA_VISIBLE_DEVICES` names them; none where there are none.

    Args:
        environment: Where the variable is looked for; None for this process's own.
    """
    given = (os.environ if environment is None else environment).get(VISIBLE)
    if given is None:
        return _listed()
    names = [name.strip() for name in given.split(",")]
    # CUDA itself stops at the first name that is not one: `-1` and an empty text hide every device.
    stop = next((number for number, name in enumerate(names) if name in ("", "-1")), len(names))
    return names[:stop]


def deal(slots: int, devices: Sequence[str], each: float | None = None) -> list[Slot]:
    """What each of `slots` may see of `devices`.

    Args:
        slots: How many.
        devices: As CUDA_VISIBLE_DEVICES names them.
        each: Devices of a slot, a part of one, or 0 for none; None: one for each slot in turn, and where there are
            fewer devices than slots, the slots share them.
    """
    if each == 0:
        return [Slot("") for _ in range(slots)]
    if not devices:
        return [Slot(None) for _ in range(slots)]
    if each is not None and each < 1:
        return [Slot(devices[slot % len(devices)], shares_device=True) for slot in range(slots)]
    if each is not None:
        whole = int(each)
        return [Slot(",".join(devices[slot * whole : (slot + 1) * whole])) for slot in range(slots)]
    return [
        Slot(devices[slot % len(devices)], shares_device=_on(slot % len(devices), slots, len(devices)) > 1)
        for slot in range(slots)
    ]


def slots_on(devices: int, each: float) -> int:
    """How many slots so many devices have room for, with `each` for a slot: a part of one, or whole ones."""
    if each < 1:
        return devices * int(1 / each + ROUNDING)
    return devices // int(each)


def _on(device: int, slots: int, devices: int) -> int:
    """How many slots compute on a device."""
    return len(range(device, slots, devices))


def _listed() -> list[str]:
    """What the driver lists: parts of a divided processor by their own names, else whole processors."""
    try:
        done = subprocess.run(LIST_COMMAND, capture_output=True, text=True, timeout=LIST_SECONDS, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return _in_driver_folder()
    return parse_list(done.stdout) if done.returncode == 0 else _in_driver_folder()


def device_kind() -> str:
    """What trainings are expected to run on: "gpu" where one is visible, else "cpu"."""
    return "gpu" if visible_devices() else "cpu"


def parse_list(text: str) -> list[str]:
    """The identifiers in what `nvidia-smi -L` prints; a processor that is divided is named by its parts alone."""
    found: list[str] = []
    divided = set()
    whole = ""
    for kind, name in re.findall(r"UUID: (GPU|MIG)-([^)\s]+)", text):
        if kind == "GPU":
            whole = f"GPU-{name}"
            found.append(whole)
        else:
            divided.add(whole)
            found.append(f"MIG-{name}")
    return [name for name in found if name not in divided]


def _in_driver_folder() -> list[str]:
    try:
        return [str(number) for number, _ in enumerate(sorted(DRIVER_FOLDER.iterdir()))]
    except OSError:
        return []
