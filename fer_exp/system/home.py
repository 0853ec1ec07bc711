"""Where everything that running produces lives: one folder, `./mlruns` unless `FER_EXP_HOME` says otherwise.

In: the environment. Out: paths. This is the one place that knows them.
"""

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fer_exp.system.errors import BadInput, NotFound

DELETED = ".deleted-"  # begins the name of a campaign's folder that is on its way out


def sqlite_uri(path: Path) -> str:
    """The address of an SQLite file as SQLAlchemy reads it: it takes `%20` for a blank, and `?` for its options."""
    return "sqlite:///" + str(path).replace("%", "%25").replace("?", "%3F")


@dataclass(frozen=True)
class Home:
    """The folder of everything produced."""

    root: Path

    @classmethod
    def from_environment(cls) -> "Home":
        """The home that `FER_EXP_HOME` names, else `mlruns` in the working folder.

        Raises:
            BadInput: Something else than a folder is there.
        """
        return cls.at(os.environ.get("FER_EXP_HOME") or "mlruns")

    @classmethod
    def at(cls, place: "Home | Path | str | None") -> "Home":
        """The home in a folder, there or still to be made; None for the one that the environment names.

        Raises:
            BadInput: Something else than a folder is there.
        """
        if place is None:
            return cls.from_environment()
        if isinstance(place, Home):
            return place
        root = Path(place).expanduser().absolute()
        if root.exists() and not root.is_dir():
            raise BadInput(
                f"the home for campaigns: expected a folder, received a file at {root}",
                "Nothing was changed. Set FER_EXP_HOME to a folder; it is made where it does not exist.",
            )
        return cls(root)

    @property
    def cache(self) -> Path:
        """Prepared data; may be deleted at any time."""
        return self.root / "cache"

    @property
    def campaigns(self) -> Path:
        """One folder per campaign; what it holds is what happened."""
        return self.root / "campaigns"

    def campaign(self, name: str) -> Path:
        """The folder of the campaign called `name`."""
        return self.campaigns / name

    def recorded(self) -> list[str]:
        """The names of the campaigns that are here, sorted."""
        return sorted(path.parent.name for path in self.campaigns.glob("*/campaign.json"))

    def recorded_campaign(self, name: str) -> Path:
        """The folder of a campaign that is here.

        Raises:
            NotFound: There is none; the error names those there are.
        """
        folder = self.campaign(name)
        if not (folder / "campaign.json").exists():
            raise self.unknown(name, self.recorded())
        return folder

    def unknown(self, name: str, there: Sequence[str]) -> NotFound:
        """The error that there is no campaign of that name, and what there is."""
        return NotFound(
            f"no campaign {name!r} in {self.campaigns}; there: {', '.join(there) or 'none'}",
            "Nothing was changed. Choose one of those, start one with `fer-exp search FILE`, or set FER_EXP_HOME.",
        )

    @property
    def ledger(self) -> Path:
        """Every opening of a test part."""
        return self.root / "ledger.jsonl"

    @property
    def audits(self) -> Path:
        """One folder per audited data digest."""
        return self.root / "audits"

    @property
    def tracking_uri(self) -> str:
        """MLflow's store: `MLFLOW_TRACKING_URI` if set, else an SQLite file in the home."""
        return os.environ.get("MLFLOW_TRACKING_URI") or self.own_tracking_uri

    @property
    def database(self) -> Path:
        """MLflow's store, where it is in this home."""
        return self.root / "mlflow.db"

    @property
    def own_tracking_uri(self) -> str:
        """MLflow's store in this home, whatever the environment says."""
        return sqlite_uri(self.database)

    @property
    def artifacts(self) -> Path:
        """MLflow's artifacts, where the store is the SQLite file of this home."""
        return self.root / "artifacts"
