"""MLflow's pages in a real browser on a fresh profile: the link of `fer-exp ui` opens a table that speaks.

The view that the link names is in a format of MLflow's own, which may change with any version of it.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest

from fer_exp.records import Kind
from fer_exp.system.home import Home
from fer_exp.tracking import sync
from fer_exp.tracking.pages import columns
from tests.browser import CHROMIUM, DRIVER, browser, wait_until
from tests.commands import start
from tests.made_records import made_campaign_spec
from tests.tracked import NAME, begin, begin_campaign, fail, finish

pytestmark = pytest.mark.skipif(CHROMIUM is None or DRIVER is None, reason="Chromium or its driver is not installed")


def test_columns_are_few_and_begin_with_the_objective() -> None:
    shown = columns(made_campaign_spec(NAME))
    assert shown[0] == "metrics.`val/accuracy`"
    assert "params.`learning_rate`" in shown
    assert "tags.`fer_exp.kind`" in shown
    assert len(shown) < 16


@pytest.fixture
def link(mlflow_home: Home) -> Iterator[str]:
    """What `fer-exp ui` prints for a campaign of a baseline and three trials, of which one failed."""
    begin_campaign(mlflow_home)
    finish(begin(mlflow_home, 0, kind=Kind.BASELINE), 0.61)
    finish(begin(mlflow_home, 1), 0.64)
    finish(begin(mlflow_home, 2), 0.67)
    fail(begin(mlflow_home, 3))
    sync(mlflow_home, NAME)
    process = start(mlflow_home, "ui", "--port", 5017)
    assert process.stdout is not None
    try:
        yield next(word for line in process.stdout for word in line.split() if "viewStateShareKey" in word)
    finally:
        process.terminate()
        process.communicate(timeout=30)
    assert process.returncode == 0


@pytest.mark.slow
def test_the_link_opens_the_question_the_numbers_and_the_best_trial_first(link: str, tmp_path: Path) -> None:
    with browser() as driver:
        driver.get(link)
        question = made_campaign_spec(NAME).question.split("?")[0]
        parts = (question, "trial 2", "val/accuracy", "val/macro_f1", "learning_rate")  # which appear one by one
        text = wait_until(driver, lambda text: all(part in text for part in parts))
        driver.save_screenshot(str(tmp_path / "runs.png"))
        assert [part for part in parts if part not in text] == []
        names = [line for line in text.splitlines() if line.startswith(("trial ", "baseline"))]
        assert names == ["trial 2", "trial 1", "baseline", "trial 3"]  # the failed one has no value
        assert "Traces 0" not in text
        driver.find_element("link text", "trial 2").click()
        about = wait_until(driver, lambda text: "Changed against the baseline" in text)
        assert "at epoch 12 of 12" in about
        assert "Angry, Disgust, Fear, Happy, Sad, Surprise, Neutral" in about
