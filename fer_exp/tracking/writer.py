"""One writer at a time moves a champion: the lease that a writer takes in the registry itself.

In: a store and the name of a registered model. Out: a block in which nobody else who asks moves its champion. Homes on
other machines share nothing but the server, and MLflow has no lock, so the lease is a tag of the registered model: who
finds none writes its own, waits until every request that began before must have ended, and goes on if the tag is still
its own. A writer that is killed loses its lease after a while.
"""

import secrets
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from mlflow.exceptions import MlflowException

from fer_exp.system.errors import TrackingFailed
from fer_exp.tracking.store import Store, asking

TAG = "fer_exp.writer"
SETTLE = 2.0  # seconds in which a request that was on its way has come
LEASE = 120.0  # seconds after which a writer is taken for dead; judging takes one or two
PATIENCE = 180.0  # seconds to wait for other writers
LOOK_EVERY = 0.5


@contextmanager
def only_writer(store: Store, name: str, say: Callable[[str], None] = lambda _: None) -> Iterator[None]:
    """Makes this the only writer of the champion of `name` while the block runs; a home's own store needs no lease.

    Args:
        store: Whose registry.
        name: Of the registered model, which exists.
        say: Told when another writer has to be waited for.

    Raises:
        TrackingFailed: Another writer does not come to an end, or MLflow does not answer.
    """
    if store.own:  # the campaign's lock is enough: one home, one writer
        yield
        return
    mine = _take(store, name, say)
    try:
        yield
    finally:
        with asking(store.uri):
            if _holder(store, name) == mine:
                store.client.delete_registered_model_tag(name, TAG)


def _take(store: Store, name: str, say: Callable[[str], None]) -> str:
    deadline, told = time.monotonic() + PATIENCE, False
    while time.monotonic() < deadline:
        holder = _holder(store, name)
        if holder is None or _is_over(holder):
            mine = f"{secrets.token_hex(8)} {time.time():.0f}"
            with asking(store.uri):
                store.client.set_registered_model_tag(name, TAG, mine)
            time.sleep(SETTLE)
            if _holder(store, name) == mine:
                return mine
        if not told:
            told = True
            say(f"Another writer judges the champion of {name}; waiting for it.")
        time.sleep(LOOK_EVERY)
    raise TrackingFailed(
        f"the champion of {name}: another writer has held it for {PATIENCE:.0f} s",
        "The model is registered and the champion unchanged. Give the same command again.",
    )


def _holder(store: Store, name: str) -> str | None:
    with asking(store.uri):
        try:
            tags = store.client.get_registered_model(name).tags
        except MlflowException as error:
            if error.error_code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None
    found = tags.get(TAG)
    return None if found is None else str(found)


def _is_over(holder: str) -> bool:
    """Whether a lease has run out, by this machine's clock: `cluster check` tells of clocks that differ."""
    _, _, taken = holder.partition(" ")
    return not taken.isdigit() or time.time() - int(taken) > LEASE
