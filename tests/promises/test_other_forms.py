"""The promises hold for other data than FER2013's: three classes, 64 pixels, in colour, of people, by real trainings.

Short forms of what the other files of this folder do at length on grey faces of 48x48: kills, resuming, the sealed test
part, the doctor.
"""

from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

from fer_exp.campaign import CampaignSpec
from fer_exp.data.sources.read import read_faces
from fer_exp.doctor import examine
from fer_exp.holdout.ledger import all_openings
from fer_exp.records import Record, State, records_in
from fer_exp.system.home import Home
from tests.commands import done, refused, trials
from tests.killing import Board, Figures, board, strays, strike
from tests.nursery import Nursery, Trials, nursery

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

SHOWN = {"happy": "joy", "surprise": "Surprised", "neutral": "contempt"}  # demo faces under other names
PEOPLE = 20
POINTS = [
    ("trial", "call", "progress", 2, "before"),  # inside the first epoch
    ("trial", "rename", "checkpoint-*", 1, "after"),  # weights have a name, and their epoch is in no history
    ("driver", "rename", "trial.json", 1, "after"),  # between the baseline and the first trial
]
CAMPAIGN = '''"""Three classes in colour."""

from fer_exp.campaign import Campaign, HyperParameters, Settings
from fer_exp.data.reading import Reading
from fer_exp.data.split.protocol import Protocol
from fer_exp.recipe import Recipe, baseline_recipe

BASELINE = baseline_recipe().but(widths=(4,), last_width=8, head_widths=(8,), head_dropouts=(0.1,), learning_rate=1e-2)


def space(hp: HyperParameters) -> Recipe:
    """One number."""
    return BASELINE.but(block_dropout=hp.Choice("block_dropout", [0.0, 0.1, 0.2], default=0.0))


campaign = Campaign(
    name="tiny",
    question="Does it hold for other faces?",
    space=space,
    baseline=BASELINE,
    settings=Settings(max_trials=2, epochs=2, protocol=Protocol.GROUPED, reading=Reading(side=64, colour=True)),
    data=r"{data}",
)
'''


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Colour pictures of 80 pixels, named as CK+48 names them."""
    root = tmp_path_factory.mktemp("people") / "set"
    faces = read_faces("demo")
    wanted = [number for number, label in enumerate(faces.labels) if faces.classes.names[label] in SHOWN][:240]
    for place, number in enumerate(wanted):
        folder = root / SHOWN[faces.classes.names[faces.labels[number]]]
        folder.mkdir(parents=True, exist_ok=True)
        grey = faces.images[number]
        picture = cv2.resize(np.stack([grey, grey // 2, 255 - grey], axis=-1), (80, 80))
        cv2.imwrite(str(folder / f"S{place % PEOPLE:03}_001_{place:08}.png"), picture)
    return root


@pytest.fixture(scope="module")
def drivers() -> Iterator[Nursery]:
    with nursery(Trials.REAL) as ready:
        yield ready


def campaign(folder: Path, source: Path) -> tuple[Home, Path]:
    folder.mkdir(exist_ok=True)
    file = folder / "tiny.py"
    file.write_text(CAMPAIGN.replace("{data}", str(source)))
    return Home(folder / "mlruns"), file


@pytest.fixture(scope="module")
def through(drivers: Nursery, source: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Home, Board]:
    """A search that nothing disturbed."""
    home, file = campaign(tmp_path_factory.mktemp("through"), source)
    code, said = drivers.run(home, "search", file, "--no-tracking")
    assert code == 0, said
    return home, board(home)


def test_what_was_killed_ends_as_if_it_had_not_been(
    drivers: Nursery, source: Path, through: tuple[Home, Board], tmp_path: Path
) -> None:
    home, file = campaign(tmp_path / "killed", source)
    figures = Figures()
    for point in POINTS:
        strike(drivers, home, point, "search", file, "--no-tracking", figures=figures)
    code, said = drivers.run(home, "search", file, "--no-tracking")
    assert code == 0, said
    assert figures.kills == len(POINTS)
    assert board(home) == through[1]
    assert {record.state() for record in trials(home)} == {State.FINISHED}
    assert all(len(record.history()) == 2 for record in trials(home))
    assert not examine(home, ["tiny"], tracking=False).left
    assert strays(drivers) == []


def test_nobody_is_on_two_sides_and_the_folder_holds_no_test_face(through: tuple[Home, Board]) -> None:
    home, _ = through
    info = CampaignSpec.read(home.campaign("tiny") / "campaign.json").data
    assert info.form == (64, 3, 3)
    assert info.class_names == ("happy", "surprise", "contempt")
    assert (info.groups, info.grouped_by) == (PEOPLE, "subject")
    faces = read_faces(info.path, info.reading)
    assert faces.groups is not None
    said = trials(home)[0].predictions()
    assert said.groups is not None
    assert np.array_equal(said.groups, faces.groups[said.rows])
    (folder,) = [path.parent for path in home.cache.glob("*/*/info.json")]
    known = {rows for part in ("train", "validation") for rows in np.load(folder / f"{part}-rows.npy").tolist()}
    assert not set(faces.groups[sorted(known)]) & set(np.delete(faces.groups, sorted(known)))
    stored = b"".join(path.read_bytes() for path in folder.glob("*-images.npy"))
    unknown = [row for row in range(len(faces)) if row not in known]
    assert unknown
    assert not any(faces.images[row].tobytes() in stored for row in unknown)


def test_the_test_part_is_opened_for_one_model_and_copies_and_people_are_counted(
    through: tuple[Home, Board], monkeypatch: pytest.MonkeyPatch
) -> None:
    home, _ = through
    monkeypatch.setenv("FER_EXP_HOME", str(home.root))
    told = done("evaluate", "tiny/trials/1", "--no-tracking")
    assert "Contempt" in told
    assert "Angry" not in told
    scores = Record(home.campaign("tiny") / "trials" / "0001").test_scores()
    assert scores["test/groups"] > 1
    assert 0 < scores["test/accuracy_error"] < 1
    assert len(all_openings(home)) == 1
    problem, _ = refused("evaluate", "tiny/trials/2", "--no-tracking")
    assert "is another model" in problem
    assert "of happy" not in told
    assert [record.path.name for record in records_in(home.campaign("tiny") / "trials")] == ["0000", "0001", "0002"]
