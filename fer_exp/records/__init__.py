"""Records: a folder for each trial, written in a fixed order and the only truth about it.

In: what a training tells. Out: `Record`, and the values in its files.

    record         a trial's folder: what is in it, in which order it is written, how it is read
    values         what a record's JSON files say: specification, epoch, outcome
    predictions    what a model said of images: labels, probabilities, row numbers
    digest         the SHA-256 of a model and of checkpoints; no other file is loaded
    folder         a campaign's folder: all its records, how far it has come
    facts          what a model says for itself where its record is not at hand
    handovers      which models of a campaign were registered, and why one became the champion
"""

from fer_exp.records.predictions import Predictions
from fer_exp.records.record import (
    ASKED,
    CAMPAIGN_FILE,
    DATA,
    START_MODEL,
    Record,
    RecordContents,
    by_number,
    records_in,
    seconds_trained,
)
from fer_exp.records.values import SCHEMA, Epoch, Kind, Metrics, Outcome, State, TrialSpec, best_epoch, now_ms, title_of

__all__ = [
    "ASKED",
    "CAMPAIGN_FILE",
    "DATA",
    "SCHEMA",
    "START_MODEL",
    "Epoch",
    "Kind",
    "Metrics",
    "Outcome",
    "Predictions",
    "Record",
    "RecordContents",
    "State",
    "TrialSpec",
    "best_epoch",
    "by_number",
    "now_ms",
    "records_in",
    "seconds_trained",
    "title_of",
]
