"""MLflow's own pages, on this machine only, on the store that the home belongs to.

In: a Home and a port. Out: a server process that lives as long as the call. Where the store is a server already, its
address is all there is to say.
"""

import contextlib
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from types import FrameType

from fer_exp.system.home import Home
from fer_exp.system.passwords import without_passwords
from fer_exp.tracking.store import connect

HOST = "127.0.0.1"
PORT = 5000  # MLflow's own default
OTHER_HOSTS = ("MLFLOW_HOST", "UVICORN_HOST")  # how MLflow's server is told to listen for other machines too
_SECONDS_TO_END = 10


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def serve_ui(home: Home, port: int = PORT, say: Callable[[str], None] = _say) -> int:
    """Serves the pages until Ctrl-C or SIGTERM; the server's exit code, 0 when it was stopped on request.

    Raises:
        TrackingFailed: The store does not answer.
    """
    store = connect(home)
    if store.uri.startswith(("http://", "https://")):
        say(f"MLflow runs at {without_passwords(store.uri)}")
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
    here = {name: value for name, value in os.environ.items() if name not in OTHER_HOSTS}
    environment = here | {"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"}  # 3 processes instead of 11
    command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(free), "--workers", "1"]
    command += [
        "--uvicorn-opts",
        "--timeout-graceful-shutdown 2",
    ]  # open pages hold it for ever otherwise
    command += ["--backend-store-uri", store.uri, "--default-artifact-root", home.artifacts.as_uri()]
    say(f"MLflow shows this home at http://{HOST}:{free} (Ctrl-C ends it)")
    # A session of its own: Ctrl-C reaches this process alone, which then ends the server and all its workers.
    server = subprocess.Popen(command, env=environment, start_new_session=True)
    try:
        with _terminate_as_interrupt():
            return server.wait()
    except KeyboardInterrupt:
        return 0
    finally:
        _end(server)


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
