"""Counts in sentences: one trial, two trials."""


def counted(number: int, one: str, many: str = "") -> str:
    """A count and its noun: `counted(1, "trial")` is "1 trial", `counted(2, "search", "searches")` "2 searches".

    Args:
        number: How many; thousands are set apart.
        one: The noun for one.
        many: The noun for any other number; with an s, unless given.
    """
    return f"{number:,} {one if number == 1 else many or one + 's'}"
