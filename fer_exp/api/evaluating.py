"""evaluate and evaluate_on: a model meets the test part, or another face set.

In: a run, a model or a record by name. Out: the results, which stand in the record too. The command line calls these
same functions, and so does the end of `baseline` under the protocol `reference`.
"""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from fer_exp.api.evaluated import Evaluation, ExternalEvaluation
from fer_exp.api.loading import load_keras
from fer_exp.api.names import known_campaign
from fer_exp.api.pages import refresh_pages
from fer_exp.choosing import Asker, Recorded, choose_recorded
from fer_exp.system.errors import FerExpError
from fer_exp.system.home import Home

if TYPE_CHECKING:
    from fer_exp.campaign import CampaignSpec
    from fer_exp.data.reading import Reading
    from fer_exp.holdout.result import TestResult

Say = Callable[[str], None]
ASKER = Asker(
    "evaluate",
    "Nothing was opened.",
    "fer-exp evaluate --model models:/demo@champion",
    ("--run-id", "--model", "--record"),
)

# No choice follows from this look: the procedure that is reproduced ends with it.
REPRODUCES = "it reproduces the reference's procedure, which ends on test"


def _nobody(_line: str) -> None:
    """Hears what takes its time."""


def evaluate(
    record: str | None = None,
    *,
    model: str | None = None,
    run_id: str | None = None,
    again: str = "",
    data: Path | str | None = None,
    tracking: bool = True,
    home: Path | str | Home | None = None,
    say: Say = _nobody,
) -> Evaluation:
    """Opens the test part for one model, once, and writes that into the home's ledger.

    Where the model is not here and the test part was opened for it before, as in records that were packed light, what
    was found then is computed again from the stored predictions, and nothing is opened.

    Args:
        record: A campaign (its retrain, else its best trial), `CAMPAIGN:baseline` or `CAMPAIGN/trials/0003`.
        model: Or a model in MLflow, `models:/NAME@champion`, `models:/NAME/1`, or a `.keras` file of a record here.
        run_id: Or a run in MLflow.
        again: Why the test part is opened for another model than before.
        data: None for those of the search.
        tracking: Whether MLflow is brought level afterwards.
        home: Where the campaign is; None for `FER_EXP_HOME`, else `./mlruns`.
        say: Is told what takes its time.

    Raises:
        FerExpError: The model or its data are not here, or the test part was opened for another model already and no
            reason is given.
    """
    place = Home.at(home)
    say("Finding the model.")
    chosen = choose_recorded(place, ASKER, record=record, run_id=run_id, model=model, answered="test/predictions.npz")
    spec = chosen.campaign()
    if not chosen.kept:
        from fer_exp.holdout.recall import recall

        return Evaluation(place, spec, chosen, recall(place, chosen.record, spec.data))
    from fer_exp.data.find import find_recorded
    from fer_exp.holdout.ledger import refuse_early

    # Before Keras is loaded and faces are read.
    refuse_early(place, chosen.record, chosen.file, spec.data, again)
    _refuse_moved_store(place, spec, tracking=tracking)
    source = find_recorded(None if data is None else str(data), spec.data.path)
    say(f"Opening the test part of {spec.data.source} for {chosen.title}.")
    if chosen.record.test_scores():
        say("It was opened for this model before; this look is written down too.")
    result = _open(place, spec, chosen, source, again)
    return Evaluation(place, spec, chosen, result, behind=_shown(place, spec, say, tracking=tracking))


def evaluate_on(
    source: Path | str,
    record: str | None = None,
    *,
    model: str | None = None,
    run_id: str | None = None,
    again: str = "",
    reading: "Reading | None" = None,
    tracking: bool = True,
    home: Path | str | Home | None = None,
    say: Say = _nobody,
) -> ExternalEvaluation:
    """Holds one model against another face set, by the classes that both know.

    Where the model is not here and met that set before, what was found then is computed again from the stored
    predictions, and nothing is opened.

    Args:
        source: The set; of one that is not here, its name in the record will do.
        record: As of `evaluate`.
        model: As of `evaluate`.
        run_id: As of `evaluate`.
        again: Why another model meets this set.
        reading: How the set is read; side and colours are the model's.
        tracking: As of `evaluate`.
        home: As of `evaluate`.
        say: Is told what takes its time.

    Raises:
        FerExpError: The model or the set is not here, or they know no classes in common.
    """
    place = Home.at(home)
    say("Finding the model.")
    stored = "external/*/predictions.npz"
    chosen = choose_recorded(place, ASKER, record=record, run_id=run_id, model=model, answered=stored)
    spec = chosen.campaign()
    if not chosen.kept:
        from fer_exp.holdout.recall import recall_on

        return ExternalEvaluation(place, spec, chosen, recall_on(place, chosen.record, str(source), spec.data))
    _refuse_moved_store(place, spec, tracking=tracking)
    from fer_exp.data.find import find_source
    from fer_exp.data.reading import Reading
    from fer_exp.system.stderr import stderr_to

    found = find_source(str(source), said_by="--on")
    say(f"Reading {found} for {chosen.title}.")
    with stderr_to():
        load_keras()
        from fer_exp.holdout.external import evaluate_on as on_set

        asked = Reading() if reading is None else reading
        result = on_set(place, chosen.record, chosen.file, found, spec.data, asked, again=again)
    return ExternalEvaluation(place, spec, chosen, result, behind=_shown(place, spec, say, tracking=tracking))


def reproduction(home: Home, campaign: str, source: str, *, tracking: bool) -> tuple[str, FerExpError | None]:
    """Validation, test and the reference side by side for a baseline, and why MLflow does not show it yet.

    The text is empty where the baseline has not finished. The test part is opened once: a second call tells what the
    first one found.
    """
    from fer_exp.holdout.gap import GAP, Gap, gap_table
    from fer_exp.records import Record, State

    record = Record(home.campaign(campaign) / "trials" / "0000")
    if record.state() is not State.FINISHED:
        return "", None
    behind = None
    if not (record.path / GAP).exists():
        spec = known_campaign(home, campaign)
        _open(home, spec, Recorded(record.model, "the baseline", record=record), source, REPRODUCES)
        behind = _shown(home, spec, _nobody, tracking=tracking)
    return gap_table(Gap.read(record.path / GAP)), behind


def _open(home: Home, spec: "CampaignSpec", chosen: Recorded, source: str, again: str) -> "TestResult":
    from fer_exp.system.stderr import stderr_to

    with stderr_to():
        load_keras()
        from fer_exp.holdout.evaluate import open_and_evaluate

        return open_and_evaluate(home, chosen.record, chosen.file, source, spec.data, again=again)


def _refuse_moved_store(home: Home, spec: "CampaignSpec", *, tracking: bool) -> None:
    """Before the test part is opened, since the result is to be shown there."""
    if tracking:
        from fer_exp.tuning.store_check import refuse_moved_store

        refuse_moved_store(home, spec.name)


def _shown(home: Home, spec: "CampaignSpec", say: Say, *, tracking: bool) -> FerExpError | None:
    """Renews the report and brings MLflow level; last, and its error is given back, since the result is told too."""
    refresh_pages(home, spec.name, say)
    if not tracking:
        return None
    from fer_exp.tracking import sync

    try:
        sync(home, spec.name)
    except FerExpError as error:
        return error
    return None
