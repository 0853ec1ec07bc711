"""Rubbish in place of a model, of a checkpoint's neighbours and of the ledger: refused, and no code in it ever runs."""

import json
import sys
import zipfile
from collections.abc import Callable, Iterator
from itertools import chain
from pathlib import Path
from typing import Any

import keras
import numpy as np
import pytest

from fer_exp.data.split.info import DataInfo
from fer_exp.holdout.evaluate import open_and_evaluate
from fer_exp.holdout.ledger import Opening, all_openings
from fer_exp.model import build, load_model, with_preprocessing
from fer_exp.recipe import Recipe
from fer_exp.records import DATA, Record
from fer_exp.system.errors import BadInput, BadRecord, FerExpError, NotFound
from fer_exp.system.files import append_line
from fer_exp.system.home import Home
from tests.made_records import made_campaign_spec, made_record, made_scores
from tests.rubbish import Input, altered, misfilled, no_files, patience, throw

SMALL = Recipe(widths=(2,), convs_per_block=1, last_width=0, head_widths=(2,), head_dropouts=(0.3,))
INFO = made_campaign_spec().data


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "model.keras"
    with_preprocessing(build(SMALL, seed=1), SMALL).save(path)
    return path


def members_of(path: Path) -> dict[str, bytes]:
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def packed(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return path


def weights_of(path: Path) -> Callable[[], Any]:
    return lambda: [array.tobytes() for array in load_model(path).get_weights()]


def test_a_model_s_file(good: Path) -> None:
    inputs = chain(altered(good.read_bytes(), "model.keras", 60, 20), no_files())
    verdict = throw(good, inputs, weights_of(good), good.parent)
    verdict.check(at_least=120)
    assert verdict.refused > 90


@pytest.mark.parametrize("member", ["config.json", "metadata.json", "model.weights.h5"])
def test_a_member_of_it(good: Path, member: str) -> None:
    """Packed anew, so that checksums are right and Keras sees it."""
    members = members_of(good)

    def within(given: Input) -> Input:
        def put(path: Path) -> None:
            given.put(path)
            packed(path, {**members, member: path.read_bytes()})

        return Input(given.name, put, damaged=False)

    filled = misfilled(members[member], member, 40) if member == "config.json" else ()
    inputs = map(within, chain(altered(members[member], member, 20, 5), filled))
    throw(good, inputs, weights_of(good), good.parent, label=member).check(at_least=50)


EVIL = "from pathlib import Path\nPath({marker!r}).touch()\nimport keras\nclass Evil(keras.layers.Layer):\n    pass\n"


def planted(tmp_path: Path, good: Path, described: dict[str, Any]) -> Path:
    """A model one of whose layers is `described` by somebody else."""
    members = members_of(good)
    config = json.loads(members["config.json"])
    config["config"]["layers"][1] |= described
    return packed(tmp_path / "model.keras", {**members, "config.json": json.dumps(config).encode()})


@pytest.fixture(params=["foreseen", "left to Keras"])
def refusal(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Two walls, and each has to hold alone: the configuration is judged, then Keras loads in its safe mode."""
    if request.param == "foreseen":
        return "expected layers that fer-exp writes"
    monkeypatch.setattr("fer_exp.model.kept.objection", lambda _: None)
    return "expected a model that Keras can read"


@pytest.mark.parametrize("registered", [None, "Evil", "evil_layers>Evil"])
def test_a_class_from_elsewhere_is_refused_and_its_module_never_imported(
    tmp_path: Path, good: Path, registered: str | None, refusal: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    marker = tmp_path / "its code ran"
    (tmp_path / "evil_layers.py").write_text(EVIL.format(marker=str(marker)))
    monkeypatch.syspath_prepend(tmp_path)
    path = planted(tmp_path, good, {"module": "evil_layers", "class_name": "Evil", "registered_name": registered})
    with pytest.raises(BadInput, match=refusal):
        load_model(path)
    assert not marker.exists()
    assert "evil_layers" not in sys.modules
    __import__("evil_layers")
    assert marker.exists()  # so that it would have been seen
    del sys.modules["evil_layers"]


@pytest.mark.parametrize(
    ("module", "name"),
    [
        ("os", "system"),
        ("builtins", "eval"),
        ("subprocess", "Popen"),
        ("keras.utils", "get_file"),
        ("keras.src.utils", "x"),
    ],
)
def test_a_function_in_the_place_of_a_layer_is_refused(
    tmp_path: Path, good: Path, module: str, name: str, refusal: str
) -> None:
    marker = tmp_path / "its code ran"
    described = {
        "module": module,
        "class_name": name,
        "config": {"command": f"touch '{marker}'"},
        "registered_name": None,
    }
    with pytest.raises(BadInput, match=refusal):
        load_model(planted(tmp_path, good, described))
    assert not marker.exists()


def test_a_lambda_layer_is_refused_and_its_code_does_not_run(tmp_path: Path, refusal: str) -> None:
    marker = str(tmp_path / "its code ran")
    inputs = keras.Input((48, 48, 1))
    evil = keras.layers.Lambda(lambda x: x if Path(marker).write_text("") == 0 else None, output_shape=(48, 48, 1))
    outputs = keras.layers.Dense(7)(keras.layers.Flatten()(evil(inputs)))
    model = keras.Model(inputs, outputs)
    model.predict(np.zeros((1, 48, 48, 1)), verbose=0)
    assert Path(marker).exists()  # so that it would have been seen
    Path(marker).unlink()
    model.save(tmp_path / "model.keras")
    Path(marker).unlink(missing_ok=True)
    with pytest.raises(BadInput, match=refusal):
        load_model(tmp_path / "model.keras")
    assert not Path(marker).exists()


@pytest.mark.parametrize(
    ("layer", "asked", "refused"),
    [
        (2, {"filters": 10**9}, "sizes of at most 4096 in a layer, received 1000000000"),
        (2, {"filters": 4096, "kernel_size": [4096, 4096]}, "at most 1073741824 weights"),
        (0, {"batch_shape": [None, 10**9, 48, 1]}, "sizes of at most 4096 in a layer"),
    ],
)
def test_a_layer_that_no_machine_can_hold_is_refused_before_it_is_built(
    tmp_path: Path, good: Path, layer: int, asked: dict[str, Any], refused: str
) -> None:
    members = members_of(good)
    config = json.loads(members["config.json"])
    config["config"]["layers"][layer]["config"] |= asked
    path = packed(tmp_path / "model.keras", {**members, "config.json": json.dumps(config).encode()})
    with patience(5), pytest.raises(BadInput, match=refused):
        load_model(path)


def test_a_model_of_more_layers_than_any_recipe_is_refused(tmp_path: Path, good: Path) -> None:
    members = members_of(good)
    config = json.loads(members["config.json"])
    config["config"]["layers"] += [config["config"]["layers"][-1]] * 500
    path = packed(tmp_path / "model.keras", {**members, "config.json": json.dumps(config).encode()})
    with patience(5), pytest.raises(BadInput, match="at most 500 layers"):
        load_model(path)


def test_a_bomb_is_refused_before_it_is_unpacked(tmp_path: Path, good: Path) -> None:
    members = members_of(good)
    with zipfile.ZipFile(tmp_path / "model.keras", "w", zipfile.ZIP_DEFLATED, compresslevel=1) as archive:
        for name in ("config.json", "metadata.json"):
            archive.writestr(name, members[name])
        with archive.open("model.weights.h5", "w", force_zip64=True) as file:
            for _ in range(1025):
                file.write(bytes(2**20))
    with patience(5), pytest.raises(BadInput, match=r"expected at most 1073741824 bytes unpacked"):
        load_model(tmp_path / "model.keras")


def test_two_members_of_one_name_are_refused(tmp_path: Path, good: Path) -> None:
    members = members_of(good)
    path = packed(tmp_path / "model.keras", members)
    with zipfile.ZipFile(path, "a") as archive, pytest.warns(UserWarning, match="Duplicate name"):
        archive.writestr("config.json", b"{}")
    with pytest.raises(BadInput, match="expected an archive of"):
        load_model(tmp_path / "model.keras")


# -- beside a model: what its opening is written into


@pytest.fixture
def record(tmp_path: Path) -> Record:
    return made_record(tmp_path / "campaigns" / "campaign" / "trials", 1, made_scores(0.6))


def opened() -> Opening:
    return Opening(
        time_ms=1, campaign="made", record="trials/0001", data_digest=INFO.data_digest, protocol="official", images=7
    )


def test_the_ledger(record: Record) -> None:
    """A torn last line is a look that was never made; any other damage keeps the test part shut."""
    folder = record.path.parents[1]
    ledger = folder / "ledger.jsonl"
    home = Home(folder.parents[1])
    for _ in range(3):
        append_line(ledger, opened().sealed())
    good = ledger.read_bytes()

    def inputs() -> Iterator[Input]:
        yield from altered(good, "ledger.jsonl", 200, 0)
        yield from misfilled(good.split(b"\n")[0], "ledger line", 60)
        yield from no_files()

    def read() -> Any:
        with pytest.raises(FerExpError) as caught:
            open_and_evaluate(home, record, record.path / "model.keras", "demo", INFO)
        if not isinstance(caught.value, NotFound):  # there is no model, but the ledger comes before it
            raise caught.value
        return all_openings(home)

    some = (Input(given.name, given.put, damaged=False) for given in inputs())
    verdict = throw(ledger, some, read, folder)
    verdict.check(at_least=300)
    assert verdict.refused > 150


def test_the_data_that_a_record_was_trained_on(record: Record) -> None:
    file = record.path / DATA
    file.write_text(INFO.sealed(indent=1))
    inputs = chain(altered(file.read_bytes(), DATA, 100, 40), misfilled(file.read_bytes(), DATA, 100), no_files())
    throw(file, inputs, lambda: record.data(INFO), record.path).check(at_least=270)
    assert DataInfo.read(file) == INFO


def test_a_damaged_ledger_is_named_and_nothing_is_opened(record: Record) -> None:
    folder = record.path.parents[1]
    append_line(folder / "ledger.jsonl", opened().sealed().replace("made", "mad"))
    with pytest.raises(BadRecord, match=r"ledger\.jsonl: .*its checksum crc32 does not fit") as caught:
        open_and_evaluate(Home(folder.parents[1]), record, record.model, "demo", INFO)
    assert "Nothing was opened" in caught.value.remedy
