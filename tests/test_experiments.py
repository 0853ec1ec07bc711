"""The campaign files: each says what it asks, and its recipes are what it says and can be trained."""

import ast
import math
import re
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from fer_exp.campaign import Campaign, load_campaign
from fer_exp.data.form import Form
from fer_exp.data.split.prepare import Development
from fer_exp.model import build, compile_model
from fer_exp.recipe import Recipe, baseline_recipe
from fer_exp.report.flops import forward_flops
from fer_exp.system.home import Home
from fer_exp.training.balance import class_weights
from fer_exp.training.train import Batches
from fer_exp.tuning.disk_need import weights
from fer_exp.tuning.keras_tuner_proposer import KerasTunerProposer
from fer_exp.tuning.proposer import Proposal
from tests.commands import done
from tests.trainings import demo_development, new_record

FOLDER = Path(__file__).resolve().parent.parent / "experiments"
LARGEST = 3_000_000  # parameters of the strong campaign's networks
FACES = 8  # of a batch, for one step

# Arms that need several fields for the one thing that they change; every other arm changes a single field.
SEVERAL = {
    "double-width": {"widths", "last_width"},
    "no-dense-head": {"head_widths", "head_dropouts"},
    "no-dropout": {"block_dropout", "pooled_dropout", "head_dropouts"},
    "sgd": {"optimizer", "learning_rate"},
    "cosine": {"schedule", "warmup_epochs", "stop_patience"},
    "no-balancing": {"oversampling", "class_weights"},
    "effective-number": {"oversampling", "class_weights"},
    "random-crop": {"augmentation.shift", "crop"},
}


def campaign(name: str) -> Campaign:
    return load_campaign(FOLDER / f"{name}.py")


def proposals(of: Campaign) -> Iterator[Proposal]:
    """What its search proposes, as if every trial ended alike."""
    proposer = KerasTunerProposer(of, of.settings)
    while isinstance(proposal := proposer.ask(), Proposal):
        yield proposal
        proposer.tell(proposal.number, 0.5)


@pytest.fixture(scope="module")
def arms() -> dict[str, Recipe]:
    """The ablation's recipes by the switch that makes them, as its grid proposes them."""
    return {str(proposal.values["switch"]): proposal.recipe for proposal in proposals(campaign("fer2013_ablation"))}


@pytest.fixture(scope="module")
def strong() -> list[Recipe]:
    return [proposal.recipe for proposal in proposals(campaign("fer2013_strong"))]


@pytest.fixture(scope="module")
def development(tmp_path_factory: pytest.TempPathFactory) -> Development:
    return demo_development(tmp_path_factory.mktemp("cache"))


def one_step(recipe: Recipe, development: Development, folder: Path) -> tuple[float, int]:
    """The loss of a training step on a few faces, which must leave weights finite; and how many weights there are."""
    split = development.train(recipe.clahe)
    counted = class_weights(
        split.labels, 7, recipe.class_weights, recipe.class_weight_range, recipe.effective_number_beta
    )
    batches = Batches(split.images, split.labels, np.arange(len(split)), counted, new_record(folder, recipe).spec())
    images, targets, weights = (part[:FACES] for part in batches[0])
    model = build(recipe, seed=1)
    compile_model(model, recipe, steps_per_epoch=len(batches), horizon=60)
    model.run_eagerly = True  # a graph would take longer to make than this one step
    loss, _ = model.train_on_batch(images, targets, sample_weight=weights)
    assert all(np.isfinite(values).all() for values in model.get_weights())
    return float(loss), model.count_params()


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.py")), ids=lambda path: path.stem)
def test_every_campaign_file_says_question_hypothesis_command_cost_and_result(path: Path) -> None:
    said = ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))) or ""
    heads = [line.partition(":")[0] for line in said.splitlines()[2:] if not line.startswith(" ")]
    assert heads == ["Question", "Hypothesis", "Command", "Cost", "Result"]
    assert f"\nCommand: fer-exp search experiments/{path.name}" in said


@pytest.mark.parametrize(
    ("name", "trainings"),
    [
        ("fer2013_ablation", 27),
        ("fer2013_strong", 21),
        ("fer2013_ladder", 1),
        ("fer2013_mirror", 4),
        ("fer2013_born_again", 4),
    ],
)
def test_a_campaign_costs_as_many_trainings_as_its_file_says(name: str, trainings: int) -> None:
    of = campaign(name)
    assert KerasTunerProposer(of, of.settings).plan().trials == trainings
    said = (FOLDER / f"{name}.py").read_text(encoding="utf-8")
    assert re.search(rf"^Cost: {trainings} trainings of (up to )?{of.settings.epochs} epochs", said, re.MULTILINE)


def test_what_the_strong_campaign_would_do_can_be_seen_before(home: Home) -> None:
    written = done("search", FOLDER / "fer2013_strong.py", "--data", "demo", "--dry-run")
    assert "at most 21 trainings and 2100 epochs, the baseline included" in written
    assert not home.campaigns.exists()


# -- the ablation


def test_the_ablation_proposes_every_switch_once(arms: dict[str, Recipe]) -> None:
    of = campaign("fer2013_ablation")
    assert of.baseline == baseline_recipe()
    assert len(arms) == of.settings.max_trials == len(set(arms.values()))
    assert baseline_recipe() not in arms.values()


def test_each_switch_changes_one_thing(arms: dict[str, Recipe]) -> None:
    before = baseline_recipe().flat()
    for name, recipe in arms.items():
        changed = {field for field, value in recipe.flat().items() if value != before[field]}
        assert changed == SEVERAL[name] if name in SEVERAL else len(changed) == 1, name
    assert set(SEVERAL) <= set(arms)


@pytest.mark.slow
def test_every_switch_can_be_trained(arms: dict[str, Recipe], development: Development, tmp_path: Path) -> None:
    for name, recipe in arms.items():
        loss, _ = one_step(recipe, development, tmp_path / name)
        assert 0 < loss < math.inf, name


# -- the strong recipe


def test_the_strong_networks_train_and_have_fewer_than_three_million_parameters(
    strong: list[Recipe], development: Development, tmp_path: Path
) -> None:
    assert campaign("fer2013_strong").baseline == baseline_recipe()
    networks = {(one.widths, one.convs_per_block, one.last_width): one for one in strong}
    assert len(networks) == 3
    for number, recipe in enumerate(networks.values()):
        loss, parameters = one_step(recipe, development, tmp_path / str(number))
        assert 0 < loss < math.inf
        assert 2_000_000 < parameters < LARGEST


# -- the ladder


def test_the_ladders_recipes_are_one_and_cost_what_their_files_say(development: Development, tmp_path: Path) -> None:
    ladder, again, mirror = (campaign(f"fer2013_{name}") for name in ("ladder", "born_again", "mirror"))
    assert ladder.baseline == again.baseline
    assert again.settings.teacher == f"{ladder.name}-ensemble"
    assert sorted(one.recipe.distillation for one in proposals(again)) == [0.3, 0.6, 0.9]
    recipes = [ladder.baseline, mirror.baseline, *(one.recipe for one in proposals(mirror))]
    expected = [(2_642_359, 422), (1_176_359, 188), (588_183, 188), (1_174_503, 350), (1_176_359, 188)]
    assert [(weights(one), round(forward_flops(one, Form()) / 1e6)) for one in recipes] == expected
    for number, recipe in enumerate(recipes):
        loss, _ = one_step(recipe, development, tmp_path / str(number))
        assert 0 < loss < math.inf
