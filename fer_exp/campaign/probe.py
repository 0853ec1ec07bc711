"""What a campaign's space does when it is called, found out before anything is loaded, read or trained.

In: a Campaign. Out: nothing, or the first fault as BadCampaign. The space is called with a stand-in for Keras Tuner's
`HyperParameters`: once to see what it declares, then at each choice and end of a range alone, and at random points.
Each call must declare the same hyperparameters and return a Recipe.
"""

import math
import random
import traceback
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from fer_exp.campaign.campaign import Campaign
from fer_exp.campaign.space import Scalar
from fer_exp.recipe import Recipe
from fer_exp.system.errors import BadCampaign
from fer_exp.system.suggest import did_you_mean
from fer_exp.system.values import named

DRAWS = 32  # random points, besides every choice and end of a range
SEED = 1
MEND = "Nothing was started. Mend the campaign file; -vv shows where it fails."
OUTSIDE = "Nothing was started. Declare it outside of any `if`, and use its value where it counts."


@dataclass(frozen=True)
class Declared:
    """One call of `hp.Float`, `hp.Int`, `hp.Choice`, `hp.Boolean` or `hp.Fixed`."""

    name: str
    kind: str
    values: tuple[Any, ...]  # the choices; the two ends of a range; the one value that is fixed
    options: tuple[tuple[str, Any], ...] = ()  # of the call, by name

    @property
    def default(self) -> Any:
        """What Keras Tuner takes where nothing is proposed."""
        return dict(self.options).get("default", self.values[0])

    def draw(self, generator: random.Random) -> Any:
        """A value somewhere in it; steps are left out."""
        if self.kind in ("Choice", "Boolean", "Fixed"):
            return generator.choice(self.values)
        low, high = self.values
        if dict(self.options).get("sampling") in ("log", "reverse_log") and low > 0:
            drawn = math.exp(generator.uniform(math.log(low), math.log(high)))
        else:
            drawn = generator.uniform(low, high)
        return min(max(round(drawn), low), high) if self.kind == "Int" else drawn


@dataclass
class Asked:
    """Stands in for `keras_tuner.HyperParameters` in one call of a space: answers, and remembers what was declared.

    Keras Tuner's own loose types.
    """

    point: dict[str, Any]
    declared: dict[str, Declared] = field(default_factory=dict)

    def Float(self, name: str, min_value: float, max_value: float, **options: Any) -> Any:  # noqa: N802  # the name is Keras Tuner's
        """A range of floats."""
        _refuse_options(name, options)
        return self._answer(Declared(name, "Float", _ends(name, min_value, max_value), _sorted(options)))

    def Int(self, name: str, min_value: int, max_value: int, **options: Any) -> Any:  # noqa: N802  # the name is Keras Tuner's
        """A range of whole numbers."""
        _refuse_options(name, options)
        return self._answer(Declared(name, "Int", _ends(name, min_value, max_value), _sorted(options)))

    def Choice(self, name: str, values: Any, **options: Any) -> Any:  # noqa: N802  # the name is Keras Tuner's
        """A list of values."""
        choices = tuple(values)
        if not choices or not all(isinstance(value, Scalar) for value in choices):
            raise ValueError(
                f"hp.Choice({name!r}): expected one or more numbers, words or truth values, received {values!r:.60}"
            )
        return self._answer(Declared(name, "Choice", choices, _sorted(options)))

    def Boolean(self, name: str, **options: Any) -> Any:  # noqa: N802  # the name is Keras Tuner's
        """False or True."""
        return self._answer(Declared(name, "Boolean", (False, True), _sorted(options)))

    def Fixed(self, name: str, value: Any, **options: Any) -> Any:  # noqa: N802  # the name is Keras Tuner's
        """One value."""
        return self._answer(Declared(name, "Fixed", (value,), _sorted(options)))

    def conditional_scope(self, parent_name: str, parent_values: Any) -> NoReturn:
        """Keras Tuner's way to declare hyperparameters for some values of another alone; refused."""
        raise _Conditional(f"hp.conditional_scope({parent_name!r}, {parent_values!r})")

    def _answer(self, asked: Declared) -> Any:
        name = asked.name
        if not isinstance(name, str) or not name:
            raise TypeError(f"hp.{asked.kind}: expected a name as text, received {name!r}")
        if dict(asked.options).get("parent_name") is not None:
            raise _Conditional(f"hp.{asked.kind}({name!r}, parent_name=...)")
        if self.declared.setdefault(name, asked) != asked:
            raise ValueError(
                f"the name {name!r} stands for two hyperparameters, {told(self.declared[name])} and {told(asked)}; "
                "each needs a name of its own"
            )
        return self.point.get(name, asked.default)


SAMPLINGS = ("linear", "log", "reverse_log")  # Keras Tuner's


def _refuse_options(name: str, options: dict[str, Any]) -> None:
    sampling = options.get("sampling")
    if sampling is not None and sampling not in SAMPLINGS:
        raise ValueError(
            f"hyperparameter {name!r}: expected sampling to be one of {', '.join(SAMPLINGS)}, received {sampling!r:.30}"
            f"{did_you_mean(str(sampling), SAMPLINGS)}"
        )


def _ends(name: str, low: Any, high: Any) -> tuple[Any, Any]:
    if not all(isinstance(end, int | float) and math.isfinite(end) for end in (low, high)) or low > high:
        raise ValueError(
            f"hyperparameter {name!r}: expected a range from low to high, received {low!r:.30} to {high!r:.30}"
        )
    return low, high


class _Conditional(Exception):
    """A hyperparameter that is there for some values of another alone."""


def _sorted(options: dict[str, Any]) -> tuple[tuple[str, Any], ...]:
    return tuple(sorted((name, value) for name, value in options.items() if value is not None))


def told(declared: Declared) -> str:
    """A declaration as its call: `Float(0.0, 0.5, step=0.1)`."""
    options = [f"{name}={value!r}" for name, value in declared.options]
    values = map(repr, [list(declared.values)] if declared.kind == "Choice" else declared.values)
    return f"{declared.kind}({', '.join([*([] if declared.kind == 'Boolean' else values), *options])})"


def refuse_bad_space(campaign: Campaign, path: Path) -> None:
    """Passes where the space declares the same hyperparameters at every point and makes a recipe of each.

    Args:
        campaign: Whose space it is.
        path: The campaign file; errors name its lines.

    Raises:
        BadCampaign: It fails, returns something else than a Recipe, declares hyperparameters for some points alone or
            two of one name, or declares none although trials are wanted.
    """
    probe = _Probe(campaign, path)
    first = probe.declared_at({})
    for point in points(first):
        now = probe.declared_at(point)
        differing = [name for name in {**first, **now} if first.get(name) != now.get(name)]
        if differing:
            name = differing[0]
            here, elsewhere = (told(where[name]) if name in where else "not declared" for where in (now, first))
            probe.refuse(point, f"hyperparameter {name!r} is {here}, and {elsewhere} at other points", OUTSIDE)
    if not first and campaign.settings.max_trials:
        probe.refuse(
            {},
            'expected at least one hyperparameter, as hp.Float("block_dropout", 0.0, 0.5), received none, so all '
            "trials would be one recipe",
            "Nothing was started. Declare what is to be searched, or set max_trials=0 to train the baseline alone.",
        )


def points(declared: dict[str, Declared]) -> Iterator[dict[str, Scalar]]:
    """Every choice and end of a range with all else at its default, and random points."""
    for one in declared.values():
        for value in one.values:
            yield {one.name: value}
    generator = random.Random(SEED)
    for _ in range(DRAWS if declared else 0):
        yield {one.name: one.draw(generator) for one in declared.values()}


def line_in(path: Path, error: BaseException) -> str:
    """`, line 31` where the file at `path` had come to when it failed; nothing where that is not known."""
    if isinstance(error, SyntaxError):
        return f", line {error.lineno}" if error.filename == str(path) else ""
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == str(path)]
    return f", line {lines[-1]}" if lines else ""


@dataclass(frozen=True)
class _Probe:
    campaign: Campaign
    path: Path

    def declared_at(self, point: dict[str, Any]) -> dict[str, Declared]:
        """What the space declares when these values are proposed, and the default of all others."""
        asked = Asked(point)
        try:
            recipe = self.campaign.space(asked)
        except KeyboardInterrupt:
            raise
        except _Conditional as error:
            self.refuse({}, f"{error} is there for some values of another alone; trials could not be compared", OUTSIDE)
        except BaseException as error:  # whatever the space raises, sys.exit too, is the user's to see, in one line
            self.refuse(point, named(error), MEND, error)
        if not isinstance(recipe, Recipe):
            what = f"expected it to return a Recipe, received {type(recipe).__name__}"
            self.refuse(point, what, "Nothing was started. Return baseline_recipe().but(...).")
        return asked.declared

    def refuse(self, point: dict[str, Any], what: str, remedy: str, cause: BaseException | None = None) -> NoReturn:
        """Raises BadCampaign for what happened at `point`."""
        at = f" at {', '.join(f'{name}={value!r:.40}' for name, value in point.items())}" if point else ""
        line = line_in(self.path, cause) if cause is not None else ""
        raise BadCampaign(f"{self.path}{line}: space of campaign {self.campaign.name!r}{at}: {what}", remedy) from cause
