"""What the fork server loads before the first trial; imported by nobody else.

It leaves the process group of the search, so that Ctrl-C and a scheduler's signals reach the search alone, which then
asks its trials to end after their epoch. They still die with the search, however it dies: each watches it.
"""

import contextlib
import os

from fer_exp.execute import child  # noqa: F401  # Keras, and all that a trial needs besides

with contextlib.suppress(OSError):
    os.setpgid(0, 0)
