"""Counts in sentences."""

from fer_exp.system.words import counted


def test_one_is_named_otherwise_than_none_and_many() -> None:
    assert [counted(number, "trial") for number in (0, 1, 2, 1234)] == [
        "0 trials",
        "1 trial",
        "2 trials",
        "1,234 trials",
    ]
    assert [counted(number, "search", "searches") for number in (1, 3)] == ["1 search", "3 searches"]
