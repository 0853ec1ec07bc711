"""Groups: which records a name means.

In: a name such as `demo`, `demo:baseline` or `demo/trials/0003`. Out: groups of finished records of one recipe on one
budget, one per seed. A campaign's name means its retrains where there are any, because one trial cannot speak about
seeds.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from fer_exp.campaign import CampaignSpec
from fer_exp.leaderboard.rows import best
from fer_exp.records import Kind, Record, State, TrialSpec, records_in
from fer_exp.system.errors import NotFound
from fer_exp.system.home import Home
from fer_exp.system.suggest import did_you_mean

BASELINE = ":baseline"
FORMS = "CAMPAIGN, CAMPAIGN:baseline, CAMPAIGN/trials/0003, CAMPAIGN/retrains or an MLflow run id"
UNCHANGED = "Nothing was changed."


@dataclass(frozen=True)
class Group:
    """Finished records of one recipe on one budget, one per seed."""

    records: tuple[Record, ...]  # by seed
    specs: tuple[TrialSpec, ...]

    @classmethod
    def of(cls, records: Iterable[Record]) -> "Group":
        """The group that `records` make up."""
        pairs = sorted(((record.spec(), record) for record in records), key=lambda pair: pair[0].seed)
        return cls(tuple(record for _, record in pairs), tuple(spec for spec, _ in pairs))

    @property
    def folder(self) -> Path:
        """Of the campaign."""
        return self.records[0].path.parents[1]

    @property
    def title(self) -> str:
        """`demo trial 3`, `demo retrain of the baseline`."""
        spec = self.specs[0]
        if spec.members:
            return f"{spec.campaign} (average of {len(spec.members)})"
        what = "baseline" if spec.number == 0 else f"trial {spec.number}"
        if spec.kind is Kind.RETRAIN:
            what = f"retrain of {'the ' if spec.number == 0 else ''}{what}"
        return f"{spec.campaign} {what}"


def find_groups(home: Home, name: str) -> list[Group]:
    """The groups that `name` may mean, the one it means first.

    Raises:
        NotFound: There is no such campaign or record, or nothing of it has finished.
    """
    text = _inside(home, name).strip("/")
    campaign, _, within = text.partition("/")
    only_baseline = campaign.endswith(BASELINE)
    folder = home.campaign(campaign.removesuffix(BASELINE))
    if not campaign or not (folder / "campaign.json").exists():
        there = sorted(path.parent.name for path in home.campaigns.glob("*/campaign.json"))
        raise NotFound(
            f"expected {FORMS}, received {name!r}{did_you_mean(campaign, there)}; "
            f"campaigns: {', '.join(there) or 'none'}",
            f"{UNCHANGED} `fer-exp status` shows every campaign.",
        )
    if within.startswith(("trials/", "retrains/")):
        groups = _record(folder / _padded(within))
    elif only_baseline and not within:
        groups = baseline_of(folder)
    elif within in ("", "retrains"):
        groups = _retrains(folder, baseline=False) or ([] if within else _best_trial(folder)) or baseline_of(folder)
    else:
        raise NotFound(
            f"expected {FORMS}, received {name!r}", f"{UNCHANGED} `fer-exp status {folder.name}` shows its trainings."
        )
    if not groups:
        raise NotFound(
            f"{name}: expected a finished training, found none",
            f"{UNCHANGED} `fer-exp status {folder.name}` shows what has finished.",
        )
    return groups


def baseline_of(folder: Path) -> list[Group]:
    """What a campaign's baseline reached: its retrains, those with most seeds first, then the one in the search."""
    # By name: a damaged trial is no obstacle to the baseline.
    found = [record for record in records_in(folder / "trials") if record.path.name == "0000"]
    records = [record for record in found if record.state() is State.FINISHED]
    return [*_retrains(folder, baseline=True), *(Group.of([record]) for record in records)]


def matching(groups: list[Group], other: Group) -> Group:
    """The first of `groups`, or of its recipe one that was trained for as long as `other` on the same training rows."""
    recipe = groups[0].specs[0].recipe
    same = [group for group in groups if group.specs[0].recipe == recipe and _budget(group) == _budget(other)]
    return (same or groups)[0]


def _budget(group: Group) -> tuple[int, int, str]:
    spec = group.specs[0]
    return spec.epochs, spec.horizon, spec.split_digest


def group_of(record: Record) -> Group:
    """A finished record with the other seeds of its retrain; alone where it is no retrain."""
    if record.spec().kind is not Kind.RETRAIN:
        return Group.of([record])
    terms = _terms(record.spec())
    seeds = {one.spec().seed: one for one in finished_in(record.path.parent) if _terms(one.spec()) == terms}
    return Group.of((seeds | {record.spec().seed: record}).values())


def failed_seeds(group: Group) -> tuple[int, ...]:
    """The seeds of the same retrain that failed, and so are not in it; none of a trial."""
    if group.specs[0].kind is not Kind.RETRAIN:
        return ()
    failed = [record.spec() for record in records_in(group.folder / "retrains") if record.state() is State.FAILED]
    return tuple(sorted({spec.seed for spec in failed if _terms(spec) == _terms(group.specs[0])} - _seeds(group)))


def _seeds(group: Group) -> set[int]:
    return {spec.seed for spec in group.specs}


def _inside(home: Home, name: str) -> str:
    """The part of a path that lies inside the home's campaigns; other text as it is."""
    path = Path(name).expanduser().absolute()
    if path.is_relative_to(home.campaigns):
        return path.relative_to(home.campaigns).as_posix()
    return name.removeprefix("campaigns/")


def _padded(within: str) -> str:
    """`trials/3` is the folder `trials/0003`."""
    part, _, number = within.partition("/")
    return f"{part}/{int(number):04d}" if number.isdecimal() and len(number) < 4 else within


def _record(path: Path) -> list[Group]:
    record = Record(path)
    return [Group.of([record])] if record.exists() and record.state() is State.FINISHED else []


def finished_in(folder: Path) -> list[Record]:
    """The records in a campaign's `trials` or `retrains` folder that finished."""
    return [record for record in records_in(folder) if record.state() is State.FINISHED]


def _retrains(folder: Path, *, baseline: bool) -> list[Group]:
    """Retrains of one recipe on one budget together; those with most seeds first, then those that ended last.

    Two trials may have one recipe (Hyperband promotes a trial under a new number). Retrained both with the same seed,
    they are one training, and count once.
    """
    found: dict[tuple[object, ...], dict[int, Record]] = {}
    for record in finished_in(folder / "retrains"):
        spec = record.spec()
        if (spec.number == 0) is baseline:
            found.setdefault(_terms(spec), {}).setdefault(spec.seed, record)
    groups = [Group.of(records.values()) for records in found.values()]
    return sorted(groups, key=lambda group: (-len(group.records), -_ended(group)))


def _terms(spec: TrialSpec) -> tuple[object, ...]:
    """What retrains have in common that differ by their seed alone."""
    return spec.recipe, spec.epochs, spec.horizon, spec.split_digest, spec.start_from, spec.teacher


def _ended(group: Group) -> int:
    outcomes = [record.outcome() for record in group.records]
    return max(outcome.ended_ms for outcome in outcomes if outcome is not None)


def _best_trial(folder: Path) -> list[Group]:
    objective = CampaignSpec.read(folder / "campaign.json").settings.objective
    record = best(records_in(folder / "trials"), objective, include_baseline=False)
    return [] if record is None else [Group.of([record])]
