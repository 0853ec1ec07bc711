"""What cannot be exported is refused in one clear error, before anything is loaded or written."""

from pathlib import Path

import pytest

from fer_exp.export import formats
from fer_exp.system.home import Home
from tests.commands import refused


@pytest.mark.parametrize(
    ("kind", "extra", "missing"),
    [
        ("onnx", "onnx", "tf2onnx"),
        ("openvino", "openvino", "openvino"),
        ("litert", "litert", "ai-edge-litert"),
        ("web", "onnx", "tf2onnx"),
    ],
)
def test_a_missing_package_is_named_with_its_extra(
    home: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str, extra: str, missing: str
) -> None:
    monkeypatch.setattr(formats, "find_spec", lambda _: None)
    problem, remedy = refused("export", "--record", "demo", "--format", kind, "--out", tmp_path / "a.onnx")
    assert f"found no {missing}" in problem or f"and no {missing}" in problem
    assert f"pip install 'fer-exp[{extra}]'" in remedy
    assert not home.root.exists()


def test_what_is_at_the_path_stays(home: Home, tmp_path: Path) -> None:
    out = tmp_path / "there"
    out.write_text("mine")
    problem, _ = refused("export", "--record", "demo", "--format", "saved_model", "--out", out)
    assert problem == f"--out: expected a path where nothing is, received {out}, which is there"
    assert out.read_text() == "mine"
    assert not home.root.exists()


def test_an_ending_that_the_format_has_not_is_refused(home: Home, tmp_path: Path) -> None:
    pytest.importorskip("ai_edge_litert")
    problem, remedy = refused("export", "--record", "demo", "--format", "litert", "--out", tmp_path / "a.bin")
    assert problem == "--out: expected a file that ends in .tflite for litert, received 'a.bin'"
    assert "a.tflite" in remedy
    assert not home.root.exists()


def test_one_model_is_named(home: Home, tmp_path: Path) -> None:
    for names in ([], ["--record", "demo", "--model", "a.keras"]):
        problem, _ = refused("export", *names, "--format", "saved_model", "--out", tmp_path / "a")
        assert problem.startswith("export: expected one of --model and --record, received ")
    problem, _ = refused("export", "--model", "no.keras", "--format", "saved_model", "--out", tmp_path / "a")
    assert problem.endswith("found none at no.keras")
    problem, _ = refused("export", "--model", "models:/a@champion", "--format", "saved_model", "--out", tmp_path / "a")
    assert problem.startswith("export: expected a campaign in ")
    assert not home.root.exists()


def test_saved_model_has_no_int8(home: Home, tmp_path: Path) -> None:
    problem, _ = refused("export", "--record", "demo", "--format", "saved_model", "--int8", "--out", tmp_path / "a")
    assert problem.startswith("--int8: expected onnx, litert, openvino or web, received saved_model")
    assert not home.root.exists()
