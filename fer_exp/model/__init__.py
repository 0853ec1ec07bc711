"""The model: from a recipe to a network, ready to train, and from a trained network to one file that takes raw faces.

In: a Recipe. Out: `build` -> `compile_model` -> (training, with `reseed` before each epoch) -> `with_preprocessing`
(-> `with_temperature`), then `load_model` and `predict`. Keras alone is used, so TensorFlow, JAX and PyTorch all serve.

    build           a recipe as a Keras model
    compile         optimizer, learning rate, loss, accuracy
    averaging       the moving average of weights, close to them in a training's first steps
    normalization   batch normalisation in training: one operation, averages that forget where they began
    seeds           every random number of a model, from the trial's seed
    layers          CLAHE, views of a face, temperature, mirrored filters: what a kept model holds besides Keras's own
    kept            the model that outlives its training: written, read, asked
    ensemble        several kept models as one
    config_check    what a model's file would make Keras build

A kept model holds the layers `Clahe`, `FaceViews`, `MirrorConv2D` and `Temperature` as its recipe asks, which Keras
finds only after this package was imported: a file cannot make Keras import anything outside Keras itself. So read kept
models with `load_model`, or `import fer_exp.model` before `keras.saving.load_model`; otherwise Keras raises "Could not
locate class 'Clahe'".
"""

from fer_exp.model.build import build
from fer_exp.model.compile import compile_model
from fer_exp.model.kept import load_model, predict, take_weights, with_preprocessing, with_temperature
from fer_exp.model.layers import Clahe, FaceViews, MirrorConv2D, Temperature
from fer_exp.model.seeds import reseed

__all__ = [
    "Clahe",
    "FaceViews",
    "MirrorConv2D",
    "Temperature",
    "build",
    "compile_model",
    "load_model",
    "predict",
    "reseed",
    "take_weights",
    "with_preprocessing",
    "with_temperature",
]
