"""How a source is read, as options: one list of them for every command that reads data, and the Reading they ask for.

In: a command's function with a parameter `read`. Out: the same with the options in its place; what was said reaches the
function as `Read`, which makes a Reading of it, on top of what a campaign says.
"""

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Annotated, Any

import typer

from fer_exp.cli.in_place import in_place_of
from fer_exp.system.errors import BadInput

if TYPE_CHECKING:
    from fer_exp.data.reading import Reading

Read = Callable[..., "Reading"]  # of a parameter `read`: called with the campaign's Reading, or with nothing


def _option(kind: Any, name: str, metavar: str | None, told: str) -> Any:
    return Annotated[kind, typer.Option(name, metavar=metavar, help=told)]


OPTIONS: dict[str, tuple[Any, Any]] = {  # by the field of a Reading: its option, and what it is where it was not said
    "side": (_option(int | None, "--side", "PIXELS", "Side of the faces: 32 to 224 in steps of 8. Default: 48."), None),
    "colour": (_option(bool, "--colour", None, "Keep colours; faces are grey otherwise."), False),
    "classes": (
        _option(str | None, "--classes", "LIST", "What the source's numbers or words mean: 1=surprise,2=fear,..."),
        None,
    ),
    "merge": (_option(str | None, "--merge", "LIST", "Classes that count as others: contempt=disgust,..."), None),
    "drop": (_option(str | None, "--drop", "LIST", "Classes whose faces are left out."), None),
    "layout": (
        _option(str | None, "--layout", "NAME", "How the source is laid out, where it could be two ways."),
        None,
    ),
    "groups": (
        _option(str | None, "--groups", "FILE", "CSV of image and group: images of one group stay on one side."),
        None,
    ),
    "votes": (_option(str | None, "--votes", "FILE", "FER+'s fer2013new.csv: annotators' votes on FER2013."), None),
    "rule": (
        _option(str | None, "--rule", "NAME", "How votes become labels: majority, argmax, multi-target, probability."),
        None,
    ),
    "licence": (
        _option(str | None, "--licence", "TEXT", "Terms of the data, for the record and the model's page."),
        None,
    ),
    "skip_bad_rows": (_option(bool, "--skip-bad-rows", None, "Drop bad rows and count them in the record."), False),
}
OF_ANOTHER_SET = ("classes", "merge", "drop", "layout", "groups")  # side and colours are the model's


def reads_data(*names: str) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """Puts the options called `names`, all without any, in the place of a function's parameter `read`."""
    wanted = {name: OPTIONS[name] for name in names or OPTIONS}
    return in_place_of("read", wanted, lambda said: functools.partial(_reading, said))


def _reading(said: dict[str, Any], before: "Reading | None" = None) -> "Reading":
    """The reading that options ask for, on top of `before`.

    Raises:
        BadInput: A list is none, a name cannot be one of a class, or the side is not to be had.
    """
    from pydantic import ValidationError

    from fer_exp.data.reading import Reading

    given = {name: value for name, value in said.items() if value not in (None, False)}
    for name in ("classes", "merge"):
        if name in given:
            given[name] = _pairs(f"--{name}", given[name])
    if "drop" in given:
        given["drop"] = tuple(_parts(given["drop"]))
    try:
        return Reading.model_validate(({} if before is None else before.model_dump()) | given)
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
