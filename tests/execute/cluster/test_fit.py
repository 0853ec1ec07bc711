"""What must agree between the parent and a node before the node trains."""

from dataclasses import replace

import pytest

from fer_exp.execute.cluster.connect import Cluster, Node
from fer_exp.execute.cluster.fit import Facts, facts, misfits, skew_misfit

HERE = facts()


def test_a_node_like_the_parent_fits() -> None:
    assert misfits(HERE, replace(HERE, host="other", python=HERE.python + "1", devices=("GPU-1",))) == ()


@pytest.mark.parametrize(
    ("node", "reason"),
    [
        (replace(HERE, python="3.9.1"), "Python 3.9.1, here"),
        (replace(HERE, fer_exp="0.0.1"), "fer_exp 0.0.1, here"),
        (replace(HERE, source="0" * 64), "with other source (00000000, here"),
        (replace(HERE, trained_with="training 1, keras 3.0, jax 0.5"), "keras 3.0, jax 0.5, here training"),
        (replace(HERE, libraries=(("numpy", "1.26"), *HERE.libraries[1:])), "numpy 1.26, here"),
        (replace(HERE, libraries=()), "ray absent, here"),
        (replace(HERE, free=10**8), "100 MB free in"),
        (replace(HERE, free=-1), "nothing can be written into"),
    ],
)
def test_a_node_that_would_train_otherwise_is_refused_with_the_reason(node: Facts, reason: str) -> None:
    assert any(reason in told for told in misfits(HERE, node))


def test_a_clock_that_is_off_is_a_reason() -> None:
    assert skew_misfit(-1.5) == ()
    assert skew_misfit(-45.2) == ("its clock is -45 s off; at most 30 s",)


def test_a_folder_that_cannot_be_written_is_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FER_EXP_SCRATCH", "/proc/none")
    assert facts().free == -1


def test_nodes_have_room_for_what_attempts_take() -> None:
    nodes = [Node("a", "a", {"CPU": 8, "GPU": 2}), Node("b", "b", {"CPU": 3})]
    assert Cluster(cpus=2).room(nodes) == 5
    assert Cluster(cpus=2, gpus=0.5).room(nodes) == 4
    assert Cluster(cpus=1, gpus=1).room(nodes) == 2
    assert Cluster(cpus=16).room(nodes) == 1  # it waits
