"""Runs every measurement and prints one table."""

import os
import platform
import sys
from collections.abc import Iterator
from pathlib import Path

from benchmarks.sides import HEADER, Comparison
from fer_exp.quiet import stderr_to

NAME = "fer2013.csv.gz"


def find_data() -> Path | None:
    """The packed CSV in FER_EXP_DATA, or in `../shared/data` beside the checkout."""
    checkout = Path(__file__).resolve().parent.parent
    folders = [Path(os.environ["FER_EXP_DATA"])] if "FER_EXP_DATA" in os.environ else []
    folders.append(checkout.parent / "shared" / "data")
    return next((folder / NAME for folder in folders if (folder / NAME).is_file()), None)


def all_measurements() -> Iterator[Comparison]:
    """One after another; those that need FER2013 are left out, and said so, where it is not at hand."""
    with stderr_to():
        from benchmarks import data_loading, training
    packed = find_data()
    if packed is None:
        print(f"data loading: left out, no {NAME} in FER_EXP_DATA or ../shared/data", file=sys.stderr)
    else:
        yield from data_loading.measurements(packed)
    yield from training.measurements()


if __name__ == "__main__":
    print(f"{platform.processor() or platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}")
    print(HEADER)
    for comparison in all_measurements():
        print(comparison.line(), flush=True)
