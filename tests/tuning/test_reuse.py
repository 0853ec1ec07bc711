"""A training of an earlier version answers where that version trained the recipe alike."""

from pathlib import Path

import pytest

from fer_exp.records import Outcome, State
from fer_exp.tuning.reuse import answers_now, training_now
from tests.made_records import made_scores
from tests.trainings import TINY, new_record


@pytest.mark.parametrize(("ema", "alike"), [(0.0, True), (0.998, False)])
def test_version_one_trained_all_but_averages_of_weights_alike(tmp_path: Path, ema: float, alike: bool) -> None:
    for version, answers in (("training 2", True), ("training 1", alike), ("training 0", False)):
        record = new_record(tmp_path / version[-1], TINY.but(ema=ema))
        record.write_scores(made_scores(0.6))
        with_it = training_now().replace("training 2", version)
        record.end(Outcome(state=State.FINISHED, trained_with=with_it))
        assert answers_now(record) is answers
