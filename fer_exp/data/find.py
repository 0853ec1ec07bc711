"""Which data a command works on, where the user may have said so in several places.

In: what `--data` and the campaign say, and the environment. Out: one source. The first place that says anything
decides; what it names has to exist, since going on to the next place would answer the question with other data.
"""

import os
from pathlib import Path

from fer_exp.data.cache import DEMO
from fer_exp.system.errors import BadInput

VARIABLE = "FER_EXP_DATA"
DEFAULT = "data"  # in the working folder
PREFERRED = ("fer2013.parquet", "fer2013.csv", "fer2013.csv.*")  # of several in a folder, best first


def find_source(given: str | None, campaign_default: str | None = None, *, said_by: str = "--data") -> str:
    """The source to read: `--data`, else the campaign's default, else `FER_EXP_DATA`, else `data/` if it exists.

    The campaign comes before the environment: experiments/demo.py means the demo faces wherever it is run.

    Args:
        given: What `--data` says.
        campaign_default: What the campaign file says.
        said_by: What to call `given` in errors: an option, or an argument.

    Returns:
        A file, a folder, or "demo". Of a folder that holds FER2013 as a file, that file.

    Raises:
        BadInput: No place names data, or the one that does names something that is not there.
    """
    places = ((said_by, given), ("the campaign", campaign_default), (VARIABLE, os.environ.get(VARIABLE)))
    for place, named in places:
        if named:
            return _existing(named, place)
    if Path(DEFAULT).exists():
        return _existing(DEFAULT, "the working folder")
    raise BadInput(
        f"data: expected a file or a folder from --data, the campaign, {VARIABLE} or ./{DEFAULT}; received none",
        "Nothing was started. Give --data a path, or 'demo' for drawn faces.",
    )


def find_recorded(given: str | None, recorded: str) -> str:
    """The data that a campaign was run on: `--data`, else where they were, else as `find_source`.

    Records travel, so a path in them that leads nowhere here is no answer. Whoever reads the data compares their digest
    with the recorded one.

    Args:
        given: What `--data` says.
        recorded: Where they were when the campaign was run.

    Raises:
        BadInput: No place names data, or the one that does names something that is not there.
    """
    if recorded == DEMO or Path(recorded).expanduser().exists():
        return find_source(given, recorded)
    if given or os.environ.get(VARIABLE) or Path(DEFAULT).exists():
        return find_source(given)
    raise BadInput(
        f"data: the campaign was run on {recorded}, which is not here; expected them from --data or {VARIABLE}",
        "Nothing was started. Give --data a path to the same data; their digest decides.",
    )


def _existing(named: str, place: str) -> str:
    if named == DEMO:
        return DEMO
    path = Path(named).expanduser()
    if not path.exists():
        raise BadInput(
            f"data: expected the file or folder that {place} names, found none at {path.absolute()}",
            f"Nothing was started. Correct the path, or give {place} another one."
            if place.startswith("--")
            else "Nothing was started. Correct the path.",
        )
    if path.is_dir():
        return str(next((file for pattern in PREFERRED for file in sorted(path.glob(pattern))), path))
    return str(path)
