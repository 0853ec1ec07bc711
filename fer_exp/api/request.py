"""What is to be searched: a campaign with everything that differs from its file, and its data found.

In: a campaign file or a Campaign, and parameters. Out: a SearchRequest, for which nothing has been started yet.
"""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from fer_exp.api.place import Place, Settled
from fer_exp.api.settings import cleaned, override, refuse_foldless, without_clahe
from fer_exp.api.source import Sourced, sourced
from fer_exp.system.errors import BadInput
from fer_exp.system.home import Home
from fer_exp.system.surroundings import require_main_thread, require_processes

if TYPE_CHECKING:
    from fer_exp.campaign import Campaign, Settings
    from fer_exp.data.reading import Reading
    from fer_exp.tuning.values import DataChoice


@dataclass(frozen=True)
class SearchRequest:
    """A campaign as it will be run."""

    source: "Sourced | None"  # None for the baseline, which no file defines
    campaign: "Campaign"
    settings: "Settings"
    data: "DataChoice"
    home: Home
    settled: Settled


def requested(
    campaign: "Campaign | Path | str | Sourced",
    *,
    data: Path | str | None,
    home: Path | str | Home | None,
    name: str | None,
    place: Place,
    clahe: bool,
    reading: "Reading | None",
    changes: dict[str, object],
    cleaning: tuple[bool, bool, bool],
) -> SearchRequest:
    """The campaign with everything that differs from its file, and its data found. `search` says what each means.

    Args:
        campaign: As of `search`, and so are the others.
        data: As of `search`.
        home: As of `search`.
        name: As of `search`.
        place: Where trials run.
        clahe: As of `search`.
        reading: As of `search`.
        changes: Settings by name; None leaves one as it is.
        cleaning: Whether to drop leaks, conflicts and blank images.

    Raises:
        FerExpError: It cannot be searched.
    """
    require_here()
    where = Home.at(home)
    source = sourced(campaign, where)
    chosen = source.campaign if name is None else replace(source.campaign, name=name)
    chosen = chosen if clahe else without_clahe(chosen)
    settings = override(chosen.settings, **changes)
    refuse_foldless(settings, changes)
    settings = cleaned(settings, leaks=cleaning[0], conflicts=cleaning[1], blank=cleaning[2])
    if settings.protocol.leaky:
        raise BadInput(
            f"protocol {settings.protocol}: its validation part holds copies of training images, so a search on it "
            "would reward memorising",
            "Nothing was started. Search with --protocol official or stratified; "
            "`fer-exp baseline --protocol reference` reproduces the reference's number.",
        )
    settings, choice = with_data(settings, data, chosen.data, reading)
    return SearchRequest(source, chosen, settings, choice, where, place.settle(chosen.resources))


def with_data(
    settings: "Settings", given: Path | str | None, default: str | None, reading: "Reading | None"
) -> tuple["Settings", "DataChoice"]:
    """The settings with the reading that holds, and the source that it reads."""
    from fer_exp.data.find import find_source
    from fer_exp.tuning.values import DataChoice

    settings = settings if reading is None else settings.model_copy(update={"reading": reading})
    source = find_source(None if given is None else str(given), default)
    return settings, DataChoice(source, settings.reading)


def require_here() -> None:
    """Raises BadInput where trials cannot run in processes of their own, or nobody could stop them."""
    require_processes()
    require_main_thread()
