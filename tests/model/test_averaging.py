"""The average of weights follows them from the first steps on, and becomes Keras's own when there are many."""

import keras
import numpy as np
import pytest

from fer_exp.model import build, compile_model
from fer_exp.recipe import Optimizer, Recipe
from tests.tiny_models import SMALL, faces, one_hot

DECAY = 0.998


def averaged(optimizer: keras.Optimizer, path: list[float]) -> list[float]:
    """The average after each step of a weight that is moved along `path`, by gradients that lead there."""
    weight = keras.Variable(path[0])
    optimizer.build([weight])
    found = []
    for target in path[1:]:
        optimizer.apply([keras.ops.convert_to_tensor(np.float32(np.asarray(weight) - target))], [weight])
        found.append(float(np.asarray(optimizer._model_variables_moving_average[0])))
    return found


def optimizer_of(recipe: Recipe) -> keras.Optimizer:
    model = build(recipe, 1)
    compile_model(model, recipe, steps_per_epoch=3, horizon=1)
    return model.optimizer


@pytest.fixture
def sgd() -> keras.Optimizer:
    return optimizer_of(SMALL.but(optimizer=Optimizer.SGD, learning_rate=1.0, momentum=0.0, ema=DECAY))


def test_it_is_the_moving_average_whose_decay_grows_with_the_steps(sgd: keras.Optimizer) -> None:
    path = np.random.default_rng(0).normal(size=41).astype(np.float32).tolist()
    expected, average = [], path[1]  # where the first step led
    for step, weight in enumerate(path[1:]):
        decay = min(DECAY, (1 + step) / (10 + step)) if step else 0.0
        average = decay * average + (1 - decay) * weight
        expected.append(average)
    np.testing.assert_allclose(averaged(sgd, path), expected, rtol=1e-4, atol=1e-5)


def test_after_few_steps_it_is_near_the_last_weights_where_kerass_is_near_the_first(sgd: keras.Optimizer) -> None:
    path = list(np.linspace(0.0, 1.0, 301))
    plain = keras.optimizers.SGD(1.0, use_ema=True, ema_momentum=DECAY)
    assert averaged(sgd, path)[-1] > 0.85
    assert averaged(plain, path)[-1] < 0.3


@pytest.mark.parametrize("optimizer", Optimizer)
def test_every_rule_is_kerass_with_that_average_and_without_ema_kerass_alone(optimizer: Optimizer) -> None:
    ours = optimizer_of(SMALL.but(optimizer=optimizer, ema=DECAY, weight_decay=0.01))
    theirs = optimizer_of(SMALL.but(optimizer=optimizer, weight_decay=0.01))
    assert type(theirs).__module__.startswith("keras.")
    assert isinstance(ours, type(theirs))
    averaging = {"use_ema": True, "ema_momentum": DECAY, "name": ours.name}  # Keras numbers optimizers in a process
    assert ours.get_config() == {**theirs.get_config(), **averaging}


def test_a_short_training_validates_near_its_last_weights_and_with_kerass_average_near_its_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nine steps an epoch, ten epochs: of the first weights the decay alone would leave five sixths."""
    recipe = SMALL.but(ema=DECAY, learning_rate=1e-2, norm_momentum=0.5, head_dropouts=(0.0,), block_dropout=0.0)
    labels = np.arange(144) % 7
    images = (30 * labels[:, None, None, None] + faces(144)[..., None] // 8).astype(np.uint8)  # the brighter, the later

    def validated() -> float:
        """Where the last validation's weights are between those before training (0) and the last steps' (1)."""
        model = build(recipe, 1)
        compile_model(model, recipe, steps_per_epoch=9, horizon=10)

        def weights() -> np.ndarray:
            return np.concatenate([np.ravel(variable) for variable in model.trainable_variables])

        first = weights()
        seen: dict[str, np.ndarray] = {}
        note = keras.callbacks.LambdaCallback(
            on_train_batch_end=lambda *_, **__: seen.update(last=weights()),
            on_test_begin=lambda *_, **__: seen.update(validated=weights()),
        )
        swap = keras.callbacks.SwapEMAWeights()
        data = (images, one_hot(144))
        model.fit(*data, batch_size=16, epochs=10, validation_data=data, callbacks=[swap, note], verbose=0)
        way = seen["last"] - first
        return float((seen["validated"] - first) @ way / (way @ way))

    ours = validated()
    monkeypatch.setattr("fer_exp.model.compile.averaging", keras.optimizers)
    assert (theirs := validated()) < 0.25 < 0.75 < ours, (theirs, ours)
