"""What the command line says where there is no cluster, and what it refuses of places to train at."""

import socket
from typing import NoReturn

import pytest

from fer_exp.execute.cluster import connect
from fer_exp.system.home import Home
from tests.clusters import needs_ray
from tests.commands import refused


def test_without_ray_there_is_one_clear_error(home: Home, tiny_file: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(connect, "find_spec", lambda _: None)
    for command in (("search", tiny_file), ("cluster", "check")):
        problem, remedy = refused(*command, *(("--engine", "ray") if command[0] == "search" else ()))
        assert problem == "--engine ray: expected the Python package 'ray', found none"
        assert "pip install 'fer-exp[ray]'" in remedy
    assert not home.root.exists()


@needs_ray
@pytest.mark.parametrize("address", ["127.0.0.1:1", "nowhere.invalid:6379", "127.0.0.1:many", "127.0.0.1:999999"])
def test_an_address_at_which_nobody_answers_is_refused_at_once(home: Home, tiny_file: object, address: str) -> None:
    problem, remedy = refused("search", tiny_file, "--engine", "ray", "--ray-address", address)
    assert f"--ray-address {address}: expected a Ray cluster, found none" in problem
    assert "ray start --head" in remedy
    assert not home.root.exists()


@needs_ray
def test_a_cluster_that_wants_a_token_is_one_clear_error(
    home: Home, tiny_file: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    import ray

    def refuse(**_: object) -> NoReturn:
        raise ray.exceptions.AuthenticationError("no token was found")

    monkeypatch.setattr(ray, "init", refuse)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        address = f"127.0.0.1:{listening.getsockname()[1]}"
        problem, remedy = refused("search", tiny_file, "--engine", "ray", "--ray-address", address)
    assert "no token was found" in problem
    assert "RAY_AUTH_MODE=token and that token here and on every node" in remedy
    assert not home.root.exists()


@pytest.mark.parametrize(
    ("options", "said"),
    [
        (("--ray-address", "auto"), "expected --engine ray beside it"),
        (("--gpus-per-trial", "1.5"), "a part of one, or a whole number"),
        (("--gpus-per-trial", "1"), "found 0, which have room for 0"),
        (("--cpus-per-trial", "0"), "greater than 0"),
    ],
)
def test_a_place_that_cannot_be_meant_is_refused(
    home: Home, tiny_file: object, monkeypatch: pytest.MonkeyPatch, options: tuple[str, ...], said: str
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")
    problem, remedy = refused("search", tiny_file, *options)
    assert said in problem
    assert "Nothing was started." in remedy
    assert not home.root.exists()
