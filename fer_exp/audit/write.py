"""Writing an audit: a folder with `audit.json`, `audit.html` and `sheets/*.png`, whole or not at all.

In: an Audit, its Faces, a folder. Out: the folder. It is made under another name beside its place and then renamed; an
older audit there is replaced, anything else there is left alone and refused.
"""

import io
import shutil
from pathlib import Path

from fer_exp.audit.findings import Audit
from fer_exp.audit.page import page
from fer_exp.audit.reduced import reduced
from fer_exp.audit.sheets import Sheet, draw, sheets_of
from fer_exp.data.faces import Faces
from fer_exp.system.errors import BadInput
from fer_exp.system.files import sync_folder, temporary_name, write_atomically

REPORT, PAGE, SHEETS = "audit.json", "audit.html", "sheets"


def refuse_foreign(folder: Path) -> None:
    """Lets through a place for an audit: nothing is there, or an empty folder, or an older audit.

    Raises:
        BadInput: Something else is there.
    """
    if folder.exists() and not (folder.is_dir() and ((folder / REPORT).is_file() or not any(folder.iterdir()))):
        raise BadInput(
            f"--out: expected a new folder, an empty one or one that holds an audit, received {folder}",
            "Nothing was changed. Give another folder.",
        )


def write_audit(audit: Audit, faces: Faces, folder: Path) -> None:
    """Puts the audit into `folder`, in the place of an older one.

    Raises:
        BadInput: `folder` holds something else.
    """
    refuse_foreign(folder)
    folder.parent.mkdir(parents=True, exist_ok=True)
    fresh, old = (folder.with_name(temporary_name(f"{kind}-{folder.name}")) for kind in ("new", "old"))
    try:
        _fill(fresh, audit, faces)
        if folder.exists():
            folder.rename(old)
        fresh.rename(folder)
        sync_folder(folder.parent)
    finally:
        for leftover in (fresh, old):
            shutil.rmtree(leftover, ignore_errors=True)


def _fill(folder: Path, audit: Audit, faces: Faces) -> None:
    drawn = [(sheet, _png(sheet)) for sheet in sheets_of(reduced(faces), audit)]
    for sheet, picture in drawn:
        write_atomically(folder / SHEETS / f"{sheet.name}.png", picture)
    write_atomically(folder / PAGE, page(audit, drawn))
    write_atomically(folder / REPORT, audit.to_json(indent=1))


def _png(sheet: Sheet) -> bytes:
    target = io.BytesIO()
    draw(sheet).save(target, "PNG")
    return target.getvalue()
