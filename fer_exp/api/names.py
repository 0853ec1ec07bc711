"""From a name that a user gave to what it names; where a page may go; how wide the terminal of the answer is."""

import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fer_exp.system.errors import BadInput
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


def refuse_no_page(path: Path | None, option: str) -> None:
    """Lets through a place for a page.

    Raises:
        BadInput: A folder is there, or the name is none of a page's.
    """
    if path is not None and (path.is_dir() or path.suffix.lower() not in (".html", ".htm")):
        raise BadInput(
            f"{option}: expected a file that ends in .html, received {path}",
            "Nothing was written. Give a name such as report.html.",
        )
