"""The base of every value that crosses a module border: frozen, typed, checked on creation, with a JSON form.

In: fields. Out: an immutable value, `to_json()`, `from_json()`. Checking is pydantic's; unknown fields are refused, so
a file written by a later version is never half understood. What goes to disk is sealed: its last entry is a checksum of
all before it, so that a digit changed by a failing disk or a careless hand is noticed and not believed.
"""

import re
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from fer_exp.system.errors import BadRecord
from fer_exp.system.files import read_file
from fer_exp.system.passwords import without_passwords
from fer_exp.system.suggest import did_you_mean

LONGEST_LINE = 400  # characters of an error's text that are shown
_SEAL = re.compile(rb',\s*"crc32":\s*"([0-9a-f]{8})"\s*\}\s*\Z')
_SEAL_LENGTH = 64  # bytes at the end of a file in which its seal lies


class Value(BaseModel):
    """A frozen value with a JSON form."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", ser_json_inf_nan="constants", allow_inf_nan=True, strict=False
    )

    def to_json(self, indent: int | None = None) -> str:
        """The JSON form; one line unless `indent` is given."""
        return self.model_dump_json(indent=indent)

    def sealed(self, indent: int | None = None) -> str:
        """The JSON form for a file, with a checksum as its last entry, which `from_json` checks."""
        return seal(self.to_json(indent), indent)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The value whose JSON form is `text`, sealed or not.

        Raises:
            ValueError: The text is not JSON, does not fit the fields (a pydantic.ValidationError), or is not what was
                sealed.
        """
        data = text.encode(errors="surrogatepass") if isinstance(text, str) else text
        seal = _SEAL.search(data[-_SEAL_LENGTH:])
        if seal is None:
            return cls.model_validate_json(data)
        body = data[: max(len(data) - _SEAL_LENGTH, 0) + seal.start()]
        if zlib.crc32(body) != int(seal[1], 16):
            raise ValueError("altered since it was written: its checksum crc32 does not fit")
        return cls.model_validate_json(body + b"}")

    @classmethod
    def read(cls, path: Path) -> Self:
        """The value stored at `path`.

        Raises:
            BadRecord: The file is missing, damaged, or does not fit the fields.
        """
        try:
            return cls.from_json(read_file(path))
        except FileNotFoundError as error:
            raise BadRecord(f"{path} does not exist", "Nothing was changed.") from error
        except (OSError, ValueError, ValidationError) as error:
            what = first_line(error)
            raise BadRecord(
                f"{path}: expected a {cls.__name__} in JSON, received something else ({what})",
                "Nothing was changed. Restore the file, or move its folder away to do that part again.",
            ) from error


def seal(text: str, indent: int | None = None) -> str:
    """The JSON object `text`, written with `indent`, with a checksum as its last entry."""
    body = text.removesuffix("}").rstrip("\n")
    joint, end = (",", "}") if indent is None else (",\n" + " " * indent, "\n}")
    return f'{body}{joint}"crc32": "{zlib.crc32(body.encode()):08x}"{end}'


def first_line(error: BaseException) -> str:
    """One line, not too long, that says what is wrong, from an error whose text may be anything."""
    try:
        text = _told(error) if isinstance(error, ValidationError) else str(error)
    except Exception:  # the error may be the user's, and so its text
        text = ""
    line = without_passwords((text.splitlines() or [""])[0])
    return line[:LONGEST_LINE] or type(error).__name__


def named(error: BaseException) -> str:
    """`first_line` behind the error's type; a value that does not fit needs no type."""
    return first_line(error) if isinstance(error, ValidationError) else f"{type(error).__name__}: {first_line(error)}"


def _told(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=True, include_input=True)[0]
    where = ".".join(str(part) for part in first["loc"])
    if first["type"] == "extra_forbidden":
        return (
            f"{where}: no field of that name{did_you_mean(first['loc'][-1], _fields(error.title, first['loc'][:-1]))}"
        )
    given = first.get("input")
    said = f"{where + ': ' if where else ''}{first['msg']}, received {str(given)[:60]!r}"
    if first["type"] == "enum":
        said += did_you_mean(given, first["ctx"]["expected"].replace("'", "").replace(" or ", ", ").split(", "))
    return said


def _fields(title: str, path: tuple[int | str, ...]) -> list[str]:
    """The fields of the Value of that name, or of the one that lies in its field at `path`."""
    value: type[BaseModel] | None = next((one for one in _kinds(Value) if one.__name__ == title), None)
    for part in path:
        inner = None if value is None or part not in value.model_fields else value.model_fields[str(part)].annotation
        value = inner if isinstance(inner, type) and issubclass(inner, BaseModel) else None
    return [] if value is None else list(value.model_fields)


def _kinds(base: type[Value]) -> Iterator[type[Value]]:
    for kind in base.__subclasses__():
        yield kind
        yield from _kinds(kind)
