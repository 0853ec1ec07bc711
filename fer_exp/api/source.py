"""Which campaign is meant: a campaign file, or a Campaign made in Python, as in a notebook's cell.

In: a path or a Campaign. Out: the Campaign as its file defines it, and the file's text and fingerprint. A Campaign made
in Python is written as a file first and read back, so that what runs is what the campaign's folder keeps.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fer_exp.system.home import Home

if TYPE_CHECKING:
    from fer_exp.campaign import Campaign


@dataclass(frozen=True)
class Sourced:
    """A campaign and the text that defines it."""

    campaign: "Campaign"
    file: str  # where the text is
    fingerprint: str  # of the text, see `campaign/load.py`
    text: bytes


def sourced(campaign: "Campaign | Path | str | Sourced", home: Home) -> Sourced:
    """The campaign that a file defines, or that was made in Python.

    Args:
        campaign: A path to a campaign file, or a Campaign.
        home: Where a Campaign made in Python is written to.

    Raises:
        BadCampaign: The file defines none, its space does not work, or a Campaign cannot be written as a file.
    """
    from fer_exp.campaign import Campaign, fingerprint, load_campaign
    from fer_exp.system.files import read_file

    if isinstance(campaign, Sourced):
        return campaign
    if isinstance(campaign, Campaign):
        return _written(campaign, home)
    path = Path(campaign)
    loaded = load_campaign(path)
    return Sourced(loaded, str(path), fingerprint(path), read_file(path))


def _written(campaign: "Campaign", home: Home) -> Sourced:
    """The campaign as a file of its own, in the cache; a search puts it into the campaign's folder."""
    from fer_exp.api.cells import campaign_source, refuse_other_recipes
    from fer_exp.campaign import fingerprint, load_campaign
    from fer_exp.records import CAMPAIGN_FILE
    from fer_exp.system.files import write_atomically

    text = campaign_source(campaign)
    path = home.cache / "cells" / f"{campaign.name}.py"
    write_atomically(path, text)
    loaded = load_campaign(path)
    refuse_other_recipes(campaign, loaded)
    return Sourced(loaded, str(home.campaign(campaign.name) / CAMPAIGN_FILE), fingerprint(path), text.encode())
