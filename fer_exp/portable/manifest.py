"""What an archive of records holds: its first member, a list of every file with size, time and SHA-256.

In: a campaign's folder, or the bytes of a manifest. Out: a Manifest whose names are all harmless. An archive is a tar
packed with zstd: `manifest.json`, then the files in the manifest's order, nothing else. A light one holds what numbers
rest on (what was asked for, histories, scores, predictions, the ledger) and none of the large files, nor of the paths.
A training that has not ended is in it as one that has not begun.
"""

import hashlib
import re
from pathlib import Path, PurePosixPath
from typing import Annotated

from pydantic import Field

from fer_exp import __version__
from fer_exp.campaign import NAME, CampaignSpec
from fer_exp.portable.paths import names_paths, without_paths
from fer_exp.records.folder import LIGHT
from fer_exp.system.errors import BadInput
from fer_exp.system.files import TEMPORARY, is_there, sha256_of
from fer_exp.system.values import Value

SCHEMA = 1
MEMBER = "manifest.json"
SUFFIX = ".fer-exp.tar.zst"
SET_ASIDE = "set-aside"  # what a doctor moved out of the way stays where it is
# On the way to records, and no part of them: whoever unpacks makes their own.
PASSING = ("lock.json", "tracking.json", "*.lock", f"{TEMPORARY}*", LIGHT)
# What a light archive leaves out: weights, pictures, pages, and logs, which name paths of the machine.
HEAVY = ("*.keras", "checkpoint-*", "*.png", "*.svg", "*.html", "*.log")
HISTORY, OUTCOME = "history.jsonl", "outcome.json"  # of a record
_SEGMENT = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._@+=-]{0,199}")  # no separators, no blanks, no leading dot
_DEEPEST = 8


class Entry(Value):
    """A file of the campaign."""

    path: str  # within the campaign's folder, with "/"
    size: Annotated[int, Field(ge=0)]
    sha256: Annotated[str, Field(pattern="^[0-9a-f]{64}$")]
    mtime_ns: Annotated[int, Field(ge=0)]  # MLflow's times rest on those of some files


class Manifest(Value):
    """What an archive holds."""

    schema_version: int = SCHEMA
    fer_exp: str = __version__  # the version that packed it
    campaign: str
    identity: str
    light: bool = False  # left out where it is False, so that versions without it read whole archives
    files: tuple[Entry, ...]

    @property
    def size(self) -> int:
        """Bytes of all files together."""
        return sum(entry.size for entry in self.files)

    def to_json(self, indent: int | None = None) -> str:
        """The JSON form."""
        return self.model_dump_json(indent=indent, exclude=None if self.light else {"light"})


def describe(folder: Path, *, light: bool = False) -> Manifest:
    """The manifest of the campaign in `folder`; light too where its records came from a light archive.

    Raises:
        BadRecord: `campaign.json` is missing or damaged.
        BadInput: A link, a device or a file with an odd name is among its files.
    """
    spec = CampaignSpec.read(folder / "campaign.json")
    light = light or is_there(folder / LIGHT)
    names = sorted(path.relative_to(folder).as_posix() for path in files_of(folder))
    names = [name for name in names if not (light and (is_heavy(name) or _leads_nowhere(folder / name)))]
    for name in names:
        if problem := name_problem(name):
            raise BadInput(f"{folder / name}: {problem}", "Nothing was packed. Rename that file, or move it away.")
    entries = tuple(_entry(folder, name, light=light) for name in names)
    return Manifest(campaign=spec.name, identity=spec.identity, light=light, files=entries)


def files_of(folder: Path) -> list[Path]:
    """The files that belong to the campaign's records.

    Raises:
        BadInput: One is a link or a device.
    """
    found = []
    for path in sorted(folder.rglob("*")):
        within = path.relative_to(folder)
        if within.parts[0] == SET_ASIDE or any(PurePosixPath(path.name).match(pattern) for pattern in PASSING):
            continue
        if path.is_symlink() or not (path.is_dir() or path.is_file()):
            raise BadInput(
                f"{path}: expected plain files and folders, received a link or a device",
                "Nothing was packed. Move it away; records hold plain files only.",
            )
        if path.is_file():
            found.append(path)
    return found


def is_heavy(name: str) -> bool:
    """Whether a light archive leaves out the file of that name."""
    return any(PurePosixPath(name).match(pattern) for pattern in HEAVY)


def _leads_nowhere(path: Path) -> bool:
    """Epochs of a training that has not ended: it goes on from their checkpoint alone, and a light archive has none."""
    return path.name == HISTORY and not is_there(path.parent / OUTCOME)


def name_problem(name: str) -> str | None:
    """Why a file of that name may not be in an archive; None where it may."""
    path = PurePosixPath(name)
    if path.is_absolute() or "\\" in name or ".." in path.parts or path.as_posix() != name:
        return f"expected a name within the campaign's folder, received {name!r}"
    if len(path.parts) > _DEEPEST or not all(_SEGMENT.fullmatch(part) for part in path.parts):
        return f"expected a name of letters, digits and ._@+=- without a leading dot, received {name[:100]!r}"
    if path.parts[0] == SET_ASIDE or any(PurePosixPath(path.name).match(pattern) for pattern in PASSING):
        return f"expected records alone, received {name!r}"
    return None


def manifest_problem(manifest: Manifest) -> str | None:
    """Why an archive with that manifest is not unpacked; None where it is."""
    if manifest.schema_version > SCHEMA:
        return f"expected schema version {SCHEMA} or lower, received {manifest.schema_version}"
    if not NAME.fullmatch(manifest.campaign):
        return f"expected the name of a campaign, received {manifest.campaign[:100]!r}"
    names = [entry.path for entry in manifest.files]
    if len({name.casefold() for name in names}) != len(names):
        return "expected every file once, received names that are the same on some file systems"
    if "campaign.json" not in names:
        return "expected campaign.json among its files, received none"
    folders = {parent.as_posix() for name in names for parent in PurePosixPath(name).parents}
    if clash := folders & set(names):
        return f"expected files in folders, received {sorted(clash)[0]!r} as both"
    return next((problem for name in names if (problem := name_problem(name))), None)


def _entry(folder: Path, name: str, *, light: bool) -> Entry:
    found = (folder / name).stat()
    if light and names_paths(name):
        content = without_paths(folder, name)
        size, digest = len(content), hashlib.sha256(content).hexdigest()
    else:
        size, digest = found.st_size, sha256_of(folder / name)
    return Entry(path=name, size=size, sha256=digest, mtime_ns=found.st_mtime_ns)
