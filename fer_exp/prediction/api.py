"""`predict`: the expression that faces appear to show, from Python.

In: pictures and a model's name. Out: a DataFrame. The command `fer-exp predict` takes the same way and streams.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from fer_exp.prediction.boxes import Boxes
from fer_exp.prediction.detectors import detector as detector_named
from fer_exp.prediction.faces import Framing
from fer_exp.prediction.inputs import Given, sources
from fer_exp.prediction.looking import Detecting, Granted, Outside
from fer_exp.prediction.run import Tally, look
from fer_exp.system.errors import BadInput
from fer_exp.system.home import Home
from fer_exp.system.stderr import stderr_to

if TYPE_CHECKING:
    import pandas as pd

    from fer_exp.prediction.models import FaceModel


@dataclass(frozen=True)
class Finding:
    """How faces are found and cut out."""

    detect: bool = True  # False: every picture is one face already
    detector: str | None = None  # None: the best that is installed
    boxes: Path | None = None  # instead of a detector
    margin: float | None = None  # None: as FER2013's faces are framed
    least_face: int | None = None  # pixels; None: a twentieth of the picture's shorter side

    def looking(self) -> Detecting | Outside | Granted:
        """What finds them.

        Raises:
            BadInput: Two ways are asked for, the detector is unknown or not installed, or the boxes cannot be used.
            NotFound: There is no file of boxes.
        """
        ways = [not self.detect, self.boxes is not None, self.detector is not None]
        if sum(ways) > 1:
            raise BadInput(
                "predict: expected one of --no-detect, --boxes and --detector, received more",
                "Nothing was predicted. Name one of them, or none.",
            )
        if not self.detect:
            return Granted(Framing(self.margin or 0.0))
        if self.boxes is not None:
            return Outside(Boxes.read(self.boxes), Framing(self.margin or 0.0))
        found = detector_named(self.detector)
        framing = found.framing if self.margin is None else Framing(self.margin)
        return Detecting(found, framing, self.least_face)


def predict(
    images: Given | Iterable[Given],
    model: "str | Path | FaceModel | None" = None,
    *,
    record: str | None = None,
    detect: bool = True,
    detector: str | None = None,
    boxes: str | Path | None = None,
    margin: float | None = None,
    least_face: int | None = None,
    classes: Sequence[str] | None = None,
    home: str | Path | None = None,
) -> "pd.DataFrame":
    """The expression that each face appears to show; not what a person feels.

    Args:
        images: Paths of pictures, videos or folders; uint8 arrays `(h, w)` grey or `(h, w, 3)` red, green, blue, or a
            batch `(n, h, w)` or `(n, h, w, 3)`; or any number of them.
        model: `models:/NAME@champion` and the like, a `.keras` file, or a model that was loaded; by default the only
            champion of the home.
        record: A training instead: CAMPAIGN, CAMPAIGN:baseline or CAMPAIGN/trials/0003.
        detect: False where every picture is a face already, cut as the training's were.
        detector: "mtcnn" or "haar"; by default the best that is installed.
        boxes: A CSV or JSON lines file of boxes, instead of a detector.
        margin: What is added to a box on each side, as a share of its size; by default as FER2013's faces are framed.
        least_face: Pixels of the smallest face that is looked for; by default a twentieth of the shorter side.
        classes: What the model's answers are called, where its record does not say.
        home: Where campaigns are; by default as for the command.

    Returns:
        One row a face a frame, the largest first: file, frame, seconds (in a video), faces (in that frame), left, top,
        width, height (pixels of the upright picture), detector_score, apparent_expression, and the calibrated
        probability of each class as p_CLASS. A frame without a face is one row with faces = 0 and nothing behind it.
        `attrs` holds "meaning", "use", "model", and under "unreadable" and "cut_short" pairs of a file and why.

    Raises:
        BadInput: An argument is wrong, or none of the pictures could be read.
        NotFound: A path or the model is not there.
        TrackingFailed: MLflow was asked for the model and did not answer.
    """
    from fer_exp.prediction.rows import frame_of, rows_of

    looking = Finding(detect, detector, None if boxes is None else Path(boxes), margin, least_face).looking()
    loaded = load_named(model, record, classes, home)
    several = not isinstance(images, str | Path | np.ndarray)
    given: Iterable[Given] = images if several else [images]  # type: ignore[assignment,list-item]  # narrowed above
    tally = Tally()
    rows = [row for seen in look(sources(given), looking, loaded, tally) for row in rows_of(seen, loaded.classes)]
    require_some(tally)
    table = frame_of(rows, loaded.classes, loaded.title)
    table.attrs.update(unreadable=tally.unreadable, cut_short=tally.cut_short)
    return table


def load_named(
    model: "str | Path | FaceModel | None",
    record: str | None = None,
    classes: Sequence[str] | None = None,
    home: str | Path | None = None,
) -> "FaceModel":
    """The model that a user named, loaded; what the libraries print while they load is not shown.

    Raises:
        BadInput: Two are named, or the file is no model of fer-exp's.
        NotFound: There is none.
    """
    if model is not None and record is not None:
        raise BadInput(
            f"predict: expected one model, received {str(model)!r} and the record {record!r}",
            "Nothing was predicted. Name one of them.",
        )
    with stderr_to():
        from fer_exp.prediction.models import FaceModel, find, load

        if isinstance(model, FaceModel):
            return model
        where = Home.from_environment() if home is None else Home(Path(home).expanduser().absolute())
        return load(find(where, None if model is None else str(model), record), classes)


def require_some(tally: Tally) -> None:
    """Raises BadInput where there was nothing to look at, or nothing of it could be read."""
    if not tally.sources:
        raise BadInput(
            "predict: expected pictures or videos, found none",
            "Nothing was predicted. In folders files count by their ending; name a file itself to have it opened.",
        )
    if len(tally.unreadable) == tally.sources:
        file, why = tally.unreadable[0]
        rest = "" if tally.sources == 1 else f"; nor could the other {tally.sources - 1:,}"
        raise BadInput(f"{file}: {why}{rest}", "Nothing was predicted. Give pictures or videos that can be opened.")
