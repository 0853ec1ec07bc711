"""From what a user says about a source to a Reading.

In: the values of options. Out: a Reading; where something was not said, what the campaign says.
"""

from typing import TYPE_CHECKING

from fer_exp.system.errors import BadInput

if TYPE_CHECKING:
    from fer_exp.data.reading import Reading


def reading_of(
    said: "Reading | None" = None,
    *,
    side: int | None = None,
    colour: bool = False,
    classes: str | None = None,
    merge: str | None = None,
    drop: str | None = None,
    layout: str | None = None,
    groups: str | None = None,
    votes: str | None = None,
    rule: str | None = None,
    licence: str | None = None,
    skip_bad_rows: bool = False,
) -> "Reading":
    """The reading that options ask for, on top of what the campaign `said`.

    Raises:
        BadInput: A list is none, a name cannot be one of a class, or the side is not to be had.
    """
    from pydantic import ValidationError

    from fer_exp.data.reading import Reading

    given = {
        "side": side,
        "colour": colour or None,
        "classes": None if classes is None else _pairs("--classes", classes),
        "merge": None if merge is None else _pairs("--merge", merge),
        "drop": None if drop is None else tuple(_parts(drop)),
        "layout": layout,
        "groups": groups,
        "votes": votes,
        "rule": rule,
        "licence": licence,
        "skip_bad_rows": skip_bad_rows or None,
    }
    before = {} if said is None else said.model_dump()
    try:
        return Reading.model_validate(before | {name: value for name, value in given.items() if value is not None})
    except ValidationError as error:
        first = error.errors(include_url=False)[0]
        where = "".join(f" --{part}" for part in first["loc"][:1])
        told = first["msg"].removeprefix("Value error, ")
        received = f", received {first['input']}" if first["loc"] else ""
        raise BadInput(f"data{where}: {told}{received}", "Nothing was started. Change that option.") from error


def _pairs(option: str, text: str) -> dict[str, str]:
    pairs = [part.partition("=") for part in _parts(text)]
    if not all(before and equals and after for before, equals, after in pairs):
        raise BadInput(
            f"{option}: expected pairs such as 1=surprise,2=fear, received {text!r}",
            "Nothing was started. Write each as WORD=CLASS, with commas between them.",
        )
    return {before.strip(): after.strip().lower() for before, _, after in pairs}


def _parts(text: str) -> list[str]:
    return [part.strip() for part in text.split(",") if part.strip()]
