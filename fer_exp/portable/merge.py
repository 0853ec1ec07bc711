"""Whether an archive only adds to a campaign that is here already.

In: the folder here and the one that was unpacked, of the same identity. Out: how many files are new or have grown. A
record here that the archive lacks, or that went another way there, would be lost, so it is refused by name.
"""

import filecmp
from pathlib import Path, PurePosixPath

from fer_exp.campaign import CampaignSpec
from fer_exp.model_card import CARD
from fer_exp.portable.manifest import Manifest, files_of, is_heavy
from fer_exp.portable.paths import names_paths, without_paths
from fer_exp.system.errors import BadInput

SHOWN = 5  # differences in a message
GROWING = ("*.jsonl", "*.log")  # only added to, so the longer one holds the shorter
# Made from records, or the search's own notes: those of whoever has more records are the right ones.
MADE = ("campaign.json", "campaign.py", "state.json", "leaderboard.*", "importance.json", "report.*", CARD, "figures/*")
DROPPED = ("checkpoint-*", "model.keras")  # what a search deletes when it has gone on


def difference(here: Path, there: Path, manifest: Manifest) -> int:
    """How many files `there` adds to `here`; 0 where both hold the same.

    Raises:
        BadInput: `here` is another campaign, or holds what `there` lacks.
    """
    identity = CampaignSpec.read(here / "campaign.json").identity
    if identity != manifest.identity:
        raise BadInput(
            f"{here} is another campaign of the same name: expected identity {manifest.identity}, received {identity}",
            "Nothing was unpacked. Move that folder away, or unpack into another home (FER_EXP_HOME).",
        )
    ours = {path.relative_to(here).as_posix() for path in files_of(here)}
    theirs = {entry.path for entry in manifest.files}
    differing = sorted(name for name in ours & theirs if not _same(here, there, name))
    lost = [
        f"{name} is not in the archive"
        for name in sorted(ours - theirs)
        if not (_is_made(name) or _is_dropped(name) or (manifest.light and is_heavy(name)))
    ]
    lost += [f"{name} {problem}" for name in differing if (problem := _contradiction(here, there, name))]
    if lost:
        more = f" and {len(lost) - SHOWN} more" if len(lost) > SHOWN else ""
        raise BadInput(
            f"{here} holds what the archive lacks: {'; '.join(lost[:SHOWN])}{more}",
            "Nothing was unpacked. Move that folder away to take the archive's records, or keep the ones here.",
        )
    return len(theirs - ours) + len(differing)


def _same(here: Path, there: Path, name: str) -> bool:
    """Whether both hold the same, but for folders that a light archive leaves out."""
    if filecmp.cmp(here / name, there / name, shallow=False):
        return True
    return names_paths(name) and without_paths(here, name) == without_paths(there, name)


def _contradiction(here: Path, there: Path, name: str) -> str | None:
    """Why two versions of a file cannot both be right; None where the archive's goes on from ours."""
    if _is_made(name) or _is_dropped(name):
        return None
    if any(PurePosixPath(name).match(pattern) for pattern in GROWING):
        goes_on = (there / name).read_bytes().startswith((here / name).read_bytes())
        return None if goes_on else "does not go on from ours there"
    return "is another one there"


def _is_made(name: str) -> bool:
    """In the campaign's own folder; a report or figure within a record is a result of that record."""
    path = PurePosixPath(name)
    depth = 2 if path.parts[0] == "figures" else 1
    return len(path.parts) == depth and any(path.match(pattern) for pattern in MADE)


def _is_dropped(name: str) -> bool:
    return any(PurePosixPath(name).match(pattern) for pattern in DROPPED)
