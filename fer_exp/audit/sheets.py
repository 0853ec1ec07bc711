"""Contact sheets: the images behind an audit's numbers, in rows and columns, each with its caption.

In: Faces, an Audit. Out: sheets, which `draw` makes into pictures. Pillow draws them: matplotlib would need ten seconds
a sheet for its axes. Samples are drawn with a fixed seed, so the same data give the same sheets.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from fer_exp.audit.findings import Audit, NearPair
from fer_exp.data.classes import Classes
from fer_exp.data.faces import SIDE, Faces, Images, Usage

SCALE = 2  # screen pixels per pixel, either way
GAP = 12  # screen pixels between tiles
FONT, LINE = 12, 15  # screen pixels
WIDTH = 1240  # screen pixels of a sheet
SEED = 1
OF_CLASS, GROUPS, LEAKS, OF_DISTANCE, NO_FACES, SUSPECTS = 11, 66, 42, 12, 220, 88  # tiles at most


@dataclass(frozen=True)
class Tile:
    """Images side by side, with lines of text below."""

    images: tuple[Images, ...]  # each (48, 48)
    lines: tuple[str, ...]


@dataclass(frozen=True)
class Sheet:
    """Tiles under one heading."""

    name: str  # of its file, without ending
    title: str
    text: str  # what is shown, out of how many
    tiles: tuple[Tile, ...]


def draw(sheet: Sheet) -> Image.Image:
    """The sheet's tiles as one grey picture, 1,240 wide, without its title."""
    font = ImageFont.load_default(FONT)
    tile_width = max(len(tile.images) for tile in sheet.tiles) * SIDE * SCALE + GAP
    columns = (WIDTH - GAP) // tile_width
    rows = [sheet.tiles[start : start + columns] for start in range(0, len(sheet.tiles), columns)]
    heights = [SIDE * SCALE + LINE * max(len(tile.lines) for tile in row) + GAP for row in rows]
    picture = Image.new("L", (WIDTH, sum(heights) + GAP), 255)
    pen = ImageDraw.Draw(picture)
    y = GAP
    for row, height in zip(rows, heights, strict=True):
        for column, tile in enumerate(row):
            x = GAP + column * tile_width
            strip = Image.fromarray(np.hstack(tile.images))
            picture.paste(strip.resize((strip.width * SCALE, strip.height * SCALE), Image.Resampling.NEAREST), (x, y))
            for place, line in enumerate(tile.lines):
                pen.text((x, y + SIDE * SCALE + 1 + place * LINE), line, fill=0, font=font)
        y += height
    return picture


def sheets_of(faces: Faces, audit: Audit) -> tuple[Sheet, ...]:
    """The sheets of `audit`; none for what was not found."""
    made = (_classes(faces), *_copies(faces, audit), *_near(faces, audit), *_odd(faces, audit), _noise(faces, audit))
    return tuple(sheet for sheet in made if sheet is not None and sheet.tiles)


def _classes(faces: Faces) -> Sheet:
    generator = np.random.default_rng(SEED)
    tiles: list[Tile] = []
    for label in faces.classes:
        rows = np.flatnonzero(faces.labels == label)
        chosen = generator.permutation(rows)[:OF_CLASS]
        tiles += [Tile((faces.images[row],), (label.title, f"#{row}")) for row in chosen]
    return Sheet("classes", "What each expression looks like", f"{OF_CLASS} images of each, at random.", tuple(tiles))


def _copies(faces: Faces, audit: Audit) -> Iterator[Sheet]:
    groups = audit.exact.groups
    conflicts = [group for group in groups if group.in_conflict]
    for name, title, kind, chosen in (
        ("exact-copies", "Exact copies", "groups, the largest", groups),
        ("conflicts", "Exact copies with several labels", "groups in conflict, the largest", conflicts),
    ):
        tiles = tuple(
            Tile(
                (faces.images[group.rows[0]],),
                (f"{len(group.rows)} x #{group.rows[0]}", *_tally(group.labels, faces.classes)),
            )
            for group in chosen[:GROUPS]
        )
        text = (
            f"{len(tiles)} of {len(chosen):,} {kind} first. Below each: how often it occurs, its first row, its labels."
        )
        yield Sheet(name, title, text, tiles)


def _tally(labels: tuple[int, ...], classes: Classes) -> tuple[str, ...]:
    counts = Counter(labels).most_common()
    return tuple(f"{classes[label].title} {count}" for label, count in counts)


def _near(faces: Faces, audit: Audit) -> Iterator[Sheet]:
    generator = np.random.default_rng(SEED)
    across = [pair for pair in audit.near_pairs if faces.usage[pair.first] != faces.usage[pair.second]]
    chosen = _some(across, LEAKS, generator)
    yield Sheet(
        "leaks",
        "Near copies across official parts",
        f"{len(chosen)} of {len(across):,} pairs of distinct images, at random.",
        tuple(_pair(faces, pair) for pair in chosen),
    )
    distances = sorted({pair.distance for pair in audit.near_pairs})
    by_distance = {n: [pair for pair in audit.near_pairs if pair.distance == n] for n in distances}
    counts = ", ".join(f"{len(pairs):,} at {distance}" for distance, pairs in by_distance.items())
    yield Sheet(
        "near-copies",
        "Near copies by distance of their hashes",
        f"Up to {OF_DISTANCE} pairs at each distance, at random, of {counts}; r is the correlation at the best shift.",
        tuple(_pair(faces, p) for pairs in by_distance.values() for p in _some(pairs, OF_DISTANCE, generator)),
    )


def _some(pairs: list[NearPair], count: int, generator: np.random.Generator) -> list[NearPair]:
    return [pairs[place] for place in generator.permutation(len(pairs))[:count]]


def _pair(faces: Faces, pair: NearPair) -> Tile:
    ends = (pair.first, pair.second)
    lines = [f"{Usage(faces.usage[row]).title} #{row} {faces.classes[faces.labels[row]].title}" for row in ends]
    return Tile(
        tuple(faces.images[row] for row in ends), (*lines, f"distance {pair.distance}, r {pair.correlation:.3f}")
    )


def _odd(faces: Faces, audit: Audit) -> Iterator[Sheet]:
    flat = [(row, "blank") for row in audit.blank] + [(found.row, f"{found.spread:.0f} levels") for found in audit.flat]
    tiles = tuple(Tile((faces.images[row],), (f"#{row}", Usage(faces.usage[row]).title, said)) for row, said in flat)
    text = f"{len(audit.blank)} blank images and {len(audit.flat)} nearly blank ones."
    yield Sheet("blank", "Blank and nearly blank images", text, tiles[:NO_FACES])
    tiles = tuple(
        Tile((faces.images[found.row],), (f"#{found.row}", f"{found.strangeness:.2f}")) for found in audit.no_face
    )
    text = (
        f"The {min(len(tiles), NO_FACES)} strangest of {len(tiles)} candidates; the number is the share of contrast "
        "that faces do not explain. Drawings and false alarms included."
    )
    yield Sheet("no-face", "Images without a face, perhaps", text, tiles[:NO_FACES])


def _noise(faces: Faces, audit: Audit) -> Sheet | None:
    if audit.label_noise is None:
        return None
    suspects = audit.label_noise.suspects
    tiles = tuple(
        Tile(
            (faces.images[found.row],),
            (
                f"#{found.row}",
                f"{faces.classes[found.given].title} {found.given_probability:.2f}",
                f"{faces.classes[found.suggested].title}? {found.suggested_probability:.2f}",
            ),
        )
        for found in suspects[:SUSPECTS]
    )
    text = f"The {len(tiles)} least credible of {len(suspects):,} candidates: label as given, then the model's."
    return Sheet("label-suspects", "Labels that may be wrong", text, tiles)
