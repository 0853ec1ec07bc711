"""The run: sources in, frames with faces and probabilities out, in order and in bounded memory.

In: sources, a detector, a model. Out: one `Seen` a frame. Faces of several frames go to the model together; a source
that cannot be read is noted and the next one follows.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from fer_exp.data.faces import Images
from fer_exp.data.form import Form
from fer_exp.prediction.faces import Face, Framing, crop
from fer_exp.prediction.frames import Frame, Unreadable
from fer_exp.prediction.inputs import Source
from fer_exp.system.values import first_line

NOTHING_THERE = "expected a picture, a video or a folder, found nothing of that name"
FACES = 256  # that the model is given at a time
FRAMES = 64  # that wait for it, at most
PIXELS = 2**26  # that wait with them, at most; 192 MiB in colour
Probabilities = NDArray[np.float32]


class Seen(NamedTuple):
    """A frame and what was seen in it."""

    source: Source
    frame: Frame
    faces: list[Face]
    crops: Images  # (faces, side, side) or (faces, side, side, 3)
    probabilities: Probabilities  # (faces, classes)


class Model(Protocol):
    """What answers."""

    @property
    def form(self) -> Form:
        """What it takes and gives."""
        ...

    def probabilities(self, crops: Images) -> Probabilities:
        """`(n, classes)` for `(n, side, side)` or `(n, side, side, 3)`."""
        ...


class Looking(Protocol):
    """Where faces are in a frame, and how they are cut out."""

    framing: Framing

    def faces(self, frame: Frame) -> list[Face]:
        """Of that frame; frames of a source come in order."""
        ...


@dataclass
class Tally:
    """What has been looked at so far."""

    sources: int = 0
    frames: int = 0
    faces: int = 0
    without_face: int = 0  # frames
    seconds: float = 0.0  # of video
    unreadable: list[tuple[str, str]] = field(default_factory=list)  # the source and why; nothing of it was read
    cut_short: list[tuple[str, str]] = field(default_factory=list)  # some of it was read


@dataclass
class _Waiting:
    """Frames whose faces the model has not seen yet."""

    frames: list[tuple[Source, Frame, list[Face]]] = field(default_factory=list)
    crops: list[Images] = field(default_factory=list)
    pixels: int = 0

    @property
    def full(self) -> bool:
        return len(self.crops) >= FACES or len(self.frames) >= FRAMES or self.pixels >= PIXELS


def look(
    sources: Iterable[Source],
    looking: Looking,
    model: Model,
    tally: Tally,
    *,
    keep_images: bool = False,
    moved: Callable[[Tally], None] | None = None,
) -> Iterator[Seen]:
    """Every frame of every source, with its faces and their probabilities.

    Args:
        sources: What to look at.
        looking: Where faces are.
        model: What they show.
        tally: Counts as the run goes on.
        keep_images: Frames keep their pictures, for whoever draws into them; else they carry an empty one.
        moved: Called after each frame and each source.
    """
    waiting = _Waiting()
    for source in sources:
        tally.sources += 1
        for frame in _readable(source, tally):
            faces = looking.faces(frame)
            _count(tally, frame, faces)
            waiting.crops.extend(crop(frame.image, face, looking.framing, model.form) for face in faces)
            waiting.pixels += frame.image.size if keep_images else 0
            kept = frame if keep_images else frame._replace(image=frame.image[:0])
            waiting.frames.append((source, kept, faces))
            if waiting.full:
                yield from _answered(waiting, model)
                waiting = _Waiting()
            if moved is not None:
                moved(tally)
        if moved is not None:
            moved(tally)
    yield from _answered(waiting, model)


def _readable(source: Source, tally: Tally) -> Iterator[Frame]:
    """The frames of a source, until one cannot be read."""
    begun = False
    try:
        for frame in source.frames():
            begun = True
            yield frame
    except Unreadable as why:
        (tally.cut_short if begun else tally.unreadable).append((source.name, str(why)))
    except FileNotFoundError:
        tally.unreadable.append((source.name, NOTHING_THERE))
    except (OSError, ValueError) as error:  # it is not ours to read, or is no name at all
        (tally.cut_short if begun else tally.unreadable).append((source.name, first_line(error)))


def _count(tally: Tally, frame: Frame, faces: list[Face]) -> None:
    tally.frames += 1
    tally.faces += len(faces)
    tally.without_face += not faces
    if frame.rate:
        tally.seconds += 1 / frame.rate


def _answered(waiting: _Waiting, model: Model) -> Iterator[Seen]:
    """The waiting frames with what the model says, in order."""
    form = model.form
    blank = np.empty((0, form.side, form.side) if form.channels == 1 else (0, *form.face), np.uint8)
    crops = np.stack(waiting.crops) if waiting.crops else blank
    said = model.probabilities(crops)
    first = 0
    for source, frame, faces in waiting.frames:
        part = slice(first, first + len(faces))
        yield Seen(source, frame, faces, crops[part], said[part])
        first = part.stop
