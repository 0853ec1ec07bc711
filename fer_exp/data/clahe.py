"""CLAHE: contrast-limited adaptive histogram equalisation, OpenCV's, with the reference's settings.

In: faces. Out: the same faces, equalised one by one, byte for byte what `cv2.createCLAHE(2.0, (8, 8))` gives. Of faces
in colour the lightness is equalised: what that changes in OpenCV's grey of a pixel is added to its red, green and blue.
"""

from concurrent.futures import ThreadPoolExecutor

import cv2
import numpy as np

from fer_exp.data.faces import Images
from fer_exp.system.provenance import cores

CLIP_LIMIT = 2.0  # times the flat histogram; the reference's
TILES = (8, 8)  # the reference's; 6x6 pixels each at 48x48
BLOCK = 512  # images a thread takes at a time


def equalise(images: Images) -> Images:
    """`(n, side, side)` or `(n, side, side, 3)` uint8, each image on its own; the input stays as it is."""
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
        if image.ndim == 2:
            clahe.apply(image, equalised)
        else:
            grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
            change = clahe.apply(grey).astype(np.int16) - grey
            equalised[:] = np.clip(image + change[..., np.newaxis], 0, 255)
