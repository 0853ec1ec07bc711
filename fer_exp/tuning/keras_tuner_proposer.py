"""The proposer over Keras Tuner's oracles: random, Bayesian, Hyperband and grid search.

In: a campaign, its settings, and the state that an earlier start left. Out: proposals, one at a time, and the state to
keep. The oracle lives in this process, never touches a disk, and can be put away between any two calls.
"""

import json
import math
from collections.abc import Mapping
from typing import Any

import numpy as np
from keras_tuner.engine import trial as keras_trial

from fer_exp.campaign import Algorithm, Campaign, Settings
from fer_exp.records import TrialSpec
from fer_exp.system.errors import BadCampaign, BadRecord
from fer_exp.system.values import first_line
from fer_exp.tuning.declared import DeclaredSpace, tidy
from fer_exp.tuning.oracles import OBJECTIVE, State, Writer, make_oracle, place, restore, slot_of, state_of
from fer_exp.tuning.proposer import Nothing, Plan, Proposal

BOOKKEEPING = "tuner/"  # prefix of the keys that Hyperband mixes into a trial's values


class KerasTunerProposer(DeclaredSpace):
    """A Keras Tuner oracle that can be put away and taken up again between any two calls."""

    def __init__(self, campaign: Campaign, settings: Settings, state: State | None = None) -> None:
        super().__init__(campaign)
        self._settings = settings
        self._oracle = make_oracle(settings, self._space)
        self._writer = Writer()
        self._told: list[int] = []
        if state is not None:
            self.restore(state)

    # -- the conversation

    def ask(self) -> Proposal | Nothing:
        """The next trial to run.

        Raises:
            BadCampaign: The space refuses the proposed values, or declares hyperparameters only now.
        """
        if self._spent():
            return Nothing.DONE
        trial = self._oracle.create_trial(slot_of(len(self._oracle.trials) + 1))
        if trial.status == keras_trial.TrialStatus.RUNNING:
            return self._proposal(trial)
        return Nothing.WAIT if trial.status == keras_trial.TrialStatus.IDLE else Nothing.DONE

    def _spent(self) -> bool:
        """Whether all trials were proposed. Keras Tuner takes a budget of 0 for none; Hyperband has one of its own."""
        bounded = self._settings.algorithm is not Algorithm.HYPERBAND
        return bounded and len(self._oracle.trials) >= self._settings.max_trials

    def tell(self, number: int, score: float | None) -> None:
        """How trial `number` ended: its objective, or None where it failed (NaN and infinite count as failed)."""
        trial = self._trial(number)
        if score is not None and math.isfinite(score):
            self._oracle.update_trial(trial.trial_id, {OBJECTIVE: score})
            trial.status = keras_trial.TrialStatus.COMPLETED
        else:
            trial.status = keras_trial.TrialStatus.FAILED
        self._oracle.end_trial(trial)

    def tell_baseline(self, course: Mapping[int, float]) -> None:
        """Nothing: Keras Tuner's oracles know of their own trials alone."""

    def running(self) -> list[Proposal]:
        """The proposals that have not been told about, in order."""
        trials = self._oracle.trials.values()
        return [self._proposal(trial) for trial in trials if trial.status == keras_trial.TrialStatus.RUNNING]

    def repeat(self, number: int, spec: TrialSpec | None, values: dict[str, Any]) -> bool:
        """Asks for trial `number`, the next, which was asked for before; whether the same came out.

        Where something else comes out, `spec` and `values` stand, as they are recorded.

        Args:
            number: Of the trial.
            spec: What was recorded; None where its record is gone, so that whatever comes out is trained.
            values: As the oracle proposed them, its bookkeeping included.
        """
        before = self.state_text()  # most of it is in words already, where a copy of all trials takes long
        if self._oracle.max_trials:
            self._oracle.max_trials = max(self._oracle.max_trials, number)  # a budget may have been lowered since
        trial = self._oracle.create_trial(slot_of(number))
        proposed = trial.status == keras_trial.TrialStatus.RUNNING
        if spec is None:
            if not proposed:
                place(self._oracle, number, None)
            return False
        if proposed and _asks_for(self._proposal(trial), spec):
            return True
        self._oracle = make_oracle(self._settings, self._space)
        self._writer = Writer()
        self.restore(json.loads(before))
        place(self._oracle, number, values)
        return False

    # -- what it knows

    def told(self) -> tuple[int, ...]:
        """The trials that it has been told about, in that order."""
        self._told += [int(trial_id) + 1 for trial_id in self._oracle.end_order[len(self._told) :]]
        return tuple(self._told)

    def known(self) -> dict[int, bool]:
        """The numbers of all trials asked for, and whether each still runs; places left empty are left out."""
        left_empty = {t.trial_id for t in self._oracle.trials.values() if t.status == "FAILED"}
        left_empty -= set(self._oracle.end_order)
        return {
            int(trial.trial_id) + 1: trial.status == keras_trial.TrialStatus.RUNNING
            for trial in self._oracle.trials.values()
            if trial.trial_id not in left_empty
        }

    def raw_values(self, number: int) -> dict[str, Any]:
        """The values of a trial as Keras Tuner has them, its bookkeeping included."""
        values = self._trial(number).hyperparameters.values
        return {name: value.item() if isinstance(value, np.generic) else value for name, value in values.items()}

    def plan(self) -> Plan:
        """The most that can happen, the baseline included."""
        epochs = self._settings.epochs
        if self._settings.algorithm is Algorithm.HYPERBAND:
            trials, trained = self._hyperband_plan()
        else:
            trials = min(self._settings.max_trials, self._points(any_step=self._settings.algorithm is Algorithm.GRID))
            trained = trials * epochs
        return Plan(trials + 1, trained + epochs)

    def schedule(self) -> list[str]:
        """What happens in which order, one line a step."""
        if self._settings.algorithm is not Algorithm.HYPERBAND:
            return [f"{self.plan().trials - 1} trials of {self._settings.epochs} epochs"]
        lines = []
        for bracket in reversed(range(self._oracle._get_num_brackets())):
            rounds = [
                f"{self._oracle._get_size(bracket, number)} to epoch {self._oracle._get_epochs(bracket, number)}"
                for number in range(bracket + 1)
            ]
            lines.append(f"bracket {bracket}: " + ", then the best ".join(rounds))
        if self._settings.hyperband_iterations > 1:
            lines.append(f"all of it {self._settings.hyperband_iterations} times")
        return lines

    def _hyperband_plan(self) -> tuple[int, int]:
        trials = epochs = 0
        oracle = self._oracle
        for bracket in range(oracle._get_num_brackets()):
            before = 0
            for number in range(bracket + 1):
                size, upto = oracle._get_size(bracket, number), oracle._get_epochs(bracket, number)
                trials += size
                epochs += size * (upto - before)
                before = upto
        return trials * self._settings.hyperband_iterations, epochs * self._settings.hyperband_iterations

    # -- state

    def state(self) -> State:
        """Everything needed to go on from here, as JSON."""
        return state_of(self._oracle)

    def state_text(self) -> str:
        """What `state()` gives, written as JSON on one line."""
        return self._writer.text(self._oracle)

    def restore(self, state: State) -> None:
        """Goes on from what `state()` gave, in a proposer of the same campaign that has not been asked yet.

        Raises:
            BadRecord: The state is not one of this campaign's algorithm, or damaged.
        """
        self._told = []
        try:
            restore(self._oracle, state)
        except (KeyError, IndexError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise BadRecord(
                f"campaign {self._campaign.name!r}: expected the state of a {self._settings.algorithm} search, "
                f"received something else ({type(error).__name__}: {first_line(error)})",
                "Nothing was changed. Restore state.json, or move the campaign's folder away to start anew.",
            ) from error

    # -- inside

    def _trial(self, number: int) -> Any:
        # One that runs is among the last.
        return next(trial for trial in reversed(self._oracle.trials.values()) if int(trial.trial_id) == number - 1)

    def _proposal(self, trial: Any) -> Proposal:
        values = {name: tidy(value) for name, value in trial.hyperparameters.values.items()}
        hyperparameters = self._space.copy()
        hyperparameters.values = {n: v for n, v in values.items() if not n.startswith(BOOKKEEPING)}
        recipe = self._build(hyperparameters)
        if len(hyperparameters.space) != self._declared:
            late = hyperparameters.space[self._declared].name
            raise BadCampaign(
                f"space of campaign {self._campaign.name!r}: expected all hyperparameters to be declared on every "
                f"call, but {late!r} appeared only with {hyperparameters.values}",
                "Finished trials are kept. Declare it outside of any `if`, under a new campaign name.",
            )
        source = values.get("tuner/trial_id")
        return Proposal(
            number=int(trial.trial_id) + 1,
            recipe=recipe,
            values=dict(hyperparameters.values),
            epochs=int(values.get("tuner/epochs", self._settings.epochs)),
            continues=None if source is None else int(source) + 1,
        )


def _asks_for(proposal: Proposal, spec: TrialSpec) -> bool:
    return (proposal.recipe, proposal.values, proposal.epochs, proposal.continues) == (
        spec.recipe,
        spec.values,
        spec.epochs,
        spec.continues,
    )
