"""From a name that a user gave to what it names; and how wide the terminal is that the answer goes to."""

import shutil
import sys
from typing import TYPE_CHECKING

from fer_exp.system.home import Home

if TYPE_CHECKING:
    from fer_exp.campaign import CampaignSpec


def known_campaign(home: Home, name: str) -> "CampaignSpec":
    """What the campaign's folder says about it.

    Raises:
        NotFound: There is no such campaign.
    """
    from fer_exp.campaign import CampaignSpec

    return CampaignSpec.read(home.recorded_campaign(name) / "campaign.json")


def terminal_width() -> int | None:
    """Characters of a line where standard output is a terminal; None where a program reads it."""
    return shutil.get_terminal_size().columns if sys.stdout.isatty() else None
