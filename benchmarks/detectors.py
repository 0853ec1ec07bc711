"""Faces found of a set of hard ones, and the time a 640x480 frame takes: each detector that `predict` knows.

Heads of public-domain photographs (see `face_set`), and FER2013's own validation faces on a plain ground.
"""

from collections import defaultdict
from collections.abc import Iterator

import cv2
import numpy as np

from benchmarks.face_set import Case, cases, hits, photos
from benchmarks.setting import NoData, Setting
from benchmarks.sides import Goal, Row, Side, in_turns, row
from fer_exp.data.faces import Images, Usage
from fer_exp.prediction.detectors import DETECTORS, Detector, faces_in
from fer_exp.system.errors import BadInput

PERCENT = Goal(unit=" %")
ON_GROUND, GROUND = 144, 72  # pixels of FER2013's images enlarged, and of the ground around them
LEAST = 20  # pixels: faces down to 16 are in the set


def rows(setting: Setting) -> Iterator[Row | str]:
    """Recall by kind, false alarms, recall on FER2013, time."""
    there: dict[str, Detector] = {}
    for name, make in DETECTORS.items():
        try:
            there[name] = make()
        except (BadInput, ImportError):
            yield f"detectors: {name} is not installed"
    yield from _recall(there, list(cases(setting.tiny)))
    try:
        yield from _on_fer2013(there, setting)
    except NoData as reason:
        yield f"detectors on FER2013: {reason}"
    frame = _frame()
    ways = {name: lambda one=one: faces_in(frame, one) for name, one in there.items()}
    sides = in_turns(ways, setting.pick(15, 2))
    yield row("a frame of 640x480 with one face", sides, 1000 * sides[0].median, Goal(unit=" ms"))


def _recall(there: dict[str, Detector], given: list[Case]) -> Iterator[Row]:
    by_kind: dict[str, list[Case]] = defaultdict(list)
    for case in given:
        by_kind[case.kind].append(case)
    totals = {name: [0, 0, 0] for name in there}  # found, faces, boxes
    for kind, some in by_kind.items():
        faces = sum(len(case.faces) for case in some)
        sides = []
        for name, one in there.items():
            found = boxes = 0
            for case in some:
                seen = [
                    (f.left + f.width / 2, f.top + f.height / 2, (f.width * f.height) ** 0.5)
                    for f in faces_in(case.image, one, LEAST)
                ]
                found, boxes = found + hits(case.faces, seen), boxes + len(seen)
            totals[name] = [a + b for a, b in zip(totals[name], (found, faces, boxes), strict=True)]
            sides.append(Side(name, (100 * found / faces,), "%"))
        yield row(f"faces found: {kind}", sides, sides[0].median, PERCENT, f"{faces} faces")
    sides = [Side(name, (100 * found / faces,), "%") for name, (found, faces, _) in totals.items()]
    alarms = ", ".join(f"{name} {boxes - found}" for name, (found, _, boxes) in totals.items())
    note = f"{next(iter(totals.values()))[1]} faces of {len(photos())} people; boxes that are no face: {alarms}"
    yield row("faces found: all", sides, sides[0].median, PERCENT, note)


def _on_fer2013(there: dict[str, Detector], setting: Setting) -> Iterator[Row]:
    """Validation faces at 144 pixels with their border repeated around them: how many are found, and how framed."""
    from fer_exp.data.sources.read import read_faces

    faces = read_faces(str(setting.packed()))
    chosen = np.random.default_rng(1).choice(
        np.flatnonzero(faces.usage == Usage.PUBLIC_TEST), setting.pick(1200, 20), replace=False
    )
    recall, framing, beside = [], [], []
    for name, one in there.items():
        found = [seen[0] for number in chosen if (seen := faces_in(_on_ground(faces.images[number]), one, 60))]
        sizes = np.array([(face.width * face.height) ** 0.5 for face in found])
        middles = np.array([(face.left + face.width / 2, face.top + face.height / 2) for face in found])
        recall.append(Side(name, (100 * len(found) / len(chosen),), "%"))
        framing.append(Side(name, tuple(np.percentile(ON_GROUND / sizes, [10, 50, 90]).tolist()), "boxes"))
        across, along = np.median((ON_GROUND / 2 + GROUND - middles) / sizes[:, np.newaxis], axis=0)
        beside.append(f"{name} {across:.2f} right, {along:.2f} down of {len(found)}")
    yield row("faces found: FER2013's own", recall, recall[0].median, PERCENT, f"{len(chosen)} validation images")
    note = "10 %, median and 90 %; the image's middle beside the box's: " + "; ".join(beside)
    yield row("FER2013's side against the box", framing, framing[0].median, Goal(unit=" boxes"), note)


def _on_ground(face: Images) -> Images:
    large = cv2.resize(face, (ON_GROUND, ON_GROUND), interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.copyMakeBorder(large, GROUND, GROUND, GROUND, GROUND, cv2.BORDER_REPLICATE), np.uint8)


def _frame() -> Images:
    """A head of about 170 pixels, as before a webcam."""
    frame = np.full((480, 640, 3), 90, np.uint8)
    frame[:, 115:525] = cv2.resize(photos()[0].image, (410, 480), interpolation=cv2.INTER_AREA)
    return frame
