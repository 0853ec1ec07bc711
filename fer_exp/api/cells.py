"""A Campaign made in Python, as in a notebook's cell, written as a campaign file that stands alone.

In: a Campaign. Out: the text of a file that defines the same. The space's source is taken along with what it uses:
other functions as source, modules and their classes as imports, and numbers, words, recipes and containers of them as
values. Anything else (a DataFrame, a closure, a lambda) is refused by name, because no text says what it is. What the
file's space makes is compared with what the Campaign's makes, point by point, so that no difference goes unnoticed.
"""

import ast
import builtins
import dis
import importlib
import inspect
import textwrap
from collections.abc import Iterator
from enum import Enum
from types import CodeType, FunctionType, ModuleType
from typing import TYPE_CHECKING, Any, NoReturn

from pydantic import BaseModel

from fer_exp.campaign.probe import Asked, points
from fer_exp.system.errors import BadCampaign

if TYPE_CHECKING:
    from fer_exp.campaign import Campaign

PLAIN = (bool, int, float, str, bytes, type(None))
CONTAINERS: dict[type, str] = {tuple: "tuple", list: "list", set: "set", frozenset: "frozenset"}
RESERVED = "campaign"  # the name that a campaign file defines
HOW = (
    "Nothing was started. A space may use functions defined with `def`, modules, numbers, words and recipes; "
    "or write the campaign into a file of its own: fer-exp init NAME."
)


def campaign_source(campaign: "Campaign") -> str:
    """The text of a campaign file that defines the same campaign.

    Raises:
        BadCampaign: Its space has no source, is a lambda or a closure, or uses something that no text says.
    """
    file = _File(campaign)
    space = file.function(campaign.space)
    settings, baseline = file.value(campaign.settings), file.value(campaign.baseline)
    assert settings is not None  # both are values of ours
    assert baseline is not None
    said_nothing = campaign.resources == type(campaign.resources)()
    resources = None if said_nothing else file.value(campaign.resources)
    said = campaign.question.replace("\\", "").replace('"', "'")
    head = [f'"""{campaign.name}, as it was defined in Python; written by fer-exp.', "", f"Question: {said}", '"""']
    parts = [
        "\n".join(head),
        "from __future__ import annotations",  # so that names which annotate alone need not be there
        "\n".join(sorted(file.imports)),
        "\n".join(f"{name} = {text}" for name, text in file.values.items()),
        "\n".join(f"\n{text}\n" for text in file.functions.values()),
        f"{RESERVED} = fer_exp.campaign.Campaign(",
    ]
    fields = {
        "name": repr(campaign.name),
        "question": repr(campaign.question),
        "space": space,
        "settings": settings,
        "baseline": baseline,
        "data": repr(campaign.data),
        **({"resources": resources} if resources else {}),
    }
    lines = [f"    {name}={text}," for name, text in fields.items()]
    return "\n\n".join(part for part in parts if part) + "\n" + "\n".join([*lines, ")"]) + "\n"


def refuse_other_recipes(campaign: "Campaign", loaded: "Campaign") -> None:
    """Passes where both make the same recipes at every choice and end of a range, and at random points.

    Raises:
        BadCampaign: They differ: the space depends on something that changes from call to call, or its source has
            changed since it was defined.
    """
    first = Asked({})
    loaded.space(first)
    for point in ({}, *points(first.declared)):
        if campaign.space(Asked(point)) != loaded.space(Asked(point)):
            raise BadCampaign(
                f"campaign {campaign.name!r}: expected its space to make the recipes that its source says, received "
                f"another one at {point or 'the defaults'}",
                "Nothing was started. Run the cell that defines the space again, then this one.",
            )


class _File:
    """What the file will hold, found by following names from the space."""

    def __init__(self, campaign: "Campaign") -> None:
        self._campaign = campaign
        self.imports = {"import fer_exp.campaign", "import fer_exp.recipe"}
        self.values: dict[str, str] = {}  # by the name that the space uses
        self.functions: dict[str, str] = {}  # by their own names, those that others need first
        self._seen: set[int] = set()

    def function(self, function: Any) -> str:
        """Takes a function's source along and returns its name."""
        if not isinstance(function, FunctionType) or function.__name__ == "<lambda>":
            self._refuse(f"expected a function defined with `def`, received {_described(function)}")
        name = function.__name__
        if id(function) in self._seen:
            return name
        self._seen.add(id(function))
        if function.__code__.co_freevars:
            inner = ", ".join(function.__code__.co_freevars)
            self._refuse(
                f"{name!r} uses {inner} of the function around it; move it, and what it uses, to the top level"
            )
        if name in self.functions or name == RESERVED:
            self._refuse(f"expected functions of different names, none called {RESERVED!r}; received another {name!r}")
        source, tree = self._source_of(function)
        for used in _used_by(function, tree):
            self._name(used, function)
        self.functions[name] = source.rstrip()
        return name

    def value(self, value: Any) -> str | None:
        """The expression that makes a value; None where there is none."""
        if isinstance(value, Enum):
            return f"{self._imported(type(value))}({value.value!r})"
        if type(value) in PLAIN:
            return repr(value) if value == value else None  # not a number has no literal
        if (container := CONTAINERS.get(type(value))) is not None:
            inside = [self.value(one) for one in value]
            return None if None in inside else f"{container}([{', '.join(map(str, inside))}])"
        if type(value) is dict:
            pairs = [(self.value(key), self.value(one)) for key, one in value.items()]
            return (
                None if any(None in pair for pair in pairs) else f"dict([{', '.join(f'({k}, {v})' for k, v in pairs)}])"
            )
        if isinstance(value, BaseModel) and type(value).__module__.startswith("fer_exp."):
            said = value.model_dump(mode="json", exclude_defaults=True)
            return f"{self._imported(type(value))}.model_validate({said!r})"
        return None

    def _imported(self, kind: type) -> str:
        self.imports.add(f"import {kind.__module__}")
        return f"{kind.__module__}.{kind.__qualname__}"

    def _name(self, name: str, function: FunctionType) -> None:
        """Takes along what a global name of `function` stands for."""
        if name not in function.__globals__:
            if not hasattr(builtins, name):
                self._refuse(f"{function.__name__!r} uses {name!r}, which is not defined")
            return
        value = function.__globals__[name]
        if name == RESERVED:
            self._refuse(f"{function.__name__!r} uses {RESERVED!r}, the name that the campaign's file gives itself")
        if isinstance(value, ModuleType):
            self.imports.add(f"import {value.__name__}" + ("" if value.__name__ == name else f" as {name}"))
        elif (line := _import_of(name, value, function.__module__)) is not None:
            self.imports.add(line)
        elif isinstance(value, FunctionType):
            own = self.function(value)
            if own != name:
                self.functions[name] = f"{name} = {own}"
        elif (text := self.value(value)) is not None:
            self.values[name] = text
        else:
            self._refuse(
                f"{function.__name__!r} uses {name!r}, {_described(value)}, which cannot be written into a file"
            )

    def _source_of(self, function: FunctionType) -> tuple[str, ast.FunctionDef]:
        try:
            source = textwrap.dedent(inspect.getsource(function))
            tree = ast.parse(source).body[0]
        except (OSError, TypeError, SyntaxError, IndexError):
            self._refuse(f"the source of {function.__name__!r} is not to be found, as where it was typed at a prompt")
        if not isinstance(tree, ast.FunctionDef) or tree.name != function.__name__:
            self._refuse(f"the source of {function.__name__!r} is not its own `def`")
        return source, tree

    def _refuse(self, what: str) -> NoReturn:
        raise BadCampaign(f"campaign {self._campaign.name!r}: its space cannot be written as a file: {what}", HOW)


def _used_by(function: FunctionType, tree: ast.FunctionDef) -> list[str]:
    """The global names that a function uses: in its body, its defaults and its decorators. Annotations are not read."""
    outside = [*tree.decorator_list, *tree.args.defaults, *(one for one in tree.args.kw_defaults if one is not None)]
    names = {node.id for part in outside for node in ast.walk(part) if isinstance(node, ast.Name)}
    return sorted(names | set(_loaded_by(function.__code__)))


def _loaded_by(code: CodeType) -> Iterator[str]:
    """The global names that a code object loads, those of the functions inside it too."""
    for instruction in dis.get_instructions(code):
        if instruction.opname in ("LOAD_GLOBAL", "LOAD_NAME"):
            yield str(instruction.argval)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _loaded_by(constant)


def _import_of(name: str, value: Any, own_module: str) -> str | None:
    """The line that imports a class, a function or the like from where it is defined; None where none does."""
    module, qualname = getattr(value, "__module__", None), getattr(value, "__qualname__", None)
    if not module or not qualname or module in (own_module, "__main__") or "." in qualname:
        return None
    try:
        found = getattr(importlib.import_module(module), qualname, None)
    except ImportError:
        return None
    if found is not value:
        return None
    return f"from {module} import {qualname}" + ("" if qualname == name else f" as {name}")


def _described(value: Any) -> str:
    if getattr(value, "__name__", "") == "<lambda>":
        return "a lambda"
    kind = type(value)
    return f"a {kind.__qualname__}" if kind.__module__ == "builtins" else f"a {kind.__module__}.{kind.__qualname__}"
