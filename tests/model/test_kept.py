"""The kept model takes raw faces, is whole in one file, and no other file is taken for one."""

import subprocess
import sys
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest

from fer_exp.model import build, load_model, predict, with_preprocessing
from fer_exp.model.seeds import random_states
from fer_exp.system.errors import BadInput, NotFound
from tests.tiny_models import EVERYTHING, SMALL, faces, opencv, trained


def test_the_kept_model_takes_raw_faces_and_answers_as_the_trained_one_on_equalised_ones() -> None:
    recipe = SMALL.but(augmentation=EVERYTHING, crop=44)
    model = trained(recipe)
    kept = with_preprocessing(model, recipe)
    assert kept.get_layer("crop").output.shape == (None, 44, 44, 1)
    np.testing.assert_array_equal(predict(kept, faces(20)), predict(model, opencv(faces(20))))
    assert random_states(kept) == []
    assert kept.count_params() == model.count_params()
    assert kept.input.dtype == kept.output.dtype == "float32"
    raw = with_preprocessing(model, recipe.but(clahe=False))
    np.testing.assert_array_equal(predict(raw, faces(20)), predict(model, faces(20)))


def test_a_kept_model_that_crops_answers_alike_called_by_itself_or_by_predict() -> None:
    recipe = SMALL.but(crop=40)
    kept = with_preprocessing(trained(recipe), recipe)
    for count in (2, 20):  # the statistics of a batch would differ
        np.testing.assert_allclose(kept(faces(count)[..., None])[:2], predict(kept, faces(20))[:2], atol=1e-6)


def test_the_kept_model_shares_its_weights_with_the_trained_one() -> None:
    model = build(SMALL, seed=1)
    kept = with_preprocessing(model, SMALL)
    before = predict(kept, faces(3))
    model.get_layer("output").bias.assign([5, 0, 0, 0, 0, 0, 0])
    assert not np.allclose(predict(kept, faces(3)), before)


def test_a_saved_model_comes_back_with_the_same_answers(tmp_path: Path) -> None:
    kept = with_preprocessing(trained(SMALL.but(crop=44)), SMALL)
    kept.save(tmp_path / "model.keras")
    loaded = load_model(tmp_path / "model.keras")
    np.testing.assert_array_equal(predict(loaded, faces(10)), predict(kept, faces(10)))
    assert not loaded.compiled


FRESH_PROCESS = """
import sys, keras, numpy
path, faces = sys.argv[1], numpy.load(sys.argv[2])
try:
    keras.saving.load_model(path, safe_mode=True)
except TypeError as error:
    assert "Could not locate class 'Clahe'" in str(error), error
else:
    raise AssertionError("Keras now finds layers by itself: say so in fer_exp/model/__init__.py")
import fer_exp.model
model = keras.saving.load_model(path, safe_mode=True)
numpy.save(sys.argv[3], model.predict(faces, verbose=0))
"""


def test_a_fresh_process_reads_a_kept_model_with_keras_alone_once_fer_exp_model_is_imported(tmp_path: Path) -> None:
    kept = with_preprocessing(build(SMALL, seed=1), SMALL)
    kept.save(tmp_path / "model.keras")
    images = faces(5)[..., None].astype(np.float32)
    np.save(tmp_path / "faces.npy", images)
    files = [str(tmp_path / name) for name in ("model.keras", "faces.npy", "answer.npy")]
    done = subprocess.run(
        [sys.executable, "-c", FRESH_PROCESS, *files],
        cwd=Path(__file__).resolve().parents[2],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    np.testing.assert_array_equal(np.load(tmp_path / "answer.npy"), kept.predict(images, verbose=0))


# -- reading files


def archive(path: Path, members: dict[str, bytes]) -> Path:
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as target:
        for name, content in members.items():
            target.writestr(name, content)
    return path


def test_a_missing_file_is_not_found(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"found none at .*nothing\.keras"):
        load_model(tmp_path / "nothing.keras")


def test_other_formats_are_refused_by_name(tmp_path: Path) -> None:
    build(SMALL, seed=1).save_weights(tmp_path / "model.weights.h5")
    with pytest.raises(BadInput, match=r"expected a \.keras file, received one called model\.weights\.h5"):
        load_model(tmp_path / "model.weights.h5")


def test_a_file_that_is_no_archive_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    path.write_bytes(b"not a model")
    with pytest.raises(BadInput, match=r"expected a \.keras archive"):
        load_model(path)


def test_a_truncated_model_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    with_preprocessing(build(SMALL, seed=1), SMALL).save(path)
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(BadInput, match=r"expected a \.keras archive"):
        load_model(path)


def test_an_archive_with_other_members_is_refused(tmp_path: Path) -> None:
    path = archive(tmp_path / "model.keras", {"config.json": b"{}", "../../evil.py": b"print()"})
    with pytest.raises(BadInput, match=r"received \.\./\.\./evil\.py, config\.json"):
        load_model(path)


def test_an_archive_that_unpacks_to_too_much_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fer_exp.model.kept.LARGEST_FILE", 1_000_000)
    members = {"metadata.json": b"{}", "config.json": b"{}", "model.weights.h5": b"\0" * 1_000_000}
    path = archive(tmp_path / "model.keras", members)
    assert path.stat().st_size < 10_000
    with pytest.raises(BadInput, match="expected at most 1000000 bytes unpacked, received 1000004"):
        load_model(path)


def test_a_file_that_is_too_large_is_refused_unread(tmp_path: Path) -> None:
    path = tmp_path / "model.keras"
    with path.open("wb") as target:
        target.truncate(2**30 + 1)  # sparse: takes no space
    with pytest.raises(BadInput, match="expected at most 1073741824 bytes, received 1073741825"):
        load_model(path)


def test_code_hidden_in_a_model_is_refused(tmp_path: Path) -> None:
    inputs = keras.Input((48, 48, 1))
    flat = keras.layers.GlobalAveragePooling2D()(keras.layers.Lambda(lambda x: x * 2)(inputs))
    keras.Model(inputs, keras.layers.Dense(7)(flat)).save(tmp_path / "model.keras")
    with pytest.raises(BadInput, match="expected layers that fer-exp writes, received Lambda"):
        load_model(tmp_path / "model.keras")


def test_a_model_of_something_else_is_refused(tmp_path: Path) -> None:
    inputs = keras.Input((48, 48, 3))
    keras.Model(inputs, keras.layers.Dense(7)(keras.layers.GlobalAveragePooling2D()(inputs))).save(
        tmp_path / "model.keras"
    )
    with pytest.raises(BadInput, match=r"from \(n, 48, 48, 1\) to \(n, 7\), received one from \(None, 48, 48, 3\)"):
        load_model(tmp_path / "model.keras")


# -- predictions


def test_predictions_repeat_and_do_not_depend_on_training_randomness() -> None:
    model = trained(SMALL.but(augmentation=EVERYTHING))
    first = predict(model, faces(30), batch_size=8)
    assert first.shape == (30, 7)
    assert first.dtype == np.float32
    np.testing.assert_array_equal(first, predict(model, faces(30), batch_size=8))
    np.testing.assert_allclose(first, predict(model, faces(30)), atol=1e-6)


def test_no_faces_give_no_predictions() -> None:
    assert predict(build(SMALL, seed=1), faces(0)).shape == (0, 7)
