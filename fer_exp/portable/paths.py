"""What a light archive says instead of the packing machine's paths: the last name of each.

In: a file of a campaign's folder. Out: its content as a light archive holds it. A light archive is there to be
published, and the folders above somebody's data name that somebody. Where data lay is a hint alone: their digest says
which they are.
"""

import json
import re
from pathlib import Path, PurePath

from fer_exp.campaign import CampaignSpec
from fer_exp.data.split.info import DataInfo
from fer_exp.records import DATA
from fer_exp.system.errors import BadRecord
from fer_exp.system.files import read_file

CAMPAIGN, PROVENANCE = "campaign.json", "provenance.json"
# Folders in front of a name; not those of an address such as https://host/path.
_FOLDERS = re.compile(r"(?<![\w:/.\\])(?:~|\.\.?|[A-Za-z]:)?[/\\](?:[^\s'\"/\\]+[/\\])*(?=[^\s'\"/\\])")


def names_paths(name: str) -> bool:
    """Whether the file of that name tells where something lay."""
    return PurePath(name).name in (CAMPAIGN, DATA, PROVENANCE)


def without_paths(folder: Path, name: str) -> bytes:
    """The content of a file for which `names_paths` holds; as it is where it cannot be read.

    Args:
        folder: Of the campaign.
        name: Of the file, within it.
    """
    stored = read_file(folder / name)
    try:
        kind = PurePath(name).name
        if kind == CAMPAIGN:
            spec = CampaignSpec.read(folder / name)
            changed = {"data": _of_data(spec.data), "file": _last(spec.file)}
            return spec.model_copy(update=changed).sealed(indent=1).encode()
        if kind == DATA:
            return _of_data(DataInfo.read(folder / name)).sealed(indent=1).encode()
        facts = json.loads(stored)
        known = CampaignSpec.read(folder / CAMPAIGN).data.path  # it may hold blanks, which end a word of a command
        facts["command"] = _FOLDERS.sub("", facts["command"].replace(known, _last(known)))
        return json.dumps(facts, indent=1).encode()
    except (BadRecord, ValueError, KeyError, TypeError, AttributeError):
        return stored


def _of_data(info: DataInfo) -> DataInfo:
    return info.model_copy(update={"path": _last(info.path)})


def _last(path: str) -> str:
    return path if "://" in path else PurePath(path).name or path
