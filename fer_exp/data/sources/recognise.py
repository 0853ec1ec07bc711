"""What a file is that is no data of ours, told by how it begins, and how the data are come by.

In: the first bytes. Out: what was received, and what to do; None where nothing is recognised.
"""

from typing import NamedTuple

from fer_exp.data.sources.names import EMOTION_COLUMNS, PIXEL_COLUMNS, USAGE_COLUMNS

OTHER_SEPARATORS = {b";": "semicolons", b"\t": "tabs", b"|": "bars"}


class Received(NamedTuple):
    """What a file is, and the step that mends it."""

    what: str
    step: str


def recognise(start: bytes) -> Received | None:
    """What `start`, the beginning of a file that has no header of ours, belongs to."""
    return _no_table(start) or _another_table(start.removeprefix(b"\xef\xbb\xbf"))


def _no_table(start: bytes) -> Received | None:
    begins = start.lstrip()[:200].lower()
    if start.startswith((b"\xff\xfe", b"\xfe\xff")):
        return Received("a text in UTF-16, as spreadsheets write", "Save it as CSV in UTF-8.")
    if begins.startswith(b"version https://git-lfs"):
        return Received("a pointer of Git LFS instead of the file", "Fetch the file itself: git lfs pull.")
    if begins.startswith((b"<!doctype html", b"<html", b"<?xml")):
        return Received("a web page, perhaps one that asks to sign in", "Sign in and download the file itself.")
    if begins.startswith((b"{", b"[")):
        return Received("JSON, perhaps the error of a download", "Look into it, and download the file itself.")
    return None


def _another_table(start: bytes) -> Received | None:
    first = start.partition(b"\n")[0].partition(b"\r")[0]
    known = (*EMOTION_COLUMNS, *PIXEL_COLUMNS, *USAGE_COLUMNS)
    for separator, name in OTHER_SEPARATORS.items():
        cells = [cell.strip(b' "').decode(errors="replace").lower() for cell in first.split(separator)]
        if len(cells) > 1 and sum(cell in known for cell in cells) > 1:
            return Received(f"columns separated by {name}", "Save it with commas.")
    cells = [cell.strip(b' "').decode(errors="replace").lower() for cell in first.split(b",")]
    if any(cell in PIXEL_COLUMNS for cell in cells) and not any(cell in EMOTION_COLUMNS for cell in cells):
        return Received(
            "faces without labels, as the competition's test.csv",
            "Give train.csv, or icml_face_data.csv, which has both.",
        )
    for words in (EMOTION_COLUMNS, PIXEL_COLUMNS, USAGE_COLUMNS):
        found = [cell for cell in cells if cell in words]
        if len(found) > 1:
            return Received(f"{len(found)} columns for one thing: {', '.join(found)}", "Leave one of them in.")
    if b"\r" in start and b"\n" not in start:
        return Received("lines that end as on an old Mac", "Save it with line ends of today (LF or CRLF).")
    return None
