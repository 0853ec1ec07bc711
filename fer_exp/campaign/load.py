"""Reading a campaign file: Python that defines `campaign = Campaign(...)`.

In: the file's path. Out: the Campaign, and the file's fingerprint. The fingerprint is taken from the syntax tree
without docstrings, so writing the result into the file later changes nothing.
"""

import ast
import hashlib
import runpy
import sys
from pathlib import Path

from fer_exp.campaign.campaign import Campaign
from fer_exp.campaign.objective import MEND
from fer_exp.campaign.probe import line_in, refuse_bad_space
from fer_exp.system.errors import BadCampaign, FerExpError
from fer_exp.system.files import read_file
from fer_exp.system.suggest import did_you_mean
from fer_exp.system.values import first_line, named

LARGEST_FILE = 2**24  # bytes; a campaign file has a few thousand
DOCUMENTED = (ast.Module, ast.ClassDef, ast.FunctionDef, ast.AsyncFunctionDef)  # what may open with a docstring


def load_campaign(path: Path) -> Campaign:
    """The campaign that the file at `path` defines as `campaign`.

    Raises:
        BadCampaign: The file is missing, does not run, defines no campaign, or its space does not work.
    """
    if not path.is_file():
        raise BadCampaign(
            f"campaign file: expected a Python file, found none at {path}",
            "Nothing was started. Give a file such as experiments/demo.py.",
        )
    if path.stat().st_size > LARGEST_FILE:
        raise BadCampaign(f"{path}: expected a Python file, received {path.stat().st_size:,} bytes", MEND)
    _helpers_of(path)
    try:
        names = runpy.run_path(str(path))
    except KeyboardInterrupt:
        raise
    except FerExpError as error:
        raise type(error)(f"{path}{line_in(path, error)}: {error.problem}", error.remedy) from error
    except BaseException as error:  # whatever the user's file raises is the user's to see, in one line
        raise BadCampaign(
            f"{path}{line_in(path, error)} cannot be run: {named(error)}{_meant(error)}",
            "Nothing was started. Mend the file; -vv shows where it fails.",
        ) from error
    campaign = names.get("campaign")
    if not isinstance(campaign, Campaign):
        named_otherwise = next((name for name, value in names.items() if isinstance(value, Campaign)), None)
        found = type(campaign).__name__ if campaign is not None else "no such name"
        raise BadCampaign(
            f"{path}: expected it to define `campaign = Campaign(...)`, found "
            f"{f'one called {named_otherwise!r}' if named_otherwise else found}",
            "Nothing was started. experiments/demo.py shows the form.",
        )
    refuse_bad_space(campaign, path)
    return campaign


def _meant(error: BaseException) -> str:
    """What was probably meant by a name that is not there: of an attribute, or of something imported."""
    if isinstance(error, AttributeError) and error.name is not None:
        return did_you_mean(error.name, (name for name in dir(error.obj) if not name.startswith("_")))
    if isinstance(error, ImportError) and error.name in sys.modules:
        word = str(error).partition("cannot import name '")[2].partition("'")[0]
        return did_you_mean(word, dir(sys.modules[error.name])) if word else ""
    return ""


def _helpers_of(path: Path) -> None:
    """Lets the file import modules beside it; what is installed and what Python ships come first."""
    folder = str(path.resolve().parent)
    if folder not in sys.path:
        sys.path.append(folder)


def fingerprint(path: Path) -> str:
    """Sixteen hexadecimal digits of the file's syntax tree, without docstrings, comments and layout.

    Raises:
        BadCampaign: It is no Python source (a compiled file can be run, too), or nests deeper than can be followed.
    """
    try:
        return _fingerprint(read_file(path))
    except (SyntaxError, ValueError, RecursionError, MemoryError, OSError) as error:
        raise BadCampaign(
            f"{path}: expected Python source, received something else ({type(error).__name__}: {first_line(error)})",
            MEND,
        ) from error


def _fingerprint(source: bytes) -> str:
    tree = ast.parse(source)  # bytes, because the file itself may name its encoding
    for node in ast.walk(tree):
        if isinstance(node, DOCUMENTED) and ast.get_docstring(node) is not None:
            node.body = node.body[1:]
    return hashlib.sha256(ascii(_without_empty_fields(tree)).encode()).hexdigest()[:16]


def _without_empty_fields(node: object) -> object:
    """The tree as lists. `ast.dump` would do, but each Python adds fields (3.12 `type_params`), empty in older code."""
    if isinstance(node, list):
        return [_without_empty_fields(item) for item in node]
    if not isinstance(node, ast.AST):
        return node
    fields = [[name, _without_empty_fields(value)] for name, value in ast.iter_fields(node) if value not in (None, [])]
    return [type(node).__name__, *fields]
