"""FER2013 from Kaggle, where the competition keeps it; or from a file downloaded by hand, checked in the same way.

In: an account at Kaggle, as kagglehub finds it, or a file. Out: `data/fer2013.parquet`, which every command finds, once
its faces have FER2013's digest. kagglehub downloads into a folder that goes away; nothing else is put anywhere.
"""

import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from fer_exp.data.find import DEFAULT
from fer_exp.data.sources.convert import convert
from fer_exp.data.sources.read import read_faces
from fer_exp.system.errors import BadData, BadInput, FerExpError
from fer_exp.system.values import first_line

COMPETITION = "challenges-in-representation-learning-facial-expression-recognition-challenge"
PAGE = f"kaggle.com/competitions/{COMPETITION}"
FILE = "fer2013.tar.gz"  # of the competition; holds fer2013.csv, with Usage
NAME = "fer2013.parquet"  # what a folder of data is searched for first
# Of all faces, labels and parts in the order of the competition's file; see docs/audit.md.
DIGESTS = {"4ed0e58a993bad22": "FER2013, 35,887 faces"}
LICENCE = (
    f"FER2013 (Goodfellow et al. 2013) comes without a licence of its own: the rules of the competition at {PAGE}, "
    "which you accept there, say what you may do with it. Its faces were collected by an image search; neither those "
    "who are shown nor the photographers were asked. fer-exp gives you no rights in it."
)
STEPS = (
    f"Sign in at kaggle.com and open {PAGE}.",
    "Accept the competition's rules.",
    f"Download {FILE} under Data; icml_face_data.csv holds the same faces. It need not be unpacked.",
    "fer-exp data fetch --from FILE   checks it and puts it where --data finds it.",
)
BY_HAND = "Nothing was put anywhere. The steps above get the file by hand."


@dataclass(frozen=True)
class Fetched:
    """Where FER2013 is now."""

    path: Path
    digest: str
    was_there: bool  # already, so nothing was downloaded


def fetch(given: Path | None = None, folder: Path = Path(DEFAULT), say: Callable[[str], None] = print) -> Fetched:
    """Puts FER2013 into `folder`.

    Args:
        given: A file that was downloaded by hand; None to ask Kaggle.
        folder: Where to.
        say: Is told what takes its time, and the steps by hand where Kaggle cannot be asked.

    Raises:
        BadInput: kagglehub is not installed, or Kaggle did not give the file: no network, no account, rules not
            accepted.
        BadData: What came is not FER2013.
    """
    target = folder / NAME
    if target.exists():
        return Fetched(target, _checked(target), was_there=True)
    if given is not None:
        return _put(given, target, say)
    with tempfile.TemporaryDirectory(prefix="fer-exp-") as place:
        try:
            came = _download(Path(place))
        except FerExpError:
            for number, step in enumerate(STEPS, start=1):
                say(f"  {number}. {step}")
            raise
        return _put(came, target, say)


def _put(source: Path, target: Path, say: Callable[[str], None]) -> Fetched:
    say(f"Checking {source.name}.")
    digest = _checked(source)
    target.parent.mkdir(parents=True, exist_ok=True)
    convert(source, target)
    return Fetched(target, digest, was_there=False)


def _checked(source: Path) -> str:
    """The digest of the faces in `source`, which must be FER2013's.

    Raises:
        BadData: It is another one, or the file cannot be read.
    """
    faces = read_faces(source)
    if faces.digest not in DIGESTS:
        wanted = " or ".join(f"{name} (digest {digest})" for digest, name in DIGESTS.items())
        raise BadData(
            f"{source}: expected {wanted}, received {len(faces):,} faces with digest {faces.digest}",
            "Nothing was put anywhere. As data of your own it can be used all the same: give --data its path.",
        )
    return faces.digest


def _download(place: Path) -> Path:
    """The competition's file, in `place`.

    Raises:
        BadInput: It cannot be had.
    """
    try:
        import kagglehub
    except ModuleNotFoundError as error:
        raise BadInput(
            f"data fetch: expected the Python package kagglehub, found none ({first_line(error)})",
            f"{BY_HAND} Or install it: pip install 'fer-exp[kaggle]'",
        ) from error
    try:
        came = Path(kagglehub.competition_download(COMPETITION, path=FILE, output_dir=str(place)))
    except Exception as error:  # each of its layers raises its own; whatever it is, the way by hand is left
        raise BadInput(
            f"data fetch: Kaggle did not give {FILE}: {type(error).__name__}: {first_line(error)}",
            f"{BY_HAND} With an account: kagglehub reads ~/.kaggle/kaggle.json, or KAGGLE_USERNAME and KAGGLE_KEY.",
        ) from error
    if came.is_dir():
        found = [
            path for pattern in ("fer2013.tar*", "fer2013.csv*", "icml*.csv*") for path in sorted(came.rglob(pattern))
        ]
        if not found:
            raise BadInput(f"data fetch: expected {FILE} from Kaggle, received a folder without it", BY_HAND)
        return found[0]
    return came
