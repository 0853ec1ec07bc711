"""A Campaign made in Python is written as a file that stands alone, or refused with one clear error."""

import functools
import math as maths
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from fer_exp import Algorithm, Campaign, HyperParameters, Recipe, Settings, baseline_recipe
from fer_exp.api.cells import campaign_source
from fer_exp.api.source import sourced
from fer_exp.campaign import Resources, fingerprint, load_campaign
from fer_exp.campaign.probe import Asked
from fer_exp.data.emotions import Emotion
from fer_exp.recipe import Schedule
from fer_exp.system.errors import BadCampaign
from fer_exp.system.home import Home

BASE = baseline_recipe().but(widths=(4,), last_width=8, schedule=Schedule.COSINE)
RATES = {"low": 1e-3, "high": 1e-2}
CHOICES = (0.0, 0.1)
FIRST = Emotion.HAPPY
SOME_ARRAY = np.zeros(3)
NOT_A_NUMBER = maths.nan
SETTINGS = Settings(algorithm=Algorithm.GRID, max_trials=3, epochs=2, limit=140)


def rate(hp: HyperParameters, low: float = RATES["low"]) -> float:
    return hp.Float("learning_rate", low, RATES["high"], sampling="log")


def again(hp: HyperParameters) -> float:
    return again(hp) if maths.pi < 3 else rate(hp)


renamed = again


def space(hp: HyperParameters) -> Recipe:
    """Uses a recipe, a dictionary, an alias of a module, an enumeration, helpers, and one of them by another name."""
    drops = [hp.Choice("block_dropout", list(CHOICES)) for _ in range(int(FIRST == Emotion.HAPPY))]
    return BASE.but(block_dropout=drops[0] * maths.cos(0), learning_rate=renamed(hp))


def made(of: Callable[[HyperParameters], Recipe]) -> Campaign:
    return Campaign("cell", 'Does "it" \\ work?', of, SETTINGS, BASE, "demo")


def test_the_file_defines_the_same_campaign(tmp_path: Path) -> None:
    file = tmp_path / "cell.py"
    file.write_text(campaign_source(made(space)))
    loaded = load_campaign(file)
    assert (loaded.name, loaded.question, loaded.data) == ("cell", 'Does "it" \\ work?', "demo")
    assert (loaded.settings, loaded.baseline) == (SETTINGS, BASE)
    for point in ({}, {"block_dropout": 0.1, "learning_rate": 0.004}):
        assert loaded.space(Asked(point)) == space(Asked(point))


def test_the_file_says_what_a_trial_takes_where_the_campaign_does(tmp_path: Path) -> None:
    """And is as it was where it does not, so that a campaign's fingerprint stays."""
    assert "resources" not in campaign_source(made(space))
    takes = Resources(cpus=2.0, gpus=0.5)
    file = tmp_path / "cell.py"
    file.write_text(campaign_source(replace(made(space), resources=takes)))
    assert load_campaign(file).resources == takes


def test_the_file_runs_in_a_process_that_knows_nothing_of_this_one(tmp_path: Path) -> None:
    file = tmp_path / "cell.py"
    file.write_text(campaign_source(made(space)))
    command = [sys.executable, "-P", "-c", f"import runpy; print(runpy.run_path({str(file)!r})['campaign'].name)"]
    assert subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path).stdout == "cell\n"


def test_the_same_campaign_has_the_same_fingerprint_and_another_space_another(home: Home) -> None:
    def once() -> str:
        return sourced(made(space), home).fingerprint

    first = once()
    assert first == once() == fingerprint(home.cache / "cells" / "cell.py")

    def inner(hp: HyperParameters) -> Recipe:
        return BASE.but(learning_rate=hp.Float("learning_rate", 1e-3, 1e-2))

    assert sourced(made(inner), home).fingerprint != first


def uses_an_array(hp: HyperParameters) -> Recipe:
    return BASE.but(block_dropout=hp.Float("block_dropout", 0.0, 0.5) + float(SOME_ARRAY.sum()))


def uses_a_number_without_a_literal(hp: HyperParameters) -> Recipe:
    return BASE.but(block_dropout=hp.Float("block_dropout", 0.0, 0.5) if NOT_A_NUMBER else 0.0)


def uses_nothing_known(hp: HyperParameters) -> Recipe:
    return BASE.but(block_dropout=hp.Float("block_dropout", 0.0, nowhere))  # type: ignore[name-defined]  # noqa: F821  # what is tested


def closure() -> Callable[[HyperParameters], Recipe]:
    most = 0.5

    def inner(hp: HyperParameters) -> Recipe:
        return BASE.but(block_dropout=hp.Float("block_dropout", 0.0, most))

    return inner


def prompt() -> Callable[[HyperParameters], Recipe]:
    """A function whose source nobody kept, as one that was typed at Python's prompt."""
    names: dict[str, Callable[[HyperParameters], Recipe]] = {}
    exec("def typed(hp):\n    return None", names)
    return names["typed"]


@pytest.mark.parametrize(
    ("of", "said"),
    [
        (uses_an_array, "uses 'SOME_ARRAY', a numpy.ndarray, which cannot be written"),
        (uses_a_number_without_a_literal, "uses 'NOT_A_NUMBER', a float"),
        (uses_nothing_known, "uses 'nowhere', which is not defined"),
        (closure(), "uses most of the function around it"),
        (prompt(), "source of 'typed' is not to be found"),
        (lambda hp: BASE.but(block_dropout=hp.Float("block_dropout", 0.0, 0.5)), "received a lambda"),
        (functools.partial(space), "received a functools.partial"),
    ],
    ids=["array", "nan", "undefined", "closure", "prompt", "lambda", "partial"],
)
def test_what_no_text_says_is_refused_by_name(of: Callable[[HyperParameters], Recipe], said: str, home: Home) -> None:
    with pytest.raises(BadCampaign) as caught:
        sourced(made(of), home)
    assert said in caught.value.problem
    assert "Nothing was started" in caught.value.remedy
    assert not home.campaigns.exists()


CALLS = {"so far": 0}


def counting(hp: HyperParameters) -> Recipe:
    CALLS["so far"] += 1
    return BASE.but(block_dropout=hp.Float("block_dropout", 0.0, 0.1) + min(CALLS["so far"], 8) / 100)


def test_a_space_that_makes_something_else_than_its_source_says_is_refused(home: Home) -> None:
    with pytest.raises(BadCampaign, match="expected its space to make the recipes that its source says"):
        sourced(made(counting), home)
