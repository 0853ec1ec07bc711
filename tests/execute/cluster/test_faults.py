"""What Ray's own errors mean for a trial: a machine's fault, never the recipe's."""

from collections.abc import Callable
from typing import Any

import pytest

from fer_exp.execute.cluster.faults import NODE_LOST, STORE_FULL, WORKER_LOST, fault_of_ray
from fer_exp.execute.fault import FaultKind

ray_exceptions: Any = pytest.importorskip("ray.exceptions", reason="Ray is not installed: pip install 'fer-exp[ray]'")

HOST = "10.0.0.7"


def in_task(cause: Exception) -> Exception:
    """An exception of a supervisor, as Ray brings it to the parent."""
    error: Exception = ray_exceptions.RayTaskError("attempt", "Traceback of the supervisor", cause)
    return error


@pytest.mark.parametrize(
    ("made", "kind", "cause"),
    [
        (lambda: ray_exceptions.OutOfMemoryError("killed"), FaultKind.MEMORY, "want of memory"),
        (lambda: ray_exceptions.NodeDiedError("gone"), FaultKind.NODE, NODE_LOST),
        (lambda: ray_exceptions.LocalRayletDiedError("gone"), FaultKind.NODE, NODE_LOST),
        (lambda: ray_exceptions.WorkerCrashedError(), FaultKind.NODE, WORKER_LOST),
        (lambda: ray_exceptions.ObjectStoreFullError("full"), FaultKind.NODE, STORE_FULL),
        (lambda: ray_exceptions.OutOfDiskError("full"), FaultKind.NODE, STORE_FULL),
        (lambda: in_task(ray_exceptions.ObjectStoreFullError("full")), FaultKind.NODE, STORE_FULL),
        (lambda: in_task(ValueError("a defect")), FaultKind.NODE, "its supervisor failed"),
        (lambda: ray_exceptions.ObjectLostError("0" * 56, None, ""), FaultKind.NODE, "ObjectLostError"),
        (lambda: ray_exceptions.GetTimeoutError("a message did not arrive"), FaultKind.NODE, "did not arrive"),
    ],
)
def test_what_ray_says_of_an_end_is_a_fault_of_the_machine(
    made: Callable[[], BaseException], kind: FaultKind, cause: str
) -> None:
    fault = fault_of_ray(made(), HOST)
    assert fault.kind is kind
    assert cause in fault.cause
    assert HOST in fault.cause


def test_where_it_had_not_begun_no_machine_is_named() -> None:
    assert fault_of_ray(ray_exceptions.NodeDiedError("gone"), "") == fault_of_ray(ray_exceptions.NodeDiedError("?"), "")
    assert fault_of_ray(ray_exceptions.NodeDiedError("gone"), "").cause == NODE_LOST
