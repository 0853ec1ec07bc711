"""Slices are parts of validation that mean something, each with an interval that holds for it."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer_exp.report.slices import Slice, share_on
from fer_exp.report.write import write_report
from fer_exp.system.home import Home
from tests import reported
from tests.made_records import made_predictions
from tests.reported import NAME, section


def test_slices_count_blank_dark_and_copied_faces(tmp_path: Path) -> None:
    home = Home(tmp_path)
    reported.faces_in_cache(home, reported.campaign(home))
    text = section(write_report(home, NAME).read_text(), "slices").text
    assert "blank: a single grey level" in text
    assert "training holds the same image" in text
    assert "n = 10" in text  # the copies


def test_intervals_of_slices_allow_for_other_people() -> None:
    said = made_predictions(200)
    part = Slice("", "all", np.ones(200, np.bool_))
    right = said.probabilities.argmax(axis=1) == said.labels
    alone, together = (replace(said, groups=groups) for groups in (np.arange(200), np.where(right, 0, 1)))
    widths = [
        (share.interval.high - share.interval.low)
        for one in (said, alone, together)
        for share in [share_on(part, [one])]
    ]
    assert widths[0] == pytest.approx(widths[1], rel=0.01)
    assert widths[2] > 3 * widths[0]  # all the right ones are of one person
