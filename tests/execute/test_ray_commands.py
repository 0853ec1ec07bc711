"""Commands with `--engine ray` on a cluster of two nodes: what they leave is what the same commands leave here."""

import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from fer_exp.execute.local import LocalEngine
from fer_exp.records import Record, State, records_in
from fer_exp.system.home import Home
from tests.clusters import Nodes, cluster, needs_ray
from tests.commands import call, finish, quick_trials, write_campaign
from tests.killing import board
from tests.made_faces import people_in

pytestmark = [needs_ray, pytest.mark.slow, pytest.mark.timeout(900)]

FOLDS, PEOPLE = 3, 9


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Nodes]:
    """Two nodes, one attempt each; none shares this machine's disk but by its own path."""
    with cluster(tmp_path_factory.mktemp("cluster")) as made:
        made.add(own_disk=True)
        made.add(own_disk=True)
        yield made


def on(nodes: Nodes) -> tuple[object, ...]:
    return ("--engine", "ray", "--ray-address", nodes.address, "--workers", 2, "--no-tracking")


def both(monkeypatch: pytest.MonkeyPatch, home: Home, nodes: Nodes, *command: object) -> tuple[str, Home]:
    """Gives a command on the cluster in `home`, then on this machine in another; what the first said, and that home."""
    with monkeypatch.context() as patch:
        patch.setattr(LocalEngine, "start", not_here)
        shown = call(*command, *on(nodes))
    assert shown.exit_code == 0, shown.output
    here = Home(home.root.parent / "here")
    with monkeypatch.context() as patch:
        patch.setenv("FER_EXP_HOME", str(here.root))
        local = call(*command, "--no-tracking")
    assert local.exit_code == 0, local.output
    return shown.output, here


def not_here(*_: object) -> NoReturn:
    pytest.fail("an attempt was started on this machine")


def retrains(home: Home) -> list[tuple[str, int, float | None]]:
    """Kind, seed and accuracy of what was trained again."""
    found: list[Record] = list(records_in(home.campaign("tiny") / "retrains"))
    assert {record.state() for record in found} == {State.FINISHED}
    return [(record.spec().kind, record.spec().seed, record.scores().get("val/accuracy")) for record in found]


def test_a_search_in_each_fold_and_on_the_nodes(
    nodes: Nodes, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick_trials(monkeypatch)
    people = people_in(tmp_path / "people", PEOPLE)
    protocol = ("--data", people, "--protocol", "subject-kfold", "--folds", FOLDS)
    said, here = both(monkeypatch, home, nodes, "search", write_campaign(tmp_path, trials=1, epochs=1), *protocol)
    assert f"All {FOLDS} folds ended" in said
    assert "searches share" not in said  # the search in one fold is over before the next asks for its room
    campaigns = sorted(path.name for path in home.campaigns.iterdir())
    assert len(campaigns) == FOLDS
    assert [board(home, name) for name in campaigns] == [board(here, name) for name in campaigns]


def test_a_recipe_is_trained_again_on_the_nodes(
    nodes: Nodes, home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    quick_trials(monkeypatch)
    both(monkeypatch, home, nodes, "search", write_campaign(tmp_path, trials=1, epochs=2))
    _, here = both(monkeypatch, home, nodes, "retrain-best", "tiny", "--trial", 1, "--seeds", 2)
    assert len(retrains(home)) == 4  # two seeds of the recipe, two of the baseline
    assert retrains(home) == retrains(here)


@pytest.mark.parametrize("backend", ["tensorflow", "jax"])
def test_each_backend_trains_a_real_trial_on_a_node(nodes: Nodes, home: Home, tmp_path: Path, backend: str) -> None:
    if importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not installed: pip install 'fer-exp[{backend}]'")
    file = write_campaign(tmp_path, trials=0, epochs=1)
    finish(home, "search", file, *on(nodes), KERAS_BACKEND=backend)
    (record,) = records_in(home.campaign("tiny") / "trials")
    outcome = record.outcome()
    assert outcome is not None
    assert outcome.state is State.FINISHED, outcome
    assert backend in outcome.trained_with
    facts = json.loads((record.path / "provenance.json").read_text())
    assert (facts["backend"], facts["attempt"]) == (backend, 1)
    assert record.model.stat().st_size > 0
    assert 0 < record.scores()["val/accuracy"] < 1
