"""Records, predictions and a campaign as a search would leave them, made without training anything.

In: a folder and a random seed. Out: the same files that a search writes, through the same interfaces.
"""

from pathlib import Path
from typing import Any

import numpy as np

from fer_exp.campaign import Algorithm, CampaignSpec, Objective, Settings
from fer_exp.data.split.info import DataInfo
from fer_exp.data.split.protocol import Protocol
from fer_exp.recipe import Augmentation, Optimizer, baseline_recipe
from fer_exp.records import Epoch, Kind, Outcome, Predictions, Record, State, TrialSpec, best_epoch

IMAGES = 3589  # PublicTest
# FER2013's shares, and how the reference system errs: rows true, columns predicted (from its saved confusion figures).
SHARES = np.array([491, 55, 528, 879, 594, 416, 626]) / 3589
LIKELY = np.array(
    [
        [0.55, 0.02, 0.08, 0.04, 0.17, 0.02, 0.12],
        [0.25, 0.58, 0.04, 0.02, 0.06, 0.02, 0.03],
        [0.10, 0.01, 0.42, 0.04, 0.22, 0.11, 0.10],
        [0.02, 0.00, 0.01, 0.86, 0.02, 0.03, 0.06],
        [0.09, 0.01, 0.08, 0.05, 0.58, 0.01, 0.18],
        [0.02, 0.00, 0.07, 0.05, 0.02, 0.81, 0.03],
        [0.05, 0.00, 0.04, 0.08, 0.18, 0.02, 0.63],
    ]
)

# What keras_tuner.HyperParameters.get_config()["space"] says about such a space (version 1.4.8).
SPACE: list[dict[str, Any]] = [
    {
        "class_name": "Float",
        "config": {
            "name": "learning_rate",
            "default": 0.001,
            "conditions": [],
            "min_value": 0.0001,
            "max_value": 0.1,
            "step": None,
            "sampling": "log",
        },
    },
    {
        "class_name": "Float",
        "config": {
            "name": "pooled_dropout",
            "default": 0.5,
            "conditions": [],
            "min_value": 0.1,
            "max_value": 0.6,
            "step": 0.1,
            "sampling": "linear",
        },
    },
    {
        "class_name": "Int",
        "config": {
            "name": "last_width",
            "default": None,
            "conditions": [],
            "min_value": 128,
            "max_value": 512,
            "step": 128,
            "sampling": "linear",
        },
    },
    {
        "class_name": "Choice",
        "config": {
            "name": "optimizer",
            "default": "adam",
            "conditions": [],
            "values": ["adam", "adamw", "sgd"],
            "ordered": False,
        },
    },
    {"class_name": "Boolean", "config": {"name": "flip", "default": False, "conditions": []}},
    {"class_name": "Fixed", "config": {"name": "batch_size", "conditions": [], "value": 32}},
    {
        "class_name": "Float",
        "config": {
            "name": "momentum",
            "default": 0.9,
            "conditions": [{"class_name": "Parent", "config": {"name": "optimizer", "values": ["sgd"]}}],
            "min_value": 0.5,
            "max_value": 0.99,
            "step": None,
            "sampling": "linear",
        },
    },
]


def made_predictions(count: int = IMAGES, seed: int = 1) -> Predictions:
    """Predictions of an over-confident model, right in about 65 % of the faces."""
    random = np.random.default_rng(seed)
    labels = random.choice(7, count, p=SHARES).astype(np.uint8)
    chosen = np.array([random.choice(7, p=LIKELY[label] / LIKELY[label].sum()) for label in labels])
    strength = np.where(chosen == labels, random.gamma(4.0, 1.1, count), random.gamma(3.0, 0.9, count))
    logits = random.normal(0.0, 0.8, (count, 7))
    logits[np.arange(count), chosen] = logits.max(axis=1) + strength
    odds = np.exp(logits - logits.max(axis=1, keepdims=True))
    return Predictions(labels, (odds / odds.sum(axis=1, keepdims=True)).astype(np.float32), np.arange(count))


def made_history(epochs: int, top: float = 0.66, seed: int = 1) -> list[Epoch]:
    """A history that rises to about `top`, overfits, and halves its learning rate twice."""
    random = np.random.default_rng(seed)
    history = []
    for epoch in range(1, epochs + 1):
        rise = 1 - np.exp(-epoch / 8)
        accuracy = 0.25 + (top - 0.25) * rise + random.normal(0, 0.008)
        train = 0.25 + (min(top + 0.18, 0.99) - 0.25) * (1 - np.exp(-epoch / 14))
        history.append(
            Epoch(
                epoch=epoch,
                train_loss=float(2.0 - 1.5 * (1 - np.exp(-epoch / 16))),
                train_accuracy=float(train),
                val_loss=float(1.9 - 0.9 * rise + 0.006 * max(epoch - 20, 0) + random.normal(0, 0.02)),
                val_accuracy=float(accuracy),
                learning_rate=1e-3 * 0.5 ** ((epoch > 28) + (epoch > 40)),
                seconds=61.3,
                images_per_second=468.0,
                time_ms=1_700_000_000_000 + 61_300 * epoch,
            )
        )
    return history


def made_record(
    folder: Path,
    number: int,
    scores: dict[str, float] | None = None,
    *,
    state: State | None = State.FINISHED,
    values: dict[str, bool | int | float | str] | None = None,
    budget: int = 12,
    campaign: str = "made",
    same_as: int | None = None,
    reason: str = "",
) -> Record:
    """The record of one training under `folder`; `state` None leaves it without an outcome."""
    given = values or {}
    known = {
        name: given[name] for name in ("learning_rate", "pooled_dropout", "last_width", "optimizer") if name in given
    }
    recipe = baseline_recipe().but(**known, augmentation=Augmentation(flip=bool(given.get("flip", False))))
    spec = TrialSpec(
        campaign=campaign,
        kind=Kind.TRIAL if number else Kind.BASELINE,
        number=number,
        seed=1,
        recipe=recipe,
        epochs=budget,
        horizon=budget,
        data_digest="0123456789abcdef",
        split_digest="fedcba9876543210",
        protocol=Protocol.OFFICIAL.value,
        values=given,
    )
    record = Record.create(folder / f"{number:04d}", spec)
    history = made_history(budget, seed=number)
    for epoch in history:
        record.append(epoch)
    if scores is not None:
        record.write_scores(scores)
    if state is not None:
        outcome = Outcome(
            state=state, reason=reason, best_epoch=best_epoch(history), seconds=61.3 * budget, same_as=same_as
        )
        record.end(outcome)
    return record


def made_scores(accuracy: float, macro_f1: float | None = None) -> dict[str, float]:
    """The metrics of a validation with that accuracy."""
    return {
        "val/accuracy": round(accuracy * IMAGES) / IMAGES,
        "val/macro_f1": accuracy - 0.02 if macro_f1 is None else macro_f1,
        "val/balanced_accuracy": accuracy - 0.03,
        "val/log_loss": 1.9 - accuracy,
        "val/images": float(IMAGES),
    }


def made_campaign(folder: Path, trials: int, seed: int = 1) -> Path:
    """A campaign with a baseline and `trials` finished trials whose accuracy hangs on the learning rate."""
    random = np.random.default_rng(seed)
    (folder / "trials").mkdir(parents=True)
    (folder / "campaign.json").write_text(made_campaign_spec().sealed(indent=1))
    made_record(folder / "trials", 0, made_scores(0.652))
    for number in range(1, trials + 1):
        optimizer = str(random.choice([choice.value for choice in Optimizer]))
        values: dict[str, bool | int | float | str] = {
            "learning_rate": float(10 ** random.uniform(-4, -1)),
            "pooled_dropout": 0.1 * int(random.integers(1, 7)),  # 0.30000000000000004, as Keras Tuner proposes it
            "last_width": 128 * int(random.integers(1, 5)),
            "optimizer": optimizer,
            "flip": bool(random.integers(2)),
            "batch_size": 32,
        }
        if optimizer == "sgd":
            values["momentum"] = float(random.uniform(0.5, 0.99))
        rate = float(values["learning_rate"])
        accuracy = 0.672 - 0.045 * (np.log10(rate) + 2.6) ** 2 + 0.006 * bool(values["flip"]) + random.normal(0, 0.004)
        made_record(folder / "trials", number, made_scores(float(accuracy)), values=values)
    return folder


def made_campaign_spec(name: str = "made", objective: Objective | None = None) -> CampaignSpec:
    """What `campaign.json` of such a campaign says."""
    counts = (3995, 436, 4097, 7215, 4830, 3171, 4965)
    held_out = (467, 56, 496, 895, 653, 415, 607)
    return CampaignSpec(
        name=name,
        question="Which learning rate serves the reference network best?",
        settings=Settings(algorithm=Algorithm.RANDOM, objective=objective or Objective(), max_trials=20, epochs=12),
        baseline=baseline_recipe(),
        data=DataInfo(
            path="data/fer2013.csv",
            source="fer2013.csv",
            kind="csv",
            data_digest="0123456789abcdef",
            split_digest="fedcba9876543210",
            protocol=Protocol.OFFICIAL,
            seed=1,
            limit=None,
            oversampled=False,
            faces=35887,
            train_counts=counts,
            validation_counts=held_out,
            test_counts=(491, 55, 528, 879, 594, 416, 626),
        ),
        fingerprint="00112233445566aa",
        space=SPACE,
        file="experiments/made.py",
        created_ms=1_700_000_000_000,
        identity="a1b2c3d4",
    )
