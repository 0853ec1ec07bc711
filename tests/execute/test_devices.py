"""Graphics processors: which there are, without starting one, and which slot gets which."""

import os
from pathlib import Path

import pytest

from fer_exp.execute.devices import Slot, deal, parse_list, slots_on, visible_devices

LISTED = """\
GPU 0: NVIDIA H100 80GB HBM3 (UUID: GPU-11111111-aaaa)
GPU 1: NVIDIA H100 80GB HBM3 (UUID: GPU-22222222-bbbb)
  MIG 1g.10gb     Device  0: (UUID: MIG-33333333-cccc)
  MIG 1g.10gb     Device  1: (UUID: MIG-44444444-dddd)
"""


@pytest.mark.parametrize(
    ("given", "devices"),
    [("0,1", ["0", "1"]), ("GPU-a", ["GPU-a"]), (" 2 , 3", ["2", "3"]), ("", []), ("-1", []), ("0,-1,1", ["0"])],
)
def test_the_environment_decides_where_it_says_something(given: str, devices: list[str]) -> None:
    assert visible_devices({"CUDA_VISIBLE_DEVICES": given}) == devices


def test_a_divided_processor_is_known_by_its_parts() -> None:
    assert parse_list(LISTED) == ["GPU-11111111-aaaa", "MIG-33333333-cccc", "MIG-44444444-dddd"]
    assert parse_list("No devices were found\n") == []


def test_the_driver_is_asked_where_the_environment_says_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    tool = tmp_path / "nvidia-smi"
    tool.write_text(f"#!/bin/sh\ncat <<'END'\n{LISTED}END\n")
    tool.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    assert visible_devices({}) == ["GPU-11111111-aaaa", "MIG-33333333-cccc", "MIG-44444444-dddd"]


@pytest.mark.parametrize("answers", [False, True])
def test_a_driver_that_does_not_answer_is_asked_by_its_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answers: bool
) -> None:
    tool = tmp_path / "bin" / "nvidia-smi"
    tool.parent.mkdir()
    if answers:
        tool.write_text("#!/bin/sh\necho it failed\nexit 9\n")
        tool.chmod(0o755)
    for name in ("0000:01:00.0", "0000:02:00.0"):
        (tmp_path / "gpus" / name).mkdir(parents=True)
    monkeypatch.setenv("PATH", str(tool.parent))
    monkeypatch.setattr("fer_exp.execute.devices.DRIVER_FOLDER", tmp_path / "gpus")
    assert visible_devices({}) == (["0", "1"])
    monkeypatch.setattr("fer_exp.execute.devices.DRIVER_FOLDER", tmp_path / "none")
    assert visible_devices({}) == []


@pytest.mark.parametrize(
    ("slots", "devices", "dealt"),
    [
        (2, [], [Slot(None), Slot(None)]),
        (1, ["0"], [Slot("0")]),
        (1, ["0", "1"], [Slot("0")]),
        (2, ["0", "1"], [Slot("0"), Slot("1")]),
        (2, ["0"], [Slot("0", shares_device=True)] * 2),
        (3, ["0", "1"], [Slot("0", shares_device=True), Slot("1"), Slot("0", shares_device=True)]),
    ],
)
def test_each_slot_gets_a_device_and_knows_whether_it_shares_it(
    slots: int, devices: list[str], dealt: list[Slot]
) -> None:
    assert deal(slots, devices) == dealt


@pytest.mark.parametrize(
    ("slots", "devices", "each", "dealt"),
    [
        (2, ["0", "1"], 0, [Slot(""), Slot("")]),
        (2, [], 0.5, [Slot(None), Slot(None)]),
        (3, ["0", "1"], 0.5, [Slot("0", True), Slot("1", True), Slot("0", True)]),
        (1, ["0"], 0.25, [Slot("0", True)]),  # other programs may have the rest
        (2, ["0", "1", "2"], 1, [Slot("0"), Slot("1")]),
        (2, ["0", "1", "2", "3"], 2, [Slot("0,1"), Slot("2,3")]),
    ],
)
def test_slots_get_the_part_or_the_number_of_devices_that_was_asked_for(
    slots: int, devices: list[str], each: float, dealt: list[Slot]
) -> None:
    assert deal(slots, devices, each) == dealt


@pytest.mark.parametrize(
    ("devices", "each", "slots"), [(2, 0.5, 4), (1, 1 / 3, 3), (2, 0.3, 6), (3, 1, 3), (3, 2, 1), (0, 0.5, 0)]
)
def test_devices_have_room_for_so_many_slots(devices: int, each: float, slots: int) -> None:
    assert slots_on(devices, each) == slots


def test_who_shares_a_device_takes_what_it_needs_and_no_more() -> None:
    assert Slot("0").environment() == {"CUDA_VISIBLE_DEVICES": "0"}
    shared = Slot("0", shares_device=True).environment()
    assert shared["TF_FORCE_GPU_ALLOW_GROWTH"] == "true"
    assert shared["XLA_PYTHON_CLIENT_PREALLOCATE"] == "false"
    assert Slot(None).environment() == {}
