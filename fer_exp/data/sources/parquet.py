"""Parquet: one row per face, with encoded images or pixels, a label, and perhaps Usage.

In: a path. Out: Faces. Columns are chosen by type as well as name, because editions differ. Where the file says
which names its label numbers stand for (as the `datasets` library writes it), those names decide: many editions number
their classes alphabetically.
"""

import json
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fer_exp.data.classes import FER2013
from fer_exp.data.faces import SIDE, Faces, Images, Usage
from fer_exp.data.reading import Reading
from fer_exp.data.sources.archives import damaged
from fer_exp.data.sources.images import Decoder
from fer_exp.data.sources.names import (
    EMOTION_COLUMNS,
    GROUP_COLUMNS,
    IMAGE_COLUMNS,
    PIXEL_COLUMNS,
    USAGE_COLUMNS,
    class_named,
    shown,
    usage_titled,
)
from fer_exp.data.sources.numbering import OWN_COLUMNS
from fer_exp.data.sources.pixels import PIXELS, parse_pixels, pixel_problem
from fer_exp.data.sources.rows import NO_USAGE, UNCHANGED, FaceRows
from fer_exp.data.sources.vocabulary import in_order, slug_of
from fer_exp.system.errors import BadData

MAGIC = b"PAR1"
_BATCH = 1024  # rows decoded at a time
_Face = Callable[[Any], Images | str]  # an Arrow scalar to a face, or what is wrong with it


class _Columns(NamedTuple):
    image: str
    emotion: str
    usage: str | None
    group: str | None  # whom the image shows


def read_parquet(path: Path, reading: Reading) -> Faces:
    """The faces of the parquet file at `path`, in its order.

    Raises:
        BadData: Damaged, without the columns needed, without rows, or with a bad row that is not to be skipped.
    """
    rows = FaceRows(path.name, "parquet", reading)
    rows.vocabulary.order = FER2013.names
    try:
        with pq.ParquetFile(path, page_checksum_verification=True) as file:  # where there are checksums
            columns = _columns(file.schema_arrow, path.name)
            rows.notes += [] if columns.usage else [NO_USAGE]
            rows.grouped_by = "" if columns.group is None else GROUP_COLUMNS[columns.group.lower()]
            face = _reader(file.schema_arrow.field(columns.image).type, rows.decoder)
            _learn_labels(file.schema_arrow, columns.emotion, rows)
            number = 0
            for batch in file.iter_batches(_BATCH, columns=[name for name in columns if name]):
                _add(batch, columns, face, rows, number)
                number += batch.num_rows
    except (pa.ArrowException, OSError, ValueError, OverflowError) as error:  # the last two from dates beyond Python's
        raise damaged(path.name, error) from error
    return rows.faces()


def _add(batch: Any, columns: _Columns, face: _Face, rows: FaceRows, number: int) -> None:
    emotions = batch[columns.emotion].to_pylist()
    usages = batch[columns.usage].to_pylist() if columns.usage else [Usage.TRAINING.title] * batch.num_rows
    groups = batch[columns.group].to_pylist() if columns.group else [None] * batch.num_rows
    for cell, value, title, group in zip(batch[columns.image], emotions, usages, groups, strict=True):
        number += 1
        label = None if value is None else rows.vocabulary.number_of(str(value))
        usage = usage_titled(title) if isinstance(title, str) else None
        if label is None:
            rows.bad_row(number, f"{columns.emotion}: expected {rows.vocabulary.expected}, received {shown(value)}")
        elif usage is None:
            rows.bad_row(
                number, f"{columns.usage}: expected Training, PublicTest or PrivateTest, received {shown(title)}"
            )
        elif columns.group is not None and group in (None, ""):
            rows.bad_row(number, f"{columns.group}: expected whom the image shows, received nothing")
        elif isinstance(image := face(cell), str):
            rows.bad_row(number, image)
        else:
            rows.add(image[None], [label], [usage], [None if group is None else str(group)])


def _columns(schema: Any, name: str) -> _Columns:
    images = [
        field.name
        for field in schema
        if _is_bytes(field.type)
        or _is_bytes_struct(field.type)
        or field.name.lower() in PIXEL_COLUMNS
        or (field.name.lower() in IMAGE_COLUMNS and _is_list(field.type))
    ]
    emotions = _named(schema.names, EMOTION_COLUMNS)
    usages = _named(schema.names, USAGE_COLUMNS)
    if len(images) != 1 or len(emotions) != 1 or len(usages) > 1:
        raise BadData(
            f"{name}: expected one column of images or pixels, one of labels (emotion or label) and at most one Usage, "
            f"received {', '.join(schema.names)}",
            f"{UNCHANGED} Rename or remove columns until one of each is left.",
        )
    groups = _named(schema.names, tuple(GROUP_COLUMNS))
    group = groups[0] if len(groups) == 1 else None  # of two that might be meant, neither
    return _Columns(images[0], emotions[0], usages[0] if usages else None, group)


def _named(names: Iterable[str], known: tuple[str, ...]) -> list[str]:
    return [name for name in names if name.lower() in known]


def _is_bytes(kind: Any) -> bool:
    return bool(pa.types.is_binary(kind) or pa.types.is_large_binary(kind))


def _is_bytes_struct(kind: Any) -> bool:
    return bool(pa.types.is_struct(kind) and kind.get_field_index("bytes") >= 0 and _is_bytes(kind.field("bytes").type))


def _reader(kind: Any, decoder: Decoder) -> _Face:
    """How a cell of a column of this type becomes a face."""
    if _is_bytes_struct(kind):
        return lambda cell: _encoded(cell["bytes"].as_py() if cell.is_valid else None, decoder)
    if _is_bytes(kind):
        return lambda cell: _encoded(cell.as_py(), decoder)
    if pa.types.is_string(kind) or pa.types.is_large_string(kind):
        return lambda cell: _written(cell.as_py())
    return _listed


def _encoded(data: bytes | None, decoder: Decoder) -> Images | str:
    return "expected the bytes of an image, received none" if data is None else decoder.face(data)


def _written(text: str | None) -> Images | str:
    data = (text or "").encode()
    images = parse_pixels([data])
    return pixel_problem(data) if images is None else images[0]


def _is_list(kind: Any) -> bool:
    return bool(pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind))


def _listed(cell: Any) -> Images | str:
    values = cell.values if _is_list(cell.type) else None
    while values is not None and _is_list(values.type):
        if values.null_count or any(len(row) != len(values[0]) for row in values):  # rows of an array
            return "expected rows of one length, received others"
        values = values.flatten()
    if values is None or not pa.types.is_integer(values.type):
        return f"expected a list of {PIXELS} whole numbers, received {shown(cell)}"
    if len(values) != PIXELS:
        return f"expected {PIXELS} pixels, received {len(values)}"
    if values.null_count:
        return "expected whole numbers 0-255, received an empty value"
    pixels = values.to_numpy(zero_copy_only=False)
    wrong = np.flatnonzero((pixels < 0) | (pixels > 255))
    if len(wrong):
        return f"pixel {wrong[0] + 1}: expected a whole number 0-255, received {shown(pixels[wrong[0]])}"
    return np.asarray(pixels, np.uint8).reshape(SIDE, SIDE)


def _learn_labels(schema: Any, column: str, rows: FaceRows) -> None:
    """Tells the vocabulary of `rows` what the label column's numbers mean, where the file says so."""
    kind = schema.field(column).type
    kind = kind.value_type if pa.types.is_dictionary(kind) else kind
    if not (pa.types.is_integer(kind) or pa.types.is_string(kind) or pa.types.is_large_string(kind)):
        raise BadData(
            f"{rows.source}: expected {column} to hold whole numbers or class names, received {kind}",
            f"{UNCHANGED} Write the column as whole numbers 0-6.",
        )
    words = _class_names(schema, column, rows.source)
    if words is None:
        explained = rows.reading.classes or column.lower() in OWN_COLUMNS or not pa.types.is_integer(kind)
        rows.numbered = None if explained else column
        return
    slugs = [class_named(word) or slug_of(word) for word in words]
    unknown = [word for word, slug in zip(words, slugs, strict=True) if slug is None]
    if unknown or len(set(slugs)) < len(slugs):
        raise BadData(
            f"{rows.source}: expected a name of its own for each class, received {', '.join(map(shown, words))}",
            f"{UNCHANGED} Rename the classes in the file, or say what numbers mean: --classes 0=angry,1=disgust,...",
        )
    rows.vocabulary.order = [str(slug) for slug in slugs]
    rows.vocabulary.declared = in_order([str(slug) for slug in slugs])


def _class_names(schema: Any, column: str, file: str) -> list[str] | None:
    """The names that the `datasets` library stored for the label numbers of `column`, if it did.

    Raises:
        BadData: It stored something that cannot be read. Without the names, the numbers may mean other classes.
    """
    try:
        names = json.loads((schema.metadata or {})[b"huggingface"])["info"]["features"][column]["names"]
    except (KeyError, TypeError):
        return None
    except (ValueError, RecursionError) as error:
        raise damaged(file, error) from error
    return [str(name) for name in names] if isinstance(names, list) else None
