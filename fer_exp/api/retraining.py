"""retrain_best: the best trial's recipe again with fresh seeds, registered, and held against the baseline.

In: a campaign by name. Out: a RetrainResult. The command line calls this same function.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from fer_exp.api.comparing import ComparisonResult
from fer_exp.api.names import known_campaign
from fer_exp.api.pages import write_pages
from fer_exp.api.place import EngineName, Place
from fer_exp.api.searched import GO_ON
from fer_exp.api.told import Told
from fer_exp.system.errors import BadInput, ExitCode, Interrupted
from fer_exp.system.home import Home
from fer_exp.system.surroundings import require_main_thread, require_processes

if TYPE_CHECKING:
    from fer_exp.campaign import CampaignSpec
    from fer_exp.execute.progress import Watcher
    from fer_exp.tuning.values import Retrained


class RetrainStopped(Interrupted):
    """Somebody stopped the retrain, by Ctrl-C or by interrupting the kernel; the same call goes on.

    Attributes:
        result: What there is so far.
    """

    def __init__(self, result: "RetrainResult") -> None:
        super().__init__(f"the retrain of {result.name} was stopped before its end", GO_ON)
        self.result = result


@dataclass(frozen=True, repr=False)
class RetrainResult(Told):
    """How a retrain went."""

    name: str  # of the campaign
    home: Home
    spec: "CampaignSpec"
    retrained: "Retrained"
    behind: None = None  # the text says where MLflow does not show it

    @property
    def stopped(self) -> bool:
        """Whether the time given was over before all seeds were trained."""
        return self.retrained.chosen is None

    @property
    def record(self) -> str | None:
        """The seed with the best objective, as `evaluate` and `compare` take it; None where it was stopped before."""
        chosen = self.retrained.chosen
        return None if chosen is None else f"{self.name}/retrains/{chosen.path.name}"

    @property
    def model_uri(self) -> str | None:
        """The registered model in MLflow; None where MLflow was not wanted or did not answer."""
        done = self.retrained.promotion
        return None if done is None else f"models:/{done.name}/{done.version}"

    @property
    def is_champion(self) -> bool:
        """Whether the registered version is the campaign's champion."""
        return self.retrained.promotion is not None and self.retrained.promotion.is_champion

    @property
    def comparison(self) -> ComparisonResult | None:
        """The verdict on the recipe against the baseline's, over the same seeds; None where none was asked for."""
        found = self.retrained.comparison
        return None if found is None else ComparisonResult(found)

    @property
    def text(self) -> str:
        """The seeds, the verdict, the registered version and the next step."""
        from fer_exp.api.texts import CALLS, after_retrain

        return after_retrain(self.home, self.spec, self.retrained, steps=CALLS)[0]

    def told(self) -> tuple[str, ExitCode]:
        """The same as a command tells it, with its exit code."""
        from fer_exp.api.texts import after_retrain

        return after_retrain(self.home, self.spec, self.retrained)


def retrain_best(
    campaign: str,
    *,
    seeds: int = 1,
    trial: int | None = None,
    epochs: int | None = None,
    limit: int | None = None,
    recover: bool = False,
    replace_champion: bool = False,
    against_baseline: bool | None = None,
    data: Path | str | None = None,
    workers: int | Literal["auto"] = 1,
    engine: EngineName | Literal["local", "ray"] = EngineName.LOCAL,
    ray_address: str | None = None,
    cpus_per_trial: float | None = None,
    gpus_per_trial: float | None = None,
    max_hours: float | None = None,
    skip_bad_rows: bool = False,
    tracking: bool = True,
    home: Path | str | Home | None = None,
    watcher: "Watcher | None" = None,
) -> RetrainResult:
    """Trains the best trial's recipe again with fresh seeds and registers the best of them.

    Args:
        campaign: Its name.
        seeds: Trainings, each with a seed of its own.
        trial: Another trial than the best; 0 is the baseline.
        epochs: Of each at most; None as in the search.
        limit: Training images to keep; 0 keeps all, None as in the search.
        recover: Start from the champion's weights.
        replace_champion: Make it the champion whatever the verdict.
        against_baseline: Train the baseline with the same seeds and compare; None from two seeds.
        data: None for those of the search.
        workers: Trainings at the same time; "auto" as the machine or the cluster has room.
        engine: "local" on this machine, "ray" on the machines of a Ray cluster.
        ray_address: Of the cluster, as of `search`.
        cpus_per_trial: Processors of a training, as of `search`.
        gpus_per_trial: GPUs of a training, as of `search`.
        max_hours: Stop after so many; the same call goes on.
        skip_bad_rows: Drop bad rows and count them in the record.
        tracking: Whether MLflow shows the records; without it no model is registered.
        home: Where the campaign is; None for `FER_EXP_HOME`, else `./mlruns`.
        watcher: Who is shown the progress; None for a notebook's output or the terminal.

    Raises:
        RetrainStopped: By Ctrl-C, or the kernel was interrupted; what was complete is kept.
        FerExpError: There is no such campaign or trial, or its data are not here; the error says what to do.
    """
    require_processes()
    require_main_thread()
    for name, value, least in (("seeds", seeds, 1), ("epochs", epochs, 1), ("limit", limit, 0), ("trial", trial, 0)):
        if value is not None and value < least:
            raise BadInput(f"{name}: expected a number from {least} on, received {value}", "Nothing was started.")
    where = Home.at(home)
    place = Place.of(workers, engine, ray_address, cpus_per_trial, gpus_per_trial)
    spec = known_campaign(where, campaign)
    from fer_exp.data.find import find_recorded
    from fer_exp.execute.loop import Ending
    from fer_exp.tuning.values import DataChoice, RetrainOptions

    skips = skip_bad_rows or bool(spec.data.dropped_total)
    choice = DataChoice(
        find_recorded(None if data is None else str(data), spec.data.path),
        spec.data.reading_again.model_copy(update={"skip_bad_rows": skips}),
    )
    from fer_exp.api.watching import watching
    from fer_exp.tuning.run import Conditions, run_retrain

    settled = place.settle()
    options = RetrainOptions(trial, seeds, epochs, limit, recover, replace_champion, against_baseline)
    with watching(watcher) as view:
        conditions = Conditions(
            where,
            view,
            settled.workers,
            tracking=tracking,
            max_hours=max_hours,
            cluster=settled.cluster,
            resources=settled.resources,
            report=write_pages,
        )
        retrained = run_retrain(spec, options, choice, conditions)
    found = RetrainResult(spec.name, where, spec, retrained)
    if retrained.result.requested and retrained.result.ending is Ending.STOPPED:
        raise RetrainStopped(found)
    return found
