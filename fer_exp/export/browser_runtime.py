"""onnxruntime-web: the program that runs ONNX in a browser, 14 MB, by npm or from a folder.

In: where to put it. Out: its files there. npm is asked for one version, which the page was tested with; where npm is
missing or reaches nothing, the error says by which steps to get the files by hand.
"""

import shutil
import subprocess
import tarfile
import tempfile
from pathlib import Path

from fer_exp.system.errors import BadInput
from fer_exp.system.values import first_line

PACKAGE = "onnxruntime-web@1.30.0"
FILES = ("ort.wasm.min.mjs", "ort-wasm-simd-threaded.mjs", "ort-wasm-simd-threaded.wasm")  # in the package's dist/
NOTICES = ("package.json", "README.md")  # which name its licence, MIT
PATIENCE = 120.0  # seconds for npm
_BY_HAND = (
    f"Nothing was written. Where npm works: npm pack {PACKAGE}, unpack the archive, and give --runtime-dir the folder "
    "`package/dist` of it."
)


def put_runtime(target: Path, given: Path | None) -> None:
    """Puts the runtime's files into `target`.

    Args:
        target: A folder that is not there yet.
        given: A folder that holds the files, such as `package/dist` of the unpacked package; None asks npm.

    Raises:
        BadInput: The folder does not hold them, or npm is missing or failed.
    """
    if given is not None:
        _copy(given.expanduser(), target)
        return
    npm = shutil.which("npm")
    if npm is None:
        raise BadInput("web: expected npm to fetch onnxruntime-web, found none on this machine", _BY_HAND)
    with tempfile.TemporaryDirectory(prefix="fer-exp-") as folder:
        _copy(_packed(npm, Path(folder)), target)


def _copy(source: Path, target: Path) -> None:
    missing = [name for name in FILES if not (source / name).is_file()]
    if missing:
        raise BadInput(f"--runtime-dir: expected {', '.join(FILES)} in {source}, found no {missing[0]}", _BY_HAND)
    target.mkdir()
    for path in (*(source / name for name in FILES), *(source.parent / name for name in NOTICES)):
        if path.is_file():
            shutil.copyfile(path, target / path.name)


def _packed(npm: str, folder: Path) -> Path:
    try:
        ended = subprocess.run(
            [npm, "pack", "--silent", PACKAGE],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BadInput(f"web: expected npm to fetch {PACKAGE}, received {first_line(error)}", _BY_HAND) from error
    archives = sorted(folder.glob("*.tgz"))
    if ended.returncode or not archives:
        said = next((line for line in ended.stderr.splitlines() if line.strip()), "nothing")
        raise BadInput(f"web: expected npm to fetch {PACKAGE}, received an error from it: {said}", _BY_HAND)
    with tarfile.open(archives[0]) as archive:
        archive.extractall(folder, filter="data")
    return folder / "package" / "dist"
