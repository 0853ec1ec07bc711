"""CLAHE: contrast-limited adaptive histogram equalisation, OpenCV's, with the reference's settings.

In: grey faces. Out: the same faces, equalised one by one, byte for byte what `cv2.createCLAHE(2.0, (8, 8))` gives.
"""

import cv2
import numpy as np

from fer_exp.data.faces import Images

CLIP_LIMIT = 2.0  # times the flat histogram; the reference's
TILES = (8, 8)  # the reference's; 6x6 pixels each


def equalise(images: Images) -> Images:
    """`(n, 48, 48)` uint8, each image equalised on its own; the input stays as it is."""
    clahe = cv2.createCLAHE(clipLimit=CLIP_LIMIT, tileGridSize=TILES)
    result = np.empty(images.shape, dtype=np.uint8)
    for image, target in zip(images, result, strict=True):
        clahe.apply(image, target)
    return result
