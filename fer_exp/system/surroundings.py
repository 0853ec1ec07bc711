"""What a caller's shell, notebook and settings say, and which of it reaches a process of ours.

In: the environment of this process. Out: the same, without what would change a result or break a command. A recipe,
data and a seed give the same model whatever the user's Keras settings are, figures never ask for a notebook's backend,
and a file of the user's that is named like a module is never imported in that module's place.
"""

import multiprocessing
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.util import find_spec

from fer_exp.system.errors import BadInput
from fer_exp.system.provenance import BACKEND_PACKAGES, backend_name

# Keras's own settings, and the notebook's drawing; what they would do is said by a recipe or not at all.
DROPPED = ("MPLBACKEND", "KERAS_MAX_EPOCHS", "KERAS_MAX_STEPS_PER_EPOCH", "KERAS_NNX_ENABLED")
NO_FILE = os.devnull  # as Keras's folder: it holds no keras.json, and none can be written into it


def settle() -> None:
    """Makes this process, and those it starts, independent of its surroundings; before any library is loaded.

    The one thing that counts is which backend the user chose, by `KERAS_BACKEND` or Keras's own file.
    """
    os.environ["KERAS_BACKEND"] = backend_name()
    os.environ["KERAS_HOME"] = NO_FILE
    for name in DROPPED:
        os.environ.pop(name, None)
    os.environ["PYTHONSAFEPATH"] = "1"  # else each Python looks for modules in the working folder first


@contextmanager
def without_keras_settings() -> Iterator[None]:
    """Lets Keras be imported as after `settle`; of the environment only the backend that holds anyway stays set.

    Keras reads its folder when it is imported, and never again.
    """
    before = os.environ.get("KERAS_HOME")
    os.environ["KERAS_BACKEND"] = backend_name()
    os.environ["KERAS_HOME"] = NO_FILE
    try:
        yield
    finally:
        os.environ.pop("KERAS_HOME")
        if before is not None:
            os.environ["KERAS_HOME"] = before


def require_working_folder() -> None:
    """Raises BadInput where the working folder is gone: relative paths would lead nowhere."""
    try:
        os.getcwd()  # noqa: PTH109  # Path.cwd() is this call
    except FileNotFoundError as error:
        raise BadInput(
            "the working folder no longer exists: it was deleted or moved while this shell stood in it",
            "Nothing was started. Change to a folder that exists, then give the command again.",
        ) from error


def require_processes() -> None:
    """Raises BadInput where this platform has no fork server, from which the processes of trials come."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        raise BadInput(
            f"training: expected a platform with a fork server (Linux, macOS), received {sys.platform}",
            "Nothing was started. Use Linux, in WSL or a container too; what is recorded can be looked at here.",
        )


def require_main_thread() -> None:
    """Raises BadInput in another thread: signals, such as Ctrl-C, reach the main thread alone."""
    if threading.current_thread() is not threading.main_thread():
        raise BadInput(
            f"training: expected to be called in the main thread, received {threading.current_thread().name!r}",
            "Nothing was started. Call it in the main thread, where Ctrl-C can stop it, or in a process of its own.",
        )


def require_backend() -> None:
    """Raises BadInput where Keras has no backend of the chosen name, or that backend is not installed here."""
    chosen = backend_name()
    installed = [name for name in BACKEND_PACKAGES if find_spec(name) is not None]
    if chosen not in installed:
        why = "is not installed here" if chosen in BACKEND_PACKAGES else "is no backend of Keras"
        raise BadInput(
            f"KERAS_BACKEND: expected one of {', '.join(installed)}, received {chosen!r}, which {why}",
            "Nothing was started. Unset KERAS_BACKEND (or mend ~/.keras/keras.json) for TensorFlow, or install it.",
        )
