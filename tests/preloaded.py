"""What the fork server of a driver with fake trials loads: forked trials find them there, and start in no time."""

from tests import killing

assert killing
