"""Small tables for tests: a space whose best recipe is known, and curves that rise as training does."""

import itertools

from fer_exp.campaign.space import Scalar
from fer_exp.replay.table import Table

RATES = (1e-4, 1e-3, 1e-2)
DROPOUTS = (0.0, 0.2, 0.4, 0.6)
EPOCHS = 9
BEST = (1e-3, 0.2)


def made_table(epochs: int = EPOCHS, seeds: int = 2) -> Table:
    """Twelve recipes; `BEST` ends at 0.9, the others in steps of 0.03 below; seed 1 lies 0.001 below seed 0."""

    def curve(rate: float, dropout: float, seed: int) -> tuple[float, ...]:
        far = abs(RATES.index(rate) - 1) + abs(DROPOUTS.index(dropout) - 1)
        return tuple(
            round(0.9 - 0.03 * far - 0.001 * seed - 0.2 / epoch + 0.2 / epochs, 6) for epoch in range(1, epochs + 1)
        )

    found: dict[tuple[Scalar, ...], tuple[tuple[float, ...], ...]] = {
        point: tuple(curve(*point, seed) for seed in range(seeds)) for point in itertools.product(RATES, DROPOUTS)
    }
    space = {"learning_rate": RATES, "dropout": DROPOUTS}
    return Table.of("made", "made for tests", space, {"learning_rate": 1e-4, "dropout": 0.6}, found)
