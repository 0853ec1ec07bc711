"""Starting a process of the fork server without the caller's main module.

In: a process. Out: the same, started. Python has every child import the script that its parent runs, so that objects
of the script can be unpickled there. Our children are given names and paths alone, and a script that calls
`fer_exp.search` without `if __name__ == "__main__":` would start the search anew in each of them.
"""

import sys
from multiprocessing.context import ForkServerProcess
from types import ModuleType


def start_without_main(process: ForkServerProcess) -> None:
    """Starts `process`; what it runs must be importable by name."""
    main = sys.modules["__main__"]
    sys.modules["__main__"] = ModuleType("__main__")  # without a file or a spec, so there is nothing to import
    try:
        process.start()
    finally:
        sys.modules["__main__"] = main
