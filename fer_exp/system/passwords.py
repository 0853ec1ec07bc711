"""Passwords inside addresses, as `postgresql://user:password@host/db` in MLFLOW_TRACKING_URI, and how text hides them.

In: text that an error, a library or a setting gave. Out: the same text as it may be shown, logged and recorded.
"""

import re

_HIDDEN = "***"
# From the first colon behind `://` to the last @ of the word: a password may hold any of both, quoted or not.
_USER = re.compile(r"(?P<before>://[^\s/:@]*:)(?!\d{1,5}(?:/|$|\s))\S*@")
_OPTION = re.compile(r"(?P<before>[?&]\w*(?:password|passwd|token|secret)\w*=)[^&\s]+", re.IGNORECASE)


def without_passwords(text: str) -> str:
    """`text` with the password of every address in it replaced by `***`."""
    if "://" not in text:
        return text
    return _OPTION.sub(rf"\g<before>{_HIDDEN}", _USER.sub(rf"\g<before>{_HIDDEN}@", text))
