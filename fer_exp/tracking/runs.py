"""One run per record, found by our own tag.

In: a tag and what its run should say. Out: that run, saying it. The tag is part of the call that creates the run, so a
kill right after it leaves a run that the next sync finds; where two processes made one each, the older stays.
"""

import math
import time
from collections.abc import Callable, Iterable, Iterator, Sequence

from mlflow.entities import Metric, Param, Run, RunTag

from fer_exp.tracking.mapping import CREATED, RECORD, TRAINED
from fer_exp.tracking.store import Store, quoted

_PAGE = 1_000
_BATCH_METRICS = 1_000  # MLflow's limits of one call
_BATCH_OTHERS = 100
_LARGEST = 1.7976931348623157e308  # what MLflow keeps for infinity


def runs_where(store: Store, experiment_id: str, condition: str) -> Iterator[Run]:
    """All runs that are not deleted and fit `condition`."""
    token: str | None = None
    while True:
        page = store.client.search_runs([experiment_id], condition, max_results=_PAGE, page_token=token)
        yield from page
        token = page.token
        if not token:
            return


def runs_of_campaign(store: Store, experiment_id: str, identity: str) -> dict[str, list[Run]]:
    """The runs of one campaign by their tag."""
    found: dict[str, list[Run]] = {}
    for run in runs_where(store, experiment_id, f"tags.`{RECORD}` LIKE {quoted(identity + '/%')}"):
        found.setdefault(run.data.tags[RECORD], []).append(run)
    return found


def runs_with_key(store: Store, experiment_id: str, key: str) -> list[Run]:
    """The runs that carry the tag `key`."""
    return list(runs_where(store, experiment_id, f"tags.`{RECORD}` = {quoted(key)}"))


def only_run(store: Store, runs: Iterable[Run]) -> Run | None:
    """The oldest of `runs`; the others are deleted."""
    ordered = sorted(runs, key=age)
    for extra in ordered[1:]:
        store.client.delete_run(extra.info.run_id)
    return ordered[0] if ordered else None


def age(run: Run) -> tuple[int, str]:
    """Sorts older runs first, and the same way for everybody who looks."""
    return int(run.data.tags.get(CREATED, 0)), run.info.run_id


def create_run(store: Store, experiment_id: str, tags: dict[str, str], started_ms: int) -> Run:
    """A new run that carries `tags` from its first moment."""
    stamped = tags | {CREATED: str(time.time_ns() // 1_000_000)}
    return store.client.create_run(experiment_id, started_ms, stamped, tags["mlflow.runName"])


def tell(store: Store, run: Run, tags: dict[str, str], params: dict[str, str], metrics: Sequence[Metric]) -> int:
    """Logs what the run does not say yet, in as few calls as MLflow allows; how many points that were."""
    new_tags = [RunTag(name, value) for name, value in tags.items() if run.data.tags.get(name) != value]
    new_params = [Param(name, value) for name, value in params.items() if name not in run.data.params]
    for batch, points in _batches(new_tags, new_params, metrics):
        store.client.log_batch(run.info.run_id, points, batch[1], batch[0])
    for name in run.data.tags.keys() & {"fer_exp.reason", "fer_exp.same_as", "fer_exp.answered_by"} - tags.keys():
        store.client.delete_tag(run.info.run_id, name)
    return len(metrics)


def _batches(
    tags: list[RunTag], params: list[Param], metrics: Sequence[Metric]
) -> Iterator[tuple[tuple[list[RunTag], list[Param]], Sequence[Metric]]]:
    # A call may carry 1,000 things altogether, of which 100 tags and 100 parameters.
    room = _BATCH_METRICS - 2 * _BATCH_OTHERS
    while tags or params or metrics:
        yield (tags[:_BATCH_OTHERS], params[:_BATCH_OTHERS]), metrics[:room]
        tags, params, metrics = tags[_BATCH_OTHERS:], params[_BATCH_OTHERS:], metrics[room:]


def unsaid(run: Run, metrics: Iterable[Metric]) -> list[Metric]:
    """Those of `metrics` whose latest value in the run is another one."""
    return [metric for metric in metrics if not _same(run.data.metrics.get(metric.key), metric.value)]


def _same(known: float | None, value: float) -> bool:
    if known is None:
        return False
    if math.isnan(value):
        return math.isnan(known)
    return known == max(-_LARGEST, min(_LARGEST, value))


def set_status(store: Store, run: Run, status: str, end_ms: Callable[[], int]) -> bool:
    """Brings the run's status level; whether it was not."""
    if run.info.status == status:
        return False
    if status == "RUNNING":
        store.client.update_run(run.info.run_id, status=status)
    else:
        store.client.set_terminated(run.info.run_id, status, end_ms())
    return True


def is_of_another_training(store: Store, run: Run, params: dict[str, str], times_ms: set[int]) -> bool:
    """Whether the run tells of an earlier training in the record's place (its folder was moved away, then trained)."""
    if any(run.data.params.get(name, value) != value for name, value in params.items()):
        return True
    if TRAINED not in run.data.metrics:
        return False
    told = store.client.get_metric_history(run.info.run_id, TRAINED)
    return any(point.timestamp not in times_ms for point in told)
