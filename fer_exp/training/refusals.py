"""Why a recipe does not train, however often it is tried: errors that end a trial, and no attempt more.

In: nothing. Out: exceptions that training raises and the process of a trial records as its failure.
"""


class NotFinite(ArithmeticError):
    """The loss became NaN or infinite: the recipe does not train."""


class ImpossibleRecipe(ValueError):
    """Keras refuses to build the recipe's network, or its data or its teacher lack what it needs."""
