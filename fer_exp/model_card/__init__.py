"""The model card: what a kept model is for, what it is not for, and how well it does what it does.

In: a campaign and the record whose model it is. Out: Markdown with Hugging Face's fields in front, and the same without
them, short enough for MLflow, as the description of a registered version. Every word follows from the record, so making
the card twice says the same thing twice.

    card     the whole card, a version's description, and whose card a campaign shows
    front    Hugging Face's fields
    text     the sections
"""

from fer_exp.model_card.card import CARD, DESCRIPTION, card_record, description, is_untouched, model_card
from fer_exp.model_card.text import CHAMPION, how_to_load

__all__ = [
    "CARD",
    "CHAMPION",
    "DESCRIPTION",
    "card_record",
    "description",
    "how_to_load",
    "is_untouched",
    "model_card",
]
