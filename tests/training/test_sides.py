"""Faces that grow with the epochs: each side is trained and validated as it is said, and a cut changes no bit."""

from pathlib import Path

import numpy as np
import pytest

from fer_exp.data.form import FER2013_FORM, Form
from fer_exp.data.split.prepare import Development
from fer_exp.model import build, load_model, predict, with_preprocessing
from fer_exp.model.build import side_of
from fer_exp.recipe import Precision, Recipe, Views
from fer_exp.report.flops import forward_flops
from fer_exp.training import train as module
from tests.tiny_models import faces
from tests.trainings import TINY, demo_development, new_record, same, train_in_pieces, train_through

GROWING = TINY.but(clahe=False, sides=((0.0, 16), (0.5, 32), (0.75, 48)), ema=0.9, mixup=0.2, schedule="cosine")


@pytest.fixture
def development(tmp_path: Path) -> Development:
    return demo_development(tmp_path / "cache", 70)


def test_a_side_begins_with_its_share_of_the_full_budget() -> None:
    assert [GROWING.side_at(epoch, 4) for epoch in (1, 2, 3, 4)] == [16, 16, 32, 48]
    assert [GROWING.side_at(epoch, 100) for epoch in (1, 50, 51, 75, 76, 100)] == [16, 16, 32, 32, 48, 48]
    assert TINY.side_at(1, 4) == 48


def test_every_epoch_sees_its_side_and_a_cut_anywhere_changes_no_bit(
    development: Development, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    built: list[int | None] = []

    def seen(recipe: Recipe, seed: int, form: Form, side: int, to_train: bool) -> object:
        built.append(side)
        return build(recipe, seed, form, side, to_train)

    with monkeypatch.context() as patch:
        patch.setattr(module, "build", seen)
        whole = train_through(new_record(tmp_path / "whole", GROWING, epochs=4), development)
    assert built[:3] == [16, 32, 48]
    assert [row.epoch for row in whole.record.history()] == [1, 2, 3, 4]
    assert same(whole, train_in_pieces(new_record(tmp_path / "pieces", GROWING, epochs=4), development, [1, 2, 3]))
    plain = train_through(new_record(tmp_path / "plain", GROWING.but(sides=()), epochs=4), development)
    assert not same(whole, plain)


def test_the_kept_model_answers_as_its_best_epoch_was_validated(development: Development, tmp_path: Path) -> None:
    recipe = GROWING.but(sides=((0.0, 16), (0.6, 48)), ema=0.0)
    for epochs in (1, 4):  # stopped in the first side, as a short trial is, and at the end
        record = new_record(tmp_path / str(epochs), recipe, epochs=epochs, horizon=4)
        model = train_through(record, development).trained.model
        best = max(record.history(), key=lambda row: (row.val_accuracy, -row.epoch))
        assert side_of(model) == (16 if best.epoch <= 3 else None)
        part = development.validation(clahe=False)
        with_preprocessing(model, recipe).save(tmp_path / "model.keras")
        right = predict(load_model(tmp_path / "model.keras"), part.images).argmax(axis=1) == part.labels
        assert np.mean(right) == pytest.approx(best.val_accuracy, abs=1e-6)


def test_weights_have_the_same_shapes_at_every_side_and_views_and_precision_keep_it() -> None:
    recipe = TINY.but(clahe=False, crop=40, sides=((0.0, 20), (0.5, 40)), views=Views.TEN_CROP)
    small, large = build(recipe, 1, side=20), build(recipe, 1)
    assert [one.shape for one in small.get_weights()] == [one.shape for one in large.get_weights()]
    small.set_weights(large.get_weights())
    half = build(recipe.but(precision=Precision.BFLOAT16), 1, side=20)
    half.set_weights(large.get_weights())
    expected = predict(with_preprocessing(small, recipe), faces(4))
    kept = with_preprocessing(half, recipe.but(precision=Precision.BFLOAT16))
    np.testing.assert_allclose(predict(kept, faces(4)), expected, atol=1e-6)
    assert np.abs(predict(with_preprocessing(large, recipe), faces(4)) - expected).max() > 1e-6


def test_a_smaller_side_costs_as_its_area() -> None:
    recipe = TINY.but(widths=(32, 64), convs_per_block=2, head_widths=(), head_dropouts=())
    whole, half = (forward_flops(recipe, FER2013_FORM, side) for side in (48, 24))
    assert whole == forward_flops(recipe, FER2013_FORM)
    assert half == pytest.approx(whole / 4, rel=0.01)
