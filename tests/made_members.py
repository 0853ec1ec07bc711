"""Finished trainings whose models are real and differ, made without training: the weights are where they began.

In: a home. Out: a campaign on drawn faces with several records, each with its model, predictions, scores, temperature.
"""

import json
from typing import Any

from fer_exp.campaign import CampaignSpec
from fer_exp.metrics.calibration import CALIBRATION, calibration_at
from fer_exp.metrics.temperature import tempered
from fer_exp.model import build, predict, with_preprocessing, with_temperature
from fer_exp.recipe import Recipe
from fer_exp.records import Kind, Outcome, Predictions, Record, State
from fer_exp.results import write_results
from fer_exp.system.files import write_atomically
from fer_exp.system.home import Home
from tests.made_records import made_campaign_spec
from tests.trainings import TINY, demo_development, new_record

NAME = "made"
FACES = 140
TEMPERATURES = (0.5, 1.6, 0.8)  # of the seeds in order; no two alike
HEAD = TINY.but(head_widths=(), head_dropouts=(), last_width=0, oversampling=0.0)


def made_campaign(home: Home, name: str = NAME, recipe: Recipe = HEAD, limit: int = FACES) -> CampaignSpec:
    """A campaign whose data are the demo's, prepared in the home's cache; it has no record yet."""
    development = demo_development(home.cache, limit)
    spec = made_campaign_spec(name).model_copy(update={"data": development.info, "baseline": recipe, "space": []})
    write_atomically(home.campaign(name) / "campaign.json", spec.sealed(indent=1))
    return spec


def made_member(home: Home, seed: int, name: str = NAME, recipe: Recipe = HEAD, limit: int = FACES) -> Record:
    """A retrain of the campaign `name`, which is made where it is not there."""
    file = home.campaign(name) / "campaign.json"
    spec = CampaignSpec.read(file) if file.exists() else made_campaign(home, name, recipe, limit)
    development = demo_development(home.cache, limit)
    info = development.info
    digests: dict[str, Any] = {
        "data_digest": info.data_digest,
        "split_digest": info.split_digest,
        "protocol": info.protocol.value,
    }
    folder = home.campaign(name) / "retrains" / f"0001-seed{seed}-3e"
    record = new_record(folder, recipe, seed=seed, campaign=spec.name, kind=Kind.RETRAIN, **digests)
    part = development.validation(clahe=False)
    kept = with_preprocessing(build(recipe, seed, info.form), recipe, info.form)
    temperature = TEMPERATURES[seed % len(TEMPERATURES)]
    plain = predict(kept, part.images)
    fitted = calibration_at(part.labels, plain, temperature, applied=recipe.calibrate)
    said = tempered(plain, temperature) if recipe.calibrate else plain
    (with_temperature(kept, temperature) if recipe.calibrate else kept).save(record.model)
    write_atomically(record.path / CALIBRATION, fitted.sealed(indent=1))
    write_atomically(record.path / "provenance.json", json.dumps({"backend": "tensorflow"}))
    write_results(record, Predictions(part.labels, said, part.rows), part.images, "val", fitted)
    record.end(Outcome(state=State.FINISHED))
    return record
