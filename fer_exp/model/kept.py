"""Kept: the model that outlives its training, and how it is read and asked.

In: a trained model and its recipe, or a `.keras` file. Out: a model from raw grey faces to probabilities, and those.
What a file may hold is checked before Keras opens it: its size, packed and unpacked, its members, and what it would
make Keras build.
"""

import zipfile
import zlib
from pathlib import Path

import keras
import numpy as np
from keras import layers
from numpy.typing import NDArray

from fer_exp.data.faces import with_channels
from fer_exp.data.form import FER2013_FORM, Form
from fer_exp.model.build import build, crop_of, side_of
from fer_exp.model.config_check import objection
from fer_exp.model.layers import Clahe, FaceViews, Temperature
from fer_exp.model.normalization import BatchNormalization
from fer_exp.model.seeds import random_states
from fer_exp.recipe import Augmentation, Precision, Recipe, Views
from fer_exp.system.errors import BadInput, NotFound
from fer_exp.system.values import first_line

LARGEST_FILE = 2**30  # bytes (1 GiB), packed or unpacked; the baseline's file has 2.7 MB
MEMBERS = {"metadata.json", "config.json", "model.weights.h5"}  # all that a fer-exp model's file holds


def with_preprocessing(model: keras.Model, recipe: Recipe, form: Form = FER2013_FORM) -> keras.Model:
    """The model to keep: raw faces `(n, side, side, channels)` 0-255 in, probabilities `(n, classes)` out, all float32.

    It equalises first where the recipe does, and answers with the mean over the recipe's views. Augmentation and
    dropout layers are left out: they do nothing outside training, so the kept model holds no random state. It is not
    compiled. `with_temperature` calibrates it. A network that was built to train, or in bfloat16, is built anew in
    float32 and of layers that travel, with copies of its weights, so that it answers alike on every machine; of any
    other it shares the weights.
    """
    to_train = any(isinstance(layer, BatchNormalization) for layer in model.layers)
    if to_train or recipe.precision is not Precision.FLOAT32:
        exact = build(recipe.but(precision=Precision.FLOAT32, augmentation=Augmentation()), 1, form, side_of(model))
        take_weights(exact, model)
        model = exact
    inputs = keras.Input(form.face, name="raw_faces")
    faces = Clahe()(inputs) if recipe.clahe else inputs
    if recipe.views is Views.ONE:
        outputs = _without_chance(model, faces)
    else:
        crop = crop_of(recipe, form)
        view = keras.Input((crop, crop, form.channels), name="view")
        network = keras.Model(view, _without_chance(model, view), name=model.name)
        outputs = _mean_over_views(network, faces, recipe.views)
    return keras.Model(inputs, outputs, name="fer_raw")


def with_temperature(model: keras.Model, temperature: float) -> keras.Model:
    """`model` with its probabilities at another temperature; weights are shared."""
    return keras.Model(model.input, Temperature(temperature)(model.output), name=model.name)


def _mean_over_views(network: keras.Model, faces: keras.KerasTensor, views: Views) -> keras.KerasTensor:
    """The mean of what `network` says of each view of `faces`; the views are as large as its input."""
    seen = FaceViews(views.value, network.input_shape[1])(faces)
    said = layers.TimeDistributed(network, dtype="float32", name="each_view")(seen)
    return layers.GlobalAveragePooling1D(data_format="channels_last", dtype="float32", name="mean_over_views")(said)


def take_weights(model: keras.Model, source: keras.Model) -> None:
    """Copies weights layer by layer, by name; the source may carry preprocessing around the same layers."""
    weights = {layer.name: layer.get_weights() for layer in source._flatten_layers() if layer.weights}
    for layer in model.layers:
        if layer.weights:
            layer.set_weights(weights[layer.name])


def _without_chance(model: keras.Model, x: keras.KerasTensor) -> keras.KerasTensor:
    """`x` through the layers of `model` that are not random."""
    for layer in model.layers:
        if not isinstance(layer, keras.layers.InputLayer) and not random_states(layer):
            x = layer(x, training=False) if isinstance(layer, layers.CenterCrop) else layer(x)  # as in `build`
    return x


def load_model(path: Path, form: Form | None = FER2013_FORM) -> keras.Model:
    """The model kept at `path`, a `.keras` file; Keras's safe mode stays on and nothing is compiled.

    Args:
        path: The file.
        form: What the model has to take and give; None: any form, which `form_of_model` then tells.

    Raises:
        NotFound: No file is there.
        BadInput: It is no `.keras` file, is larger than 1 GiB packed or unpacked, has other members than such a file,
            asks for layers that fer-exp does not write or larger ones than it could, cannot be read by Keras, or does
            not turn faces of `form`, or of any form, into a probability for each of its classes.
    """
    _check_archive(path)
    try:
        model = keras.saving.load_model(path, compile=False, safe_mode=True)
    except Exception as error:  # what a file makes Keras, h5py and the backend raise has no common kind
        raise _refused(path, f"a model that Keras can read, received an error from it ({first_line(error)})") from error
    shapes = (getattr(model, "input_shape", None), getattr(model, "output_shape", None))
    form = _any_form(shapes) if form is None else form
    if shapes != ((None, *form.face), (None, form.classes)):
        wanted = f"a model from (n, {', '.join(map(str, form.face))}) to (n, {form.classes})"
        raise _refused(path, f"{wanted}, received one from {shapes[0]} to {shapes[1]}")
    return model


def form_of_model(model: keras.Model) -> Form:
    """What a model that was loaded takes and gives."""
    return _any_form((model.input_shape, model.output_shape))


def _any_form(shapes: tuple[object, object]) -> Form:
    """The form that has these shapes; FER2013's where none has, which they then are not."""
    match shapes:
        case ((None, int(side), int(across), int(channels)), (None, int(classes))):
            if side == across and channels in (1, 3) and classes > 1:
                return Form(side, channels, classes)
    return FER2013_FORM


def predict(model: keras.Model, images: NDArray[np.uint8], batch_size: int = 256) -> NDArray[np.float32]:
    """Probabilities `(n, classes)` float32, each row summing to one, for images `(n, side, side)` uint8, or in colour.

    A model from `build` takes images as it was trained on (equalised where its recipe does so), one from
    `with_preprocessing` takes raw ones. The same images and batch size give the same bits again.
    """
    if not len(images):
        return np.empty((0, model.output_shape[-1]), np.float32)
    firsts = range(0, len(images), batch_size)  # batch by batch: `Model.predict` would wait at its end (see `feed`)
    answers = [model.predict_on_batch(with_channels(images[first : first + batch_size])) for first in firsts]
    return np.concatenate(answers).astype(np.float32, copy=False)


def _check_archive(path: Path) -> None:
    if not path.is_file():
        raise NotFound(f"model: expected a .keras file, found none at {path}", "Nothing was changed. Check the path.")
    if path.suffix != ".keras":
        raise _refused(path, f"a .keras file, received one called {path.name} (other formats can run code on loading)")
    if path.stat().st_size > LARGEST_FILE:
        raise _refused(path, f"at most {LARGEST_FILE} bytes, received {path.stat().st_size}")
    try:
        with zipfile.ZipFile(path) as archive:
            members = archive.infolist()
    except (zipfile.BadZipFile, OSError, ValueError, RuntimeError) as error:
        raise _refused(path, f"a .keras archive, received something else ({first_line(error)})") from error
    unpacked = sum(member.file_size for member in members)
    if unpacked > LARGEST_FILE:
        raise _refused(path, f"at most {LARGEST_FILE} bytes unpacked, received {unpacked}")
    names = sorted(member.filename for member in members)
    if names != sorted(MEMBERS):
        raise _refused(path, f"an archive of {', '.join(sorted(MEMBERS))}, received {', '.join(names[:6]) or 'none'}")
    if (why := objection(_configuration(path))) is not None:
        raise _refused(path, why)


def _configuration(path: Path) -> bytes:
    """Empty where it cannot be read, which Keras then says better."""
    try:
        with zipfile.ZipFile(path) as archive:
            return archive.read("config.json")
    except (zipfile.BadZipFile, zlib.error, OSError, ValueError, RuntimeError, EOFError, NotImplementedError):
        return b""


def _refused(path: Path, expectation: str) -> BadInput:
    return BadInput(f"{path}: expected {expectation}", "Nothing was loaded. Give a model.keras that fer-exp wrote.")
