"""Three hosts: the parent with the cluster's head, a worker, and a team's MLflow with PostgreSQL; links that break.

Each is a network namespace of its own with its own Ray folder; nothing but the wires joins them, and the wires are slow
and lose packets. The one to the worker is cut amid a training, the one to MLflow amid an upload, both without a word to
either end. `FER_TEST_CUT` says for how many seconds; `-s` prints figures.
"""

import os
import secrets
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from mlflow import MlflowClient
from mlflow.entities import Run

from fer_exp.campaign import Algorithm
from fer_exp.records import State, records_in
from tests import network
from tests.clusters import STORE, needs_ray
from tests.fake_trials import SLOW_BATCH
from tests.killing import board, campaign
from tests.network import Host, Wire
from tests.node_trials import REPORT_BYTES
from tests.team_server import Team, missing, team_server

CUT = float(os.environ.get("FER_TEST_CUT", "15"))  # seconds; docs/scaling.md tells of 60
DELAY, LOSS = 0.02, 0.01  # of both wires, in seconds and as a share of the packets
EPOCHS = 12  # of half a second
PARENT, WORKER, SERVER = "10.77.1.1", "10.77.1.2", "10.77.2.2"
PORT = 6379
SOME = 2 * 1024**2  # bytes of an upload after which its link is cut

pytestmark = [
    needs_ray,
    pytest.mark.slow,
    pytest.mark.timeout(1500),
    pytest.mark.skipif(bool(network.missing() or missing()), reason=network.missing() or missing()),
]

SEARCH = """
import sys
from tests.warming import warm_up
from tests.node_trials import train_with_large_report
warm_up(entry=train_with_large_report)
from fer_exp.cli import main
sys.argv = ["fer-exp", *sys.argv[1:]]
main()
"""


@dataclass
class Hosts:
    """What a test has of them."""

    parent: Host
    to_worker: Wire
    to_server: Wire
    team: Team
    server: Host
    folder: Path
    environment: dict[str, str]

    def give(self, *arguments: object) -> "subprocess.Popen[bytes]":
        """Gives `fer-exp` on the parent's host."""
        command = [sys.executable, "-c", SEARCH, *arguments]
        return self.parent.start(command, self.folder / "said.txt", self.environment)

    @property
    def said(self) -> str:
        """What the last command wrote."""
        return (self.folder / "said.txt").read_text(errors="replace")


@pytest.fixture
def hosts(tmp_path: Path) -> Iterator[Hosts]:
    (tmp_path / "home").mkdir()
    with ExitStack() as stack:
        tag = f"fer-{os.getpid()}"
        parent = _host(stack, f"{tag}-parent", tmp_path / "parent")
        worker = _host(stack, f"{tag}-worker", tmp_path / "worker", hidden=tmp_path / "home")
        server = _host(stack, f"{tag}-server", tmp_path / "server")
        to_worker = Wire((parent, PARENT), (worker, WORKER))
        stack.callback(to_worker.close)
        to_server = Wire((parent, "10.77.2.1"), (server, SERVER))
        stack.callback(to_server.close)
        with server.inside():
            team = stack.enter_context(team_server(SERVER))
        ray = [Path(sys.executable).with_name("ray"), "start", "--block", "--disable-usage-stats"]
        ray += ["--object-store-memory", STORE]
        # A token is what keeps others on the network from giving the cluster work: docs/scaling.md.
        token = {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN": secrets.token_hex(32)}
        head = [*ray, "--head", "--include-dashboard", "false", "--port", PORT, "--num-cpus", 0]
        head += ["--node-ip-address", PARENT]
        _serve(stack, parent, head, tmp_path / "head.txt", token)
        # Ray ends a node that it has taken for dead when it hears of it again; a service manager starts it anew.
        again = ["sh", "-c", 'while :; do "$@"; sleep 1; done', "sh"]
        node = [*again, *ray, "--address", f"{PARENT}:{PORT}", "--node-ip-address", WORKER, "--num-cpus", 1]
        _serve(stack, worker, node, tmp_path / "node.txt", token)
        environment = {**team.environment, **token, "FER_EXP_HOME": str(tmp_path / "home" / "mlruns")}
        yield Hosts(parent, to_worker, to_server, team, server, tmp_path, environment)


def _host(stack: ExitStack, name: str, folder: Path, hidden: Path | None = None) -> Host:
    host = Host(name, folder, hidden)
    stack.callback(host.remove)
    return host


def _serve(stack: ExitStack, host: Host, command: list[object], output: Path, token: dict[str, str]) -> None:
    """Runs `ray start` until the block ends."""
    process = host.start(command, output, token)
    stack.callback(process.wait)
    stack.callback(host.end_all)
    until(lambda: "Ray runtime started" in output.read_text(errors="replace"), process, lambda: output.read_text())


def until(
    done: Callable[[], bool], process: "subprocess.Popen[bytes]", said: Callable[[], str], seconds: float = 300.0
) -> None:
    deadline = time.monotonic() + seconds
    while not done():
        assert process.poll() is None, said()
        assert time.monotonic() < deadline, said()
        time.sleep(0.05)


def test_links_that_are_cut_and_restored_cost_time_and_nothing_else(hosts: Hosts, tmp_path: Path) -> None:
    home, file = campaign(tmp_path / "home", Algorithm.RANDOM, 1, EPOCHS)
    file.write_text(file.read_text().replace("learning_rate=1e-2)", f"learning_rate=1e-2, batch_size={SLOW_BATCH})", 1))
    for wire in (hosts.to_worker, hosts.to_server):
        wire.delay, wire.loss = DELAY, LOSS
    search = ["search", file, "--engine", "ray", "--ray-address", f"{PARENT}:{PORT}"]
    began = time.monotonic()
    running = hosts.give(*search)

    def epochs() -> int:
        return sum(len(record.history()) for record in records_in(home.campaign("tiny") / "trials"))

    until(lambda: epochs() >= 3, running, lambda: hosts.said)
    hosts.to_worker.cut()
    before = epochs()
    time.sleep(CUT)
    assert epochs() <= before + 1  # what was on its way
    hosts.to_worker.restore()
    restored = time.monotonic()
    until(lambda: epochs() > before + 1, running, lambda: hosts.said)
    went_on = time.monotonic() - restored
    hosts.to_server.cut_after(SOME)  # the baseline's report, or the trial's
    until(lambda: hosts.to_server.is_cut, running, lambda: hosts.said)
    time.sleep(CUT)
    hosts.to_server.restore()
    running.wait(timeout=600)
    seconds = time.monotonic() - began
    said = hosts.said
    assert running.returncode == 0, said
    behind = "fer-exp sync tiny" in said
    if behind:  # the search does not wait for MLflow longer than a minute
        levelling = hosts.give("sync", "tiny")
        assert levelling.wait(timeout=600) == 0, hosts.said
    records = list(records_in(home.campaign("tiny") / "trials"))
    attempts = sum(len(list(record.path.glob("attempt-*.log"))) for record in records)
    lost = hosts.to_worker.lost, hosts.to_server.lost
    sys.stdout.write(
        f"\ncut for {CUT:.0f} s each: {seconds:.0f} s in all, {attempts} attempts at {len(records)} trainings, epochs "
        f"went on {went_on:.1f} s after the link was there again, packets lost {lost}, sync needed: {behind}\n"
    )
    assert [record.state() for record in records] == [State.FINISHED] * 2
    for record in records:
        assert [row.epoch for row in record.history()] == list(range(1, EPOCHS + 1))
    assert len(board(home)) == 2
    for run in shown(hosts):
        assert run.info.status == "FINISHED"


def shown(hosts: Hosts) -> list[Run]:
    """The runs of the campaign, as MLflow's own host sees them; the reports of both trainings are whole there."""
    with hosts.server.inside(), pytest.MonkeyPatch.context() as patch:
        for name, value in hosts.team.environment.items():
            patch.setenv(name, value)
        client = MlflowClient(hosts.team.uri)
        experiment = client.get_experiment_by_name("tiny")
        assert experiment is not None
        runs = list(client.search_runs([experiment.experiment_id]))
        assert len(runs) == 3  # the campaign, its baseline and a trial
        sizes = [
            entry.file_size
            for run in runs
            for entry in client.list_artifacts(run.info.run_id, "reports")
            if entry.path.endswith("report.txt")
        ]
        assert sizes == [REPORT_BYTES] * 2
    return runs
