"""The store of a home: found wherever the home lies."""

from pathlib import Path

import pytest

from fer_exp.system.home import Home
from fer_exp.tracking.inspect import is_there, newer_schema
from fer_exp.tracking.store import connect, experiment_of


@pytest.mark.parametrize("name", ["a%20b", "100%", "a?b=c", "a b#c", "ü;x", "a@b:c", "%2F"])
def test_a_home_may_have_any_name(tmp_path: Path, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    home = Home(tmp_path / name / "mlruns")
    store = connect(home)
    assert store.own
    assert home.database.exists()
    experiment = experiment_of(store, "tiny")
    run = store.client.create_run(experiment.experiment_id)
    store.client.log_text(run.info.run_id, "words", "text.txt")
    again = connect(home)
    assert experiment_of(again, "tiny").experiment_id == experiment.experiment_id
    assert [path.read_text() for path in home.artifacts.rglob("text.txt")] == ["words"]
    assert [path.name for path in tmp_path.iterdir()] == [name]
    assert is_there(home)
    assert newer_schema(home) is None
