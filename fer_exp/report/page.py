"""Page: blocks become one HTML file that needs nothing beside it.

In: a Page. Out: HTML with style and script inside, and a policy that forbids every request. Text is escaped by
jinja2; drawings were by `svg.py`.
"""

from pathlib import Path

import jinja2
from markupsafe import Markup, escape

from fer_exp.report.blocks import Page
from fer_exp.report.palette import DARK, LIGHT

HERE = Path(__file__).parent


def render(page: Page) -> str:
    """The page's HTML."""
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    environment.filters["code"] = _code
    template = environment.from_string((HERE / "page.html").read_text(encoding="utf-8"))
    return template.render(
        page=page,
        colours=Markup(colours()),
        style=Markup((HERE / "page.css").read_text(encoding="utf-8")),
        script=Markup((HERE / "page.js").read_text(encoding="utf-8")),
    ).lstrip()


def _code(text: str) -> Markup:
    """Escaped text, with what stands between backticks as code."""
    parts = text.split("`")
    if len(parts) % 2 == 0:  # one that has no partner is a character like any other
        return escape(text)
    return Markup("").join(Markup("<code>{}</code>").format(part) if at % 2 else part for at, part in enumerate(parts))


def colours() -> str:
    """The palettes as CSS variables: light, dark where the reader's machine asks for it or the button was pressed."""
    light, dark = (" ".join(f"--{name}: {value};" for name, value in one.items()) for one in (LIGHT, DARK))
    return "\n".join(
        [
            f":root {{ {light} color-scheme: light; }}",
            "@media (prefers-color-scheme: dark) {",
            f':root:not([data-theme="light"]) {{ {dark} color-scheme: dark; }} }}',
            f':root[data-theme="dark"] {{ {dark} color-scheme: dark; }}',
            f"@media print {{ :root, :root:not([data-theme]), :root[data-theme] {{ {light} color-scheme: light; }} }}",
        ]
    )
