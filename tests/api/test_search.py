"""search, retrain_best, compare and load_campaign called from Python do what the commands do."""

import inspect
import multiprocessing
import os
import subprocess
import sys
import threading
from pathlib import Path

import pytest

import fer_exp
from fer_exp import Campaign, HyperParameters, Recipe, Settings, baseline_recipe
from fer_exp.api.place import Place
from fer_exp.api.request import requested
from fer_exp.campaign import CampaignSpec, fingerprint, load_campaign
from fer_exp.cli.search import retrain_best as retrain_command
from fer_exp.cli.search import search as search_command
from fer_exp.data.sources.convert import convert
from fer_exp.execute.progress import Silence, Snapshot
from fer_exp.system.errors import BadInput, NotFound
from fer_exp.system.home import Home
from tests.commands import done, quick_trials, write_campaign
from tests.toy_search import At, interrupt

BASE = baseline_recipe().but(widths=(4,), last_width=8, learning_rate=1e-2)


def space(hp: HyperParameters) -> Recipe:
    return BASE.but(block_dropout=hp.Choice("block_dropout", [0.0, 0.1, 0.2, 0.3]))


def in_a_cell(trials: int = 2, epochs: int = 2) -> Campaign:
    return Campaign("cell", "Does it work?", space, Settings(max_trials=trials, epochs=epochs, limit=140), BASE, "demo")


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    quick_trials(monkeypatch)


def test_a_campaign_made_in_python_is_searched_recorded_and_gone_on_with_from_its_file(home: Home) -> None:
    found = fer_exp.search(in_a_cell(), tracking=False, watcher=Silence())
    assert not found.stopped
    assert found.text.splitlines()[0].split()[:3] == ["rank", "trial", "accuracy"]
    assert "Next:    fer_exp.retrain_best('cell', seeds=3)" in str(found)
    kept = home.campaign("cell") / "campaign.py"
    spec = CampaignSpec.read(home.campaign("cell") / "campaign.json")
    assert (spec.file, spec.fingerprint) == (str(kept), fingerprint(kept))
    assert load_campaign(kept).name == "cell"
    more = fer_exp.search(kept, max_trials=3, tracking=False, watcher=Silence())
    assert list(more.campaign.leaderboard()["number"].sort_values()) == [0, 1, 2, 3]


@pytest.mark.usefixtures("home")
def test_ctrl_c_stops_a_search_with_an_error_so_that_nothing_follows_and_the_same_call_goes_on() -> None:
    watcher = At(lambda moment: bool(moment.running), interrupt)
    with pytest.raises(fer_exp.SearchStopped) as stop:
        fer_exp.search(in_a_cell(epochs=30), tracking=False, watcher=watcher)
    assert "the same call goes on" in stop.value.remedy
    assert stop.value.result.stopped
    assert "Go on: call it again with the same arguments" in stop.value.result.text
    assert not fer_exp.search(in_a_cell(epochs=30), tracking=False, watcher=Silence()).stopped
    board = fer_exp.load_campaign("cell").leaderboard()
    assert list(board["state"]) == ["finished"] * 3


@pytest.mark.usefixtures("home")
def test_the_time_given_being_over_is_a_result() -> None:
    found = fer_exp.search(in_a_cell(epochs=200), tracking=False, watcher=Silence(), max_hours=0.2 / 3600)
    assert found.stopped


def test_a_home_can_be_named_and_nothing_goes_elsewhere(home: Home, tmp_path: Path) -> None:
    there = tmp_path / "a home with blanks"
    fer_exp.search(in_a_cell(trials=0), tracking=False, watcher=Silence(), home=there)
    assert not home.root.exists()
    assert fer_exp.load_campaign("cell", home=there).name == "cell"
    with pytest.raises(NotFound, match="no campaign 'cell'"):
        fer_exp.load_campaign("cell")


@pytest.mark.parametrize(
    ("given", "said"),
    [
        ({"epochs": 0}, "epochs: Input should be greater than or equal to 1, received 0"),
        ({"protocol": "official!"}, "protocol: Input should be"),
        ({"workers": 0}, "workers: expected a number from 1 to 4096, or auto, received '0'"),
        ({"engine": "slurm"}, "engine: expected local or ray, received 'slurm'"),
        ({"ray_address": "auto"}, "--ray-address: expected --engine ray beside it"),
        ({"gpus_per_trial": 1.5}, "a part of one, or a whole number"),
        ({"protocol": "reference"}, "would reward memorising"),
        ({"data": "nowhere.csv"}, "found none at"),
    ],
)
def test_a_wrong_argument_is_refused_before_anything_is_started(home: Home, given: dict[str, str], said: str) -> None:
    with pytest.raises(BadInput) as caught:
        fer_exp.search(in_a_cell(), tracking=False, **given)  # type: ignore[arg-type]  # wrong on purpose
    assert said in caught.value.problem
    assert not home.campaigns.exists()


@pytest.mark.usefixtures("home")
def test_another_thread_is_told_why_it_cannot_search() -> None:
    told: list[str] = []

    def call() -> None:
        with pytest.raises(BadInput) as caught:
            fer_exp.search(in_a_cell())
        told.append(caught.value.problem)

    thread = threading.Thread(target=call, name="worker")
    thread.start()
    thread.join()
    assert told == ["training: expected to be called in the main thread, received 'worker'"]


@pytest.mark.usefixtures("home")
def test_a_platform_without_a_fork_server_is_told_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(multiprocessing, "get_all_start_methods", lambda: ["spawn"])
    monkeypatch.setattr(sys, "platform", "win32")
    for call in (lambda: fer_exp.search(in_a_cell()), fer_exp.baseline, lambda: fer_exp.retrain_best("demo")):
        with pytest.raises(BadInput, match=r"a platform with a fork server .*, received win32"):
            call()


def test_what_a_search_takes_is_what_the_command_takes() -> None:
    """An option that only one of the two had would be forgotten in the other."""
    command = set(inspect.signature(search_command).parameters)
    reading = {"side", "colour", "classes", "merge", "drop", "layout", "groups", "votes", "rule", "licence"}
    assert reading < command
    named = {"file": "campaign", "no_clahe": "clahe", "no_tracking": "tracking"}
    options = {named.get(name, name) for name in command - reading - {"skip_bad_rows", "dry_run", "verbose"}}
    assert options == set(inspect.signature(fer_exp.search).parameters) - {"reading", "home", "watcher"}
    of_dry_run = set(inspect.signature(fer_exp.dry_run).parameters)
    assert of_dry_run == set(inspect.signature(fer_exp.search).parameters) - {"max_hours", "tracking", "watcher"}


def test_what_a_retrain_takes_is_what_the_command_takes() -> None:
    command = set(inspect.signature(retrain_command).parameters) - {"no_tracking", "verbose"} | {"tracking"}
    assert command == set(inspect.signature(fer_exp.retrain_best).parameters) - {"home", "watcher"}


def test_a_request_starts_nothing(home: Home) -> None:
    asked = requested(
        in_a_cell(),
        data=None,
        home=None,
        name="other",
        place=Place.of("auto"),
        clahe=False,
        reading=None,
        changes={"epochs": 7},
        cleaning=(True, False, False),
    )
    assert (asked.campaign.name, asked.settings.epochs, asked.campaign.baseline.clahe) == ("other", 7, False)
    assert asked.settings.cleaning.drop_leaks
    assert not home.campaigns.exists()


class Collecting(Silence):
    """Keeps what it is shown."""

    def __init__(self) -> None:
        self.snapshots: list[Snapshot] = []

    def show(self, snapshot: Snapshot) -> None:
        self.snapshots.append(snapshot)


@pytest.mark.usefixtures("home")
def test_a_watcher_of_ones_own_sees_every_moment() -> None:
    watcher = Collecting()
    fer_exp.search(in_a_cell(trials=1), tracking=False, watcher=watcher)
    assert watcher.snapshots[-1].planned == 2


def test_a_path_with_a_blank_is_read_and_nothing_is_written_beside_the_data(home: Home, tmp_path: Path) -> None:
    """As on a mounted drive, and as Kaggle's input, which cannot be written."""
    folder = tmp_path / "My Drive" / "my faces"
    folder.mkdir(parents=True)
    convert("demo", folder / "fer2013.parquet")
    before = {path: path.stat().st_mtime_ns for path in folder.rglob("*")}
    folder.chmod(0o555)
    try:
        fer_exp.search(in_a_cell(trials=0), data=folder, tracking=False, watcher=Silence())
    finally:
        folder.chmod(0o755)
    assert {path: path.stat().st_mtime_ns for path in folder.rglob("*")} == before
    data = CampaignSpec.read(home.campaign("cell") / "campaign.json").data
    assert data.path == str(folder / "fer2013.parquet")


def test_the_command_keeps_the_campaigns_file_too(home: Home, tmp_path: Path) -> None:
    file = write_campaign(tmp_path, trials=0)
    done("search", file, "--no-tracking")
    assert (home.campaign("tiny") / "campaign.py").read_bytes() == file.read_bytes()


SCRIPT = """
import fer_exp
from fer_exp import Campaign, Settings, baseline_recipe
from tests.commands import quick_trials
import pytest

quick_trials(pytest.MonkeyPatch())
BASE = baseline_recipe().but(widths=(4,), last_width=8)


def space(hp):
    return BASE.but(block_dropout=hp.Choice("block_dropout", [0.0, 0.1]))


print("this script runs")
fer_exp.search(Campaign("script", "Does it work?", space, Settings(max_trials=1, epochs=1, limit=70), BASE, "demo"))
"""


def test_a_script_without_a_guard_is_not_run_again_by_its_trials(home: Home, tmp_path: Path) -> None:
    file = tmp_path / "script.py"
    file.write_text(SCRIPT)
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2]), "KERAS_BACKEND": "numpy"}
    ended = subprocess.run([sys.executable, file], capture_output=True, text=True, env=environment, check=False)
    assert ended.returncode == 0, ended.stderr
    assert ended.stdout == "this script runs\n"
    assert list(fer_exp.load_campaign("script", home=home).leaderboard()["state"]) == ["finished"] * 2
