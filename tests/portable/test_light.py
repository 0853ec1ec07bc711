"""Light records: without weights and pictures, small, and every published number follows from them again."""

import json
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from fer_exp.campaign import Algorithm, CampaignSpec
from fer_exp.data.split.info import DataInfo
from fer_exp.execute.progress import Snapshot
from fer_exp.portable import pack, unpack
from fer_exp.portable.manifest import HEAVY, is_heavy
from fer_exp.records import Record
from fer_exp.records.folder import LIGHT
from fer_exp.system.errors import BadInput
from fer_exp.system.home import Home
from tests.commands import contents, done, refused
from tests.made_faces import png_of, some_faces
from tests.made_records import made_predictions
from tests.toy_search import At, campaign, interrupt, leaderboard, run
from tests.trained_models import NAME, record_in

SMALL = 400_000  # bytes of a campaign of a few trainings on FER2013's PublicTest


def move_in(archive: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Home:
    """Another home, in which the archive's records are all there is."""
    other = Home(tmp_path / "elsewhere")
    unpack(other, archive)
    monkeypatch.setenv("FER_EXP_HOME", str(other.root))
    return other


def numbers(text: str) -> list[str]:
    """All that was said but where files are and what was opened."""
    return [line for line in text.splitlines() if not re.search("Figures and report|From what the record", line)]


@pytest.fixture
def toy(toy_made: Home, home: Home) -> Home:
    """A home of the test's own with one real training, whose test part is still closed."""
    shutil.copytree(toy_made.root, home.root)
    return home


def test_evaluate_gives_the_published_numbers_again_without_model_and_data(
    toy: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    published = done("evaluate", f"{NAME}/trials/0001", "--no-tracking")
    before = json.loads(done("evaluate", f"{NAME}/trials/0001", "--no-tracking", "--json"))  # a second look
    assert "opened 1 time" in published
    archive = tmp_path / "toy.tar.zst"
    assert "Light: compare, evaluate and report" in done("records", "pack", NAME, archive, "--light")
    other = move_in(archive, monkeypatch, tmp_path)
    shutil.rmtree(toy.root)
    left = contents(other)
    again = done("evaluate", f"{NAME}/trials/0001")
    assert "its model is not here, and nothing was opened" in again
    expected = [line.replace("opened 1 time,", "opened 2 times,") for line in numbers(published)]
    assert numbers(again) == expected
    assert json.loads(done("evaluate", f"{NAME}/trials/0001", "--json"))["metrics"] == before["metrics"]
    assert contents(other) == left  # no line in a ledger, no file renewed


def test_what_a_model_reached_on_another_set_is_told_again_without_model_and_set(
    toy: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    faces = some_faces(24)
    for place, name in enumerate(("anger", "contempt", "happiness")):
        (tmp_path / "Other Set" / name).mkdir(parents=True)
        for number in range(8):
            file = tmp_path / "Other Set" / name / f"S{number % 3 + 1:03}_{place:03}_{number:08}.png"
            file.write_bytes(png_of(faces.images[8 * place + number]))
    asked = ("evaluate", f"{NAME}/trials/0001", "--on")
    published = done(*asked, tmp_path / "Other Set", "--no-tracking")
    assert "Left out: 8 images of contempt" in published
    pack(toy.campaign(NAME), tmp_path / "toy.tar.zst", light=True)
    move_in(tmp_path / "toy.tar.zst", monkeypatch, tmp_path)
    shutil.rmtree(toy.root)
    shutil.rmtree(tmp_path / "Other Set")
    for source in ("Other Set", tmp_path / "Other Set", "other-set"):
        again = done(*asked, source)
        assert "its model is not here, and nothing was opened" in again
        assert numbers(again) == numbers(published)
    problem, _ = refused(*asked, "another")
    assert "expected a set that the model has met" in problem


def test_what_was_stored_is_told_without_a_backend() -> None:
    told = "import sys, fer_exp.holdout.recall; print({'keras', 'mlflow'} & sys.modules.keys())"
    assert subprocess.run([sys.executable, "-c", told], capture_output=True, check=True).stdout == b"set()\n"


@pytest.mark.parametrize("harm", ["predictions", "ledger"])
def test_numbers_that_do_not_follow_from_what_is_stored_are_refused(
    toy: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harm: str
) -> None:
    done("evaluate", f"{NAME}/trials/0001", "--no-tracking")
    pack(toy.campaign(NAME), tmp_path / "toy.tar.zst", light=True)
    record = record_in(move_in(tmp_path / "toy.tar.zst", monkeypatch, tmp_path))
    if harm == "ledger":
        (record.path.parents[1] / "ledger.jsonl").unlink()
        said = refused("evaluate", f"{NAME}/trials/0001")[0]
        assert "expected the line of that opening, found none" in said
        return
    honest = record.predictions("test/predictions.npz")
    flattered = np.eye(7, dtype=np.float32)[honest.labels]
    record.write_predictions(replace(honest, probabilities=flattered), "test/predictions.npz")
    said = refused("evaluate", f"{NAME}/trials/0001")[0]
    assert "expected test/accuracy 1.000000, which its predictions give, received 0." in said


def test_a_light_record_whose_test_part_is_closed_has_nothing_to_tell(
    toy: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pack(toy.campaign(NAME), tmp_path / "toy.tar.zst", light=True)
    move_in(tmp_path / "toy.tar.zst", monkeypatch, tmp_path)
    assert "model is not kept" in refused("evaluate", f"{NAME}/trials/0001")[0]


@pytest.fixture
def published(searched: Home, monkeypatch: pytest.MonkeyPatch) -> Home:
    """A searched and retrained campaign, with validation as large as PublicTest and models as large as real ones."""
    monkeypatch.setenv("FER_EXP_HOME", str(searched.root))
    noise, said = np.random.default_rng(1), made_predictions()
    for number, record in enumerate(map(Record, sorted(searched.campaign("tiny").glob("*/*/")))):
        if (record.path / "predictions.npz").exists():
            answers = said.probabilities.copy()
            answers[: 100 * number] = np.roll(answers[: 100 * number], 1, axis=0)  # each record errs in other faces
            record.write_predictions(replace(said, probabilities=answers))
            record.model.write_bytes(noise.bytes(2_700_000))
            record.figures.mkdir(exist_ok=True)
            (record.figures / "mistakes.png").write_bytes(noise.bytes(400_000))
    return searched


def test_compare_says_the_same_to_the_digit_and_the_archive_is_small(
    published: Home, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    named = ("tiny/trials/0001", "tiny:baseline")
    before = done("compare", *named)
    whole, light = tmp_path / "whole.tar.zst", tmp_path / "light.tar.zst"
    done("records", "pack", "tiny", whole)
    done("records", "pack", "tiny", light, "--light")
    assert light.stat().st_size < SMALL < 20 * SMALL < whole.stat().st_size
    other = move_in(light, monkeypatch, tmp_path)
    shutil.rmtree(published.root)
    assert done("compare", *named) == before
    left = [path for path in other.campaign("tiny").rglob("*") if is_heavy(path.name)]
    assert left == []
    assert {"history.jsonl", "scores.json", "predictions.npz"} <= {path.name for path in other.campaigns.rglob("*")}
    assert "model" not in done("doctor", "--no-tracking")  # none is missing where none was sent


def test_packed_again_they_are_light_still_and_the_same_bytes(published: Home, tmp_path: Path) -> None:
    pack(published.campaign("tiny"), tmp_path / "light.tar.zst", light=True)
    other = Home(tmp_path / "other")
    folder = unpack(other, tmp_path / "light.tar.zst").folder
    assert (folder / LIGHT).exists()
    assert pack(folder, tmp_path / "again.tar.zst").light
    assert (tmp_path / "again.tar.zst").read_bytes() == (tmp_path / "light.tar.zst").read_bytes()
    assert unpack(other, tmp_path / "light.tar.zst").added == 0


def has_ended(count: int, snapshot: Snapshot) -> bool:
    return snapshot.ended >= count


@pytest.mark.parametrize("algorithm", [Algorithm.RANDOM, Algorithm.HYPERBAND, Algorithm.ADAPTIVE])
def test_a_search_goes_on_elsewhere_from_its_light_records(algorithm: Algorithm, tmp_path: Path) -> None:
    """Interrupted inside a training, and between trainings of one recipe: what has no checkpoint there begins anew."""
    searched = campaign(algorithm, epochs=9, max_trials=4)
    undisturbed = run(Home(tmp_path / "undisturbed"), searched)
    ended = len(undisturbed.rows)
    for stop in sorted({2, ended // 2, ended - 2}):
        here, there = Home(tmp_path / f"here-{stop}"), Home(tmp_path / f"there-{stop}")
        run(here, searched, At(partial(has_ended, stop), interrupt))
        pack(here.campaign("toy"), tmp_path / f"{stop}.tar.zst", light=True)
        unpack(there, tmp_path / f"{stop}.tar.zst")
        assert leaderboard(run(there, searched)) == leaderboard(undisturbed)


def test_whole_records_take_the_place_of_light_ones_and_never_the_other_way(published: Home, tmp_path: Path) -> None:
    folder = published.campaign("tiny")
    pack(folder, tmp_path / "light.tar.zst", light=True)
    pack(folder, tmp_path / "whole.tar.zst")
    other = Home(tmp_path / "other")
    there = unpack(other, tmp_path / "light.tar.zst").folder
    assert unpack(other, tmp_path / "whole.tar.zst").added > 0
    assert not (there / LIGHT).exists()
    assert (there / "trials" / "0001" / "model.keras").exists()
    assert unpack(other, tmp_path / "light.tar.zst").added == 0  # the same records; nothing is lost
    assert (there / "trials" / "0001" / "model.keras").exists()
    (there / "trials" / "0001" / "scores.json").unlink()
    with pytest.raises(BadInput, match="holds what a light archive leaves out"):
        unpack(other, tmp_path / "light.tar.zst")
    assert (there / "trials" / "0001" / "model.keras").exists()


COMMAND = (
    "fer-exp search /home/ada/her work/x.py --data=/home/ada/her faces/f.csv --out ../ada/y --url https://host/a/b"
)


def test_light_records_name_no_folder_of_the_machine_that_packed_them(published: Home, tmp_path: Path) -> None:
    folder = published.campaign("tiny")
    spec = CampaignSpec.read(folder / "campaign.json")
    data = spec.data.model_copy(update={"path": "/home/ada/her faces/f.csv"})
    named = spec.model_copy(update={"data": data, "file": "/home/ada/x.py"})
    (folder / "campaign.json").write_text(named.sealed(indent=1))
    (folder / "trials" / "0001" / "data.json").write_text(data.sealed(indent=1))
    (folder / "trials" / "0001" / "provenance.json").write_text(json.dumps({"command": COMMAND, "cores": 2}))
    pack(folder, tmp_path / "light.tar.zst", light=True)
    pack(folder, tmp_path / "whole.tar.zst")
    other = Home(tmp_path / "other")
    there = unpack(other, tmp_path / "light.tar.zst").folder
    texts = [path.read_bytes() for path in there.rglob("*") if path.is_file()]
    assert not [text for text in texts if b"/home/ada" in text or b"her faces" in text]
    moved = CampaignSpec.read(there / "campaign.json")
    assert (moved.data.path, moved.file, moved.identity) == ("f.csv", "x.py", spec.identity)
    assert moved.data.data_digest == data.data_digest
    assert DataInfo.read(there / "trials" / "0001" / "data.json").path == "f.csv"
    told = json.loads((there / "trials" / "0001" / "provenance.json").read_text())
    assert told["command"].endswith("--data=f.csv --out y --url https://host/a/b")
    assert told["cores"] == 2
    assert unpack(other, tmp_path / "whole.tar.zst").added > 0  # it is the same campaign, and has more
    assert unpack(other, tmp_path / "light.tar.zst").added == 0
    assert CampaignSpec.read(there / "campaign.json") == named


def test_a_whole_archive_says_nothing_of_light_so_that_earlier_versions_read_it(
    published: Home, tmp_path: Path
) -> None:
    assert '"light"' not in pack(published.campaign("tiny"), tmp_path / "whole.tar.zst").to_json()
    assert '"light":true' in pack(published.campaign("tiny"), tmp_path / "light.tar.zst", light=True).to_json()
    assert "*.keras" in HEAVY
