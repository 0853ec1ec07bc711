"""A report in a real browser: nothing is asked for, the theme turns, trials can be pointed at and sifted."""

from collections.abc import Iterator

import pytest
from selenium import webdriver
from selenium.webdriver.common.action_chains import ActionChains
from selenium.webdriver.common.by import By

from fer_exp.report.palette import DARK, LIGHT
from fer_exp.report.write import write_report
from fer_exp.system.home import Home
from tests import reported
from tests.browser import CHROMIUM, DRIVER, browser

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not (CHROMIUM and DRIVER), reason="needs Chromium and its driver (apt install chromium-driver)"),
]


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Iterator[webdriver.Chrome]:
    home = Home(tmp_path_factory.mktemp("report"))
    reported.faces_in_cache(home, reported.campaign(home, 12))
    path = write_report(home, reported.NAME)
    with browser() as driver:
        driver.get(path.as_uri())
        yield driver


def paper(page: webdriver.Chrome) -> str:
    """The colour behind the text, as the palettes write it."""
    found = page.execute_script("return getComputedStyle(document.body).backgroundColor.match(/\\d+/g).map(Number)")
    return "#" + "".join(f"{part:02x}" for part in found)


def test_nothing_is_asked_for_and_nothing_goes_wrong(page: webdriver.Chrome) -> None:
    assert (
        page.execute_script(
            "return performance.getEntriesByType('resource').filter(e => !e.name.startsWith('data:')).length"
        )
        == 0
    )
    assert page.get_log("browser") == []  # type: ignore[no-untyped-call]  # Selenium's own


def test_a_page_is_never_wider_than_its_window(page: webdriver.Chrome) -> None:
    for width in (400, 1200):
        metrics = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": False}
        page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        assert page.execute_script("return document.documentElement.scrollWidth") <= width
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_the_theme_is_the_readers_and_the_button_turns_it(page: webdriver.Chrome) -> None:
    for theme, palette, other in (("dark", DARK, LIGHT), ("light", LIGHT, DARK)):
        page.execute_cdp_cmd(
            "Emulation.setEmulatedMedia", {"features": [{"name": "prefers-color-scheme", "value": theme}]}
        )
        page.refresh()
        assert paper(page) == palette["paper"]
        page.find_element(By.ID, "theme").click()
        assert paper(page) == other["paper"]


def test_paper_is_white_whatever_the_theme(page: webdriver.Chrome) -> None:
    for theme in ("dark", "light"):
        features = [{"name": "prefers-color-scheme", "value": theme}]
        page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": features})
        assert paper(page) == LIGHT["paper"]
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})


def test_the_leaderboard_needs_no_scrolling_on_a_desk(page: webdriver.Chrome) -> None:
    metrics = {"width": 1200, "height": 800, "deviceScaleFactor": 1, "mobile": False}
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    page.execute_script(
        "document.querySelector('#leaderboard tbody td.long').textContent = 'last width 96, '.repeat(4)"
    )
    hidden = "const e = document.querySelector('#leaderboard .scroll'); return e.scrollWidth - e.clientWidth"
    assert page.execute_script(hidden) <= 0
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})
    page.refresh()


def test_on_paper_the_figures_at_the_top_stand_in_one_row(page: webdriver.Chrome) -> None:
    metrics = {"width": 680, "height": 960, "deviceScaleFactor": 1, "mobile": False}  # A4 within its margins
    page.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "print", "features": []})
    page.execute_script(
        "const all = document.querySelector('.figures'); while (all.children.length < 5) "
        "all.append(all.firstElementChild.cloneNode(true))"  # a campaign with retrains has five
    )
    tops = page.execute_script("return [...document.querySelectorAll('.figures div')].map(e => e.offsetTop)")
    assert (len(tops), len(set(tops))) == (5, 1)
    page.execute_cdp_cmd("Emulation.setEmulatedMedia", {"media": "", "features": []})
    page.execute_cdp_cmd("Emulation.clearDeviceMetricsOverride", {})


def test_a_brush_keeps_the_trials_inside_it_and_a_click_lets_them_go(page: webdriver.Chrome) -> None:
    page.refresh()
    grip = page.find_element(By.CSS_SELECTOR, ".grip[data-axis='0']")
    page.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", grip)
    total = len(page.find_elements(By.CSS_SELECTOR, ".trial"))
    height = int(page.execute_script("return arguments[0].getBoundingClientRect().height", grip))
    ActionChains(page).move_to_element_with_offset(grip, 0, -height // 2 + 2).click_and_hold().move_by_offset(
        0, height // 2
    ).release().perform()
    places = page.execute_script(
        "return [...document.querySelectorAll('.trial')].map(t => Number(t.dataset.at.split(',')[0]))"
    )
    out = len(page.find_elements(By.CSS_SELECTOR, ".trial.out"))
    told = page.find_element(By.CSS_SELECTOR, ".controls output").text
    assert 0 < out < total
    assert abs(sum(place < 0.5 for place in places) - out) <= 1  # the axis's middle, to a pixel
    assert told == f"{total - out} of {total} trials are inside what you marked"
    page.find_element(By.CSS_SELECTOR, ".controls button").click()
    assert not page.find_elements(By.CSS_SELECTOR, ".trial.out")


def test_a_trial_under_the_pointer_is_set_off_and_told(page: webdriver.Chrome) -> None:
    page.refresh()
    chart = page.find_element(By.CSS_SELECTOR, "svg.parallel")
    page.execute_script("arguments[0].scrollIntoView({block: 'center', behavior: 'instant'})", chart)
    middle = page.execute_script(
        "const line = document.querySelector('.trial.best'), at = line.getPointAtLength(line.getTotalLength() / 2);"
        "const p = new DOMPoint(at.x, at.y).matrixTransform(line.getScreenCTM());"
        "const box = arguments[0].getBoundingClientRect();"
        "return [p.x - box.x - box.width / 2, p.y - box.y - box.height / 2]",
        chart,
    )
    ActionChains(page).move_to_element_with_offset(chart, *(round(part) for part in middle)).perform()
    (over,) = page.find_elements(By.CSS_SELECTOR, ".trial.over")
    assert page.find_element(By.CSS_SELECTOR, ".controls output").text == over.get_attribute("data-told")
