"""What a running search looks like: a live table on a terminal, plain lines without one."""

import io
import time
from dataclasses import replace

import pytest
from rich.console import Console

from fer_exp.api import view
from fer_exp.api.texts import this_command
from fer_exp.api.view import View, plain
from fer_exp.execute.progress import Snapshot
from fer_exp.records import Kind, title_of
from tests.moments import MOMENT, row, running

WIDTH = 110


def drawn(monkeypatch: pytest.MonkeyPatch, snapshot: Snapshot, *lines: str, terminal: bool = True) -> str:
    """What the view writes at one moment."""
    written = io.StringIO()

    def console(**_options: object) -> Console:
        return Console(file=written, force_terminal=terminal, width=WIDTH, color_system=None, legacy_windows=False)

    monkeypatch.setattr(view, "Console", console)
    monkeypatch.setattr(view, "PLAIN_EVERY", 0.0)
    with View() as shown:
        for line in lines:
            shown.say(line)
        shown.show(snapshot)
        if terminal:
            _wait_until_drawn(written)
    return written.getvalue()


def _wait_until_drawn(written: io.StringIO) -> None:
    """The table is redrawn by a thread, four times a second."""
    deadline = time.monotonic() + 10
    while "ended" not in written.getvalue() and time.monotonic() < deadline:
        time.sleep(0.02)


def test_on_a_terminal_campaign_trials_and_leaders_are_drawn(monkeypatch: pytest.MonkeyPatch) -> None:
    text = drawn(monkeypatch, MOMENT)
    for part in (
        "demo 2 of 9 ended; at most 13 min left",
        "trial 3",
        "epoch 4/10",
        "val/accuracy 61.25 %",
        "348 images/s",
        "rank",
        "block_dropout=0.1",
        "baseline",
    ):
        assert part in text
    assert text.index("64.00 %") < text.index("61.00 %")


def test_a_terminal_shows_failures_a_store_that_is_behind_and_a_stop(monkeypatch: pytest.MonkeyPatch) -> None:
    text = drawn(monkeypatch, replace(MOMENT, failed=1, tracking="behind: no answer", stopping=True))
    assert "1 failed" in text
    assert "tracking behind: no answer" in text
    assert "stopping after this epoch" in text


def test_before_the_first_epoch_nothing_is_invented(monkeypatch: pytest.MonkeyPatch) -> None:
    fresh = running(epoch=0, step=0, steps=0, val_accuracy=None, images_per_second=None)
    text = drawn(monkeypatch, replace(MOMENT, running=(fresh,), rows=(), seconds_left=None))
    assert "starting" in text
    assert "no trial has ended yet" in text
    assert "images/s" not in text
    assert "left" not in text


def test_the_leaderboard_shows_the_best_five(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = (*(row(number, 0.9 - number / 100) for number in range(1, 9)), row(9, None))
    text = drawn(monkeypatch, replace(MOMENT, running=(), rows=rows))
    assert [f"trial {number}" in text for number in range(1, 10)] == [True] * 5 + [False] * 4


def test_numbers_of_a_recipe_have_three_digits(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = (row(1, 0.7, learning_rate=0.004658214187, last_width=96),)
    assert "learning_rate=0.00466 last_width=96\r" in drawn(monkeypatch, replace(MOMENT, rows=rows))


def test_when_all_has_ended_no_time_is_left_to_speak_of(monkeypatch: pytest.MonkeyPatch) -> None:
    text = drawn(monkeypatch, replace(MOMENT, ended=9, running=(), seconds_left=0.0))
    assert "demo 9 of 9 ended" in text
    assert "left" not in text


@pytest.mark.parametrize("name", ["[red]x[/red]", "[/]", "[link=x]", ":smile:", "\\", "[bold", "a\\[b]"])
@pytest.mark.parametrize("terminal", [True, False])
def test_markup_in_names_is_shown_as_it_is(monkeypatch: pytest.MonkeyPatch, name: str, terminal: bool) -> None:
    strange = replace(
        MOMENT, campaign=name, objective=name, rows=(row(1, 0.5, **{name: name}),), tracking=f"behind: {name}"
    )
    text = drawn(monkeypatch, strange, f"Reading {name}.", terminal=terminal)
    assert f"Reading {name}.\n" in text
    if terminal:
        assert f"{name} 2 of 9 ended" in text
        assert f"{name}={name}" in text
        assert f"behind: {name}" in text


def test_without_a_terminal_each_line_is_plain(monkeypatch: pytest.MonkeyPatch) -> None:
    text = drawn(monkeypatch, MOMENT, "Reading demo.", "x" * 3 * WIDTH, terminal=False)
    assert text.splitlines() == [
        "Reading demo.",
        "x" * 3 * WIDTH,
        "2/9 ended; trial 3: epoch 4/10 (25 %), val/accuracy 61.25 %, 348 images/s; at most 13 min left",
    ]


def test_without_a_terminal_progress_is_told_now_and_then(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr(view, "Console", lambda **_options: Console(file=written, width=WIDTH))
    now = 1000.0
    monkeypatch.setattr(time, "monotonic", lambda: now)
    with View() as shown:
        for _ in range(40):  # ten seconds each
            now += 0.25
            shown.show(MOMENT)
        assert written.getvalue() == ""
        now += view.PLAIN_EVERY
        shown.show(MOMENT)
        shown.show(MOMENT)
    assert written.getvalue().count("\n") == 1


def test_a_view_that_is_left_by_an_error_gives_the_terminal_back(monkeypatch: pytest.MonkeyPatch) -> None:
    written = io.StringIO()
    monkeypatch.setattr(
        view, "Console", lambda **_options: Console(file=written, force_terminal=True, width=WIDTH, color_system=None)
    )

    def fail() -> None:
        with View() as shown:
            shown.show(MOMENT)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert "\x1b[?25h" in written.getvalue()  # the cursor is back


def test_trials_bear_the_names_that_people_call_them_by() -> None:
    assert title_of(Kind.BASELINE, 0, 1) == "baseline"
    assert title_of(Kind.TRIAL, 3, 1) == "trial 3"
    assert title_of(Kind.RETRAIN, 3, 2) == "retrain 3 seed 2"
    assert plain(running(kind=Kind.RETRAIN, val_accuracy=None)) == "retrain 3 seed 1: epoch 4/10 (25 %)"


@pytest.mark.parametrize("name", ["JPY_PARENT_PID", "COLAB_RELEASE_TAG"])
def test_a_notebook_is_no_terminal(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """A cell's `!` gives a terminal, whose redrawn frames pile up below each other."""
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert View()._on_terminal
    monkeypatch.setenv(name, "1")
    assert not View()._on_terminal


def test_what_to_give_again_is_not_a_kernels_command_line(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["/x/ipykernel_launcher.py", "-f", "/x/kernel.json"])
    assert this_command() == "give the same command again"
    monkeypatch.setattr("sys.argv", ["/x/bin/fer-exp", "search", "a b.py"])
    assert this_command() == "fer-exp search 'a b.py'"
