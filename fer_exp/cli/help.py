"""Help in the order in which people need it: commands in groups, each with one line and an example.

In: nothing. Out: the group class of the application, and what each command's help begins and ends with.
"""

from dataclasses import dataclass
from typing import Any

from typer.core import TyperGroup


@dataclass(frozen=True)
class About:
    """What the help says of a command."""

    line: str  # in the list of commands
    example: str  # at the end of its own help


GROUPS: dict[str, dict[str, About]] = {
    "Campaigns": {
        "init": About("Write a campaign file that runs, to change.", "fer-exp init my_campaign"),
        "search": About("Run a campaign; again to go on.", "fer-exp search experiments/demo.py --workers auto"),
        "status": About("Show campaigns, or the trials of one.", "fer-exp status demo"),
        "ui": About("Show MLflow's pages, on this machine only.", "fer-exp ui --open"),
        "retrain-best": About(
            "Train the best recipe again with fresh seeds; register it.", "fer-exp retrain-best demo --seeds 3"
        ),
        "ensemble": About(
            "Average trainings into one model, and judge it.", "fer-exp ensemble demo --name demo-average"
        ),
        "evaluate": About(
            "Open the test part for one model.", "fer-exp evaluate --model models:/demo@champion --data demo"
        ),
        "predict": About("Name the expression that faces appear to show.", "fer-exp predict photo.jpg --annotate seen"),
        "app": About("Try models on a picture or the webcam, in a browser.", "fer-exp app --open"),
        "export": About(
            "Write a model for other programs.",
            "fer-exp export --model models:/demo@champion --format onnx --out demo.onnx",
        ),
        "replay": About(
            "Compare search algorithms on recorded trainings.",
            "fer-exp replay benchmarks/tables/digits.jsonl --seeds 20",
        ),
        "compare": About("Say whether A is better than B, and how sure that is.", "fer-exp compare demo demo:baseline"),
        "report": About("Write a campaign as one page to hand on.", "fer-exp report demo --out demo.html"),
        "reproduce": About(
            "Train a record again and say whether it comes out equal.", "fer-exp reproduce demo/trials/0003"
        ),
    },
    "The reference": {
        "baseline": About(
            "Train the reference system's model alone.", "fer-exp baseline --protocol reference --data fer2013.csv"
        ),
    },
    "Data": {
        "data": About("Fetch, check, convert and audit data.", "fer-exp data check fer2013.csv"),
        "fetch": About("Get FER2013 from Kaggle, or say how to by hand.", "fer-exp data fetch"),
        "check": About("Say what a source is and what is wrong with it.", "fer-exp data check fer2013.csv"),
        "convert": About("Write a source in another form.", "fer-exp data convert fer2013.csv fer2013.parquet"),
        "audit": About("Find copies, near copies and wrong labels.", "fer-exp data audit fer2013.csv"),
    },
    "Care": {
        "sync": About("Bring MLflow level with the records.", "fer-exp sync demo"),
        "doctor": About("Find what is wrong with records or MLflow, and mend it.", "fer-exp doctor --fix"),
        "records": About("Carry records to another machine.", "fer-exp records pack demo"),
        "pack": About("Pack a campaign's records into one file.", "fer-exp records pack demo"),
        "unpack": About("Unpack records into this home.", "fer-exp records unpack demo.fer-exp.tar.zst"),
        "cluster": About("Look at a Ray cluster before it trains.", "fer-exp cluster check auto"),
        "cluster check": About("Ask every node of a Ray cluster whether it fits.", "fer-exp cluster check auto"),
        "delete": About("Delete a campaign with its runs, models and files.", "fer-exp delete demo"),
    },
}
ABOUT = {name: about for group in GROUPS.values() for name, about in group.items()}


class Grouped(TyperGroup):
    """Lists commands in the order of `GROUPS`, under their titles."""

    def list_commands(self, ctx: Any) -> list[str]:
        """The names, in order."""
        return sorted(self.commands, key=list(ABOUT).index)

    def format_commands(self, ctx: Any, formatter: Any) -> None:
        """Writes them."""
        for title, group in GROUPS.items():
            rows = [(name, about.line) for name, about in group.items() if name in self.commands]
            if rows:
                with formatter.section(title):
                    formatter.write_dl(rows)
