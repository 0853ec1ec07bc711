"""The documentation's site: built without a warning, complete, searchable from disk; it asks no foreign host."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from selenium.webdriver.common.by import By

from fer_exp.cli.help import ABOUT
from tests.browser import CHROMIUM, DRIVER, browser, wait_until

ROOT = Path(__file__).resolve().parent.parent
MKDOCS = Path(sys.executable).with_name("mkdocs")
FETCHED = re.compile(r'<(?:script|link|img|iframe)\b[^>]*\b(?:src|href)="((?:https?:)?//[^"]+)"')


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("site")
    done = subprocess.run(
        [MKDOCS, "build", "--quiet", "--site-dir", target],
        cwd=ROOT,
        env={**os.environ, "NO_MKDOCS_2_WARNING": "1", "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    return target


def test_every_command_has_a_page_with_its_options(site: Path) -> None:
    groups = {"cluster", "data", "records"}
    pages = {
        path.stem.rpartition("-")[2] if path.stem.startswith(("data-", "records-")) else path.stem
        for path in (site / "commands").iterdir()
    }
    assert pages == {name.replace(" ", "-") for name in set(ABOUT) - groups} | {"index"}
    cluster = re.sub(r"<[^>]+>", "", (site / "commands" / "cluster-check.html").read_text())
    assert "fer-exp cluster check auto" in cluster
    assert "--max-trials" in (site / "commands" / "search.html").read_text()
    for page in (site / "commands").glob("[!i]*.html"):
        assert ">Guide: <a" in page.read_text(), page.name
    assert "official|stratified|grouped|subject-kfold|reference" in (site / "commands" / "search.html").read_text()


def test_notebooks_and_decisions_are_pages(site: Path) -> None:
    assert "The campaign" in (site / "notebooks" / "first_campaign.html").read_text()
    decisions = {path.stem for path in (ROOT / "docs" / "decisions").glob("0*.md")}
    assert {path.stem for path in (site / "decisions").glob("0*.html")} == decisions


def test_the_api_shows_every_function_with_its_parameters(site: Path) -> None:
    page = (site / "api.html").read_text()
    for name in (
        "search",
        "dry_run",
        "baseline",
        "retrain_best",
        "evaluate",
        "compare",
        "load_campaign",
        "leaderboard",
    ):
        assert f'{name}"' in page
    assert "Training images kept, stratified." in page


def test_no_page_fetches_anything_from_a_foreign_host(site: Path) -> None:
    pages = list(site.rglob("*.html"))
    assert len(pages) > 40
    assert {found for page in pages for found in FETCHED.findall(page.read_text())} == set()


@pytest.mark.skipif(CHROMIUM is None or DRIVER is None, reason="no Chromium: apt-get install chromium chromium-driver")
def test_the_search_works_on_pages_opened_from_disk(site: Path) -> None:
    with browser() as driver:
        driver.get((site / "commands" / "search.html").as_uri())
        field = driver.find_element(By.CSS_SELECTOR, "input.md-search__input")
        driver.execute_script("arguments[0].focus()", field)
        field.send_keys("champion")
        assert "The champion moves when the verdict says better" in wait_until(
            driver, lambda text: "matching documents" in text
        )
