"""Run: a model is chosen, written, asked, compared with Keras, and only then put where it was asked for.

In: a model's name, a format, a path. Out: Exported. What is being written lies in a hidden folder beside the path,
which goes whatever happens.
"""

import os
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fer_exp.choosing import Asker, Chosen, Recorded, choose
from fer_exp.data.classes import FER2013, Classes, named_classes
from fer_exp.export import formats
from fer_exp.export.faces import CheckFaces, as_input, calibration_faces, check_faces, development_of
from fer_exp.export.formats import Format
from fer_exp.export.parity import LARGEST, Parity, compare
from fer_exp.records.facts import ModelFacts, bare_facts, facts_of
from fer_exp.system.errors import BadInput, NotEqual
from fer_exp.system.files import size_of, sync_folder, temporary_name
from fer_exp.system.home import Home
from fer_exp.system.stderr import stderr_to
from fer_exp.system.values import Value

if TYPE_CHECKING:
    import keras

Say = Callable[[str], None]
ASKER = Asker(
    "export",
    "Nothing was written.",
    "fer-exp export --model models:/demo@champion --format onnx --out demo.onnx",
)


def _silent(line: str) -> None:
    """Tells nobody."""


class Exported(Value):
    """What was written, and how it compares."""

    path: str
    format: Format
    int8: bool
    bytes: int
    title: str  # of the model
    facts: ModelFacts
    parity: Parity
    by_default: Parity | None = None  # OpenVINO with its own settings, where they are not float32


@dataclass(frozen=True)
class Order:
    """What is to be written."""

    kind: Format
    out: Path
    int8: bool = False
    data: str | None = None  # where the campaign's data are, if not where they were
    classes: str | None = None  # names, joined by commas, of a model that no record speaks for
    runtime: Path | None = None  # folder of onnxruntime-web; None takes it from npm


def export_model(
    home: Home, order: Order, *, model: str | None = None, record: str | None = None, say: Say = _silent
) -> Exported:
    """Writes a model in another format and measures how far its answers are from Keras's.

    Args:
        home: Where campaigns are.
        order: What is to be written.
        model: `models:/NAME@champion` and the like, or a `.keras` file.
        record: CAMPAIGN, CAMPAIGN:baseline or CAMPAIGN/trials/0003; one of the two is given.
        say: Told what is being done, a line each.

    Raises:
        BadInput: Something of what was asked for is not possible; a package is missing.
        NotFound: There is no such model.
        NotEqual: A float export answers otherwise than Keras; nothing is left at the path.
    """
    out = order.out.expanduser().absolute()
    if order.int8:
        formats.require_int8(order.kind)
    formats.require_packages(order.kind, int8=order.int8)
    formats.require_free(out, order.kind)
    say("Finding the model.")
    chosen = choose(home, ASKER, model=model, record=record)
    if isinstance(chosen, Recorded):
        chosen.vouch()
    say("Loading Keras.")
    with stderr_to():
        loaded = _load(home, chosen, order)
    out.parent.mkdir(parents=True, exist_ok=True)
    folder = out.parent / temporary_name(out.name)
    folder.mkdir()
    try:
        written = folder / out.name
        say(f"Writing {order.kind.value}{', quantised' if order.int8 else ''}.")
        with stderr_to():
            _write(loaded, order, written)
        say(f"Measuring parity on {loaded.faces.which}.")
        with stderr_to():
            found, by_default = _measure(loaded, order.kind, written)
        if not order.int8 and not found.holds:
            raise _not_equal(order.kind, found, out)
        formats.require_free(out, order.kind)  # once more: writing took a while
        _put(written, out)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Exported(
        path=str(out),
        format=order.kind,
        int8=order.int8,
        bytes=size_of(out) if out.is_dir() else out.stat().st_size,
        title=chosen.title,
        facts=loaded.facts,
        parity=found,
        by_default=by_default,
    )


@dataclass(frozen=True)
class _Loaded:
    """A model ready to be written, and the faces that it is checked and calibrated on."""

    network: "keras.Model"
    facts: ModelFacts
    faces: CheckFaces
    calibration: NDArray[np.float32] | None  # where it is to be quantised


def _load(home: Home, chosen: Chosen, order: Order) -> _Loaded:
    from fer_exp.export.network import exportable
    from fer_exp.model import load_model
    from fer_exp.model.kept import form_of_model

    if isinstance(chosen, Recorded):
        facts = facts_of(chosen.record.read(), chosen.campaign())
        kept = load_model(chosen.file, facts.form)
        development = development_of(home, chosen.data(), order.data)
    else:
        kept, development = load_model(chosen.file, None), None
        facts = bare_facts(form_of_model(kept), _named(chosen, form_of_model(kept).classes, order.classes))
    form = form_of_model(kept)
    calibration = calibration_faces(development) if order.int8 else None
    return _Loaded(exportable(kept, facts), facts, check_faces(development, form), calibration)


def _named(chosen: Chosen, count: int, given: str | None) -> Classes:
    """The classes of a model that no record speaks for, as the user names them."""
    if given is not None:
        return named_classes(given.split(","), count, ASKER.unchanged)
    example = ",".join(FER2013.names) if count == len(FER2013) else "happy,sad,neutral"
    raise BadInput(
        f"{chosen.file}: expected a model that a record of this home knows, or --classes with its {count} names; "
        "received neither",
        f"{ASKER.unchanged} A number means no expression: name them in the order of its answer, as --classes {example}",
    )


def _write(loaded: _Loaded, order: Order, path: Path) -> None:
    network, facts, calibration = loaded.network, loaded.facts, loaded.calibration
    match order.kind:
        case Format.ONNX:
            from fer_exp.export.to_onnx import write_onnx

            write_onnx(network, facts, path, calibration)
        case Format.LITERT:
            from fer_exp.export.to_litert import write_litert

            write_litert(network, facts, path, calibration)
        case Format.OPENVINO:
            from fer_exp.export.to_openvino import write_openvino

            write_openvino(network, facts, path, calibration)
        case Format.SAVED_MODEL:
            from fer_exp.export.to_saved_model import write_saved_model

            write_saved_model(network, facts, path)
        case Format.WEB:
            from fer_exp.export.to_web import write_web

            write_web(network, facts, path, calibration, order.runtime)


def _measure(loaded: _Loaded, kind: Format, written: Path) -> tuple[Parity, Parity | None]:
    """What the format's own runtime answers against Keras; and with its own settings, where those are less exact."""
    from fer_exp.export import runtimes

    images, classes = as_input(loaded.faces.images), Classes(loaded.facts.classes)
    expected = runtimes.ask_keras(loaded.network, images)
    found = compare(expected, runtimes.ask(kind, written, images), loaded.faces, runtimes.runtime_name(kind), classes)
    usual = runtimes.by_default(kind, written, images)
    return found, None if usual is None else compare(expected, usual[1], loaded.faces, usual[0], classes)


def _not_equal(kind: Format, found: Parity, out: Path) -> NotEqual:
    return NotEqual(
        f"{kind.value}: expected probabilities within {LARGEST:g} of Keras's, received {found.largest:.2g} on "
        f"{found.which} ({found.changed} labels changed)",
        f"Nothing was left at {out}. Try another format, and report this with the model's file.",
    )


def _put(written: Path, out: Path) -> None:
    """Moves what was written to its place, whole; on disk before it has its name."""
    for path in [written, *written.rglob("*")] if written.is_dir() else [written]:
        if path.is_file():
            with path.open("rb") as file:
                os.fsync(file.fileno())
    written.rename(out)
    sync_folder(out.parent)
