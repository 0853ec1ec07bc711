"""Options in the place of a parameter: one list of them for every command that takes them.

In: a command's function, the name of a parameter, options. Out: the same function with the options where the parameter
stood; what was said reaches it as one value.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

Command = Callable[..., None]


def in_place_of(
    parameter: str, options: Mapping[str, tuple[Any, Any]], make: Callable[[dict[str, Any]], Any]
) -> Callable[[Command], Command]:
    """Puts options in the place of a function's parameter.

    Args:
        parameter: Its name.
        options: By name: annotation, and what it is where it was not said.
        make: What the parameter is, from what was said.
    """

    def change(function: Command) -> Command:
        @functools.wraps(function)
        def run(**given: Any) -> None:
            said = {name: given.pop(name) for name in options}
            function(**given, **{parameter: make(said)})

        signature = inspect.signature(function, eval_str=True)
        parameters: list[inspect.Parameter] = []
        for name, one in signature.parameters.items():
            if name != parameter:
                parameters.append(one)
                continue
            parameters += [
                inspect.Parameter(option, one.kind, default=default, annotation=annotation)
                for option, (annotation, default) in options.items()
            ]
        run.__signature__ = signature.replace(parameters=parameters)  # type: ignore[attr-defined]  # functions may have one
        run.__annotations__ = {one.name: one.annotation for one in parameters}
        return run

    return change
