"""Keras in the process of whoever calls, which may be a notebook's kernel with settings of its own.

In: the environment. Out: Keras loaded as the command loads it, or an error where it was loaded otherwise before.
"""

from fer_exp.system.errors import BadInput
from fer_exp.system.surroundings import without_keras_settings


def load_keras() -> None:
    """Loads Keras into this process without the user's settings of it, unless a notebook has loaded it already.

    Raises:
        BadInput: It was loaded with settings under which a model predicts something else.
    """
    with without_keras_settings():
        import keras

    said = (keras.config.floatx(), keras.config.image_data_format())
    if said != ("float32", "channels_last"):
        raise BadInput(
            f"Keras in this process: expected float32 and channels_last, received {' and '.join(said)}",
            "Nothing was started. Restart the kernel, and call fer_exp before Keras is set otherwise.",
        )
