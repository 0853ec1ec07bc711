"""Quiet: native libraries' chatter goes elsewhere for a while, and whatever happens standard error comes back."""

import os
from pathlib import Path

import pytest

from fer_exp.system.stderr import stderr_to


def chatter(text: str) -> None:
    """What C++ code does: it knows no `sys.stderr`."""
    os.write(2, text.encode())


def open_descriptors() -> int:
    return len(list(Path("/dev/fd").iterdir()))


@pytest.fixture(autouse=True)
def environment(monkeypatch: pytest.MonkeyPatch) -> pytest.MonkeyPatch:
    """Says nothing about TensorFlow's chatter; is restored afterwards."""
    monkeypatch.delenv("TF_CPP_MIN_LOG_LEVEL")  # which tests/conftest.py sets
    return monkeypatch


def test_native_chatter_goes_to_the_file_while_the_block_runs(
    tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log = tmp_path / "log"
    log.write_text("earlier\n")
    chatter("before\n")
    with stderr_to(log):
        chatter("within\n")
    chatter("after\n")
    assert log.read_text() == "earlier\nwithin\n"
    assert capfd.readouterr().err == "before\nafter\n"


def test_without_a_file_it_goes_nowhere(capfd: pytest.CaptureFixture[str]) -> None:
    with stderr_to():
        chatter("within\n")
    assert capfd.readouterr().err == ""


def test_standard_error_comes_back_after_an_error(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = open_descriptors()
    with pytest.raises(ZeroDivisionError), stderr_to(tmp_path / "log"):
        raise ZeroDivisionError
    chatter("after\n")
    assert capfd.readouterr().err == "after\n"
    assert open_descriptors() == before


def test_a_file_that_cannot_be_opened_changes_nothing(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    before = open_descriptors()
    with pytest.raises(FileNotFoundError), stderr_to(tmp_path / "no folder" / "log"):
        pytest.fail("the block ran")
    chatter("after\n")
    assert capfd.readouterr().err == "after\n"
    assert open_descriptors() == before


def test_blocks_may_lie_in_one_another(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    with stderr_to(tmp_path / "outer"):
        with stderr_to(tmp_path / "inner"):
            chatter("inner\n")
        chatter("outer\n")
    assert (tmp_path / "inner").read_text() == "inner\n"
    assert (tmp_path / "outer").read_text() == "outer\n"
    assert capfd.readouterr().err == ""


def test_tensorflow_is_asked_to_be_quiet_unless_the_user_asked_for_more(environment: pytest.MonkeyPatch) -> None:
    with stderr_to():
        assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "3"
    environment.setenv("TF_CPP_MIN_LOG_LEVEL", "0")
    with stderr_to():
        assert os.environ["TF_CPP_MIN_LOG_LEVEL"] == "0"
