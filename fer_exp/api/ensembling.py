"""ensemble: the average of several trainings as one model, held against the best of them.

In: records by name. Out: an EnsembleResult. The command line calls this same function.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_exp.api.comparing import ComparisonResult
from fer_exp.api.told import Told
from fer_exp.system.errors import FerExpError
from fer_exp.system.home import Home

if TYPE_CHECKING:
    from fer_exp.campaign import CampaignSpec
    from fer_exp.tuning.ensemble import Ensemble
    from fer_exp.tuning.promote import Promotion
    from fer_exp.tuning.values import DataChoice


@dataclass(frozen=True, repr=False)
class EnsembleResult(Told):
    """An average, recorded as a campaign of its own."""

    home: Home
    made: "Ensemble"
    promotion: "Promotion | None" = None  # where it was to be registered
    behind: FerExpError | None = None  # why MLflow does not show it yet

    @property
    def name(self) -> str:
        """Of its campaign, as `evaluate` and `compare` take it."""
        return self.made.campaign.name

    @property
    def accuracy(self) -> float:
        """On validation, from 0 to 1."""
        return self.made.record.scores()["val/accuracy"]

    @property
    def comparison(self) -> ComparisonResult:
        """The verdict on the average against its best member."""
        made = self.made.comparison
        return ComparisonResult(made)

    @property
    def model_uri(self) -> str | None:
        """The registered model in MLflow; None where it was not to be registered."""
        done = self.promotion
        return None if done is None else f"models:/{done.name}/{done.version}"

    @property
    def text(self) -> str:
        """The members, the average, the verdict and the next step."""
        from fer_exp.metrics.registry import shown

        members = zip(self.made.members, self.made.record.spec().members, strict=True)
        rows = [
            (one.record, shown("accuracy", record.scores()["val/accuracy"]), f"temperature {one.temperature:.2f}")
            for record, one in members
        ]
        rows.append((f"{self.name} (their average)", shown("accuracy", self.accuracy), ""))
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows]
        lines += ["", self.comparison.text, "The best member was chosen on these same images, which flatters it."]
        if self.promotion is not None:
            word = "the champion" if self.promotion.is_champion else "not the champion"
            lines.append(f"Registered: {self.model_uri}, {word}: {self.promotion.reason}")
        lines += [f"Model:   {self.made.record.model}", f"Next:    fer-exp evaluate {self.name}"]
        return "\n".join(lines)

    def document(self) -> dict[str, Any]:
        """The same for a program."""
        spec = self.made.record.spec()
        return {
            "campaign": self.name,
            "record": str(self.made.record.path.relative_to(self.home.root)),
            "members": [one.model_dump(mode="json") for one in spec.members],
            "metrics": self.made.record.scores(),
            "sentence": self.comparison.sentence,
            "model_uri": self.model_uri,
        }


def ensemble(
    records: Sequence[str],
    *,
    name: str | None = None,
    register: bool = False,
    data: Path | str | None = None,
    tracking: bool = True,
    home: Path | str | Home | None = None,
    say: Callable[[str], object] = str,
) -> EnsembleResult:
    """Averages the probabilities of several trainings into one model and says whether that is better than the best.

    Args:
        records: `CAMPAIGN/trials/0003` and the like; a campaign with retrains stands for all of their seeds.
        name: Of the campaign that the average becomes; None for the first member's with `-ensemble` behind it.
        register: Make it a version of the registered model of that name.
        data: None for those of the first member's campaign.
        tracking: Whether MLflow is brought level; a registered model needs it.
        home: Where the campaigns are; None for `FER_EXP_HOME`, else `./mlruns`.
        say: Is told what takes its time.

    Raises:
        FerExpError: A record or its model is not here, members are of other splits, or the name is taken.
    """
    from fer_exp.api.loading import load_keras
    from fer_exp.system.errors import BadInput
    from fer_exp.system.stderr import stderr_to

    place = Home.at(home)
    if register and not tracking:
        raise BadInput(
            "ensemble: expected MLflow to be told of a model that is registered, received --register --no-tracking",
            "Nothing was written. Leave one of the two out.",
        )
    say("Loading Keras.")
    with stderr_to():
        load_keras()
        from fer_exp.tuning.ensemble import ensemble as average

        say(f"Averaging {', '.join(records)}.")
        made = average(place, records, name, lambda spec: _choice(spec, data))
    promotion, behind = _shown(place, made, register=register) if tracking else (None, None)
    return EnsembleResult(place, made, promotion, behind)


def _choice(spec: "CampaignSpec", data: Path | str | None) -> "DataChoice":
    from fer_exp.data.find import find_recorded
    from fer_exp.tuning.values import DataChoice

    reading = spec.data.reading_again.model_copy(update={"skip_bad_rows": bool(spec.data.dropped_total)})
    return DataChoice(find_recorded(None if data is None else str(data), spec.data.path), reading)


def _shown(home: Home, made: "Ensemble", *, register: bool) -> "tuple[Promotion | None, FerExpError | None]":
    """Brings MLflow level, and registers where that is wanted; last, since the record stands without."""
    from fer_exp.tracking import sync
    from fer_exp.tuning.promote import promote
    from fer_exp.verdict import sentence

    try:
        sync(home, made.campaign.name)
        verdict = sentence(made.comparison)
        return promote(home, made.campaign, made.record, replace=False, verdict=verdict) if register else None, None
    except FerExpError as error:
        return None, error
