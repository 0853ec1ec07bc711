"""An audit finds copies however they were changed, and odd images; it writes a page that needs nothing beside it."""

import base64
import io
import re
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from fer_exp.audit.copies import copies_of, joined
from fer_exp.audit.findings import Audit, LabelNoise, LabelSuspect, NearPair
from fer_exp.audit.look import audit
from fer_exp.audit.near import best_correlation, near_pairs, perceptual_hashes
from fer_exp.audit.oddities import flat_images, has_face, strangeness, without_face
from fer_exp.audit.sheets import draw, sheets_of
from fer_exp.audit.text import describe
from fer_exp.audit.write import write_audit
from fer_exp.cli import app
from fer_exp.data.check import check
from fer_exp.data.faces import Faces, Images, Usage
from fer_exp.data.sources.read import read_faces
from fer_exp.data.split.by_group import image_groups
from fer_exp.system.errors import BadInput
from fer_exp.system.home import Home


@pytest.fixture(scope="module")
def demo() -> Faces:
    """300 drawn faces, all of them different."""
    faces = read_faces("demo")
    return Faces(faces.images[:300], faces.labels[:300], faces.usage[:300], faces.source, faces.kind)


def watermarked(image: Images) -> Images:
    marked = image.copy()
    cv2.putText(marked, "stock", (4, 46), cv2.FONT_HERSHEY_SIMPLEX, 0.3, 200)
    return marked


def compressed(image: Images) -> Images:
    return np.asarray(cv2.imdecode(cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, 40])[1], 0), np.uint8)


def cropped(image: Images) -> Images:
    return np.asarray(cv2.resize(image[1:, 1:], (48, 48)), np.uint8)


def darker(image: Images) -> Images:
    return (image // 2).astype(np.uint8)


CHANGES = {0: watermarked, 1: compressed, 6: cropped, 3: darker}  # the row that is changed, and how


def altered(demo: Faces) -> Faces:
    """The demo with four changed copies, one exact copy, and one blank and one nearly blank image behind it."""
    changed = [change(demo.images[row]) for row, change in CHANGES.items()]
    dot = np.full((48, 48), 3, np.uint8)
    dot[40:44, 40:44] = 200
    images = np.stack([*demo.images, *changed, demo.images[4], np.zeros((48, 48), np.uint8), dot])
    labels = np.concatenate([demo.labels, [(demo.labels[0] + 1) % 7, *demo.labels[[1, 6, 3, 4]], 0, 0]]).astype(
        np.uint8
    )
    usage = np.concatenate([np.zeros(300), [1, 2, 0, 0, 2, 0, 0]]).astype(np.uint8)
    return Faces(images, labels, usage, "altered.csv", "csv")


@pytest.fixture(scope="module")
def found(demo: Faces) -> tuple[Audit, Faces]:
    faces = altered(demo)
    return audit(faces), faces


# -- near copies


@pytest.mark.parametrize("place", range(len(CHANGES)))
def test_a_changed_copy_is_a_near_copy(found: tuple[Audit, Faces], place: int) -> None:
    assert (list(CHANGES)[place], 300 + place) in [(pair.first, pair.second) for pair in found[0].near_pairs]


def test_different_photographs_are_no_near_copies(fer2013: Path) -> None:
    """Among 1,500 images of FER2013 drawn at random, near copies are as rare as in all of it."""
    faces = read_faces(fer2013 / "fer2013.parquet")
    rows = np.random.default_rng(2).permutation(np.unique(image_groups(faces.images), return_index=True)[1])[:1500]
    assert len(near_pairs(faces.images[rows], rows)) <= 20  # 3,216 x (1,500 / 34,034) squared is 6


def test_every_pair_passes_both_tests(found: tuple[Audit, Faces]) -> None:
    seen, faces = found
    assert seen.near_pairs
    for pair in seen.near_pairs:
        one, other = faces.images[pair.first], faces.images[pair.second]
        first, second = perceptual_hashes(np.stack([one, other]))
        assert pair.distance == int(first ^ second).bit_count() <= seen.near_distance
        assert pair.correlation == best_correlation(one, other) >= seen.near_correlation


def test_no_pair_within_the_distance_is_overlooked(demo: Faces) -> None:
    images = demo.images
    hashes = [int(value) for value in perceptual_hashes(images)]
    expected = {
        (a, b)
        for a in range(len(images))
        for b in range(a + 1, len(images))
        if (hashes[a] ^ hashes[b]).bit_count() <= 10 and best_correlation(images[a], images[b]) >= 0.90
    }
    assert {(pair.first, pair.second) for pair in near_pairs(images, np.arange(len(images)))} == expected


def test_correlation_knows_a_moved_image_and_is_the_same_both_ways() -> None:
    random = np.random.default_rng(1).integers(0, 256, (60, 60), dtype=np.uint8)
    one, moved, far = random[:48, :48], random[5:53, 3:51], random[12:, 12:]
    assert best_correlation(one, moved) == pytest.approx(1.0, abs=1e-5)
    assert best_correlation(one, moved) == best_correlation(moved, one)
    assert best_correlation(one, far) < 0.5


def test_images_without_contrast_have_no_near_copies() -> None:
    images = np.stack([np.full((48, 48), grey, np.uint8) for grey in (0, 100, 255)])
    images[:, 0, 0] = (9, 99, 200)
    assert near_pairs(images, np.arange(3)) == ()


# -- groups


def groups_of(rows: Sequence[int]) -> np.ndarray[tuple[int], np.dtype[np.int64]]:
    return np.array(rows, np.int64)


def test_pairs_join_groups_into_chains() -> None:
    pairs = tuple(NearPair(first=a, second=b, distance=2, correlation=0.95) for a, b in ((0, 1), (1, 2), (4, 5)))
    parts = joined(groups_of([0, 1, 2, 0, 3, 4, 5]), pairs)
    assert parts[0] == parts[1] == parts[2] == parts[3]
    assert parts[4] == parts[5]
    assert len({int(parts[0]), int(parts[4]), int(parts[6])}) == 3


def test_copies_and_conflicts_and_leaks_are_counted(found: tuple[Audit, Faces]) -> None:
    seen, _ = found
    exact = seen.exact
    assert [group.rows for group in exact.groups] == [(4, 304)]
    assert (exact.extra, exact.conflicts, exact.private_test_in_training) == (1, 0, 1)
    together = {row: group for group in seen.near.groups for row in group.rows}
    assert together[0] == together[300]
    assert together[0].in_conflict
    assert together[4] == together[304]
    assert seen.near.public_test_in_training == 1  # the watermarked
    assert seen.near.private_test_in_training == 2  # the compressed and the exact copy


def test_exact_copies_are_those_of_the_check(found: tuple[Audit, Faces]) -> None:
    seen, faces = found
    counted = check(faces)
    assert seen.check == counted
    assert (seen.exact.extra, len(seen.exact.groups), seen.exact.conflicts) == (
        counted.copies,
        counted.copy_groups,
        counted.conflicts,
    )


# -- oddities


def test_blank_and_nearly_blank_images_are_found_and_no_others(found: tuple[Audit, Faces]) -> None:
    seen, _ = found
    assert seen.blank == (305,)
    assert [image.row for image in seen.flat] == [306]


def test_an_image_is_flat_when_four_pixels_in_five_are_within_eight_levels() -> None:
    images = np.zeros((3, 48, 48), np.uint8)
    for image, share in zip(images, (0.09, 0.15, 0.05), strict=True):
        image.reshape(-1)[: int(share * 2304)] = 200
    images[2] += np.arange(48, dtype=np.uint8)[np.newaxis, :] // 6
    assert [image.row for image in flat_images(images, np.array([7, 8, 9]))] == [7, 9]


def test_text_among_faces_is_the_strangest_and_shows_no_face(demo: Faces) -> None:
    text = np.full((48, 48), 255, np.uint8)
    for line in range(4, 48, 8):
        text[line : line + 2, ::3] = 0
    images = np.concatenate([demo.images, text[np.newaxis]])
    assert strangeness(images).argmax() == 300
    assert not has_face(text)
    candidates, searched = without_face(images, np.arange(1000, 1301))
    assert candidates[0].row == 1300
    assert searched == 4  # one in a hundred, rounded up


def test_detectors_find_a_photographed_face(fer2013: Path) -> None:
    faces = read_faces(fer2013 / "fer2013.parquet")
    some = faces.images[np.random.default_rng(1).permutation(len(faces))[:200]]
    assert np.mean([has_face(image) for image in some]) > 0.75


# -- what is written


def test_the_audit_has_a_json_form(found: tuple[Audit, Faces]) -> None:
    seen, _ = found
    assert Audit.from_json(seen.to_json(indent=1)) == seen


def test_the_folder_holds_report_page_and_sheets(found: tuple[Audit, Faces], tmp_path: Path) -> None:
    seen, faces = found
    folder = tmp_path / "audits" / "one"
    write_audit(seen, faces, folder)
    assert Audit.read(folder / "audit.json") == seen
    names = {path.stem for path in (folder / "sheets").iterdir()}
    assert names == {"classes", "exact-copies", "leaks", "near-copies", "blank", "no-face"}  # no conflict: no sheet
    for path in (folder / "sheets").iterdir():
        with Image.open(path) as picture:
            assert (picture.mode, picture.width) == ("L", 1240)
    assert sorted(path.name for path in folder.parent.iterdir()) == ["one"]


def test_the_page_shows_every_sheet_and_needs_nothing_beside_it(found: tuple[Audit, Faces], tmp_path: Path) -> None:
    seen, faces = found
    write_audit(seen, replace(faces, source="x"), tmp_path / "one")
    text = (tmp_path / "one" / "audit.html").read_text()
    pictures = re.findall(r'src="data:image/png;base64,([^"]+)"', text)
    assert [base64.b64decode(picture) for picture in pictures] == [
        (tmp_path / "one" / "sheets" / f"{sheet.name}.png").read_bytes() for sheet in sheets_of(faces, seen)
    ]
    assert "<script" not in text
    assert not re.findall(r"https?:", text)
    assert set(re.findall(r'(?:src|href)="(?!data:image/png|#)', text)) == set()


def test_a_name_in_the_data_cannot_become_part_of_the_page(found: tuple[Audit, Faces], tmp_path: Path) -> None:
    seen, faces = found
    named = seen.model_copy(update={"check": seen.check.model_copy(update={"source": "<b>&.csv", "notes": ("a<b",)})})
    write_audit(named, faces, tmp_path / "one")
    text = (tmp_path / "one" / "audit.html").read_text()
    assert "<b>" not in text
    assert "Audit of &lt;b&gt;&amp;.csv" in text
    assert "<p>a&lt;b</p>" in text


def test_suspected_labels_have_a_sheet_and_lines(found: tuple[Audit, Faces]) -> None:
    seen, faces = found
    suspect = LabelSuspect(row=7, given=0, suggested=3, given_probability=0.02, suggested_probability=0.9)
    noise = LabelNoise(folds=4, epochs=1, accuracy=0.5, suspects=(suspect,))
    with_noise = seen.model_copy(update={"label_noise": noise})
    (sheet,) = [sheet for sheet in sheets_of(faces, with_noise) if sheet.name == "label-suspects"]
    assert sheet.tiles[0].lines == ("#7", "Angry 0.02", "Happy? 0.90")
    assert draw(sheet).width == 1240
    assert "candidates for wrong labels                           1\n" in describe(with_noise)
    assert "wrong labels" not in describe(seen)


def test_the_text_fits_a_console(found: tuple[Audit, Faces]) -> None:
    lines = describe(found[0]).splitlines()
    assert max(map(len, lines)) <= 80
    assert lines[0].startswith("altered.csv: 307 faces (csv), digest ")


def test_an_older_audit_is_replaced_and_anything_else_refused(found: tuple[Audit, Faces], tmp_path: Path) -> None:
    seen, faces = found
    folder = tmp_path / "one"
    write_audit(seen, faces, folder)
    (folder / "sheets" / "gone.png").touch()
    write_audit(seen, faces, folder)
    assert not (folder / "sheets" / "gone.png").exists()
    other = tmp_path / "other"
    other.mkdir()
    (other / "thesis.txt").write_text("years of work")
    for foreign in (other, other / "thesis.txt"):
        with pytest.raises(BadInput, match="expected a new folder, an empty one or one that holds an audit"):
            write_audit(seen, faces, foreign)
    assert (other / "thesis.txt").read_text() == "years of work"


def test_an_empty_part_and_a_single_face_are_audited_too(tmp_path: Path, demo: Faces) -> None:
    one = Faces(demo.images[:1], demo.labels[:1], demo.usage[:1], "one.csv", "csv")
    seen = audit(one)
    assert (seen.exact.groups, seen.near.groups, seen.near_pairs) == ((), (), ())
    write_audit(seen, one, tmp_path / "one")
    assert (tmp_path / "one" / "sheets" / "classes.png").exists()


def test_a_source_of_blank_images_alone_is_audited(tmp_path: Path) -> None:
    blank = np.stack([np.full((48, 48), grey, np.uint8) for grey in (0, 0, 200)])
    faces = Faces(blank, np.zeros(3, np.uint8), np.full(3, Usage.TRAINING, np.uint8), "blank.csv", "csv")
    seen = audit(faces)
    assert (seen.near_pairs, seen.flat, seen.no_face) == ((), (), ())
    assert seen.blank == (0, 1, 2)
    write_audit(seen, faces, tmp_path / "blank")
    assert len(near_pairs(blank[:0], np.arange(0))) == len(flat_images(blank[:0], np.arange(0))) == 0


# -- the command


def test_the_command_writes_below_the_home_and_names_the_page(home: Home) -> None:
    done = CliRunner().invoke(app, ["data", "audit", "demo"])
    assert done.exit_code == 0, done.output
    (page,) = home.root.glob("audits/*/audit.html")
    assert f"Page: {page}" in done.output
    assert page.parent.name == Audit.read(page.with_name("audit.json")).check.digest


def test_the_command_refuses_a_foreign_folder_before_it_works(home: Home, tmp_path: Path) -> None:
    (tmp_path / "notes").mkdir()
    (tmp_path / "notes" / "a.txt").touch()
    started = time.perf_counter()
    done = CliRunner().invoke(app, ["data", "audit", "absent.csv", "--out", str(tmp_path / "notes")])
    assert done.exit_code == 2
    assert "--out: expected a new folder" in done.output
    assert time.perf_counter() - started < 5
    assert not home.root.exists()


# -- the real data


def test_what_is_known_of_fer2013_is_found(fer2013: Path, home: Home) -> None:
    started = time.process_time()  # of this process alone: tests may share their machine
    done = CliRunner().invoke(app, ["data", "audit", str(fer2013 / "fer2013.parquet")])
    assert done.exit_code == 0, done.output
    assert time.process_time() - started < 60
    (report,) = home.root.glob("audits/*/audit.json")
    seen = Audit.read(report)
    exact, near = seen.exact, seen.near
    assert (exact.extra, len(exact.groups), exact.conflicts, len(exact.groups[0].rows)) == (1_853, 1_516, 57, 12)
    assert (exact.public_test_in_training, exact.private_test_in_training) == (280, 288)
    assert (exact.private_test_in_public_test, len(seen.blank), len(seen.flat)) == (44, 12, 5)
    assert near.extra == pytest.approx(4_119, abs=20)  # libraries may round a hash or a correlation otherwise
    assert near.private_test_in_training == pytest.approx(608, abs=5)
    with Image.open(io.BytesIO((report.parent / "sheets" / "near-copies.png").read_bytes())) as picture:
        assert picture.width == 1240
    faces = read_faces(fer2013 / "fer2013.parquet")
    assert copies_of(faces, image_groups(faces.images)) == exact
