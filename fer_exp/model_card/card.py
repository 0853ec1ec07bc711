"""The card as a whole, and the form of it that MLflow shows.

In: a campaign and a record. Out: Markdown.
"""

import hashlib
from pathlib import Path

from fer_exp.campaign import CampaignSpec
from fer_exp.leaderboard.rows import best
from fer_exp.model_card.front import front
from fer_exp.model_card.text import body
from fer_exp.records import Record, State, records_in
from fer_exp.records.handovers import readable_handovers

CARD = "MODEL_CARD.md"
DESCRIPTION = 5_000  # characters that MLflow's store keeps of a version's description
SEAL_LENGTH = len("\n<!-- fer-exp 0123456789abcdef -->")


def model_card(spec: CampaignSpec, record: Record) -> str:
    """The whole card.

    Raises:
        BadRecord: A file of the record that says what the model is, is damaged.
    """
    return f"{front(spec, record)}\n{body(spec, record)}"


def description(spec: CampaignSpec, record: Record) -> str:
    """The card without its front matter, sealed, and cut between sections where MLflow would not take all of it.

    Raises:
        BadRecord: As `model_card`.
    """
    text, end = body(spec, record), f"\n\nThe whole card is the artifact `campaign/{CARD}` of the campaign's run.\n"
    if len(text) > DESCRIPTION - SEAL_LENGTH:
        kept = text[: DESCRIPTION - SEAL_LENGTH - len(end)]
        text = kept[: kept.rfind("\n## ")].rstrip() + end
    return f"{text}{_seal(text)}"


def is_untouched(text: str) -> bool:
    """Whether a description is one that `description` made, and nobody has changed it since."""
    sealed = text[:-SEAL_LENGTH]
    return bool(sealed) and text == f"{sealed}{_seal(sealed)}"


def _seal(text: str) -> str:
    """A comment, which no page shows."""
    return f"\n<!-- fer-exp {hashlib.sha256(text.encode()).hexdigest()[:16]} -->"


def card_record(folder: Path, spec: CampaignSpec) -> Record | None:
    """Whose card a campaign's folder shows: its champion's, else that of its best retrain, else of its best trial.

    Raises:
        BadRecord: A file of a record is damaged.
    """
    champion = next((one.record for one in reversed(readable_handovers(folder)) if one.champion), None)
    if champion is not None and (record := Record(folder / champion)).exists():
        return record
    for part in ("retrains", "trials"):
        finished = [one for one in records_in(folder / part) if one.state() is State.FINISHED]
        found = best(finished, spec.settings.objective)
        if found is not None:
            return found
    return None
