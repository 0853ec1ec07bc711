"""Videos as frames, one at a time: whatever the length, one frame is in memory.

In: a path. Out: Frames with their time. OpenCV's FFmpeg reads. A frame that cannot be decoded is left out, and the rest
goes on; a file that holds fewer frames than it says is read as far as it goes.
"""

import os
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from fer_exp.prediction.frames import MOST_PIXELS, Frame, Unreadable

ENDINGS = frozenset(
    (".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".mpg", ".mpeg", ".wmv", ".flv", ".3gp", ".ogv", ".mjpeg", ".ts")
)
PATIENCE = 100  # failures in a row, after which nothing more is expected
# A file may be a list of addresses: nothing outside this machine is asked, and FFmpeg keeps its remarks to itself.
SETTINGS = {"OPENCV_FFMPEG_CAPTURE_OPTIONS": "protocol_whitelist;file", "OPENCV_FFMPEG_LOGLEVEL": "-8"}


def frames_of(path: Path, name: str) -> Iterator[Frame]:
    """The frames of the video at `path`, called `name`.

    Raises:
        Unreadable: It is missing or no video; or, behind its last frame, some of it could not be decoded.
    """
    capture = _opened(path)
    try:
        said = int(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        rate = float(capture.get(cv2.CAP_PROP_FPS))
        given = failures = number = 0
        while failures < PATIENCE and not (failures and number >= said):
            arrived, picture = capture.read()
            if not arrived:
                failures, number = failures + 1, number + 1
                continue
            failures, given = 0, given + 1
            seconds = capture.get(cv2.CAP_PROP_POS_MSEC) / 1000
            image = np.asarray(cv2.cvtColor(picture, cv2.COLOR_BGR2RGB), np.uint8)
            yield Frame(name, number, round(seconds, 3), image, rate)
            number += 1
    finally:
        capture.release()
    if not given:
        raise Unreadable("expected a video, received none of its frames")
    if given < said:
        raise Unreadable(f"expected {said:,} frames, as the file says, received {given:,}")


def _opened(path: Path) -> cv2.VideoCapture:
    if not path.stat().st_size or not path.is_file():
        raise Unreadable("expected a video, received no bytes")
    for key, value in SETTINGS.items():
        os.environ.setdefault(key, value)
    cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_ERROR)  # what cannot be opened is told by us
    capture = cv2.VideoCapture(str(path), cv2.CAP_FFMPEG)
    size = [capture.get(key) for key in (cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)]
    if not capture.isOpened() or not all(size):
        capture.release()
        raise Unreadable("expected a video, received another kind of file, or one that is cut off at its beginning")
    if size[0] * size[1] > MOST_PIXELS:
        capture.release()
        raise Unreadable(f"expected at most {MOST_PIXELS:,} pixels a frame, received {size[0]:,.0f} x {size[1]:,.0f}")
    return capture
