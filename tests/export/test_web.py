"""The exported page in a real browser: a picture is chosen, and the answers are Keras's."""

import shutil
import socketserver
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from fer_exp.data.classes import FER2013
from fer_exp.data.sources.demo import draw_faces
from fer_exp.export import browser_runtime
from fer_exp.export.formats import Format
from fer_exp.export.run import Order, export_model
from fer_exp.metrics.temperature import tempered
from fer_exp.model import load_model, predict
from fer_exp.records import Record
from fer_exp.records.facts import NOTICE
from fer_exp.system.errors import BadInput
from fer_exp.system.home import Home
from tests.browser import CHROMIUM, DRIVER, browser, text_of, wait_until
from tests.trained_models import NAME, TEMPERATURE, record_in

for module in ("onnx", "tf2onnx", "onnxruntime"):
    pytest.importorskip(module)


@pytest.fixture(scope="module")
def page(toy_made: Home, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Record]:
    """The folder that `export --format web` wrote, and the record of its model; skips where npm reaches nothing."""
    root = tmp_path_factory.mktemp("web")
    try:
        export_model(toy_made, Order(Format.WEB, root / "page"), record=NAME)
    except BadInput as error:
        if "npm" not in error.problem:
            raise
        pytest.skip(f"onnxruntime-web is not to be had: {error.problem}")
    return root / "page", record_in(toy_made)


class _Quiet(SimpleHTTPRequestHandler):
    asked: list[str] = []  # noqa: RUF012  # one list for all requests is what is wanted

    def log_message(self, *_: object) -> None:
        self.asked.append(f"{self.command} {self.path}")


@pytest.fixture
def address(page: tuple[Path, Record]) -> Iterator[str]:
    """What `python -m http.server` does, on a free port of this machine."""
    _Quiet.asked.clear()
    with socketserver.ThreadingTCPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(page[0]))) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}/"
        server.shutdown()


def answers(record: Record, image: NDArray[np.uint8]) -> NDArray[np.float32]:
    return np.asarray(tempered(predict(load_model(record.model), image[None]), TEMPERATURE)[0])


def answered(label: str, text: str) -> bool:
    return label in text and "Looked at" in text


def photograph() -> NDArray[np.uint8]:
    """A picture in colour, larger than a face and not square, with a drawn face in its middle."""
    face = cv2.resize(np.asarray(draw_faces().images[3]), (210, 210), interpolation=cv2.INTER_CUBIC)
    picture = np.full((210, 300, 3), 90, np.uint8)
    picture[:, 45:255] = np.stack([face, 255 - face // 2, face // 3 + 60], axis=-1)
    return picture


@pytest.mark.slow
@pytest.mark.skipif(CHROMIUM is None or DRIVER is None, reason="Chromium and its driver are not installed")
def test_the_page_answers_as_keras_and_asks_nobody(page: tuple[Path, Record], address: str, tmp_path: Path) -> None:
    from selenium.webdriver.common.by import By

    record = page[1]
    small = np.asarray(draw_faces().images[5])
    large = photograph()
    grey = cv2.cvtColor(large[:, 45:255], cv2.COLOR_BGR2GRAY)
    pictures = {
        "small.png": (small, small),
        "large.png": (large, cv2.resize(grey, (48, 48), interpolation=cv2.INTER_AREA)),
    }
    with browser() as driver:
        driver.get(address)
        assert "Ready" in wait_until(driver, lambda text: "Ready" in text)
        assert NOTICE in text_of(driver)
        for name, (picture, face) in pictures.items():
            assert cv2.imwrite(str(tmp_path / name), picture)
            driver.find_element(By.ID, "file").send_keys(str(tmp_path / name))
            expected = answers(record, face.astype(np.uint8))
            label = f"Appears {FER2013.names[expected.argmax()]}"
            assert label in wait_until(driver, partial(answered, label))
            rows = driver.find_elements(By.CSS_SELECTOR, "#answers tr")
            shown = {row.text.split()[0]: float(row.text.split()[-1]) for row in rows}
            assert list(shown) == list(FER2013.names)
            assert np.abs(np.array(list(shown.values())) - expected).max() < 1e-3, name
        driver.find_element(By.ID, "file").send_keys(str(Path(__file__)))
        assert "is no picture" in wait_until(driver, lambda text: "is no picture" in text)
        refused = driver.execute_async_script(
            "const done = arguments[0]; fetch('http://127.0.0.1:9/', {mode: 'no-cors'})"
            ".then(() => done('sent'), (error) => done(String(error)));"
        )
        assert refused != "sent"
        log = driver.get_log("browser")  # type: ignore[no-untyped-call]  # Selenium gives it no types
        policy = [line["message"] for line in log if "Content Security Policy" in line["message"]]
        assert policy
        assert all("127.0.0.1:9" in line for line in policy), policy  # what was asked for above, and nothing else
    assert {line.split()[0] for line in _Quiet.asked} == {"GET"}


def test_the_runtime_may_come_from_a_folder(tmp_path: Path) -> None:
    dist = tmp_path / "package" / "dist"
    dist.mkdir(parents=True)
    with pytest.raises(BadInput, match=r"found no ort\.wasm\.min\.mjs") as refusal:
        browser_runtime.put_runtime(tmp_path / "runtime", dist)
    assert "npm pack onnxruntime-web@" in refusal.value.remedy
    for name in browser_runtime.FILES:
        (dist / name).write_text(name)
    (dist.parent / "package.json").write_text("{}")
    browser_runtime.put_runtime(tmp_path / "runtime", dist)
    assert {path.name for path in (tmp_path / "runtime").iterdir()} == {*browser_runtime.FILES, "package.json"}


def test_without_npm_the_steps_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(BadInput, match="expected npm to fetch onnxruntime-web, found none") as refusal:
        browser_runtime.put_runtime(tmp_path / "runtime", None)
    assert "--runtime-dir" in refusal.value.remedy
    monkeypatch.undo()
    broken = tmp_path / "npm"
    broken.write_text("#!/bin/sh\necho 'npm error network' >&2\nexit 1\n")
    broken.chmod(0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(BadInput, match="received an error from it: npm error network"):
        browser_runtime.put_runtime(tmp_path / "runtime", None)
    assert not (tmp_path / "runtime").exists()
