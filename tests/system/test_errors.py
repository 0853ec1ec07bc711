"""Errors are told in one line each, whatever they quote."""

from fer_exp.system.errors import LONGEST, BadInput


def test_what_is_quoted_neither_breaks_a_line_nor_fills_the_screen() -> None:
    error = BadInput("expected a name, received 'a\nb\u2028c'", "Nothing was changed: " + "x" * 10_000)
    assert error.problem == "expected a name, received 'a b c'"
    assert str(error) == error.problem
    assert len(error.remedy) == LONGEST + 5
    assert " ... " in error.remedy
