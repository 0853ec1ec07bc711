"""The rules that end a training or lower its learning rate, standing where the recorded history left them.

In: a recipe and the history so far. Out: a Keras callback. A fresh process replays the history to Keras's own
callbacks, so a training that was cut off goes on as if it had never stopped; why is in `docs/decisions/0004`.
"""

import keras

from fer_exp.recipe import Recipe, Schedule
from fer_exp.records import Epoch

MIN_LEARNING_RATE = 1e-7  # the reference's floor for ReduceLROnPlateau


class Regime(keras.callbacks.Callback):  # type: ignore[misc]  # Keras ships no types
    """Keras's EarlyStopping and ReduceLROnPlateau, standing where the recorded history left them."""

    def __init__(self, recipe: Recipe, history: list[Epoch]) -> None:
        super().__init__()
        self._recipe = recipe
        self._history = history
        self._rules: list[keras.callbacks.Callback] = []
        if recipe.stop_patience:
            self._rules.append(
                keras.callbacks.EarlyStopping(
                    "val_accuracy", min_delta=recipe.stop_min_delta, patience=recipe.stop_patience, mode="max"
                )
            )
        if recipe.schedule is Schedule.PLATEAU:
            self._rules.append(
                keras.callbacks.ReduceLROnPlateau(
                    "val_loss",
                    factor=recipe.plateau_factor,
                    patience=recipe.plateau_patience,
                    min_lr=MIN_LEARNING_RATE,
                    mode="min",
                )
            )

    def set_model(self, model: keras.Model) -> None:
        """Hands the model on to the rules."""
        super().set_model(model)
        for rule in self._rules:
            rule.set_model(model)

    def replay(self) -> bool:
        """Brings the rules up to date; returns whether they had ended the training."""
        self.model.stop_training = False
        if self._recipe.schedule is Schedule.PLATEAU:
            self.model.optimizer.learning_rate = self._recipe.learning_rate
        for rule in self._rules:
            rule.on_train_begin()
        for row in self._history:
            self.on_epoch_end(row.epoch - 1, {"val_accuracy": row.val_accuracy, "val_loss": row.val_loss})
        return bool(self.model.stop_training)

    def on_train_begin(self, logs: dict[str, float] | None = None) -> None:
        """Called by `fit`, which has just forgotten everything."""
        self.replay()

    def on_epoch_end(self, epoch: int, logs: dict[str, float] | None = None) -> None:
        """Applies the rules to an epoch."""
        for rule in self._rules:
            rule.on_epoch_end(epoch, dict(logs or {}))
