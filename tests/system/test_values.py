"""Values: frozen, checked on creation, the same after a trip through JSON, and readable when they are not."""

import math
from pathlib import Path

import pytest
from pydantic import ValidationError

from fer_exp.system.errors import BadRecord, ExitCode
from fer_exp.system.values import Value, first_line


class Inner(Value):
    share: float = 0.5


class Example(Value):
    name: str
    count: int = 1
    inner: Inner = Inner()


def test_a_value_cannot_be_changed() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Example(name="a").count = 2  # type: ignore[misc]  # what is tested


def test_equal_fields_make_equal_values() -> None:
    assert Example(name="a") == Example(name="a", count=1)
    assert Example(name="a") != Example(name="b")


def test_a_value_survives_json() -> None:
    value = Example(name="ä\u2028\n", count=7, inner=Inner(share=0.1 + 0.2))
    assert Example.from_json(value.to_json()) == value
    assert Example.from_json(value.to_json(indent=1)) == value


def test_json_is_one_line_unless_asked_otherwise() -> None:
    value = Example(name="two\nlines")
    assert "\n" not in value.to_json()
    assert value.to_json(indent=1).count("\n") > 3


def test_numbers_that_json_does_not_know_survive_too() -> None:
    assert Inner.from_json(Inner(share=math.inf).to_json()).share == math.inf
    assert math.isnan(Inner.from_json(Inner(share=math.nan).to_json()).share)


def test_an_unknown_field_is_refused() -> None:
    with pytest.raises(ValidationError, match="colour"):
        Example.from_json('{"name": "a", "colour": "blue"}')


def test_a_stored_value_is_read_back(tmp_path: Path) -> None:
    path = tmp_path / "example.json"
    path.write_text(Example(name="a").to_json(indent=1))
    assert Example.read(path) == Example(name="a")


def test_a_missing_file_is_a_bad_record(tmp_path: Path) -> None:
    with pytest.raises(BadRecord, match=r"example\.json does not exist"):
        Example.read(tmp_path / "example.json")


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "JSON"),
        (b'{"name": "a', "JSON"),
        (b"\xff\xfe\x00", "JSON"),
        (b"\x00" * 64, "JSON"),
        (b"[]", "Example"),
        (b'{"count": 1}', "name: Field required"),
        (b'{"name": "a", "count": "many"}', "count: .*'many'"),
        (b'{"name": "a", "inner": {"share": []}}', "inner.share: "),
    ],
)
def test_a_damaged_file_is_named_and_explained_in_one_line(tmp_path: Path, content: bytes, said: str) -> None:
    path = tmp_path / "example.json"
    path.write_bytes(content)
    with pytest.raises(BadRecord, match=said) as caught:
        Example.read(path)
    assert caught.value.problem.startswith(f"{path}: expected a Example in JSON")
    assert "\n" not in caught.value.problem
    assert "Nothing was changed" in caught.value.remedy
    assert caught.value.exit_code is ExitCode.BAD_INPUT
    assert path.read_bytes() == content


def test_a_folder_in_place_of_a_file_is_a_bad_record(tmp_path: Path) -> None:
    with pytest.raises(BadRecord):
        Example.read(tmp_path)


def test_the_first_line_of_an_error_names_the_field_and_what_came() -> None:
    with pytest.raises(ValidationError) as caught:
        Example.model_validate({"name": "a", "inner": {"share": "half"}})
    assert first_line(caught.value).startswith("inner.share: ")
    assert first_line(caught.value).endswith("received 'half'")


def test_the_first_line_of_an_error_is_short_even_if_what_came_is_not() -> None:
    with pytest.raises(ValidationError) as caught:
        Example.model_validate({"name": "a", "count": "x" * 10_000})
    assert len(first_line(caught.value)) < 200


def test_the_first_line_of_an_error_without_text_is_its_name() -> None:
    assert first_line(RuntimeError()) == "RuntimeError"
    assert first_line(RuntimeError("one\ntwo")) == "one"
