"""A campaign of one real training on drawn faces, whose model crops, equalises, looks twice and is calibrated.

In: a home. Out: the record of that training; its model tells faces apart, so that a comparison says something.
"""

from pathlib import Path

from fer_exp.metrics.calibration import CALIBRATION, calibration_at
from fer_exp.model import predict, with_preprocessing
from fer_exp.recipe import Views
from fer_exp.records import Outcome, Predictions, Record, State, best_epoch
from fer_exp.results import write_results
from fer_exp.system.files import write_atomically
from fer_exp.system.home import Home
from tests.made_records import made_campaign_spec
from tests.trainings import TINY, demo_development, new_record, train_through

RECIPE = TINY.but(
    widths=(8, 16, 32),
    last_width=64,
    head_widths=(),
    head_dropouts=(),
    block_dropout=0.0,
    pooled_dropout=0.0,
    oversampling=0.0,
    norm_momentum=0.8,
    clahe=True,
    crop=32,
    views=Views.FLIP,
)
EPOCHS, FACES = 8, 700
TEMPERATURE = 1.6
NAME = "toy"


def made_model(home: Home) -> Record:
    """The record, finished; its campaign's data are the demo's, prepared in the home's cache."""
    development = demo_development(home.cache, FACES)
    folder = home.campaign(NAME)
    spec = made_campaign_spec(NAME).model_copy(update={"data": development.info, "baseline": RECIPE})
    write_atomically(folder / "campaign.json", spec.sealed(indent=1))
    record = new_record(
        folder / "trials" / "0001",
        RECIPE,
        epochs=EPOCHS,
        data_digest=development.info.data_digest,
        split_digest=development.info.split_digest,
    )
    trained = train_through(record, development)
    kept = with_preprocessing(trained.trained.model, RECIPE)
    kept.save(record.model)
    part = development.validation(clahe=False)
    said = Predictions(part.labels, predict(kept, part.images), part.rows)
    fitted = calibration_at(said.labels, said.probabilities, TEMPERATURE, applied=False)
    write_atomically(record.path / CALIBRATION, fitted.sealed(indent=1))
    write_results(record, said, part.images, "val", fitted)
    record.end(Outcome(state=State.FINISHED, best_epoch=best_epoch(record.history())))
    return record


def record_in(home: Home) -> Record:
    """The record of a home that `made_model` made, or of a copy."""
    return Record(home.campaign(NAME) / "trials" / "0001")


def copied(record: Record, target: Path) -> Path:
    """A copy of the model's file elsewhere."""
    target.write_bytes(record.model.read_bytes())
    return target
