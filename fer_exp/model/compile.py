"""Compile: how a model learns: optimizer, learning rate, loss, accuracy.

In: a built model, its recipe, and how long the campaign trains. Out: the same model, compiled for one-hot labels.
The loss takes one-hot labels throughout, so that label smoothing and mixed images need no second path.
"""

import keras

from fer_exp.model import averaging
from fer_exp.recipe import Loss, Optimizer, Recipe, Schedule
from fer_exp.system.errors import BadInput
from fer_exp.system.provenance import device_in_use

NOT_DECAYED = ["bias", "gamma", "beta"]  # names of variables that only shift or scale; decaying them does harm


def compile_model(model: keras.Model, recipe: Recipe, *, steps_per_epoch: int, horizon: int) -> None:
    """Compiles `model` as `recipe` says; `fit` then needs labels `(n, 7)` one-hot (or mixed) float32.

    Args:
        model: From `build`.
        recipe: The same recipe.
        steps_per_epoch: Batches an epoch.
        horizon: The campaign's full number of epochs, at whose end the cosine reaches zero.

    Raises:
        BadInput: The cosine's warm-up is not shorter than the training.
    """
    model.compile(
        optimizer=_optimizer(recipe, _learning_rate(recipe, steps_per_epoch, horizon)),
        loss=_loss(recipe),
        metrics=["accuracy"],
        jit_compile=False if _tensorflow_on_cpu() else "auto",  # XLA on a CPU is five times slower, measured
    )


def _loss(recipe: Recipe) -> keras.losses.Loss:
    smoothing = recipe.label_smoothing
    if recipe.loss is Loss.CROSS_ENTROPY:
        return keras.losses.CategoricalCrossentropy(label_smoothing=smoothing)
    # Keras's alpha scales all classes alike, by 0.25 unless told otherwise; class weights are the recipe's own.
    return keras.losses.CategoricalFocalCrossentropy(alpha=1.0, gamma=recipe.focal_gamma, label_smoothing=smoothing)


def _learning_rate(
    recipe: Recipe, steps_per_epoch: int, horizon: int
) -> float | keras.optimizers.schedules.LearningRateSchedule:
    if recipe.schedule is not Schedule.COSINE:
        return recipe.learning_rate  # a plateau is lowered by the training loop
    steps = steps_per_epoch * horizon
    warmup = round(recipe.warmup_epochs * steps_per_epoch)
    if warmup >= steps:
        raise BadInput(
            f"warmup_epochs: expected fewer than the {horizon} epochs of the training, received {recipe.warmup_epochs}",
            "Nothing was trained. Lower warmup_epochs in the recipe, or train longer.",
        )
    if not warmup:
        return keras.optimizers.schedules.CosineDecay(recipe.learning_rate, steps)
    return keras.optimizers.schedules.CosineDecay(
        0.0, steps - warmup, warmup_target=recipe.learning_rate, warmup_steps=warmup
    )


def _optimizer(
    recipe: Recipe, learning_rate: float | keras.optimizers.schedules.LearningRateSchedule
) -> keras.Optimizer:
    # With use_ema, Keras's fit writes the averaged weights into the model at its end.
    ema = {"use_ema": True, "ema_momentum": recipe.ema} if recipe.ema else {}
    rules = averaging if recipe.ema else keras.optimizers
    decay = recipe.weight_decay
    optimizer: keras.Optimizer
    match recipe.optimizer:
        case Optimizer.ADAM:
            optimizer = rules.Adam(learning_rate, weight_decay=decay or None, **ema)
        case Optimizer.ADAMW:
            optimizer = rules.AdamW(learning_rate, weight_decay=decay, **ema)
        case Optimizer.SGD:
            momentum = recipe.momentum
            nesterov = momentum > 0  # Keras refuses Nesterov without momentum
            optimizer = rules.SGD(
                learning_rate, momentum=momentum, nesterov=nesterov, weight_decay=decay or None, **ema
            )
    if decay:
        optimizer.exclude_from_weight_decay(var_names=NOT_DECAYED)
    return optimizer


def _tensorflow_on_cpu() -> bool:
    return keras.backend.backend() == "tensorflow" and device_in_use() == "cpu"
