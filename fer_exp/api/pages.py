"""Pages: the report and the model card that a search, a retrain and an evaluation end with.

In: a home and a campaign's name. Out: the files in its folder. What draws them is loaded when they are drawn.
"""

from collections.abc import Callable

from fer_exp.system.home import Home


def write_pages(home: Home, name: str) -> None:
    """Writes the campaign's report and model card.

    Raises:
        FerExpError: The campaign's own file, or the record that the card is about, is damaged.
    """
    from fer_exp.report import write_pages as write

    write(home, name)


def refresh_pages(home: Home, name: str, say: Callable[[str], None]) -> None:
    """Writes them again where there is a report; that they cannot be written is said, and harms nothing."""
    from fer_exp.report import refresh_pages as refresh

    problem = refresh(home, name)
    if problem:
        say(problem)
