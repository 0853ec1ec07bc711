"""A page needs nothing beside it, says nothing that it was not given, and can be read by everybody."""

import re
from itertools import pairwise

import pytest
from markupsafe import Markup

from fer_exp.report.blocks import (
    Code,
    Drawing,
    Facts,
    Missing,
    Multiples,
    Page,
    Picture,
    Pictures,
    Section,
    Table,
    Text,
)
from fer_exp.report.charts import Bar, bars_chart
from fer_exp.report.matrices import STRONGEST
from fer_exp.report.page import colours, render
from fer_exp.report.palette import DARK, LIGHT
from tests.reported import elements

HOSTILE = "<script>alert(1)</script> & \"quoted\" 'words' `code <b>`"
CHART, SECOND, THIRD = (bars_chart(f"{title} <b>", [Bar(HOSTILE, 1.0, "100 %")]) for title in ("One", "Two", "Three"))
BLOCKS = (
    Text(HOSTILE),
    Missing(HOSTILE),
    Table(HOSTILE, (HOSTILE, "n"), ((HOSTILE, "1"), ("b", "2")), (1,)),
    Drawing(CHART, HOSTILE, (("a", HOSTILE),)),
    Multiples((SECOND, THIRD), HOSTILE, (("b", HOSTILE),)),
    Pictures((Picture("data:image/png;base64,AA==", HOSTILE, HOSTILE, HOSTILE),)),
    Facts(((HOSTILE, HOSTILE),)),
    Code(HOSTILE),
)
SECTIONS = (Section("one", HOSTILE, BLOCKS), Section("two", "Two", ()))
PAGE = Page(HOSTILE, "kicker", HOSTILE, SECTIONS, HOSTILE, ((HOSTILE, HOSTILE),))


@pytest.fixture(scope="module")
def html() -> str:
    return render(PAGE)


def test_what_a_page_is_given_is_text_and_never_markup(html: str) -> None:
    found = elements(html)
    assert [one.tag for one in found].count("script") == 1
    assert not [one for one in found if one.tag == "b"]
    assert html.count("alert(1)") == html.count("&lt;script&gt;alert(1)")


def test_no_element_asks_for_anything_outside_the_file(html: str) -> None:
    found = elements(html)
    named = [pair for one in found for pair in one.attributes.items()]
    addresses = [value for name, value in named if name in ("src", "href", "xlink:href", "srcset", "action")]
    assert all(address.startswith(("data:", "#")) for address in addresses)
    assert not [one for one in found if one.tag in ("link", "iframe", "object", "embed", "base")]
    assert not re.search(r"url\(|@import|fetch\(|XMLHttpRequest|import\(", html)
    (policy,) = [one.attributes["content"] for one in found if "Content-Security-Policy" in one.attributes.values()]
    assert policy == "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


def test_a_page_names_its_language_and_its_headings_skip_no_level(html: str) -> None:
    found = elements(html)
    assert next(one for one in found if one.tag == "html").attributes["lang"] == "en"
    levels = [int(one.tag[1]) for one in found if re.fullmatch("h[1-6]", one.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after - before <= 1 for before, after in pairwise(levels))


def test_pictures_and_drawings_are_described(html: str) -> None:
    found = elements(html)
    assert all(one.attributes.get("alt") for one in found if one.tag == "img")
    for one in found:
        if one.tag == "svg" and one.attributes.get("aria-hidden") != "true":
            assert one.attributes["role"] == "img"
            ids = {child.attributes.get("id"): child.text for child in one.children if child.tag in ("title", "desc")}
            assert all(ids[name].strip() for name in one.attributes["aria-labelledby"].split())


def test_ids_are_given_once(html: str) -> None:
    ids = [one.attributes["id"] for one in elements(html) if "id" in one.attributes]
    assert len(ids) == len(set(ids))


def test_headers_of_tables_say_what_they_are_of(html: str) -> None:
    headers = [one for one in elements(html) if one.tag == "th"]
    assert {one.attributes["scope"] for one in headers} == {"col", "row"}


def test_what_stands_between_backticks_is_code() -> None:
    page = Page("t", "k", "", (Section("s", "S", (Text("a `b` c"), Text("one ` alone"))),), "m")
    html = render(page)
    assert "<p>a <code>b</code> c</p>" in html
    assert "<p>one ` alone</p>" in html


def luminance(colour: tuple[float, float, float]) -> float:
    """Relative luminance, WCAG 2.2."""
    parts = [c / 255 / 12.92 if c / 255 <= 0.04045 else ((c / 255 + 0.055) / 1.055) ** 2.4 for c in colour]
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]


def rgb(text: str) -> tuple[float, float, float]:
    red, green, blue = (int(text[at : at + 2], 16) for at in (1, 3, 5))
    return red, green, blue


def contrast(one: tuple[float, float, float], other: tuple[float, float, float]) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def mixed(over: str, under: str, opacity: float) -> tuple[float, float, float]:
    red, green, blue = (opacity * a + (1 - opacity) * b for a, b in zip(rgb(over), rgb(under), strict=True))
    return red, green, blue


@pytest.mark.parametrize("palette", [LIGHT, DARK], ids=["light", "dark"])
def test_text_stands_out_from_what_is_behind_it(palette: dict[str, str]) -> None:
    for behind in ("paper", "raised"):
        for text in ("ink", "faint", "link"):
            assert contrast(rgb(palette[text]), rgb(palette[behind])) >= 4.5, (text, behind)
    for mark in ("a", "b", "r", "t"):
        assert contrast(rgb(palette[mark]), rgb(palette["paper"])) >= 3.0, mark
    for mark in ("a", "b"):
        assert contrast(rgb(palette["ink"]), mixed(palette[mark], palette["paper"], STRONGEST)) >= 4.5, mark


def test_a_page_holds_the_palettes_that_were_measured(html: str) -> None:
    assert colours() in html
    assert set(re.findall(r"var\(--(\w+)\)", html)) <= set(LIGHT) == set(DARK)
    assert not re.findall(r"#[0-9a-fA-F]{6}\b", html.replace(colours(), ""))


def test_a_drawing_that_is_no_markup_is_escaped() -> None:
    page = Page("t", "k", "", (Section("s", "S", (Drawing("<svg>" + "</svg>"),)),), "m")  # type: ignore[arg-type]  # a mistake
    assert "&lt;svg&gt;" in render(page)
    assert isinstance(CHART, Markup)
