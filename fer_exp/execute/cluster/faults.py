"""What Ray's own errors mean: a fault of the machine, and which.

In: an exception of Ray, from an attempt that broke off. Out: a `Fault`. What a training itself says of its end does not
come here: its supervisor tells it as the local engine finds it out, by exit code.
"""

from fer_exp.execute.fault import Fault, FaultKind, fault_of
from fer_exp.system.values import first_line

NODE_LOST = "its node is gone"
WORKER_LOST = "its worker process is gone"
STORE_FULL = "Ray's object store, or the disk behind it, is full"


def fault_of_ray(error: BaseException, host: str) -> Fault:
    """The fault that ended an attempt.

    Args:
        error: What Ray raised in the place of its next message.
        host: Where it ran; empty where it had not begun.
    """
    from ray import exceptions

    at = f" ({host})" if host else ""
    if isinstance(error, exceptions.OutOfMemoryError):
        return Fault(FaultKind.MEMORY, f"ended for want of memory on its node{at}")
    if isinstance(error, exceptions.NodeDiedError | exceptions.LocalRayletDiedError):
        return Fault(FaultKind.NODE, NODE_LOST + at)
    if isinstance(error, exceptions.WorkerCrashedError):
        return Fault(FaultKind.NODE, WORKER_LOST + at)
    cause = error.cause if isinstance(error, exceptions.RayTaskError) and error.cause is not None else error
    if isinstance(cause, exceptions.OutOfDiskError | exceptions.ObjectStoreFullError):
        return Fault(FaultKind.NODE, STORE_FULL + at)
    if isinstance(error, exceptions.RayTaskError):
        found = fault_of(cause)
        return Fault(FaultKind.NODE, f"its supervisor failed{at}: {found.cause}")
    if isinstance(error, exceptions.RayError):  # objects lost with their node, a node that cannot start a worker
        return Fault(FaultKind.NODE, f"{type(error).__name__}{at}: {first_line(error)}")
    return fault_of(error)
