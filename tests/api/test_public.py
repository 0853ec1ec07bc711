"""`import fer_exp` takes no time, and hands out the same names at run time as to a type checker."""

import ast
import importlib
import subprocess
import sys
from pathlib import Path

import pytest

import fer_exp
from fer_exp.system.errors import BadInput

PACKAGE = Path(fer_exp.__file__).parent
HEAVY = {"numpy", "pandas", "keras", "keras_tuner", "mlflow", "pydantic", "matplotlib", "rich", "typer"}
WANTED = {"search", "retrain_best", "evaluate", "compare", "load_campaign", "dry_run", "baseline", "Campaign", "Recipe"}


def stubbed() -> set[str]:
    """The names that the stub gives out."""
    tree = ast.parse((PACKAGE / "__init__.pyi").read_text())
    imported = {alias.asname for node in tree.body if isinstance(node, ast.ImportFrom) for alias in node.names}
    return {name for name in imported if name is not None} | {"__version__"}


def test_the_stub_and_the_package_give_out_the_same_names() -> None:
    assert set(fer_exp.__all__) == stubbed()
    assert set(fer_exp.__all__) >= WANTED


@pytest.mark.parametrize("name", fer_exp.__all__)
def test_every_name_is_there_and_says_what_it_is(name: str) -> None:
    found = getattr(fer_exp, name)
    assert name in dir(fer_exp)
    assert name == "__version__" or found.__doc__


def test_no_name_is_that_of_a_module_which_would_take_its_place() -> None:
    modules = {path.stem for path in PACKAGE.iterdir()}
    assert set(fer_exp.__all__) & modules == set()
    importlib.import_module("fer_exp.tuning.run")
    assert callable(fer_exp.search)


def test_import_loads_nothing_heavy() -> None:
    said = "import sys, fer_exp; print(*{name.partition('.')[0] for name in sys.modules})"
    done = subprocess.run([sys.executable, "-c", said], capture_output=True, text=True, check=True)
    assert set(done.stdout.split()) & HEAVY == set()


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="serach"):
        getattr(fer_exp, "serach")  # noqa: B009  # a type checker refuses the plain form, as it should


def test_an_error_is_two_lines_in_a_notebook() -> None:
    error = BadInput("expected a file, received none", "Nothing was started. Give one.")
    assert error._render_traceback_() == [
        "fer-exp: expected a file, received none",
        "         Nothing was started. Give one.",
    ]
