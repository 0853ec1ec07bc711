"""The page in a real browser: a photograph goes in, a label comes out, and no other host is asked for anything.

gradio is the extra `app`; without it, or without Chromium, the tests of the page are left out.
"""

import json
import os
import shutil
import time
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlparse

import numpy as np
import psutil
import pytest
from selenium import webdriver
from selenium.webdriver.common.by import By

from fer_exp.data.classes import FER2013
from fer_exp.prediction import app
from fer_exp.prediction.api import Finding, load_named
from fer_exp.prediction.app import NO_FACE, answer, mistakes
from fer_exp.prediction.explain import ENLARGED
from fer_exp.prediction.models import FaceModel
from fer_exp.records import Record
from fer_exp.system.errors import BadInput
from fer_exp.system.home import Home
from tests.browser import CHROMIUM, DRIVER, browser, wait_until
from tests.commands import refused, start
from tests.made_models import record_with_model, write_model
from tests.made_photos import photo, save

with_gradio = pytest.mark.skipif(find_spec("gradio") is None, reason="gradio (the extra app) is not installed")
with_browser = pytest.mark.skipif(CHROMIUM is None or DRIVER is None, reason="Chromium or its driver is not installed")


@pytest.fixture(scope="module")
def file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_model(tmp_path_factory.mktemp("models") / "one.keras")


@pytest.fixture(scope="module")
def model(file: Path) -> FaceModel:
    return load_named(file, home=file.parent)


# -- what a page shows, without one


def test_a_picture_is_answered_with_boxes_bars_a_map_and_a_sentence(model: FaceModel) -> None:
    drawn, bars, why, told = answer(photo(), model, Finding(), explain=True)
    assert drawn is not None
    assert (drawn != photo()).any()
    assert bars is not None
    assert list(bars) == list(FER2013.titles)
    assert sum(bars.values()) == pytest.approx(1, abs=1e-4)
    assert why is not None
    assert why.shape == (ENLARGED, ENLARGED, 3)
    assert told == f"Apparent expression: {max(bars, key=lambda name: bars[name])}."


def test_without_a_face_a_picture_or_a_wish_there_is_less(model: FaceModel) -> None:
    drawn, *nothing, told = answer(np.zeros((200, 300, 3), np.uint8), model, Finding(), explain=True)
    assert drawn is not None
    assert (nothing, told) == ([None, None], NO_FACE)
    assert answer(None, model, Finding(), explain=True) == (None, None, None, "")
    assert answer(photo(), model, Finding(), explain=False)[2] is None


def test_of_several_faces_the_largest_has_the_bars(model: FaceModel) -> None:
    small = photo()[::2, ::2]
    both = np.full((600, 800, 3), 90, np.uint8)
    both[:, :512], both[100:400, 530:786] = photo(), small
    *_, told = answer(both, model, Finding(), explain=False)
    assert told.endswith("; the bars are the largest's of 2.")


def test_mistakes_are_the_record_s_figures(tmp_path: Path) -> None:
    record = Record(tmp_path)
    assert mistakes(record) == mistakes(None) == []
    for part in ("figures", "test/figures"):
        (tmp_path / part).mkdir(parents=True)
        (tmp_path / part / "mistakes.png").touch()
    assert [told for _, told in mistakes(record)] == ["Worst mistakes on validation", "Worst mistakes on test"]


def test_without_gradio_it_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch, home: Home, file: Path) -> None:
    monkeypatch.setattr(app, "find_spec", lambda _: None)
    problem, remedy = refused("app", "--model", file)
    assert "expected the Python package gradio" in problem
    assert "fer-exp[app]" in remedy
    assert not home.root.exists()


def test_three_models_are_refused(home: Home) -> None:
    problem, _ = refused("app", "--model", "a.keras", "--model", "b.keras", "--record", "c")
    assert "expected one model or two, received 3" in problem
    assert not home.root.exists()


def test_an_address_of_another_machine_is_refused() -> None:
    with pytest.raises(BadInput, match="expected an address of this machine"):
        app._free_port("192.0.2.1")


# -- the page


@pytest.fixture
def address(home: Home, file: Path, tmp_path: Path) -> Iterator[str]:
    """A page with two models, one of them a record's with a figure of its mistakes."""
    record = record_with_model(home, 1, write_model(tmp_path / "other.keras", seed=2))
    save(photo(), record.figures / "mistakes.png")
    words = ("app", "--model", file, "--record", "made/trials/1", "--port", 7873)
    process = start(home, *words, TMPDIR=str(tmp_path))
    assert process.stdout is not None
    try:
        line = next((line for line in process.stdout if line.startswith("The page: ")), "")
        assert line, process.communicate()[1]
        yield line.removeprefix("The page: ").strip()
        listening = [one for one in psutil.Process(process.pid).net_connections() if one.status == psutil.CONN_LISTEN]
        assert {one.laddr.ip for one in listening} == {"127.0.0.1"}
        peers = {one.raddr.ip for one in psutil.Process(process.pid).net_connections() if one.raddr}
        assert peers <= {"127.0.0.1"}
    finally:
        process.terminate()
        _, said = process.communicate(timeout=60)
    assert process.returncode == 0, said
    assert "Traceback" not in said
    assert list(tmp_path.glob("fer-exp-*")) == []  # what was uploaded is deleted


def hosts_asked(log: list[dict[str, str]]) -> set[str]:
    """The hosts of every request in a browser's log."""
    found = set()
    for entry in log:
        message = json.loads(entry["message"])["message"]
        if message["method"] in ("Network.requestWillBeSent", "Network.webSocketCreated"):
            url = message["params"].get("request", message["params"])["url"]
            if urlparse(url).scheme in ("http", "https", "ws", "wss"):
                found.add(str(urlparse(url).hostname))
    return found


WIDTHS = "return Array.from(document.images, one => one.offsetParent ? one.naturalWidth : 1)"  # 0: could not be shown


def shown_pictures(driver: webdriver.Chrome, wanted: int) -> int:
    """How many pictures a page shows, once there are as many as wanted or patience ends; all must have arrived."""
    deadline = time.monotonic() + 30
    widths: list[int] = []
    while time.monotonic() < deadline and (0 in widths or sum(width > 100 for width in widths) < wanted):
        time.sleep(0.5)
        widths = driver.execute_script(WIDTHS)
    assert 0 not in widths
    return sum(width > 100 for width in widths)


@with_gradio
@with_browser
@pytest.mark.slow
def test_a_photograph_goes_in_and_two_models_answer_beside_each_other(address: str, tmp_path: Path) -> None:
    save(photo(), tmp_path / "photo.jpg")
    with browser(log=True) as driver:
        driver.get(address)
        shown = wait_until(driver, lambda text: "made" in text and "A picture" in text)
        assert "does not say what the person feels" in shown
        assert "Article 5" in shown
        upload = driver.find_element(By.CSS_SELECTOR, "#picture input[type=file]")
        upload.send_keys(str(tmp_path / "photo.jpg"))
        shown = wait_until(driver, lambda text: text.count("Apparent expression: ") == 2)
        told = [line for line in shown.splitlines() if line.startswith("Apparent expression: ")]
        labels = [line.split(": ")[1].rstrip(".") for line in told]
        assert len(labels) == 2
        assert set(labels) <= set(FER2013.titles)
        for number, label in enumerate(labels, start=1):
            bars = driver.find_element(By.ID, f"bars-{number}").text
            assert bars.count("%") == 7
            assert label in bars
        assert shown_pictures(driver, 5) == 5  # the photograph, two drawn, two maps
        assert "Worst mistakes of trial 1 of made" in shown
        driver.save_screenshot(str(tmp_path / "page.png"))
        driver.find_element(By.XPATH, "//button[contains(., 'Worst mistakes of')]").click()
        assert shown_pictures(driver, 6) == 6
        if folder := os.environ.get("TESTS_SCREENSHOTS"):
            shutil.copy(tmp_path / "page.png", Path(folder) / "app.png")
        asked = hosts_asked(driver.get_log("performance"))  # type: ignore[no-untyped-call]  # selenium's
    assert asked == {"127.0.0.1"}
