"""MLflow's own pages, on this machine only, on the store that the home belongs to.

In: a Home and a port. Out: a server process that lives as long as the call, and the links to say once its pages answer.
Where the store is a server already, the links are all there is to say.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Callable, Iterator
from types import FrameType
from typing import IO

from fer_exp.campaign import CampaignSpec
from fer_exp.system.errors import BadRecord, TrackingFailed
from fer_exp.system.home import Home
from fer_exp.system.passwords import without_passwords
from fer_exp.tracking import pages
from fer_exp.tracking.store import Store, asking, connect

HOST = "127.0.0.1"
PORT = 5000  # MLflow's own default
OTHER_HOSTS = ("MLFLOW_HOST", "UVICORN_HOST")  # how MLflow's server is told to listen for other machines too
STARTS_WITHIN = 180.0  # seconds; a cold disk takes one minute
SHOWN = 10  # campaigns that get a link
_SECONDS_TO_END = 10
_LAST_LINES = 3  # of the server's log, where it ends by itself


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def serve_ui(
    home: Home, port: int = PORT, say: Callable[[str], None] = _say, show: Callable[[str], object] | None = None
) -> int:
    """Serves the pages until Ctrl-C or SIGTERM; the server's exit code, 0 when it was stopped on request.

    Args:
        home: Whose store is served.
        port: Where; another one is taken where it is busy.
        say: Takes lines for the user.
        show: Opens a link once the pages answer; None opens nothing.

    Raises:
        TrackingFailed: The store does not answer, or the server does not start.
    """
    store = connect(home)
    if store.uri.startswith(("http://", "https://")):
        _tell(home, store, without_passwords(store.uri), say, show)
        return 0
    free = port if _is_free(port) else _free_port()
    if free != port:
        say(f"Port {port} is busy; taking {free}.")
    for name in OTHER_HOSTS:
        if os.environ.get(name, HOST) not in (HOST, "localhost"):
            say(
                f"{name}={os.environ[name]} is not followed: MLflow asks for no password, so its pages are for this "
                f"machine alone. From elsewhere: ssh -L {free}:{HOST}:{free} <this machine>"
            )
    with tempfile.TemporaryFile("w+") as log, _terminate_as_interrupt():
        server = _start(home, store, free, log)
        try:
            address = f"http://{HOST}:{free}"
            _wait_for(address, server, log)
            _tell(home, store, address, say, show)
            say("Ctrl-C ends it.")
            return server.wait()
        except KeyboardInterrupt:
            return 0
        finally:
            _end(server)


def links(home: Home, store: Store, base: str) -> list[tuple[str, str]]:
    """The campaigns that MLflow shows, the latest first, each with the address of its table."""
    found = []
    for name in home.recorded():
        try:
            spec = CampaignSpec.read(home.campaign(name) / "campaign.json")
        except BadRecord:  # for `status` and the doctor to name
            continue
        with asking(store.uri):
            experiment = store.client.get_experiment_by_name(name)
        if experiment is not None and experiment.lifecycle_stage != "deleted":
            found.append((spec.created_ms, name, pages.link(base, experiment.experiment_id)))
    return [(name, address) for _, name, address in sorted(found, reverse=True)]


def _tell(
    home: Home, store: Store, base: str, say: Callable[[str], None], show: Callable[[str], object] | None
) -> None:
    there = links(home, store, base)
    say(f"MLflow answers at {base}")
    for name, address in there[:SHOWN]:
        say(f"  {name}: {address}")
    if len(there) > SHOWN:
        say(f"  and {len(there) - SHOWN} older campaigns, under Experiments")
    if show is not None:
        show(there[0][1] if there else base)


def _start(home: Home, store: Store, port: int, log: IO[str]) -> "subprocess.Popen[bytes]":
    here = {name: value for name, value in os.environ.items() if name not in OTHER_HOSTS}
    environment = here | {
        "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",  # 3 processes instead of 11
        "MLFLOW_BACKEND_STORE_URI": store.uri,  # not an argument: any user may list those, and it may hold a password
    }
    command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(port), "--workers", "1"]
    # Open pages hold the server for ever otherwise.
    command += ["--uvicorn-opts", "--timeout-graceful-shutdown 2 --log-level warning"]
    command += ["--default-artifact-root", home.artifacts.as_uri()]
    # A session of its own: Ctrl-C reaches this process alone, which then ends the server and all its workers.
    return subprocess.Popen(command, env=environment, start_new_session=True, stdout=log, stderr=log, cwd=home.root)


def _wait_for(address: str, server: "subprocess.Popen[bytes]", log: IO[str]) -> None:
    deadline = time.monotonic() + STARTS_WITHIN
    while time.monotonic() < deadline:
        if server.poll() is not None:
            log.seek(0)
            last = " / ".join(line.strip() for line in log.read().splitlines()[-_LAST_LINES:])
            raise TrackingFailed(f"MLflow's server ended with {server.returncode}: {last}", "Nothing was changed.")
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{address}/health", timeout=2) as answer:
            if answer.status == 200:
                return
        time.sleep(0.2)
    raise TrackingFailed(f"MLflow's server did not answer within {STARTS_WITHIN:.0f} s", "Nothing was changed.")


@contextlib.contextmanager
def _terminate_as_interrupt() -> Iterator[None]:
    def interrupt(_number: int, _frame: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _end(server: "subprocess.Popen[bytes]") -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, number)
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(_SECONDS_TO_END)
            return


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except OSError:
            return False
        return True


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])
