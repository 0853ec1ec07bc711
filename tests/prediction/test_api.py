"""`predict` from Python: the same answers as `evaluate` gives, tables that say what they are, arguments refused."""

from pathlib import Path

import keras
import numpy as np
import pytest

from fer_exp.data.faces import Images, Usage
from fer_exp.data.form import Form
from fer_exp.data.sources.read import read_faces
from fer_exp.model import build, load_model, with_preprocessing, with_temperature
from fer_exp.model import predict as predicted_by_evaluate
from fer_exp.prediction import predict
from fer_exp.system.errors import BadInput, NotFound
from fer_exp.system.home import Home
from tests.made_models import record_with_model, write_model
from tests.made_photos import grey_faces, photo, save
from tests.tiny_models import SMALL

pytestmark = pytest.mark.usefixtures("home")


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "grey.keras")


def probabilities(table: "object") -> np.ndarray:
    return np.asarray(table.filter(like="p_"))  # type: ignore[attr-defined]  # a DataFrame


def decided(images: Images) -> keras.Model:
    """A model that gives many labels to `images` without training: no class is likelier than others on average."""
    recipe = SMALL.but(clahe=True)
    network = build(recipe, 1)
    output, said = network.get_layer("output"), predicted_by_evaluate(with_preprocessing(network, recipe), images)
    kernel, bias = output.get_weights()
    output.set_weights([kernel, bias - np.log(said).mean(axis=0)])
    return with_temperature(with_preprocessing(network, recipe), 0.02)


def test_faces_written_as_pictures_get_the_answers_that_evaluate_gives(fer2013: Path, tmp_path: Path) -> None:
    """`evaluate` asks `fer_exp.model.predict` about the arrays; here they went through PNG files."""
    faces = read_faces(str(fer2013 / "fer2013.parquet"))
    rows = np.flatnonzero(faces.usage == Usage.PUBLIC_TEST)[:1000]
    images = np.asarray(faces.images[rows])
    decided(images).save(tmp_path / "model.keras")
    for place, image in enumerate(images):
        save(image, tmp_path / f"{place:04d}.png")
    answers = predicted_by_evaluate(load_model(tmp_path / "model.keras"), images)
    table = predict(tmp_path, tmp_path / "model.keras", detect=False)
    assert table["file"].is_monotonic_increasing
    assert len(table) == 1000
    assert np.abs(probabilities(table) - answers).max() < 1e-4
    names = [faces.classes.names[place] for place in answers.argmax(axis=1)]
    assert table["apparent_expression"].tolist() == names
    assert len(set(names)) > 3  # else equal labels would say little


def test_a_photograph_is_one_row_with_a_box_and_probabilities(model: Path) -> None:
    table = predict(photo(), model)
    (row,) = table.to_dict("records")
    assert (row["file"], row["frame"], row["faces"]) == ("array-0", 0, 1)
    assert row["left"] == pytest.approx(172, abs=35)
    assert row["width"] == pytest.approx(190, abs=50)
    assert probabilities(table).sum() == pytest.approx(1, abs=1e-4)
    assert row["apparent_expression"] == max(
        (name for name in table.columns if name.startswith("p_")), key=lambda name: row[name]
    ).removeprefix("p_")
    assert "not say what the person feels" in table.attrs["meaning"]
    assert table.attrs["model"] == str(model)


def test_a_picture_without_a_face_is_a_row_too(model: Path) -> None:
    (row,) = predict(np.zeros((200, 300), np.uint8), model, detector="haar").to_dict("records")
    assert row["faces"] == 0
    assert np.isnan(row["p_happy"])


def test_models_of_other_forms_answer_with_their_own_classes(tmp_path: Path) -> None:
    form = Form(64, 3, 3)
    file = write_model(tmp_path / "colour.keras", form)
    table = predict([photo(), photo()[:, ::-1]], file, classes=("joy", "surprise", "contempt"))
    assert [name for name in table.columns if name.startswith("p_")] == ["p_joy", "p_surprise", "p_contempt"]
    assert len(table) == 2


def test_a_model_that_was_loaded_answers_again_and_a_record_by_name(home: Home, model: Path) -> None:
    from fer_exp.prediction.api import load_named

    record_with_model(home, 1, model)
    by_record = predict(grey_faces(3), record="made/trials/1", detect=False, home=home.root)
    loaded = load_named(str(model), home=home.root)
    assert probabilities(by_record) == pytest.approx(probabilities(predict(grey_faces(3), loaded, detect=False)))


def test_rows_are_boxes_for_another_run(model: Path, tmp_path: Path) -> None:
    save(photo(), tmp_path / "photo.png")
    first = predict(tmp_path / "photo.png", model, detector="haar")
    first.to_csv(tmp_path / "rows.csv", index=False)
    again = predict(tmp_path / "photo.png", model, boxes=tmp_path / "rows.csv", margin=0.013)  # Haar's own margin
    columns = ["left", "top", "width", "height", *first.filter(like="p_").columns]
    assert np.asarray(again[columns]) == pytest.approx(np.asarray(first[columns]), abs=1e-6)


def test_bad_files_are_listed_and_none_but_bad_ones_are_an_error(model: Path, tmp_path: Path) -> None:
    save(photo(), tmp_path / "photo.png")
    (tmp_path / "empty.png").touch()
    table = predict([tmp_path / "photo.png", tmp_path / "empty.png"], model)
    assert len(table) == 1
    assert table.attrs["unreadable"] == [(str(tmp_path / "empty.png"), "expected a picture, received no bytes")]
    with pytest.raises(BadInput, match="received no bytes; nor could the other 1"):
        predict([tmp_path / "empty.png", tmp_path / "gone.png"], model)
    (tmp_path / "folder").mkdir()
    with pytest.raises(BadInput, match="found none"):
        predict(tmp_path / "folder", model)


def test_arguments_that_contradict_one_another_are_refused(model: Path) -> None:
    with pytest.raises(BadInput, match="expected one of --no-detect, --boxes and --detector"):
        predict(photo(), model, detect=False, detector="haar")
    with pytest.raises(BadInput, match="expected one model"):
        predict(photo(), model, record="made")
    with pytest.raises(NotFound, match="found none at"):
        predict(photo(), model, boxes="nothing.csv")
