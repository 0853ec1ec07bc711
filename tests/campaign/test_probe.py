"""A campaign file whose space cannot work is refused when it is read: with the point, the line, and in milliseconds."""

import sys
import time
from pathlib import Path

import pytest

from fer_exp.campaign import load_campaign
from fer_exp.campaign.probe import points
from fer_exp.system.errors import BadCampaign
from tests.commands import call

HEAD = """from fer_exp.campaign import Campaign, Objective, Settings
from fer_exp.recipe import baseline_recipe

B = baseline_recipe()

def space(hp):
"""
LINE = HEAD.count("\n") + 1  # the first of the space
TAIL = '\n\ncampaign = Campaign("tiny", "?", space, {settings})\n'


def written(folder: Path, space: str, settings: str = "Settings(max_trials=3)") -> Path:
    path = folder / "tiny.py"
    path.write_text(HEAD + "".join(f"    {line}\n" for line in space.splitlines()) + TAIL.format(settings=settings))
    return path


def problem_of(path: Path) -> str:
    with pytest.raises(BadCampaign) as caught:
        load_campaign(path)
    assert "\n" not in caught.value.problem
    assert caught.value.remedy.startswith("Nothing was started.")
    return caught.value.problem


SPACES = {
    "a choice with a typo": (
        'return B.but(optimizer=hp.Choice("optimizer", ["adam", "sdg"]))',
        f", line {LINE}: space of campaign 'tiny' at optimizer='sdg': optimizer: Input should be 'adam', 'adamw' or "
        "'sgd', received 'sdg'; did you mean 'sgd'?",
    ),
    "a field with a typo": (
        'return B.but(blok_dropout=hp.Float("d", 0.0, 0.5))',
        f", line {LINE}: space of campaign 'tiny': blok_dropout: no field of that name; did you mean 'block_dropout'?",
    ),
    "a field of an inner value": (
        'return B.but(augmentation={"flipp": hp.Boolean("flip")})',
        "augmentation.flipp: no field of that name; did you mean 'flip'?",
    ),
    "the last choice of many": (
        'return B.but(crop=hp.Choice("crop", [*range(40, 49), 49]))',
        "at crop=49: crop: Input should be less than or equal to 48, received '49'",
    ),
    "the end of a range": (
        'return B.but(block_dropout=hp.Float("d", 0.5, 1.0))',
        "at d=1.0: block_dropout: Input should be less than 1",
    ),
    "two that do not go together": (
        'crop, blocks = hp.Int("crop", 8, 48), hp.Int("blocks", 1, 4)\nreturn B.but(crop=crop, widths=(8,) * blocks)',
        "crop: expected at least 16 pixels",
    ),
    "an `if` around a hyperparameter": (
        'rate = hp.Float("dropout", 0.1, 0.2) if hp.Boolean("drop") else 0.0\nreturn B.but(block_dropout=rate)',
        "at drop=True: hyperparameter 'dropout' is Float(0.1, 0.2), and not declared at other points",
    ),
    "an `if` the other way round": (
        'rate = 0.0 if hp.Boolean("drop") else hp.Float("dropout", 0.1, 0.2)\nreturn B.but(block_dropout=rate)',
        "at drop=True: hyperparameter 'dropout' is not declared, and Float(0.1, 0.2) at other points",
    ),
    "a range that depends on another": (
        'wide = hp.Boolean("wide")\nreturn B.but(block_dropout=hp.Float("d", 0.1, 0.5 if wide else 0.2))',
        "at wide=True: hyperparameter 'd' is Float(0.1, 0.5), and Float(0.1, 0.2) at other points",
    ),
    "a conditional scope": (
        'hp.Boolean("sgd")\nwith hp.conditional_scope("sgd", [True]):\n    return B',
        "hp.conditional_scope('sgd', [True]) is there for some values of another alone",
    ),
    "a parent": (
        'hp.Boolean("a")\nreturn B.but(ema=hp.Float("b", 0.0, 0.5, parent_name="a", parent_values=[True]))',
        "hp.Float('b', parent_name=...) is there for some values of another alone",
    ),
    "one name for two ranges": (
        'return B.but(block_dropout=hp.Float("d", 0.0, 0.5), pooled_dropout=hp.Float("d", 0.0, 0.9))',
        "the name 'd' stands for two hyperparameters, Float(0.0, 0.5) and Float(0.0, 0.9)",
    ),
    "None": ('hp.Boolean("clahe")', "expected it to return a Recipe, received NoneType"),
    "no hyperparameter": ("return B", "expected at least one hyperparameter"),
    "a range upside down": (
        'return B.but(ema=hp.Float("e", 0.9, 0.1))',
        "expected a range from low to high, received 0.9 to 0.1",
    ),
    "a range of words": ('return B.but(ema=hp.Float("e", "low", "high"))', "expected a range from low to high"),
    "choices that are lists": (
        'return B.but(widths=hp.Choice("w", [(8, 16), (16, 32)]))',
        "hp.Choice('w'): expected one or more numbers",
    ),
    "no choices": ('return B.but(ema=hp.Choice("e", []))', "hp.Choice('e'): expected one or more numbers"),
    "a call that Keras Tuner has not": ('return B.but(ema=hp.Normal("e"))', "no attribute 'Normal'"),
    "sys.exit": ("import sys\nsys.exit(3)", "SystemExit: 3"),
}


@pytest.mark.parametrize(("space", "said"), SPACES.values(), ids=SPACES)
def test_a_space_that_cannot_work_is_refused_when_it_is_read(tmp_path: Path, space: str, said: str) -> None:
    path = written(tmp_path, space)
    problem = problem_of(path)
    assert problem.startswith(str(path))
    assert said in problem


@pytest.mark.usefixtures("home")
@pytest.mark.parametrize("arguments", [(), ("--dry-run",)])
def test_the_commands_refuse_it_before_anything_else(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    ended = call("search", written(tmp_path, SPACES["None"][0]), *arguments, "--data", "/nowhere")
    assert ended.exit_code == 2
    assert "expected it to return a Recipe" in ended.stderr
    assert not (tmp_path / "mlruns").exists()


def test_all_of_a_large_space_is_tried_in_a_moment(tmp_path: Path) -> None:
    lines = [f'a{n} = hp.Choice("a{n}", list(range({n}, {n} + 40)))' for n in range(12)]
    path = written(tmp_path, "\n".join([*lines, "return B.but(batch_size=1 + a0)"]))
    began = time.monotonic()
    load_campaign(path)
    assert time.monotonic() - began < 20  # some 500 recipes; a test of what is done, not of how fast


def test_every_choice_is_tried_alone_and_points_are_drawn(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        'seen.append((hp.Choice("a", [1, 2, 3]), hp.Boolean("b"), hp.Float("c", 1e-4, 1e-1, sampling="log"), '
        'hp.Int("d", 1, 9)))\nreturn B',
    )
    path.write_text("seen = []\n" + path.read_text())
    campaign = load_campaign(path)
    tried = campaign.space.__globals__["seen"]
    assert {(a, False, 1e-4, 1) for a in (1, 2, 3)} <= set(tried)
    assert (1, True, 1e-4, 1) in tried
    assert (1, False, 1e-1, 1) in tried
    assert (1, False, 1e-4, 9) in tried
    rates = sorted(c for _, _, c, _ in tried)[5:-2]
    assert sum(rate < 1e-2 for rate in rates) > len(rates) / 2  # by magnitude
    assert all(isinstance(d, int) and 1 <= d <= 9 for _, _, _, d in tried)
    assert not list(points({}))


def test_two_calls_for_the_same_hyperparameter_are_one(tmp_path: Path) -> None:
    load_campaign(written(tmp_path, 'return B.but(ema=hp.Float("e", 0.0, 0.5), momentum=hp.Float("e", 0.0, 0.5))'))


def test_a_helper_beside_the_file_can_be_imported_and_hides_nothing(tmp_path: Path) -> None:
    (tmp_path / "my_blocks.py").write_text("RATE = 0.1\n")
    (tmp_path / "statistics.py").write_text("raise RuntimeError('the module of the user')\n")
    path = written(tmp_path, 'return B.but(ema=hp.Float("e", 0.0, my_blocks.RATE))')
    path.write_text("import my_blocks\nimport statistics\nstatistics.mean\n" + path.read_text())
    load_campaign(path)
    assert sys.path[0] != str(tmp_path)


def test_the_line_of_any_error_is_named(tmp_path: Path) -> None:
    path = tmp_path / "tiny.py"
    path.write_text("x = 1\n\nx / 0\n")
    assert ", line 3 cannot be run: ZeroDivisionError" in problem_of(path)
    path.write_text("x = 1\n\nx = = 0\n")
    assert ", line 3 cannot be run: SyntaxError" in problem_of(path)
    path.write_text(HEAD + '    return B\n\n\ncampaign = Campaign("a b", "?", space)\n')
    assert f", line {LINE + 3}: campaign name: expected" in problem_of(path)


# -- objectives

OBJECTIVES = {
    "val_accuracy": "did you mean 'val/accuracy'?",
    "accuracy": "did you mean 'val/accuracy'?",
    "val/acuracy": "did you mean 'val/accuracy'?",
    "val_f1": "expected one of val/accuracy, val/macro_f1, val/balanced_accuracy, val/log_loss, val/ece, or f1",
    "val/loss": "did you mean 'val/log_loss'?",
    "test/accuracy": "expected one of val/accuracy",
    "val/fear/recal": "did you mean 'val/fear/recall'?",
    "": "received ''",
}
ONE = 'return B.but(ema=hp.Float("e", 0.0, 0.5))'


@pytest.mark.parametrize(("metric", "said"), OBJECTIVES.items())
def test_an_objective_that_no_trial_records_is_refused(tmp_path: Path, metric: str, said: str) -> None:
    problem = problem_of(written(tmp_path, ONE, f"Settings(objective=Objective(metric={metric!r}))"))
    assert "campaign objective: expected one of" in problem
    assert said in problem


def test_every_metric_knows_its_direction(tmp_path: Path) -> None:
    for metric, direction in (("val/log_loss", "min"), ("val/ece", "min"), ("val/fear/recall", "max")):
        settings = f"Settings(objective=Objective(metric={metric!r}))"
        assert load_campaign(written(tmp_path, ONE, settings)).settings.objective.direction == direction
    problem = problem_of(written(tmp_path, ONE, "Settings(objective=Objective(metric='val/ece', direction='max'))"))
    assert "val/ece is better where it is lower, received direction 'max'" in problem
