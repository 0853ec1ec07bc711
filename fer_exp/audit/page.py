"""The page: an audit as one HTML file that needs nothing beside it.

In: an Audit, its sheets as PNG. Out: HTML. Pictures are embedded, there is no script and no address outside the file,
so it can be mailed, archived, and opened anywhere.
"""

import base64
from html import escape

from fer_exp.audit.findings import Audit
from fer_exp.audit.sheets import Sheet
from fer_exp.audit.text import summary
from fer_exp.data.classes import Classes
from fer_exp.data.faces import Usage

STYLE = """
:root { color-scheme: light dark; --ink: #222; --faint: #666; --line: #ddd; --paper: #fff; --bar: #0072b2; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e6e6e6; --faint: #a0a0a0; --line: #444; --paper: #1a1a1a; --bar: #56b4e9; }
}
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
       max-width: 80rem; margin: 2rem auto; padding: 0 1rem; }
h1 { font-size: 1.6rem; margin-bottom: 0; } h2 { font-size: 1.2rem; margin: 2.5rem 0 0.3rem; }
p { margin: 0.3rem 0 0.8rem; max-width: 50rem; } .faint { color: var(--faint); }
table { border-collapse: collapse; margin: 0.5rem 0; font-variant-numeric: tabular-nums; }
th, td { text-align: right; padding: 0.2rem 1rem; border-bottom: 1px solid var(--line); font-weight: normal; }
th:first-child, td:first-child { text-align: left; padding-left: 0; } thead th { color: var(--faint); }
tfoot td { font-weight: 600; } .bar { width: 14rem; } .bar div { height: 0.7rem; background: var(--bar); }
img { max-width: 100%; height: auto; border: 1px solid var(--line); display: block; }
nav a { margin-right: 1rem; color: inherit; }
code { font-size: 0.9em; }
"""

EXPLAINED = {
    "exact-copies": "Equal in all 2,304 pixels. A copy in training makes its twin in validation or test a matter of "
    "memory; <code>--drop-leaks</code> lets training lose such images.",
    "conflicts": "The same pixels under several labels: no model can be right about all of them. "
    "<code>--drop-conflicts</code> lets training lose those in conflict within training.",
    "leaks": "Other pixels, same photograph. No option drops these: the rule that finds them is a judgement.",
    "blank": "<code>--drop-blank</code> lets training lose images of a single grey level. Of the nearly blank, four "
    "pixels in five lie within 8 grey levels.",
    "no-face": "Images that faces explain worst and in which OpenCV's face detectors found nothing. On FER2013 more "
    "than half of them do show a face: look before you drop any.",
    "label-suspects": "Confident learning on predictions of a small network that saw neither the image nor a copy of "
    "it. A hint where to look, not a verdict.",
}


def page(audit: Audit, sheets: list[tuple[Sheet, bytes]]) -> str:
    """The page's HTML.

    Args:
        audit: What was found.
        sheets: Each sheet with its picture as PNG.
    """
    check = audit.check
    title = f"Audit of {escape(check.source)}"
    links = "".join(f'<a href="#{sheet.name}">{escape(sheet.title)}</a>' for sheet, _ in sheets)
    return "\n".join(
        [
            '<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title>\n<style>{STYLE}</style>\n</head>\n<body>",
            f"<h1>{title}</h1>",
            f'<p class="faint">{check.faces:,} faces ({escape(check.kind)}), digest <code>{check.digest}</code>. '
            "#n is a position in the data, counted from 0.</p>",
            *(f"<p>{escape(note)}</p>" for note in check.notes),
            "<h2>Expressions</h2>",
            _classes(check.counts, Classes(check.class_names).titles),
            "<h2>Findings</h2>",
            _findings(audit),
            f"<nav>{links}</nav>",
            *(_section(sheet, picture) for sheet, picture in sheets),
            "</body>\n</html>\n",
        ]
    )


def _classes(counts: tuple[tuple[int, int, int], ...], titles: tuple[str, ...]) -> str:
    totals = [sum(row) for row in counts]
    rows = "".join(
        f"<tr><td>{escape(name)}</td>{_cells(*row, total)}<td>{100 * total / max(sum(totals), 1):.1f} %</td>"
        f'<td class="bar"><div style="width: {100 * total / max(*totals, 1):.1f}%"></div></td></tr>'
        for name, row, total in zip(titles, counts, totals, strict=True)
    )
    heads = "".join(f"<th>{usage.title}</th>" for usage in Usage)
    sums = _cells(*(sum(column) for column in zip(*counts, strict=True)), sum(totals))
    return (
        f"<table><thead><tr><th></th>{heads}<th>all</th><th>share</th><th></th></tr></thead>"
        f"<tbody>{rows}</tbody><tfoot><tr><td>all</td>{sums}<td></td><td></td></tr></tfoot></table>"
    )


def _cells(*numbers: int) -> str:
    return "".join(f"<td>{number:,}</td>" for number in numbers)


def _findings(audit: Audit) -> str:
    check, exact, near = audit.check, audit.exact, audit.near
    pairs = [
        ("images beyond the first of their group", exact.extra, near.extra),
        ("groups of two and more", len(exact.groups), len(near.groups)),
        ("groups with several labels", exact.conflicts, near.conflicts),
        ("PublicTest images that Training holds too", exact.public_test_in_training, near.public_test_in_training),
        ("PrivateTest images that Training holds too", exact.private_test_in_training, near.private_test_in_training),
        (
            "PrivateTest images that PublicTest holds too",
            exact.private_test_in_public_test,
            near.private_test_in_public_test,
        ),
    ]
    body = "".join(f"<tr><td>{name}</td>{_cells(one, other)}</tr>" for name, one, other in pairs)
    rest = [("blank images (a single grey level)", f"{check.blank:,}"), *summary(audit)[5:]]
    more = "".join(f"<tr><td>{name}</td><td>{value}</td></tr>" for name, value in rest)
    return (
        "<table><thead><tr><th>Copies</th><th>exact</th><th>exact or near</th></tr></thead>"
        f"<tbody>{body}</tbody></table>"
        '<p class="faint">Exact: all pixels equal. Near: perceptual hashes (pHash, 64 bits) differ in at most '
        f"{audit.near_distance} bits, and pixels correlate by {audit.near_correlation:.2f} or more at the best shift "
        f"of up to 5 pixels ({len(audit.near_pairs):,} pairs of distinct images).</p>"
        f"<table><thead><tr><th>Oddities</th><th></th></tr></thead><tbody>{more}</tbody></table>"
    )


def _section(sheet: Sheet, picture: bytes) -> str:
    explained = f"<p>{EXPLAINED[sheet.name]}</p>" if sheet.name in EXPLAINED else ""
    data = base64.b64encode(picture).decode()
    return (
        f'<h2 id="{sheet.name}">{escape(sheet.title)}</h2>\n{explained}<p class="faint">{escape(sheet.text)}</p>\n'
        f'<img alt="{escape(sheet.title)}" src="data:image/png;base64,{data}">'
    )
