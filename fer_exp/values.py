"""The base of every value that crosses a module border: frozen, typed, checked on creation, with a JSON form.

In: fields. Out: an immutable value, `to_json()`, `from_json()`. Checking is pydantic's; unknown fields are refused, so
a file written by a later version is never half understood.
"""

from pathlib import Path
from typing import Self

from pydantic import BaseModel, ConfigDict, ValidationError

from fer_exp.errors import BadRecord


class Value(BaseModel):
    """A frozen value with a JSON form."""

    model_config = ConfigDict(
        frozen=True, extra="forbid", ser_json_inf_nan="constants", allow_inf_nan=True, strict=False
    )

    def to_json(self, indent: int | None = None) -> str:
        """The JSON form; one line unless `indent` is given."""
        return self.model_dump_json(indent=indent)

    @classmethod
    def from_json(cls, text: str | bytes) -> Self:
        """The value whose JSON form is `text`.

        Raises:
            pydantic.ValidationError: The text is not JSON or does not fit the fields.
        """
        return cls.model_validate_json(text)

    @classmethod
    def read(cls, path: Path) -> Self:
        """The value stored at `path`.

        Raises:
            BadRecord: The file is missing, damaged, or does not fit the fields.
        """
        try:
            return cls.from_json(path.read_bytes())
        except FileNotFoundError as error:
            raise BadRecord(f"{path} does not exist", "Nothing was changed.") from error
        except (OSError, ValueError, ValidationError) as error:
            what = first_line(error)
            raise BadRecord(
                f"{path}: expected a {cls.__name__} in JSON, received something else ({what})",
                "Nothing was changed. Restore the file, or move its folder away to do that part again.",
            ) from error


def first_line(error: BaseException) -> str:
    """One line that says what is wrong, from an error whose text may have many."""
    if isinstance(error, ValidationError):
        first = error.errors(include_url=False, include_context=False, include_input=True)[0]
        where = ".".join(str(part) for part in first["loc"])
        return f"{where + ': ' if where else ''}{first['msg']}, received {str(first.get('input'))[:60]!r}"
    return (str(error).splitlines() or [type(error).__name__])[0]
