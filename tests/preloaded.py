"""What the fork server of a driver with fake trials loads: them, and the fault of the tracker, its child as well."""

from tests import faults, killing

assert killing  # forked trials find it loaded
faults.install("tracker")
