"""Feed: every batch in its place, at every pass, and no pipeline that waits for a thread to wake up."""

from collections.abc import Iterable
from typing import Any

import keras
import numpy as np
import pytest

from fer_exp.training.feed import Rows, feed

ON_TENSORFLOW = keras.backend.backend() == "tensorflow"
tensorflow_only = pytest.mark.skipif(not ON_TENSORFLOW, reason="about TensorFlow's pipelines")

NUMBERS = np.arange(7)
FACES = np.repeat(NUMBERS, 48 * 48).reshape(7, 48, 48, 1).astype(np.uint8)


def numbers_of(passed: Iterable[Any]) -> list[list[int]]:
    return [np.asarray(batch[1]).tolist() for batch in passed]


def test_rows_lie_in_batches_and_the_last_holds_the_rest() -> None:
    rows = Rows(FACES, NUMBERS, batch_size=3)
    assert len(rows) == 3
    assert numbers_of(rows) == [[0, 1, 2], [3, 4, 5], [6]]
    assert [batch[0][:, 0, 0, 0].tolist() for batch in rows] == [[0, 1, 2], [3, 4, 5], [6]]


@tensorflow_only
def test_every_pass_has_every_batch_in_its_place() -> None:
    fed = feed(Rows(FACES, NUMBERS, batch_size=3))
    assert len(fed) == 3
    for _ in range(2):
        assert numbers_of(fed) == [[0, 1, 2], [3, 4, 5], [6]]


@tensorflow_only
def test_arrays_keep_their_types() -> None:
    faces, numbers = next(iter(feed(Rows(FACES, NUMBERS.astype(np.float32), batch_size=3))))
    assert (faces.dtype.name, numbers.dtype.name) == ("uint8", "float32")
    np.testing.assert_array_equal(faces.numpy(), FACES[:3])


@tensorflow_only
def test_a_seed_gives_each_pass_another_order_and_the_same_ones_again() -> None:
    fed = feed(Rows(FACES, NUMBERS, batch_size=7, seed=5))
    first, second = numbers_of(fed)[0], numbers_of(fed)[0]
    assert sorted(first) == sorted(second) == NUMBERS.tolist()
    assert first != second
    again = feed(Rows(FACES, NUMBERS, batch_size=7, seed=5))
    assert [numbers_of(again)[0], numbers_of(again)[0]] == [first, second]


@tensorflow_only
def test_nothing_is_tuned_so_no_thread_sleeps() -> None:
    assert feed(Rows(FACES, NUMBERS, batch_size=3)).options().autotune.enabled is False


def test_another_backend_takes_rows_as_they_are(monkeypatch: pytest.MonkeyPatch) -> None:
    rows = Rows(FACES, NUMBERS, batch_size=3)
    monkeypatch.setattr(keras.backend, "backend", lambda: "jax")
    assert feed(rows) is rows
