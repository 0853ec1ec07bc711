"""A team's tracking as `deploy/tracking` starts it: MLflow with a password, on a real PostgreSQL and an S3 server.

In: nothing. Out: processes on 127.0.0.1, ended by whoever started them. PostgreSQL refuses to run as root, so it runs
as the user `postgres` then; what is missing on a machine is told as the reason to skip.
"""

import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.servers import HOST, free_port

DEPLOY = Path(__file__).resolve().parent.parent / "deploy" / "tracking"
USER, PASSWORD, KEY = "postgres", "of-the-database", "key-of-the-s3-server"
ADMIN_PASSWORD = "of-the-administrator"
PATIENCE = 180.0  # seconds for a server that makes its tables in ten on an idle machine


def missing() -> str:
    """What this machine lacks for it, as a reason to skip; empty where it has all."""
    lacking = [name for name in ("psycopg2", "boto3", "moto", "flask_wtf") if importlib.util.find_spec(name) is None]
    if postgres_binaries() is None:
        lacking.append("PostgreSQL (apt install postgresql)")
    return f"not installed: {', '.join(lacking)}" if lacking else ""


def postgres_binaries() -> Path | None:
    """The folder of PostgreSQL's newest programs."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: int(path.parts[-3]))
    return found[-1].parent if found else None


@dataclass(frozen=True)
class Team:
    """The servers of a team."""

    uri: str  # of MLflow
    s3: str
    environment: dict[str, str]  # of somebody who may write

    def bucket(self) -> Any:
        """The S3 server's bucket, through its own protocol."""
        return _s3(self.s3).Bucket("mlflow")


@contextmanager
def team_server(host: str = HOST) -> Iterator[Team]:
    """The servers, for as long as the block lasts."""
    folder = Path(tempfile.mkdtemp(prefix="fer-exp-team-"))
    folder.chmod(0o755)
    with contextlib.ExitStack() as stack:
        stack.callback(shutil.rmtree, folder, ignore_errors=True)
        database = stack.enter_context(_postgres(folder))
        s3 = stack.enter_context(_s3_server(folder))
        port = free_port()
        environment = {
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "MLFLOW_AUTH_CONFIG_PATH": str(folder / "auth.ini"),
            "MLFLOW_FLASK_SERVER_SECRET_KEY": "of-the-cookies",
            "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false",
            "MLFLOW_S3_ENDPOINT_URL": s3,
            "AWS_ACCESS_KEY_ID": KEY,
            "AWS_SECRET_ACCESS_KEY": KEY,
            "AWS_DEFAULT_REGION": "us-east-1",
            "POSTGRES_PASSWORD": PASSWORD,
            "POSTGRES_HOST": f"{HOST}:{database}",
            "MLFLOW_ADMIN_PASSWORD": ADMIN_PASSWORD,
            "ALLOWED_HOSTS": f"{host}:{port}",
            "BIND": host,
            "PORT": str(port),
            "WORKERS": "1",
        }
        with (folder / "mlflow.log").open("wb") as log:
            process = subprocess.Popen(
                ["sh", DEPLOY / "start-mlflow.sh"], env=environment, stdout=log, stderr=log, start_new_session=True
            )
        stack.callback(_end, process)
        uri = f"http://{host}:{port}"
        _wait(lambda: _healthy(uri), process, folder / "mlflow.log")
        yield Team(
            uri,
            s3,
            {
                "MLFLOW_TRACKING_URI": uri,
                "MLFLOW_TRACKING_USERNAME": "admin",
                "MLFLOW_TRACKING_PASSWORD": ADMIN_PASSWORD,
            },
        )


@contextmanager
def _postgres(folder: Path) -> Iterator[int]:
    binaries, port = postgres_binaries(), free_port()
    assert binaries is not None
    data, secret = folder / "postgres", folder / "secret"
    data.mkdir(mode=0o700)
    secret.write_text(PASSWORD)
    as_user: dict[str, Any] = {}
    if os.getuid() == 0:
        as_user = {"user": USER}
        for path in (data, secret):
            shutil.chown(path, USER)
    as_user |= {"stdout": subprocess.DEVNULL, "stderr": subprocess.DEVNULL, "cwd": "/"}
    create = ["--username", "mlflow", "--pwfile", str(secret), "--auth", "scram-sha-256", "--no-sync"]
    subprocess.run([str(binaries / "initdb"), "--pgdata", str(data), *create], check=True, **as_user)
    serve = ["-D", str(data), "-p", str(port), "-h", HOST, "-k", str(data), "-c", "fsync=off"]
    process: subprocess.Popen[bytes] = subprocess.Popen(
        [str(binaries / "postgres"), *serve], start_new_session=True, **as_user
    )
    try:
        _wait(lambda: _listens(port), process)
        for statement in ("CREATE DATABASE mlflow OWNER mlflow;", (DEPLOY / "create-auth-database.sql").read_text()):
            _sql(port, statement)
        yield port
    finally:
        _end(process)


def _sql(port: int, statement: str) -> None:
    import psycopg2

    deadline = time.monotonic() + PATIENCE
    while True:
        try:
            connection = psycopg2.connect(host=HOST, port=port, user="mlflow", password=PASSWORD, dbname="postgres")
            break
        except psycopg2.OperationalError:  # it is starting
            assert time.monotonic() < deadline
            time.sleep(0.2)
    connection.autocommit = True
    try:
        with connection.cursor() as cursor:
            cursor.execute(statement)
    finally:
        connection.close()


@contextmanager
def _s3_server(folder: Path) -> Iterator[str]:
    port = free_port()
    with (folder / "s3.log").open("wb") as log:
        process = subprocess.Popen(
            [sys.executable, "-m", "moto.server", "--host", HOST, "--port", str(port)],
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    try:
        _wait(lambda: _listens(port), process, folder / "s3.log")
        uri = f"http://{HOST}:{port}"
        _s3(uri).create_bucket(Bucket="mlflow")
        yield uri
    finally:
        _end(process)


def _s3(uri: str) -> Any:
    import boto3

    return boto3.resource(
        "s3", endpoint_url=uri, aws_access_key_id=KEY, aws_secret_access_key=KEY, region_name="us-east-1"
    )


def _healthy(uri: str) -> bool:
    with contextlib.suppress(OSError), urllib.request.urlopen(f"{uri}/health", timeout=5) as answer:
        return bool(answer.status == 200)
    return False


def _listens(port: int) -> bool:
    with contextlib.suppress(OSError), socket.create_connection((HOST, port), timeout=1):
        return True
    return False


def _wait(done: Any, process: "subprocess.Popen[bytes]", log: Path | None = None) -> None:
    deadline = time.monotonic() + PATIENCE
    while not done():
        said = log.read_text(errors="replace")[-3000:] if log else ""
        assert process.poll() is None, said
        assert time.monotonic() < deadline, said
        time.sleep(0.2)


def _end(process: "subprocess.Popen[bytes]") -> None:
    """Ends a server with all that it has started."""
    import signal

    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGTERM)
    try:
        process.wait(timeout=15)
    except subprocess.TimeoutExpired:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
