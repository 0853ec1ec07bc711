"""init."""

from pathlib import Path
from typing import Annotated

import typer

from fer_exp.cli.app import Verbose, app, command
from fer_exp.system.errors import BadInput

TEMPLATE = '''"""{name}: what this campaign is about, in one line.

Question: which learning rate and dropout are best?
Hypothesis: write down what you expect, and why, before it runs.
Command: fer-exp search {file} --data PATH --dry-run   (without --dry-run, it runs)
Cost: the dry run says.
Result: write it here when it has ended; this text may change at any time.
"""

from fer_exp.campaign import Algorithm, Campaign, HyperParameters, Objective, Settings
from fer_exp.recipe import Recipe, baseline_recipe

# What every trial is compared with. Without changes it is the reference system's recipe, 626,791 parameters; what else
# a recipe can say, field by field: docs/recipes.md. These values make a small network that learns quickly.
BASELINE = baseline_recipe().but(
    widths=(16, 32, 64), convs_per_block=1, last_width=128, head_widths=(), head_dropouts=()
)


def space(hp: HyperParameters) -> Recipe:
    """A recipe for each point: name a hyperparameter as the recipe's field where it is one.

    hp.Float, hp.Int, hp.Choice and hp.Boolean are Keras Tuner's. Each name once, and none inside an `if`.
    """
    return BASELINE.but(
        learning_rate=hp.Float("learning_rate", 3e-4, 3e-3, sampling="log", default=1e-3),
        pooled_dropout=hp.Float("pooled_dropout", 0.0, 0.6, step=0.1, default=0.5),
        # oversampling=hp.Choice("oversampling", [0.0, 1.0, 1.5], default=1.5),
        # optimizer=hp.Choice("optimizer", ["adam", "adamw", "sgd"], default="adam"),
    )


campaign = Campaign(
    name="{name}",
    question="Which learning rate and dropout are best?",
    space=space,
    baseline=BASELINE,
    settings=Settings(
        algorithm=Algorithm.RANDOM,  # or BAYESIAN, HYPERBAND, GRID, ADAPTIVE
        objective=Objective(metric="val/accuracy"),  # or val/macro_f1, val/balanced_accuracy, val/log_loss, ...
        max_trials=10,  # besides the baseline; may be raised later
        epochs=20,  # of each trial at most
        # max_hours=8.0,
    ),
    # data="demo",  # else --data PATH or FER_EXP_DATA names the data
)
'''


@command(app, "init")
def init(
    name: Annotated[str, typer.Argument(metavar="NAME", help="Of the campaign: letters, digits, - and _.")],
    file: Annotated[Path | None, typer.Option("--file", help="Where to. Default: experiments/NAME.py.")] = None,
    verbose: Verbose = 0,
) -> None:
    """Write a commented campaign file that runs as it is, to be changed."""
    from fer_exp.campaign import NAME

    if not NAME.fullmatch(name):
        raise BadInput(
            f"campaign name: expected up to 80 of a-z, A-Z, 0-9, '-' and '_', received {name[:100]!r}",
            "Nothing was written. Choose another name.",
        )
    path = file or Path("experiments") / f"{name}.py"
    path.parent.mkdir(parents=True, exist_ok=True)
    try:
        with path.open("x") as target:
            target.write(TEMPLATE.replace("{name}", name).replace("{file}", str(path)))
    except FileExistsError as error:
        raise BadInput(f"{path} is there already", "Nothing was written. Choose another name, or --file.") from error
    typer.echo(f"Written: {path}. What it can say: docs/campaigns.md")
    typer.echo(f"Next:    fer-exp search {path} --data demo --dry-run")
