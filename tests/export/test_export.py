"""Every format answers as Keras does, says what it is, and is at its path whole or not at all."""

import json
import shutil
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from fer_exp.data.classes import FER2013
from fer_exp.data.form import FER2013_FORM
from fer_exp.export.formats import Format
from fer_exp.export.run import Order, export_model
from fer_exp.export.runtimes import ask
from fer_exp.export.to_litert import read_litert_facts
from fer_exp.metrics.temperature import tempered
from fer_exp.model import load_model, predict
from fer_exp.records import Record
from fer_exp.records.facts import FACTS, NOTICE, ModelFacts, bare_facts
from fer_exp.system.home import Home
from tests.commands import call, refused
from tests.trained_models import NAME, TEMPERATURE, copied, record_in
from tests.trainings import demo_development

for module in ("onnx", "tf2onnx", "onnxruntime", "openvino", "ai_edge_litert", "ai_edge_quantizer"):
    pytest.importorskip(module)

PATHS = {
    Format.ONNX: "model.onnx",
    Format.LITERT: "model.tflite",
    Format.SAVED_MODEL: "saved",
    Format.OPENVINO: "representation",
}


@pytest.fixture(scope="session")
def made(toy_made: Home) -> Home:
    return toy_made


@pytest.fixture
def record(made: Home, monkeypatch: pytest.MonkeyPatch) -> Record:
    """The training that `made` holds, in the home that commands find."""
    monkeypatch.setenv("FER_EXP_HOME", str(made.root))
    return record_in(made)


@pytest.fixture(scope="session")
def validation(made: Home) -> NDArray[np.uint8]:
    return np.asarray(demo_development(made.cache, 700).validation(clahe=False).images)


def facts_in(kind: Format, path: Path) -> ModelFacts:
    match kind:
        case Format.ONNX:
            import onnx

            return ModelFacts.from_json({one.key: one.value for one in onnx.load(path).metadata_props}[FACTS])
        case Format.LITERT:
            found = read_litert_facts(path)
            assert found is not None
            return found
        case Format.OPENVINO:
            import openvino

            inside = openvino.Core().read_model(path / "model.xml")
            return ModelFacts.from_json(inside.get_rt_info(["fer_exp", FACTS]).astype(str))
        case _:
            return ModelFacts.from_json((path / "assets.extra" / FACTS).read_text())


@pytest.mark.slow
@pytest.mark.parametrize("kind", PATHS)
def test_a_format_answers_as_keras_at_the_records_temperature_and_says_what_it_is(
    kind: Format, record: Record, validation: NDArray[np.uint8], tmp_path: Path
) -> None:
    out = tmp_path / "deep" / PATHS[kind]
    result = call("export", "--record", NAME, "--format", kind, "--out", out, "--json")
    assert result.exit_code == 0, result.output
    said = json.loads(result.stdout)
    assert said["parity"]["faces"] == 400
    assert said["parity"]["which"] == "400 validation faces of demo (drawn faces)"
    assert said["parity"]["changed"] == 0
    expected = tempered(predict(load_model(record.model), validation), TEMPERATURE)
    assert np.ptp(expected, axis=0).max() > 0.3  # it tells faces apart
    answers = ask(kind, out, validation[..., None].astype(np.float32))
    assert np.abs(answers - expected).max() < 1e-4
    facts = facts_in(kind, out)
    assert facts.notice == NOTICE
    assert facts.classes[:2] == ("angry", "disgust")
    assert (facts.temperature, facts.clahe, facts.views) == (TEMPERATURE, True, "flip")
    assert facts.metrics["val/accuracy"] == record.scores()["val/accuracy"]
    assert [path.name for path in out.parent.iterdir()] == [out.name]


@pytest.mark.slow
@pytest.mark.parametrize("kind", [Format.ONNX, Format.LITERT, Format.OPENVINO])
def test_int8_keeps_preprocessing_in_float_and_says_what_it_costs(
    kind: Format, made: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    told: list[object] = []
    monkeypatch.setattr("openvino_telemetry.Telemetry.send_event", lambda *what, **_: told.append(what))
    out = tmp_path / PATHS[kind]
    done = export_model(made, Order(kind, out, int8=True), record=NAME)
    assert told == []  # OpenVINO's tools call home unless kept from it
    lost = done.parity.lost
    assert lost is not None
    assert lost.low <= lost.difference <= lost.high
    assert lost.difference == pytest.approx(lost.export - lost.keras)
    assert 1e-4 < done.parity.largest < 0.5  # another model, and the same one in the main
    assert lost.difference > -0.05
    if kind is Format.ONNX:
        import onnx

        kinds = [node.op_type for node in onnx.load(out).graph.node]
        assert "QuantizeLinear" in kinds
        clahe = [node for node in onnx.load(out).graph.node if any("clahe" in name for name in node.output)]
        assert clahe
        assert not any("Quantize" in node.op_type for node in clahe)
    if kind is Format.LITERT:
        from ai_edge_litert.interpreter import Interpreter

        types = {one["name"]: one["dtype"] for one in Interpreter(str(out)).get_tensor_details()}
        assert np.int8 in types.values()
        assert not any(kind is np.int8 for name, kind in types.items() if "clahe" in name)


@pytest.mark.slow
def test_int8_of_a_network_of_the_references_size_keeps_all_its_weights(tmp_path: Path) -> None:
    from fer_exp.export.network import exportable
    from fer_exp.export.runtimes import ask_keras
    from fer_exp.export.to_litert import write_litert
    from fer_exp.model import build, with_preprocessing
    from fer_exp.recipe import baseline_recipe

    facts = bare_facts(FER2013_FORM, FER2013)
    model = exportable(with_preprocessing(build(baseline_recipe(), 1), baseline_recipe()), facts)
    faces = np.random.default_rng(1).integers(0, 256, (8, 48, 48, 1)).astype(np.float32)
    write_litert(model, facts, tmp_path / "a.tflite", faces)  # the quantiser puts large constants behind the model
    assert 626_791 < (tmp_path / "a.tflite").stat().st_size < 2 * 626_791
    assert np.abs(ask(Format.LITERT, tmp_path / "a.tflite", faces) - ask_keras(model, faces)).max() < 0.02
    assert read_litert_facts(tmp_path / "a.tflite") == facts


@pytest.mark.usefixtures("record")
def test_an_export_that_answers_otherwise_is_refused_and_nothing_is_left(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fer_exp.export import to_saved_model

    write = to_saved_model.write_saved_model

    def write_another(model: object, facts: ModelFacts, path: Path) -> None:
        import keras

        other = keras.models.clone_model(model)  # of the same shape, with weights of its own
        other.predict_on_batch(np.zeros((1, 48, 48, 1), np.float32))
        write(other, facts, path)

    monkeypatch.setattr(to_saved_model, "write_saved_model", write_another)
    (tmp_path / "out").mkdir()
    problem, remedy = refused(
        "export", "--record", NAME, "--format", "saved_model", "--out", tmp_path / "out" / "saved", code=10
    )
    assert problem.startswith("saved_model: expected probabilities within 0.001 of Keras's, received 0.")
    assert "400 validation faces" in problem
    assert "Nothing was left" in remedy
    assert list((tmp_path / "out").iterdir()) == []


def test_a_copy_elsewhere_is_known_by_its_digest_and_any_other_file_needs_names(
    made: Home, record: Record, tmp_path: Path
) -> None:
    out = tmp_path / "saved"
    known = export_model(made, Order(Format.SAVED_MODEL, out), model=str(copied(record, tmp_path / "mine.keras")))
    assert known.title == "trial 1 of toy"
    assert known.facts.temperature == TEMPERATURE
    stranger = Home(tmp_path / "another")
    with pytest.raises(Exception, match=r"--classes with its 7 names; received neither"):
        export_model(stranger, Order(Format.SAVED_MODEL, tmp_path / "b"), model=str(tmp_path / "mine.keras"))
    with pytest.raises(Exception, match="expected 7 names, as many as the model tells apart, received 2"):
        export_model(
            stranger, Order(Format.SAVED_MODEL, tmp_path / "b", classes="a,b"), model=str(tmp_path / "mine.keras")
        )
    names = "angry,disgust,fear,happy,sad,surprise,neutral"
    done = export_model(
        stranger, Order(Format.SAVED_MODEL, tmp_path / "b", classes=names), model=str(tmp_path / "mine.keras")
    )
    assert done.parity.which == "256 made faces, because the campaign's data are not here"
    assert done.facts.temperature is None
    assert done.parity.lost is None


def test_where_the_data_are_gone_parity_is_measured_on_made_faces_and_int8_is_refused(
    made: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    home = Home(tmp_path / "moved")
    shutil.copytree(made.campaigns, home.campaigns)
    file = home.campaign(NAME) / "campaign.json"
    text = json.loads(file.read_text())
    text["data"]["path"] = "/not/here"
    del text["crc32"]
    file.write_text(json.dumps(text))
    monkeypatch.chdir(tmp_path)
    done = export_model(home, Order(Format.SAVED_MODEL, tmp_path / "saved"), record=NAME)
    assert done.parity.which.startswith("256 made faces")
    monkeypatch.setenv("FER_EXP_HOME", str(home.root))
    problem, _ = refused("export", "--record", NAME, "--format", "litert", "--int8", "--out", tmp_path / "a.tflite")
    assert problem.startswith("--int8: expected the training faces")
    assert not (tmp_path / "a.tflite").exists()
