"""Palette: the colours of pages, for light and dark; a test holds their contrast to WCAG 2.2.

In: nothing. Out: colours by the name of their CSS variable. Marks are those of Okabe and Ito, darkened or lightened
until they stand out from the paper; people with any common colour blindness tell them apart.
"""

LIGHT = {
    "paper": "#ffffff",
    "raised": "#f5f6f7",
    "ink": "#1c1e21",
    "faint": "#5a6068",
    "line": "#d5d9de",
    "link": "#0a5591",
    "a": "#0a6cb0",  # the winner; also "better"
    "b": "#b85410",  # the baseline; also "worse"
    "r": "#6b4c9a",  # the reference
    "t": "#7f8790",  # a trial among many
}
DARK = {
    "paper": "#15171a",
    "raised": "#1e2125",
    "ink": "#eceef0",
    "faint": "#a5acb5",
    "line": "#3a3f46",
    "link": "#7fbcf0",
    "a": "#56a8e8",
    "b": "#f0955a",
    "r": "#b79ae6",
    "t": "#87909b",
}
