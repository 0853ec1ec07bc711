"""The model: from a recipe to a network, ready to train, and from a trained network to one file that takes raw faces.

In: a Recipe. Out: `build` -> `compile_model` -> (training, with `reseed` before each epoch) -> `with_preprocessing`
(-> `with_temperature`), then `load_model` and `predict`. Keras alone is used, so TensorFlow, JAX and PyTorch all serve.

A kept model holds the layers `Clahe`, `FaceViews` and `Temperature` as its recipe asks, which Keras finds only after
this package was imported: a file cannot make Keras import anything outside Keras itself. So read kept models with
`load_model`, or `import fer_exp.model` before `keras.saving.load_model`; otherwise Keras raises "Could not locate class
'Clahe'".
"""

from fer_exp.model.build import build
from fer_exp.model.clahe import Clahe
from fer_exp.model.compile import compile_model
from fer_exp.model.feed import Rows, feed
from fer_exp.model.keep import load_model, predict, take_weights, with_preprocessing
from fer_exp.model.seeds import reseed
from fer_exp.model.temperature import Temperature, with_temperature
from fer_exp.model.views import FaceViews

__all__ = [
    "Clahe",
    "FaceViews",
    "Rows",
    "Temperature",
    "build",
    "compile_model",
    "feed",
    "load_model",
    "predict",
    "reseed",
    "take_weights",
    "with_preprocessing",
    "with_temperature",
]
