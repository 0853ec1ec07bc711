"""Kept models small enough for a test, as files and as records of a campaign.

In: a form. Out: a `.keras` file with preprocessing and temperature inside; a campaign whose record ends with it.
"""

from pathlib import Path

from fer_exp.data.form import FER2013_FORM, Form
from fer_exp.data.reading import Reading
from fer_exp.model import build, with_preprocessing, with_temperature
from fer_exp.records import Record
from fer_exp.system.files import write_atomically
from fer_exp.system.home import Home
from tests.made_records import made_campaign_spec
from tests.tiny_models import SMALL
from tests.tracked import begin, finish


def write_model(path: Path, form: Form = FER2013_FORM, seed: int = 1) -> Path:
    """A model with CLAHE and a temperature, at `path`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    recipe = SMALL.but(clahe=True)
    with_temperature(with_preprocessing(build(recipe, seed, form), recipe, form), 0.1).save(path)
    return path


def record_with_model(
    home: Home,
    number: int,
    model: Path,
    name: str = "made",
    classes: tuple[str, ...] = (),
    reading: Reading | None = None,
) -> Record:
    """A finished trial of the campaign `name`, made where it is not there, whose model is a copy of `model`."""
    file = home.campaign(name) / "campaign.json"
    if not file.exists():
        spec = made_campaign_spec(name)
        if classes:
            counts = {f"{part}_counts": (10,) * len(classes) for part in ("train", "validation", "test")}
            data = spec.data.model_copy(update={"class_names": classes, "reading": reading or Reading(), **counts})
            spec = spec.model_copy(update={"data": data})
        write_atomically(file, spec.to_json())
    return finish(begin(home, number, name=name), model=model.read_bytes())
