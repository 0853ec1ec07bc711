"""A moment of a running search, for what draws it."""

from dataclasses import replace

from fer_exp.execute.progress import RunningTrial, Snapshot
from fer_exp.leaderboard.rows import Row
from fer_exp.records import Kind, State


def running(number: int = 3, **changes: object) -> RunningTrial:
    trial = RunningTrial(Kind.TRIAL, number, 1, 4, 10, 30, 120, 0.6125, 348.4)
    return replace(trial, **changes)  # type: ignore[arg-type]


def row(number: int, objective: float | None, **changes: bool | int | float | str) -> Row:
    return Row(
        number=number,
        kind=Kind.BASELINE if number == 0 else Kind.TRIAL,
        state=State.FAILED if objective is None else State.FINISHED,
        attempts=1,
        objective=objective,
        changes=changes,
    )


MOMENT = Snapshot(
    campaign="demo",
    ended=2,
    planned=9,
    failed=0,
    running=(running(),),
    rows=(row(2, 0.64, block_dropout=0.1), row(0, 0.61)),
    objective="val/accuracy",
    seconds_left=754.0,
    tracking="level",
    stopping=False,
)
