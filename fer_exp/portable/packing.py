"""Packing: a campaign's folder into one file.

In: a folder that nobody drives. Out: an archive; the same folder gives the same bytes. Owners, rights and the clock are
left out, so nothing of the machine goes along but what records say themselves.
"""

import io
import tarfile
from pathlib import Path
from typing import IO

import zstandard

from fer_exp.portable.manifest import MEMBER, Manifest, describe
from fer_exp.portable.paths import names_paths, without_paths
from fer_exp.system.errors import BadInput
from fer_exp.system.files import replacing
from fer_exp.system.lock import lock

LEVEL = 10  # of zstd: models and predictions are packed already, histories get ten times smaller
READABLE = 0o644


def pack(folder: Path, target: Path, *, light: bool = False) -> Manifest:
    """Packs the campaign in `folder` into the file `target`; what it holds.

    Args:
        folder: Of the campaign.
        target: The file, which is not there yet.
        light: Leave out models, checkpoints, figures, pages, logs, and the folders of paths. What was measured can be
            read and judged again, and a search goes on from it; no training goes on and no model can be asked.

    Raises:
        Busy: Somebody drives the campaign.
        BadRecord: `campaign.json` is missing or damaged.
        BadInput: `target` exists, or the folder holds something that is no record's.
    """
    if target.exists():
        raise BadInput(f"{target} exists already", "Nothing was packed. Name another file, or move that one away.")
    with lock(folder):
        manifest = describe(folder, light=light)
        packer = zstandard.ZstdCompressor(level=LEVEL, write_checksum=True)
        with (
            replacing(target) as temporary,
            temporary.open("wb") as file,
            packer.stream_writer(file, closefd=False) as packed,
        ):
            _write(folder, manifest, packed)
    return manifest


def _write(folder: Path, manifest: Manifest, packed: zstandard.ZstdCompressionWriter) -> None:
    with tarfile.open(fileobj=packed, mode="w|", format=tarfile.PAX_FORMAT) as archive:
        text = manifest.to_json(indent=1).encode()
        archive.addfile(_header(MEMBER, len(text)), io.BytesIO(text))
        for entry in manifest.files:
            with _content(folder, entry.path, light=manifest.light) as content:
                archive.addfile(_header(entry.path, entry.size), content)


def _content(folder: Path, name: str, *, light: bool) -> IO[bytes]:
    return io.BytesIO(without_paths(folder, name)) if light and names_paths(name) else (folder / name).open("rb")


def _header(name: str, size: int) -> tarfile.TarInfo:
    header = tarfile.TarInfo(name)
    header.size, header.mode = size, READABLE
    return header
