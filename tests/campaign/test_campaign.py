"""Campaign files: what loads, what is refused in one line, and which edits make another campaign of it."""

import math
from pathlib import Path

import pytest
from pydantic import ValidationError

from fer_exp.campaign import Campaign, Direction, HyperParameters, Objective, Settings, fingerprint, load_campaign
from fer_exp.recipe import Recipe, baseline_recipe
from fer_exp.system.errors import BadCampaign, BadData, ExitCode

FILE = '''"""Does a higher learning rate help?"""

from fer_exp.campaign import Campaign, HyperParameters, Settings
from fer_exp.recipe import Recipe, baseline_recipe

RATE = 2e-3


def changed(rate: float) -> Recipe:
    """The baseline at another rate."""
    return baseline_recipe().but(learning_rate=rate)


def space(hp: HyperParameters) -> Recipe:
    return changed(RATE)


campaign = Campaign(name="rates", question="Does a higher rate help?", space=space, settings=Settings(epochs=3))
'''


@pytest.fixture
def path(tmp_path: Path) -> Path:
    path = tmp_path / "rates.py"
    path.write_text(FILE)
    return path


def space(hp: HyperParameters) -> Recipe:
    return baseline_recipe().but(clahe=hp.Boolean("clahe"))


# -- loading


def test_a_campaign_file_becomes_its_campaign(path: Path) -> None:
    path.write_text(FILE.replace("epochs=3", "epochs=3, max_trials=0"))
    campaign = load_campaign(path)
    assert campaign.name == "rates"
    assert campaign.settings == Settings(epochs=3, max_trials=0)
    assert campaign.baseline == baseline_recipe()
    assert campaign.data is None


def test_a_loaded_space_still_finds_what_its_file_defines(path: Path) -> None:
    path.write_text(FILE.replace("epochs=3", "epochs=3, max_trials=0"))
    hp: HyperParameters = None  # type: ignore[assignment]  # this space asks for nothing
    assert load_campaign(path).space(hp) == baseline_recipe().but(learning_rate=2e-3)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("campaign = ", "SyntaxError: invalid syntax"),
        ("import nowhere_to_be_found", "ModuleNotFoundError: No module named 'nowhere_to_be_found'"),
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("raise ValueError", "ValueError"),
        ("from fer_exp.recipe import Recipe\nRecipe(learning_rate=-1)", "learning_rate: .*received '-1'"),
        (
            "from fer_exp.campaign import Settings\nSettings(epoch=3)",
            "line 2 cannot be run: epoch: no field of that name; did you mean 'epochs'",
        ),
        ("from fer_exp.campaign import Algorithm\nAlgorithm.RANDM", "line 2 cannot .* RANDM; did you mean 'RANDOM'?"),
        ("from fer_exp.campaign import Setings", "cannot import name 'Setings' .*; did you mean 'Settings'?"),
        ("", r"expected it to define `campaign = Campaign\(...\)`, found no such name"),
        ("campaign = 'demo'", "found str"),
        ("def campaign(): ...", "found function"),
    ],
)
def test_a_file_that_is_no_campaign_is_refused_in_one_line(path: Path, content: str, said: str) -> None:
    path.write_text(content)
    with pytest.raises(BadCampaign, match=said) as caught:
        load_campaign(path)
    assert str(path) in caught.value.problem
    assert "\n" not in caught.value.problem
    assert caught.value.remedy.startswith("Nothing was started.")
    assert caught.value.exit_code is ExitCode.BAD_INPUT


def test_a_file_that_is_not_text_is_refused_in_one_line(path: Path) -> None:
    path.write_bytes(b"\x00\xff\xfe")
    with pytest.raises(BadCampaign, match="SyntaxError") as caught:
        load_campaign(path)
    assert "\n" not in caught.value.problem


@pytest.mark.parametrize("name", ["absent.py", ""])
def test_a_missing_file_or_a_folder_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(BadCampaign, match="expected a Python file, found none"):
        load_campaign(tmp_path / name)


def test_an_error_that_already_says_what_to_do_is_passed_on(path: Path) -> None:
    path.write_text('from fer_exp.system.errors import BadData\nraise BadData("no faces", "Give some.")')
    with pytest.raises(BadData, match="no faces"):
        load_campaign(path)


# -- names, settings, objectives


@pytest.mark.parametrize("name", ["demo", "Baseline-2_b", "7", "a" * 80])
def test_plain_names_are_taken(name: str) -> None:
    assert Campaign(name=name, question="?", space=space).name == name


@pytest.mark.parametrize(
    "name", ["", " ", "a b", "a/b", "..", ".hidden", "-h", "_x", "émotion", "a" * 81, "a\n", "a.b", "a'b"]
)
def test_names_that_a_folder_a_shell_or_a_filter_would_stumble_on_are_refused(name: str) -> None:
    with pytest.raises(BadCampaign, match="campaign name: expected") as caught:
        Campaign(name=name, question="?", space=space)
    assert "\n" not in caught.value.problem


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("epochs", 0),
        ("max_trials", -1),
        ("max_hours", 0.0),
        ("max_hours", math.nan),
        ("limit", 0),
        ("seed", 0),
        ("seed", 2**32),
        ("hyperband_factor", 1),
        ("algorithm", "annealing"),
    ],
)
def test_a_budget_that_means_nothing_is_refused(field: str, value: object) -> None:
    with pytest.raises(ValidationError, match=field):
        Settings.model_validate({field: value})


def test_an_objective_knows_which_way_is_better() -> None:
    assert Objective().better(0.7, 0.6)
    assert not Objective().better(0.6, 0.6)
    loss = Objective(metric="val/log_loss", direction=Direction.MIN)
    assert loss.better(0.9, 1.0)
    assert not loss.better(1.0, 1.0)


# -- fingerprints


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ('"""Does a higher learning rate help?"""', '"""Result: yes, by 0.4 points +- 0.3."""'),
        ('"""Does a higher learning rate help?"""\n', ""),
        ('    """The baseline at another rate."""\n', ""),
        ("    return changed(RATE)", '    """What is searched."""\n    return changed(RATE)'),
        ("RATE = 2e-3", "RATE = 0.002  # twice the baseline's"),
        ("\n\n\n", "\n\n"),
        ("space=space, ", "\n    space=space,\n    "),
        ('"rates"', "'rates'"),
    ],
)
def test_words_and_layout_do_not_make_another_campaign(path: Path, old: str, new: str) -> None:
    before = fingerprint(path)
    assert FILE.count(old) > 0
    path.write_text(FILE.replace(old, new))
    assert fingerprint(path) == before


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("2e-3", "3e-3"),
        ("2e-3", "True"),
        ("epochs=3", "epochs=4"),
        ("changed(RATE)", "changed(RATE * 1)"),
        ("learning_rate=rate", "momentum=rate"),
        ("RATE = 2e-3", 'RATE = 2e-3\n"""a string that is no docstring"""'),
        (", settings=Settings(epochs=3)", ""),
        ("rate: float", "rate: float = 1.0"),
    ],
)
def test_code_makes_another_campaign(path: Path, old: str, new: str) -> None:
    before = fingerprint(path)
    assert FILE.count(old) > 0
    path.write_text(FILE.replace(old, new))
    assert fingerprint(path) != before


def test_a_fingerprint_is_sixteen_hexadecimal_digits_that_outlive_a_version_of_python(path: Path) -> None:
    assert fingerprint(path) == "738fed785b0952ee"  # the same on Python 3.11, 3.12 and 3.13


def test_the_encoding_that_a_file_names_is_heard(path: Path) -> None:
    path.write_bytes(b'# -*- coding: latin-1 -*-\nname = "\xe4rger"\n')
    latin = fingerprint(path)
    path.write_text('name = "ärger"\n', encoding="utf-8")
    assert fingerprint(path) == latin
