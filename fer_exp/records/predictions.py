"""Predictions: what a model said about a split, and the file that keeps it.

In: three arrays and the names of the classes. Out: the same, later; or an error where the file is damaged. The file is
a compressed `.npz`, whose members carry checksums, so what is read is what was written. NumPy is loaded by the first
that is read or written: `fer-exp --help` needs none.
"""

import tokenize
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from fer_exp.data.classes import FER2013, Classes
from fer_exp.system.errors import BadRecord
from fer_exp.system.files import open_file, replacing
from fer_exp.system.values import first_line

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

LARGEST = 2**28  # bytes, packed or unpacked; those on PublicTest have 140 thousand
# What reading a damaged .npz raises, found by flipping its bits: zipfile's and zlib's errors are neither OSError nor
# ValueError, RuntimeError is zipfile's word for what it does not know, and NumPy parses a header as Python.
UNREADABLE = (
    OSError,
    EOFError,
    ValueError,
    KeyError,
    TypeError,
    RuntimeError,
    MemoryError,
    OverflowError,
    SyntaxError,
    tokenize.TokenError,
    zipfile.BadZipFile,
    zlib.error,
)


@dataclass(frozen=True)
class Predictions:
    """What a model said about a split."""

    labels: "NDArray[np.uint8]"  # (n,)
    probabilities: "NDArray[np.float32]"  # (n, classes)
    rows: "NDArray[np.int64]"  # (n,) rows of the data source
    classes: Classes = FER2013  # what labels and columns mean
    groups: "NDArray[np.int64] | None" = None  # (n,) whom the images show; None where nothing says so


def read_predictions(path: Path) -> Predictions:
    """The predictions stored at `path`.

    Raises:
        BadRecord: The file is missing or damaged, or its arrays do not belong together.
    """
    import numpy as np

    try:
        # Opened here, because np.load leaves a file open that it cannot read.
        with open_file(path, LARGEST) as file:
            _refuse_bomb(file)
            with np.load(file, allow_pickle=False) as stored:
                names = [str(name) for name in stored["classes"]] if "classes" in stored else FER2013.names
                arrays = (stored["labels"], stored["probabilities"], stored["rows"])
                groups = stored.get("groups")
                return _fitting(Predictions(*arrays, Classes(names), groups))
    except UNREADABLE as error:
        raise BadRecord(
            f"{path}: expected stored predictions, received {first_line(error)}",
            "Nothing was changed. Move the trial's folder away to train it again.",
        ) from error


def store_predictions(path: Path, predictions: Predictions) -> None:
    """Puts the predictions at `path`, whole or not at all."""
    import numpy as np

    with replacing(path) as temporary:
        arrays = {
            "labels": predictions.labels,
            "probabilities": predictions.probabilities,
            "rows": predictions.rows,
            "classes": np.array(predictions.classes.names),
        }
        grouped = {} if predictions.groups is None else {"groups": predictions.groups}
        np.savez_compressed(temporary, **arrays, **grouped)  # type: ignore[arg-type]  # NumPy's stub takes a flag among them


def _refuse_bomb(file: BinaryIO) -> None:
    with zipfile.ZipFile(file) as archive:
        unpacked = sum(member.file_size for member in archive.infolist())
    if unpacked > LARGEST:
        raise ValueError(f"{unpacked:,} bytes unpacked, more than {LARGEST:,}")
    file.seek(0)


def _fitting(found: Predictions) -> Predictions:
    """The same, where its arrays belong together."""
    import numpy as np

    count = found.labels.size
    shapes = {"labels": (count,), "probabilities": (count, len(found.classes)), "rows": (count,)}
    types = {"labels": np.uint8, "probabilities": np.float32, "rows": np.int64}
    if found.groups is not None:
        shapes["groups"], types["groups"] = (count,), np.int64
    for name, shape in shapes.items():
        array = getattr(found, name)
        if array.shape != shape or array.dtype != types[name]:
            raise ValueError(f"{name} of shape {array.shape} and type {array.dtype}")
    return found
