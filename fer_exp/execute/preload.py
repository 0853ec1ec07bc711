"""What the fork server does before it loads what trials need; imported by nobody else.

It leaves the process group of the search, so that Ctrl-C and a scheduler's signals reach the search alone, which then
asks its trials to end after their epoch. Some schedulers signal every process of a job, so it ignores them too: without
a fork server the search would take trials that go on for dead. They still die with the search: each watches it.
"""

import contextlib
import os
import signal

from fer_exp.execute.parent_watch import tie_fork_server
from fer_exp.system.surroundings import settle

SIGNALS = (signal.SIGTERM, signal.SIGUSR1)  # Python's fork server ignores SIGINT by itself


def _hear_again() -> None:
    for number in SIGNALS:
        signal.signal(number, signal.SIG_DFL)


tie_fork_server()
settle()  # a parent that is no command of ours, as a notebook, has its own settings
for _number in SIGNALS:
    signal.signal(_number, signal.SIG_IGN)
os.register_at_fork(after_in_child=_hear_again)  # what its processes ignore is for them to say
with contextlib.suppress(OSError):
    os.setpgid(0, 0)
