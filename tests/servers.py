"""MLflow servers for tests: a real one that can be stopped, held and started again, and a front that misbehaves.

In: a folder. Out: processes and threads on 127.0.0.1, ended by whoever started them. Tests speak to the front, which
passes everything on to the real server until it is told to do something else.
"""

import contextlib
import http.client
import os
import resource
import signal
import socket
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from enum import Enum
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import psutil
from mlflow import MlflowClient

from fer_exp.tracking.mapping import RECORD
from tests.tracked import told_by

HOST = "127.0.0.1"
PATIENCE = 120.0  # seconds for a server that starts in five on an idle machine
HTML = b"<html><body><h1>It works!</h1></body></html>"


class MlflowServer:
    """A real `mlflow server` with a store of its own, always on the same port."""

    def __init__(self, folder: Path, migrated: Path) -> None:
        self._folder = folder
        self._store = folder / "server.db"
        self._store.write_bytes(migrated.read_bytes())
        self._port = free_port()
        self._process: subprocess.Popen[bytes] | None = None

    @property
    def address(self) -> tuple[str, int]:
        return HOST, self._port

    def shown(self, name: str) -> dict[str, object]:
        """All that it holds of the experiment `name`, read from its disk: runs, points, models whether ready or not."""
        client = MlflowClient(f"sqlite:///{self._store}")
        experiment = client.get_experiment_by_name(name)
        assert experiment is not None
        found: dict[str, object] = {}
        for run in client.search_runs([experiment.experiment_id]):
            kept = self._folder / "artifacts" / experiment.experiment_id / run.info.run_id
            files = sorted(path.relative_to(kept).as_posix() for path in kept.rglob("*") if path.is_file())
            assert run.info.run_name not in found  # a ghost
            found[run.info.run_name] = (*told_by(client, run), files)
        models = client.search_logged_models([experiment.experiment_id])
        return found | {"models": sorted((model.name, model.status.value, model.tags[RECORD]) for model in models)}

    def set_aside(self, name: str) -> None:
        """Gives an experiment another name, so that the next sync finds none."""
        client = MlflowClient(f"sqlite:///{self._store}")
        if (experiment := client.get_experiment_by_name(name)) is not None:
            client.rename_experiment(experiment.experiment_id, f"{name}-{experiment.experiment_id}")

    def fill_up(self) -> None:
        """Leaves no room for its files: none may become larger than its database is."""
        self._limit(self._store.stat().st_size)

    def make_room(self) -> None:
        self._limit(resource.RLIM_INFINITY)

    def _limit(self, size: int) -> None:
        assert self._process is not None
        parent = psutil.Process(self._process.pid)
        for process in [parent, *parent.children(recursive=True)]:
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

    def start(self) -> None:
        command = [sys.executable, "-m", "mlflow", "server", "--host", HOST, "--port", str(self._port)]
        command += ["--workers", "1", "--backend-store-uri", f"sqlite:///{self._store}"]
        command += ["--artifacts-destination", str(self._folder / "artifacts")]
        self._process = subprocess.Popen(
            command,
            env={**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},  # 3 processes instead of 11
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
            cwd=self._folder,
        )
        deadline = time.monotonic() + PATIENCE
        while not self._answers():
            assert time.monotonic() < deadline
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            with urllib.request.urlopen(f"http://{HOST}:{self._port}/health", timeout=2) as answer:
                return bool(answer.status == 200)
        except OSError:
            return False

    def stop(self) -> None:
        """Ends it and all its workers."""
        if self._process is None:
            return
        self._signal(signal.SIGKILL)
        self._process.wait()
        self._process = None

    def hold(self) -> None:
        """Stops all its processes where they stand: connections are taken and never answered."""
        self._signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._signal(signal.SIGCONT)

    def _signal(self, number: int) -> None:
        assert self._process is not None
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        return int(probe.getsockname()[1])


class Manner(Enum):
    """What a front does with a request."""

    PASS_ON = "passes it on"
    REFUSE = "refuses the connection"
    ERROR = "answers 500"
    LATER = "answers 503, and asks to come again in an hour"
    HTML = "answers 200 with a page"
    TRUNCATED = "answers with half of a JSON document"
    EMPTY = "answers 200 with an empty object"
    ENDLESS = "answers with a body that does not end"
    DRIP = "answers a byte at a time"
    HANG = "takes the request and says nothing"


class Front:
    """A proxy before a server. It can fail one request of many: before it is passed on, or before the answer is."""

    def __init__(self, behind: tuple[str, int]) -> None:
        self._behind = behind
        self._port = free_port()
        self._listening: ThreadingHTTPServer | None = None
        self._let_go = threading.Event()
        self.manner = Manner.PASS_ON
        self.asked: list[str] = []  # method and path of each request since `count_from_here`
        self.told = 0  # bytes sent of bodies that do not end
        self._fail_at, self._passed_on = 0, False
        self._counting = threading.Lock()

    @property
    def uri(self) -> str:
        return f"http://{HOST}:{self._port}"

    def open(self) -> None:
        front = self

        class Handler(_Handler):
            owner = front

        class Listening(ThreadingHTTPServer):
            daemon_threads = True
            block_on_close = False

            def handle_error(self, *_: object) -> None:
                """Clients that give up are what these tests are about."""

        self._let_go.clear()
        self._listening = Listening((HOST, self._port), Handler)
        threading.Thread(target=self._listening.serve_forever, args=(0.05,), daemon=True).start()

    def close(self) -> None:
        """From here on connections are refused."""
        self._let_go.set()
        if self._listening is not None:
            self._listening.shutdown()
            self._listening.server_close()
            self._listening = None

    def behave(self, manner: Manner) -> None:
        if manner is Manner.REFUSE:
            self.manner = manner
            self.close()
            return
        self.manner = manner
        if self._listening is None:
            self.open()

    def count_from_here(self, fail_at: int = 0, *, passed_on: bool = False) -> None:
        """Counts requests anew; the one numbered `fail_at` loses its connection."""
        with self._counting:
            self.asked, self._fail_at, self._passed_on = [], fail_at, passed_on

    def fate(self, asked: str) -> tuple[bool, bool]:
        """Whether the request that has just come fails before it is passed on, and whether after."""
        with self._counting:
            self.asked.append(asked)
            fails = len(self.asked) == self._fail_at
            return fails and not self._passed_on, fails and self._passed_on

    def hang(self) -> None:
        self._let_go.wait(PATIENCE)

    def pass_on(self, method: str, path: str, headers: dict[str, str], body: bytes) -> http.client.HTTPResponse:
        connection = http.client.HTTPConnection(*self._behind, timeout=PATIENCE)
        kept = {name: value for name, value in headers.items() if name.lower() not in ("host", "connection")}
        connection.request(method, path, body, {**kept, "Connection": "close"})
        return connection.getresponse()


class _Handler(BaseHTTPRequestHandler):
    owner: Front
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # else each body waits 40 ms until the client has acknowledged its head

    def log_message(self, format: str, *_: object) -> None:
        """Says nothing."""

    def _handle(self) -> None:
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        lost_before, lost_after = self.owner.fate(f"{self.command} {self.path}")
        manner = self.owner.manner
        if lost_before or manner is Manner.REFUSE:
            self._hang_up()
        elif manner is Manner.PASS_ON:
            answer = self.owner.pass_on(self.command, self.path, dict(self.headers.items()), body)
            content = answer.read()
            if lost_after:
                self._hang_up()
            else:
                self._answer(answer.status, content, answer.headers.get("Content-Type", "application/json"))
        else:
            self._misbehave(manner)

    do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = do_HEAD = _handle  # noqa: N815  # the names http.server calls

    def _hang_up(self) -> None:
        self.close_connection = True
        with contextlib.suppress(OSError):
            self.connection.shutdown(socket.SHUT_RDWR)

    def _answer(self, status: int, content: bytes, kind: str = "application/json", **more: str) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(content)))
        for name, value in more.items():
            self.send_header(name.replace("_", "-"), value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)

    def _misbehave(self, manner: Manner) -> None:
        if manner is Manner.ERROR:
            self._answer(500, HTML, "text/html")
        elif manner is Manner.LATER:
            self._answer(503, b"{}", Retry_After="3600")
        elif manner is Manner.HTML:
            self._answer(200, HTML, "text/html")
        elif manner is Manner.TRUNCATED:
            self._answer(200, b'{"experiments": [{"experiment_id": "1", "na')
        elif manner is Manner.EMPTY:
            self._answer(200, b"{}")
        elif manner is Manner.HANG:
            self.owner.hang()
            self._hang_up()
        else:
            self._go_on_for_ever(drip=manner is Manner.DRIP)

    def _go_on_for_ever(self, *, drip: bool) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Connection", "close")
        self.end_headers()
        self.close_connection = True
        piece = b" " if drip else b" " * 2**16
        while self.owner.manner in (Manner.DRIP, Manner.ENDLESS):
            self.wfile.write(piece)
            self.owner.told += len(piece)
            if drip:
                time.sleep(0.2)


@contextmanager
def served(folder: Path, migrated: Path) -> Iterator[tuple[MlflowServer, Front]]:
    """A real server behind a front, until the block ends."""
    server = MlflowServer(folder, migrated)
    front = Front(server.address)
    server.start()
    front.open()
    try:
        yield server, front
    finally:
        front.close()
        server.go_on()
        server.stop()


def tell(figures: str) -> None:
    """Writes what was measured, for who runs pytest with `-s`."""
    sys.stdout.write(f"\n{figures}\n")
