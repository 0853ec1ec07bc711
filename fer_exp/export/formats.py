"""Formats: what a model can be written as, and what each needs to be installed.

In: a format. Out: its ending, or one error that names the extra where a package is missing. Nothing is loaded.
"""

from enum import StrEnum
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path

from fer_exp.system.errors import BadInput

UNCHANGED = "Nothing was written."


class Format(StrEnum):
    """What a model can be written as."""

    ONNX = "onnx"
    LITERT = "litert"
    SAVED_MODEL = "saved_model"
    OPENVINO = "openvino"
    WEB = "web"


ENDINGS = {Format.ONNX: ".onnx", Format.LITERT: ".tflite"}  # the others are folders
_ONNX = {"tf2onnx": "tf2onnx", "onnx": "onnx", "onnxruntime": "onnxruntime"}
PACKAGES: dict[Format, dict[str, str]] = {  # module -> package
    Format.ONNX: _ONNX,
    Format.WEB: _ONNX,
    Format.OPENVINO: {**_ONNX, "openvino": "openvino"},
    Format.LITERT: {"ai_edge_litert": "ai-edge-litert"},
    Format.SAVED_MODEL: {},
}
INT8_PACKAGES: dict[Format, dict[str, str]] = {
    Format.LITERT: {"ai_edge_quantizer": "ai-edge-quantizer"},
    Format.OPENVINO: {"nncf": "nncf"},
}
EXTRAS = {Format.ONNX: "onnx", Format.WEB: "onnx", Format.OPENVINO: "openvino", Format.LITERT: "litert"}


def require_packages(kind: Format, *, int8: bool) -> None:
    """Raises BadInput where a package is missing, and names the extra that brings it."""
    needed = PACKAGES[kind] | (INT8_PACKAGES.get(kind, {}) if int8 else {})
    missing = [package for module, package in needed.items() if find_spec(module) is None]
    if missing:
        raise BadInput(
            f"--format {kind.value}: expected {', '.join(needed.values())} to be installed, found no "
            f"{' and no '.join(missing)}",
            f"{UNCHANGED} Install what it needs: pip install 'fer-exp[{EXTRAS[kind]}]'",
        )


def require_int8(kind: Format) -> None:
    """Raises BadInput for the format that has no quantised form of its own."""
    if kind is Format.SAVED_MODEL:
        raise BadInput(
            "--int8: expected onnx, litert, openvino or web, received saved_model, which TensorFlow does not quantise",
            f"{UNCHANGED} Leave --int8 out, or choose another format.",
        )


def require_free(out: Path, kind: Format) -> None:
    """Raises BadInput where something is at the path already, or the format's name ends otherwise."""
    ending = ENDINGS.get(kind)
    if ending is not None and out.suffix != ending:
        raise BadInput(
            f"--out: expected a file that ends in {ending} for {kind.value}, received {out.name!r}",
            f"{UNCHANGED} For example: --out {out.with_suffix(ending)}",
        )
    if out.is_symlink() or out.exists():
        raise BadInput(
            f"--out: expected a path where nothing is, received {out}, which is there",
            f"{UNCHANGED} Give another path, or move away what is there.",
        )


def version_of(package: str) -> str:
    """`onnxruntime 1.32.0`."""
    try:
        return f"{package} {version(package)}"
    except PackageNotFoundError:
        return package
