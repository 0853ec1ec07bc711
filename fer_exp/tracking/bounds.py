"""An answer of MLflow's server, read up to a size and for a time: what listens there may be anything.

In: nothing. Out: from then on MLflow's client, in this process, gives up on an answer that does not end. Its own
timeout is between two bytes, so a body that drips holds it for ever, and one that streams fills the memory that
trainings need.
"""

import functools
import time
from collections.abc import Callable
from typing import Any

import requests
from mlflow.utils import rest_utils

LARGEST_ANSWER = 64 * 2**20  # bytes; a page of 1,000 runs has two million
LONGEST_ANSWER = 60.0  # seconds from its first line to its last byte
_CHUNK = 2**16
_SEND = "_get_http_response_with_retries"  # all of MLflow's requests pass here; it has no place for a hook of ours


def bound_answers() -> None:
    """Sets the bounds; once is enough."""
    send: Callable[..., requests.Response] = getattr(rest_utils, _SEND)
    if not hasattr(send, "bounded"):
        setattr(rest_utils, _SEND, _bounded(send))


def _bounded(send: Callable[..., requests.Response]) -> Callable[..., requests.Response]:
    @functools.wraps(send)
    def bounded(*arguments: Any, **options: Any) -> requests.Response:
        if not options.get("stream"):  # whoever streams reads for himself: files, which may be large
            options.setdefault("hooks", {"response": _read})
        return send(*arguments, **options)

    vars(bounded)["bounded"] = True
    return bounded


def _read(answer: requests.Response, *_: Any, **__: Any) -> None:
    """Reads the body, which `requests` does only after its hooks.

    Raises:
        requests.RequestException: The body is too large, or takes too long.
    """
    body, deadline = bytearray(), time.monotonic() + LONGEST_ANSWER
    # What has come, however little: a body that drips would never fill a chunk.
    while piece := answer.raw.read1(_CHUNK, decode_content=True):
        body += piece
        if len(body) > LARGEST_ANSWER or time.monotonic() > deadline:
            answer.close()
            raise requests.RequestException(
                f"the answer did not end within {LARGEST_ANSWER >> 20} MiB and {LONGEST_ANSWER:.0f} s"
            )
    answer._content = bytes(body)
    answer._content_consumed = True
