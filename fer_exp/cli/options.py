"""Options that several commands share: one wording, one meaning."""

from pathlib import Path
from typing import Annotated

import typer

from fer_exp.cli import complete
from fer_exp.data.split.protocol import Protocol

CampaignFile = Annotated[Path, typer.Argument(metavar="FILE", help="Campaign file, such as experiments/demo.py.")]
CampaignName = Annotated[
    str,
    typer.Argument(metavar="CAMPAIGN", help="Name of a campaign, such as demo.", autocompletion=complete.campaigns),
]
AnyCampaign = Annotated[
    str | None,
    typer.Argument(metavar="[CAMPAIGN]", help="Default: all campaigns.", autocompletion=complete.campaigns),
]
Data = Annotated[
    str | None,
    typer.Option(
        "--data", metavar="PATH", help="fer2013.csv (or gz, xz, zip, zst, tar), parquet, image folder, or demo."
    ),
]
ProtocolOption = Annotated[Protocol | None, typer.Option("--protocol", help="How rows become train, validation, test.")]
Folds = Annotated[
    int | None, typer.Option("--folds", min=3, max=100, help="Of the protocol subject-kfold. Default: 5.")
]
OneFold = Annotated[
    int | None, typer.Option("--fold", min=1, help="One fold alone, as on another machine. Default: each in turn.")
]
Epochs = Annotated[int | None, typer.Option("--epochs", min=1, help="Full budget of a trial.")]
MaxHours = Annotated[float | None, typer.Option("--max-hours", min=0.0, help="Stop after so many hours; resumable.")]
Limit = Annotated[int | None, typer.Option("--limit", min=7, help="Training images to keep, stratified.")]
DropLeaks = Annotated[bool, typer.Option("--drop-leaks", help="Train without what validation or test holds too.")]
DropConflicts = Annotated[bool, typer.Option("--drop-conflicts", help="Train without images of several labels.")]
DropBlank = Annotated[bool, typer.Option("--drop-blank", help="Train without images of a single grey level.")]
Seed = Annotated[
    int | None, typer.Option("--seed", min=1, max=2**32 - 1, help="Seed of proposals, splits and trainings.")
]
SkipBadRows = Annotated[bool, typer.Option("--skip-bad-rows", help="Drop bad rows and count them in the record.")]
NoTracking = Annotated[bool, typer.Option("--no-tracking", help="Records alone; `fer-exp sync` shows them later.")]
NoClahe = Annotated[bool, typer.Option("--no-clahe", help="Train on faces without CLAHE, whatever recipes say.")]
AsJson = Annotated[bool, typer.Option("--json", help="One JSON document on standard output.")]
