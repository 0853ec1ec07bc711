"""Progress in a notebook is one output that is drawn anew, and an interrupted kernel stops resumably."""

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import jupyter_client
import pytest

from fer_exp import load_campaign
from fer_exp.api import notebook
from fer_exp.api.notebook import Frame, NotebookView
from fer_exp.api.view import View
from fer_exp.api.watching import in_notebook, watching
from fer_exp.execute.progress import Silence
from fer_exp.system.home import Home
from tests.moments import MOMENT
from tests.notebooks import executed, notebook_of, outputs_of

ROOT = Path(__file__).resolve().parents[2]


class Handle:
    """Stands for IPython's display handle; keeps every frame."""

    def __init__(self) -> None:
        self.frames: list[Frame] = []

    def update(self, frame: Frame) -> None:
        self.frames.append(frame)


@pytest.fixture
def handle(monkeypatch: pytest.MonkeyPatch) -> Handle:
    shown = Handle()

    def display(frame: Frame, *, display_id: bool) -> Handle:
        assert display_id
        shown.frames.append(frame)
        return shown

    monkeypatch.setattr("IPython.display.display", display)
    return shown


def test_bars_and_the_leaderboard_are_drawn_into_one_output(handle: Handle) -> None:
    with NotebookView() as view:
        view.show(MOMENT)
    shown = handle.frames[-2]._repr_html_()
    assert shown.count("<progress") == 2
    assert 'value="0.258"' in shown  # (2 + 3.25 epochs of 10) of 9
    for told in (
        "demo",
        "2 of 9 ended",
        "at most 13 min left",
        "trial 3",
        "epoch 4/10",
        "61.25 %",
        "block_dropout=0.1",
    ):
        assert told in shown
    last = handle.frames[-1]
    assert last._repr_html_().count("<progress") == 1  # nothing looks as if it ran still
    assert repr(last).startswith("demo: 2 of 9 ended")


def test_a_thousand_moments_are_a_few_frames_and_a_thousand_lines_are_the_newest(
    handle: Handle, monkeypatch: pytest.MonkeyPatch
) -> None:
    with NotebookView() as view:
        for _ in range(1000):
            view.show(MOMENT)
        assert len(handle.frames) == 2
        monkeypatch.setattr(notebook, "DRAWN_EVERY", 0.0)
        for number in range(1000):
            view.say(f"line {number}")
    shown = handle.frames[-1]._repr_html_()
    assert "(992 earlier lines)" in shown
    assert "line 999" in shown
    assert "line 991" not in shown


def test_what_is_said_is_text_and_never_markup(handle: Handle) -> None:
    with NotebookView() as view:
        view.show(replace(MOMENT, campaign="<b>x", tracking="behind: <i>no answer"))
        view.say("<script>alert(1)</script>")
    shown = handle.frames[-1]._repr_html_()
    assert "<script>" not in shown
    assert "<i>" not in shown
    assert "tracking behind: &lt;i&gt;no answer" in shown


def test_outside_of_a_kernel_a_terminal_is_drawn_on_and_ones_own_watcher_is_left_alone() -> None:
    assert not in_notebook()
    with watching() as view:
        assert isinstance(view, View)
    mine = Silence()
    with watching(mine) as given:
        assert given is mine


# -- in a kernel of its own

CELL = """
import pytest
import fer_exp
from fer_exp import Campaign, Settings, baseline_recipe
from tests.commands import quick_trials

quick_trials(pytest.MonkeyPatch())
BASE = baseline_recipe().but(widths=(4,), last_width=8)

def space(hp):
    return BASE.but(block_dropout=hp.Choice("block_dropout", [0.0, 0.1, 0.2]))

campaign = Campaign("cell", "Does it work?", space, Settings(max_trials=2, epochs=EPOCHS, limit=70), BASE, "demo")
"""
SEARCH = "fer_exp.search(campaign, tracking=False)"


@pytest.fixture
def kernel_environment(home: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    monkeypatch.setenv("KERAS_BACKEND", "numpy")  # nothing is trained, so TensorFlow need not be loaded
    monkeypatch.setenv("IPYTHONDIR", str(home.root.parent / "ipython"))
    return home


def test_a_campaign_defined_in_a_cell_is_searched_with_one_output(kernel_environment: Home) -> None:
    _, searched = executed(notebook_of(CELL.replace("EPOCHS", "2"), SEARCH)).cells
    (progress,) = outputs_of(searched, "display_data")
    assert "3 of 3 ended" in progress.data["text/html"]
    (result,) = outputs_of(searched, "execute_result")
    assert "rank" in result.data["text/html"]
    assert outputs_of(searched, "stream") == []
    assert (kernel_environment.campaign("cell") / "campaign.py").exists()


@pytest.fixture
def kernel(kernel_environment: Home) -> Iterator[tuple[Any, Any]]:
    assert kernel_environment
    manager, client = jupyter_client.manager.start_new_kernel(kernel_name="python3")
    yield manager, client
    client.stop_channels()
    manager.shutdown_kernel(now=True)


def test_interrupting_the_kernel_stops_resumably_with_two_lines(
    kernel: tuple[Any, Any], kernel_environment: Home
) -> None:
    manager, client = kernel
    assert client.execute_interactive(CELL.replace("EPOCHS", "400"), timeout=60)["content"]["status"] == "ok"
    asked = client.execute(SEARCH)
    deadline = time.monotonic() + 60
    while not list(kernel_environment.campaigns.glob("cell/trials/0000/history.jsonl")):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    manager.interrupt_kernel()
    answer = client.get_shell_msg(timeout=60)
    while answer["parent_header"].get("msg_id") != asked:
        answer = client.get_shell_msg(timeout=60)
    assert answer["content"]["status"] == "error"
    assert answer["content"]["traceback"] == [
        "fer-exp: cell was stopped before its end",
        "         Nothing is lost: the same call goes on where it stopped.",
    ]
    trained = len(load_campaign("cell", home=kernel_environment).history(0))
    assert 0 < trained < 400
    assert client.execute_interactive("fer_exp.search(campaign, tracking=False, max_hours=2 / 3600)", timeout=60)
    assert len(load_campaign("cell", home=kernel_environment).history(0)) > trained
