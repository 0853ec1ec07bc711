"""Model facts: what a model has to say for itself wherever it is used without its record.

In: a record with a model, and its campaign. Out: ModelFacts, which lie in the model's folder in MLflow and inside every
exported file: the names of the classes, what goes in, the temperature, the data with its terms, what was measured, and
what an answer does not mean.
"""

import math
from typing import Annotated

from pydantic import Field

from fer_exp import __version__
from fer_exp.campaign import CampaignSpec
from fer_exp.data.classes import Classes
from fer_exp.data.form import Form
from fer_exp.records.record import RecordContents
from fer_exp.records.values import title_of
from fer_exp.system.files import is_there
from fer_exp.system.values import Value

FACTS = "fer_exp.json"  # the file beside a model, and the key inside one
NOTICE = (
    "Apparent expression in a picture, not what a person feels; not for decisions at work or in education "
    "(EU AI Act Art. 5)."
)
MEASURED = ("accuracy", "macro_f1", "balanced_accuracy", "log_loss", "ece")  # of those a record knows


class ModelFacts(Value):
    """What is known of a model."""

    notice: str = NOTICE
    classes: tuple[str, ...]  # in the order of the probabilities
    side: int  # pixels
    colour: bool  # red, green and blue, in this order; else grey
    takes: str
    gives: str
    temperature: float | None = None  # fitted on validation; None where nothing says one
    tempered: bool = False  # whether the model divides by it already
    views: str = "one"
    clahe: bool | None = None  # None: the file says it, and no record does
    data: str = ""
    data_digest: str = ""
    protocol: str = ""
    licence: str = ""  # of the data; empty where it is not recorded
    campaign: str = ""
    training: str = ""  # "retrain 3 seed 2"
    metrics: dict[str, float] = Field(default_factory=dict)  # `val/accuracy`; `test/...` once that part was opened
    model_sha256: str = ""
    fer_exp: Annotated[str, Field(min_length=1)] = __version__

    @property
    def form(self) -> Form:
        """What the model takes and gives, as numbers."""
        return Form(self.side, 3 if self.colour else 1, len(self.classes))


def bare_facts(form: Form, classes: Classes) -> ModelFacts:
    """Of a model that no record speaks for."""
    side, _, channels = form.face
    faces = "grey levels" if channels == 1 else "red, green and blue"
    return ModelFacts(
        classes=classes.names,
        side=side,
        colour=channels == 3,
        takes=f"raw faces (n, {side}, {side}, {channels}) float32, {faces} from 0 to 255; equalising and scaling are "
        "inside the model",
        gives=f"probabilities (n, {form.classes}) float32, in the order of the classes",
    )


def facts_of(read: RecordContents, campaign: CampaignSpec) -> ModelFacts:
    """What a record, which was read already, says of its model.

    Raises:
        BadRecord: A file of the record is damaged.
    """
    from fer_exp.metrics.calibration import CALIBRATION, Calibration  # SciPy, which nobody else here needs

    record, spec, outcome = read.record, read.spec, read.outcome
    info = record.data(campaign.data)
    fitted = record.path / CALIBRATION
    calibration = Calibration.read(fitted) if is_there(fitted) else None
    scores = read.scores | read.test_scores
    return bare_facts(info.form, info.classes).model_copy(
        update={
            "temperature": None if calibration is None else calibration.temperature,
            "tempered": calibration is not None and calibration.applied,
            "views": spec.recipe.views.value,
            "clahe": spec.recipe.clahe,
            "data": info.source,
            "data_digest": info.data_digest,
            "protocol": info.protocol.value,
            "licence": info.licence,
            "campaign": campaign.name,
            "training": title_of(spec.kind, spec.number, spec.seed),
            "metrics": {name: value for name, value in scores.items() if _is_measured(name) and math.isfinite(value)},
            "model_sha256": "" if outcome is None else outcome.model_sha256 or "",
        }
    )


def _is_measured(name: str) -> bool:
    part, _, metric = name.partition("/")
    return part in ("val", "test") and metric in MEASURED
