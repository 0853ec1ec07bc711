"""A real browser on a fresh profile: headless Chromium, by Selenium.

In: an address. Out: what a person would see there. As a program it writes the screenshots of the documentation:
`python -m tests.browser FOLDER ADDRESS...`.
"""

import shutil
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from selenium import webdriver
from selenium.common.exceptions import WebDriverException
from selenium.webdriver.chrome.service import Service
from selenium.webdriver.common.by import By

CHROMIUM, DRIVER = shutil.which("chromium"), shutil.which("chromedriver")
SIZE = "1800,1000"
PATIENCE = 90.0  # seconds until a page shows what is waited for
# Without these Chromium asks its maker's hosts at every start, which a test must not do.
QUIET = ("no-first-run", "disable-background-networking", "disable-component-update", "disable-sync", "disable-quic")


@contextmanager
def browser(log: bool = False) -> Iterator[webdriver.Chrome]:
    """A browser that knows nothing yet; it ends with the block. With `log` it keeps every request that a page makes."""
    with tempfile.TemporaryDirectory(prefix="fer-exp-") as profile:
        options = webdriver.ChromeOptions()
        options.binary_location = str(CHROMIUM)
        for name in ("headless=new", "no-sandbox", "disable-gpu", f"window-size={SIZE}", f"user-data-dir={profile}"):
            options.add_argument(f"--{name}")
        for name in QUIET:
            options.add_argument(f"--{name}")
        if log:
            options.set_capability("goog:loggingPrefs", {"performance": "ALL"})
        driver = webdriver.Chrome(options=options, service=Service(str(DRIVER)))
        try:
            yield driver
        finally:
            driver.quit()


def text_of(driver: webdriver.Chrome) -> str:
    """All text that the page shows; empty while it is being made anew."""
    try:
        return driver.find_element(By.TAG_NAME, "body").text
    except WebDriverException:
        return ""


def wait_until(driver: webdriver.Chrome, holds: Callable[[str], bool]) -> str:
    """The page's text once it `holds`, or at the end of all patience."""
    deadline = time.monotonic() + PATIENCE
    while time.monotonic() < deadline:
        text = text_of(driver)
        if holds(text):
            return text
        time.sleep(0.5)
    return text_of(driver)


def main(folder: Path, addresses: list[str]) -> None:
    """Writes a picture of each page."""
    with browser() as driver:
        for number, address in enumerate(addresses, start=1):
            driver.get(address)
            time.sleep(15)
            driver.save_screenshot(str(folder / f"mlflow-{number}.png"))


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2:])
