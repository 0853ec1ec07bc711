"""The adaptive proposer: short trainings of many recipes, and longer ones of those that will reach most.

In: a campaign, its settings, and the state that an earlier start left. Out: proposals, one at a time, and the state to
keep. A recipe is first trained for a few epochs. Whenever a trial can be started, a forecast (`forecast.py`) from all
trainings so far says what every recipe would reach at full budget, and the one whose expected improvement is largest
is trained next: from the start, or on from its last checkpoint to the next of a few stages. No trial waits for another.
The baseline counts as a trial whose value at every stage is known, where the space's default is its recipe: it says how
far a short training is from its end.
The budget is the epochs of `max_trials` full trainings. The state is the conversation itself, so a proposer that is
given it goes on the same. Decision 0027 has what else was tried.
"""

import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from fer_exp.campaign import Campaign, Direction, Settings
from fer_exp.campaign.space import Scalar
from fer_exp.records import TrialSpec
from fer_exp.system.errors import BadRecord
from fer_exp.system.values import first_line
from fer_exp.tuning.declared import DeclaredSpace, tidy
from fer_exp.tuning.proposer import BASELINE, Nothing, Plan, Proposal
from fer_exp.tuning.stages import Candidate, Chooser, Trained, stages_of

KIND = "adaptive"  # in a state, so that it is told from an oracle's
RUNNING, COMPLETED, FAILED = "RUNNING", "COMPLETED", "FAILED"  # as Keras Tuner calls them, and the doctor reads them


@dataclass
class _Trial:
    """One entry of the conversation."""

    values: dict[str, Scalar]
    epochs: int
    continues: int | None
    status: str = RUNNING
    score: float | None = None
    lost: bool = False  # its record is gone, and nobody asks for it


class AdaptiveProposer(DeclaredSpace):
    """Proposes recipes and how long to train them."""

    chooser = Chooser
    stages = staticmethod(stages_of)

    def __init__(self, campaign: Campaign, settings: Settings) -> None:
        super().__init__(campaign)
        self._settings = settings
        self._stages = self.stages(settings.epochs)
        self._chooser = self.chooser(self._space.space, self._stages, settings.seed)
        self._trials: dict[int, _Trial] = {}
        self._told: list[int] = []
        self._learnt: list[float] = []
        default = {hp.name: tidy(hp.default) for hp in self._space.space}
        self._default = default if self.recipe_at(default) == campaign.baseline else None
        self._baseline: dict[int, float] | None = None  # value by epochs; None until it is told

    # -- the conversation

    def ask(self) -> Proposal | Nothing:
        """The next trial to run.

        Raises:
            BadCampaign: The space refuses the proposed values.
        """
        left = self._settings.max_trials * self._settings.epochs - self._spent()
        chosen, learnt = self._chooser.choose(self._so_far(), left, self._learnt, len(self._trials) + 1)
        if chosen is None:
            return Nothing.WAIT if left >= self._stages[0] and self.running() else Nothing.DONE
        self._learnt = learnt
        number = len(self._trials) + 1
        self._trials[number] = _Trial(chosen.values, self._stages[chosen.stage], chosen.continues)
        return self._proposal(number)

    def tell(self, number: int, score: float | None) -> None:
        """How trial `number` ended: its objective, or None where it failed (NaN and infinite count as failed)."""
        trial = self._trials[number]
        finite = score is not None and math.isfinite(score)
        trial.score, trial.status = (score, COMPLETED) if finite else (None, FAILED)
        self._told.append(number)

    def tell_baseline(self, course: Mapping[int, float]) -> None:
        """What the baseline had reached by how many epochs; nothing where it failed."""
        if self._default is not None and self._baseline is None:
            finite = {epochs: value for epochs, value in course.items() if math.isfinite(value)}
            self._baseline = {epochs: finite[epochs] for epochs in self._stages if epochs in finite}
            self._told.append(BASELINE)

    def running(self) -> list[Proposal]:
        """The proposals that have not been told about, by number."""
        return [self._proposal(number) for number, trial in self._trials.items() if trial.status == RUNNING]

    def known(self) -> dict[int, bool]:
        """The numbers of all trials asked for, and whether each still runs; places left empty are left out."""
        baseline = {} if self._default is None else {BASELINE: self._baseline is None}
        return baseline | {number: trial.status == RUNNING for number, trial in self._trials.items() if not trial.lost}

    def told(self) -> tuple[int, ...]:
        """The trials that have been told about, in that order."""
        return tuple(self._told)

    def raw_values(self, number: int) -> dict[str, Any]:
        """The values of a trial, and its place among the stages as Keras Tuner's Hyperband notes it."""
        trial = self._trials[number]
        notes: dict[str, Any] = {"tuner/epochs": trial.epochs}
        return (
            trial.values | notes | ({} if trial.continues is None else {"tuner/trial_id": f"{trial.continues - 1:04d}"})
        )

    def repeat(self, number: int, spec: TrialSpec | None, values: dict[str, Any]) -> bool:
        """Asks for trial `number`, the next, which was asked for before; whether the same came out."""
        proposal = self.ask()
        came = isinstance(proposal, Proposal)
        if spec is None:
            if not came:
                self._trials[number] = _Trial({}, 0, None, FAILED, lost=True)
            return False
        recorded = _Trial(dict(spec.values), spec.epochs, spec.continues)
        same = (
            came
            and self._trials[number] == recorded
            and isinstance(proposal, Proposal)
            and proposal.recipe == spec.recipe
        )
        self._trials[number] = recorded
        return same

    # -- state

    def state_text(self) -> str:
        """Everything needed to go on from here, as JSON on one line."""
        trials = [{"id": f"{number - 1:04d}", **asdict(trial)} for number, trial in self._trials.items()]
        baseline = None if self._baseline is None else list(self._baseline.items())
        state = {"kind": KIND, "trials": trials, "told": self._told, "learnt": self._learnt, "baseline": baseline}
        return json.dumps(state)

    def restore(self, state: dict[str, Any]) -> None:
        """Goes on from a state, in a proposer of the same campaign that has not been asked yet.

        Raises:
            BadRecord: The state is damaged, or another algorithm's.
        """
        try:
            if state["kind"] != KIND:
                raise ValueError(f"kind {state['kind']!r}")
            trials = {}
            for stored in state["trials"]:
                fields = dict(stored)
                number = int(fields.pop("id")) + 1
                trials[number] = _Trial(**fields)
            told, learnt = [int(number) for number in state["told"]], [float(one) for one in state["learnt"]]
            course = state.get("baseline")  # earlier versions were not told
            baseline = None if course is None else {int(epochs): float(value) for epochs, value in course}
            named = set(trials) if baseline is None else {BASELINE, *trials}
            if list(trials) != list(range(1, len(trials) + 1)) or not set(told) <= named:
                raise ValueError("numbers of trials")
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise BadRecord(
                f"campaign {self._campaign.name!r}: expected the state of an adaptive search, received something else "
                f"({type(error).__name__}: {first_line(error)})",
                "Nothing was changed. Restore state.json, or move the campaign's folder away to start anew.",
            ) from error
        self._trials, self._told, self._learnt, self._baseline = trials, told, learnt, baseline

    # -- size

    def plan(self) -> Plan:
        """The most that can happen, the baseline included: every trial as short as a trial can be."""
        full, points = self._settings.epochs, self._points()
        epochs = min(self._settings.max_trials, points) * full
        trials = min(epochs // self._stages[0], points * len(self._stages))
        return Plan(trials + 1, epochs + full)

    def schedule(self) -> list[str]:
        """What happens in which order, one line a step."""
        first, *more = self._stages
        lines = [f"each recipe to epoch {first} first" + (", then the most promising on to " if more else "")]
        lines[0] += ", ".join(f"epoch {stage}" for stage in more)
        budget = self._settings.max_trials * self._settings.epochs
        return [*lines, f"until {budget:,} epochs are trained, as many as {self._settings.max_trials} full trainings"]

    # -- inside

    def _so_far(self) -> list[Trained]:
        """The baseline at each stage and each trial, as the chooser sees them; larger is better."""
        sign = 1.0 if self._settings.objective.direction is Direction.MAX else -1.0
        continued = {trial.continues for trial in self._trials.values()}
        baseline = [
            Trained(BASELINE, self._default or {}, self._stages.index(epochs), epochs, sign * value, False, False)
            for epochs, value in (self._baseline or {}).items()
        ]
        return baseline + [
            Trained(
                number=number,
                values=trial.values,
                stage=self._stages.index(trial.epochs) if trial.epochs in self._stages else len(self._stages) - 1,
                epochs=trial.epochs,
                value=None if trial.score is None else sign * trial.score,
                running=trial.status == RUNNING,
                last=number not in continued,
            )
            for number, trial in self._trials.items()
            if not trial.lost
        ]

    def _spent(self) -> int:
        before = {number: trial.epochs for number, trial in self._trials.items()}
        return sum(trial.epochs - before.get(trial.continues or 0, 0) for trial in self._trials.values())

    def _proposal(self, number: int) -> Proposal:
        trial = self._trials[number]
        values = {name: tidy(value) for name, value in trial.values.items()}
        return Proposal(number, self.recipe_at(values), values, trial.epochs, trial.continues)


__all__ = ["AdaptiveProposer", "Candidate"]
