"""Near copies: different pixels, same photograph: another crop, another watermark, another compression.

In: distinct images. Out: pairs. A perceptual hash proposes (ImageHash's pHash, 64 bits of a cosine transform), and
correlation at the best shift confirms: the hash alone is wrong in about one pair of seven at distance 6 and in more
than half at distance 8, while pairs that pass both tests were right in all of 160 that were looked at (docs/audit.md).
"""

from collections.abc import Iterator

import cv2
import imagehash
import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fer_exp.audit.findings import NearPair
from fer_exp.data.faces import Images

NEAR_DISTANCE = 10  # bits of 64; at 12 there are five times as many proposals, of which 1 in 140 is confirmed
NEAR_CORRELATION = 0.90  # the highest of a wrong pair seen among 120 at distances 8 and 10
SHIFT = 5  # pixels by which one image may be moved against the other, either way, both axes
LEAST_CONTRAST = 1.0  # standard deviation in grey levels; below it, correlation means nothing
BLOCK = 512  # hashes compared with all others at once: 140 MB for FER2013


def near_pairs(images: Images, rows: NDArray[np.int64]) -> tuple[NearPair, ...]:
    """Pairs of near copies, by distance, then by row.

    Every two hashes are compared: 579 million pairs for FER2013, some seconds as bit operations on whole blocks.

    Args:
        images: `(m, 48, 48)` images, no two of them equal.
        rows: `(m,)` what to call them.
    """
    if not len(images):
        return ()
    inner = images[:, SHIFT:-SHIFT, SHIFT:-SHIFT].reshape(len(images), -1)
    usable = np.flatnonzero(inner.std(axis=1) >= LEAST_CONTRAST)
    pairs: list[NearPair] = []
    for first, second, distance in _proposals(perceptual_hashes(images[usable])):
        a, b = int(usable[first]), int(usable[second])
        correlation = best_correlation(images[a], images[b])
        if correlation >= NEAR_CORRELATION:
            ends = sorted((int(rows[a]), int(rows[b])))
            pairs.append(NearPair(first=ends[0], second=ends[1], distance=distance, correlation=correlation))
    return tuple(sorted(pairs, key=lambda pair: (pair.distance, pair.first, pair.second)))


def perceptual_hashes(images: Images) -> NDArray[np.uint64]:
    """`(n,)` hashes of 64 bits, ImageHash's pHash (low frequencies of the image, each above or below their median)."""
    bits = np.zeros((len(images), 64), np.bool_)
    for number, image in enumerate(images):
        bits[number] = imagehash.phash(Image.fromarray(image)).hash.ravel()
    return np.packbits(bits, axis=1).view(np.uint64).ravel()


def best_correlation(one: Images, other: Images) -> float:
    """Pearson's correlation of the middle of either image with the other, moved by up to 5 pixels; the highest."""
    inner = slice(SHIFT, -SHIFT)
    moved = (
        cv2.matchTemplate(whole, np.ascontiguousarray(part[inner, inner]), cv2.TM_CCOEFF_NORMED).max()
        for whole, part in ((one, other), (other, one))
    )
    return min(float(max(moved)), 1.0)  # float32 may end a hair above


def _proposals(hashes: NDArray[np.uint64]) -> Iterator[tuple[int, int, int]]:
    """Positions of two hashes and their distance, for all within `NEAR_DISTANCE`."""
    for start in range(0, len(hashes), BLOCK):
        block = hashes[start : start + BLOCK]
        distances = np.bitwise_count(block[:, np.newaxis] ^ hashes[np.newaxis, start:])
        first, second = np.nonzero(distances <= NEAR_DISTANCE)
        for a, b in zip(first[second > first], second[second > first], strict=True):
            yield start + int(a), start + int(b), int(distances[a, b])
