"""CLAHE: contrast-limited adaptive histogram equalisation, OpenCV's, with the reference's settings.

In: grey faces. Out: the same faces, equalised one by one, byte for byte what `cv2.createCLAHE(2.0, (8, 8))` gives.
"""

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

from fer_exp.data.faces import Images
from fer_exp.system.provenance import cores

CLIP_LIMIT = 2.0  # times the flat histogram; the reference's
TILES = (8, 8)  # the reference's; 6x6 pixels each
BLOCK = 512  # images a thread takes at a time


def equalise(images: Images) -> Images:
    """`(n, 48, 48)` uint8, each image equalised on its own; the input stays as it is."""
    result = np.empty(images.shape, dtype=np.uint8)
    starts = range(0, len(images), BLOCK)
    blocks = ((images[start : start + BLOCK], result[start : start + BLOCK]) for start in starts)
    with ThreadPoolExecutor(cores()) as pool:  # OpenCV works outside the interpreter, so the processors share them
        for done in [pool.submit(_equalise_into, block, target) for block, target in blocks]:
            done.result()
    return result


def _equalise_into(images: Images, target: Images) -> None:
    clahe = cv2.createCLAHE(clipLimit=CLIP_LIMIT, tileGridSize=TILES)  # one for each thread: it holds tables of its own
    for image, equalised in zip(images, target, strict=True):
        clahe.apply(image, equalised)
