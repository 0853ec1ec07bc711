"""One word for a model means the same training to every command that takes one."""

import shutil
from pathlib import Path

import pytest

from fer_exp.choosing import Asker, Recorded, choose, choose_recorded
from fer_exp.export.run import ASKER as EXPORT
from fer_exp.prediction.models import ASKER as PREDICT
from fer_exp.system.errors import BadInput, BadRecord, NotFound
from fer_exp.system.home import Home
from tests.made_models import record_with_model, write_model

EVALUATE = Asker("evaluate", "Nothing was opened.", "fer-exp evaluate", ("--run-id", "--model", "--record"))
ASKERS = pytest.mark.parametrize("asker", [EVALUATE, EXPORT, PREDICT], ids=lambda asker: asker.command)


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "model.keras")


@ASKERS
def test_a_copy_of_a_kept_model_is_known_by_its_digest(home: Home, model: Path, tmp_path: Path, asker: Asker) -> None:
    record = record_with_model(home, 1, model)
    copied = Path(shutil.copy(model, tmp_path / "copied.keras"))
    chosen = choose_recorded(home, asker, model=str(copied))
    assert (chosen.record.path, chosen.file, chosen.title) == (record.path, copied, "trial 1 of made")
    assert chosen.campaign().name == "made"
    chosen.vouch()


@ASKERS
def test_a_campaign_s_name_means_the_first_of_its_leaderboard(home: Home, model: Path, asker: Asker) -> None:
    record = record_with_model(home, 2, model)
    for name in ("made", "made/trials/0002", "made/trials/2"):
        chosen = choose(home, asker, record=name)
        assert isinstance(chosen, Recorded)
        assert chosen.record.path == record.path


@ASKERS
def test_a_model_that_is_not_its_record_s_is_not_vouched_for(
    home: Home, model: Path, tmp_path: Path, asker: Asker
) -> None:
    record = record_with_model(home, 1, model)
    shutil.copy(write_model(tmp_path / "other.keras", seed=2), record.model)
    with pytest.raises(BadRecord, match="received another one"):
        choose_recorded(home, asker, record="made/trials/1").vouch()


@ASKERS
def test_a_file_that_no_record_knows_is_one_alone(home: Home, model: Path, asker: Asker) -> None:
    assert choose(home, asker, model=str(model)).title == str(model)
    with pytest.raises(NotFound, match=f"{asker.command}: expected a model whose record is in") as refused:
        choose_recorded(home, asker, model=str(model))
    assert refused.value.remedy.startswith(asker.unchanged)


@ASKERS
def test_one_name_is_wanted(home: Home, asker: Asker) -> None:
    for model, record, received in ((None, None, "none"), ("a.keras", "made", "--model and --record")):
        with pytest.raises(BadInput, match=f"{asker.command}: expected one of .*, received {received}$") as refused:
            choose(home, asker, model=model, record=record)
        assert refused.value.remedy.startswith(asker.unchanged)
    assert not home.root.exists()
