"""Prepared data: a folder without test pixels, found again without reading the source, rebuilt when damaged."""

import gzip
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path

import cv2
import numpy as np
import pytest
from numpy.typing import NDArray

from fer_exp.data.clahe import equalise
from fer_exp.data.find import find_source
from fer_exp.data.reading import Reading
from fer_exp.data.sources.read import read_faces
from fer_exp.data.split.assign import assign
from fer_exp.data.split.prepare import Development, prepare
from fer_exp.data.split.protocol import Protocol
from fer_exp.holdout.sealed import open_test
from fer_exp.system.errors import BadData, BadInput, BadRecord

ROWS = 140
OF_PEOPLE = (Protocol.GROUPED, Protocol.SUBJECT_KFOLD)
OF_TABLES = [protocol for protocol in Protocol if protocol not in OF_PEOPLE]  # a table says not whom it shows
PARTS = ["Training", "Training", "PublicTest", "PrivateTest"]
FILES = {f"{part}-{column}.npy" for part in ("train", "validation") for column in ("images", "labels", "rows")}


def write_csv(path: Path, rows: int = ROWS, seed: int = 0, parts: list[str] = PARTS) -> Path:
    """A CSV like FER2013's; the last Training row is a copy of the first test row."""
    images = np.random.default_rng(seed).integers(0, 256, (rows, 48 * 48))
    images[rows - 4] = images[3]
    lines = [
        f"{number % 7},{' '.join(map(str, image))},{parts[number % len(parts)]}" for number, image in enumerate(images)
    ]
    path.write_text("\n".join(["emotion,pixels,Usage", *lines]) + "\n")
    return path


@pytest.fixture
def csv(tmp_path: Path) -> Path:
    return write_csv(tmp_path / "faces.csv")


@pytest.fixture
def cache(tmp_path: Path) -> Path:
    return tmp_path / "cache"


def prepared(
    source: Path | str, cache: Path, protocol: Protocol = Protocol.OFFICIAL, limit: int | None = None
) -> Development:
    return prepare(str(source), protocol=protocol, seed=1, limit=limit, cache=cache)


@pytest.mark.parametrize("protocol", OF_TABLES)
def test_parts_are_the_protocols_rows_of_the_source(csv: Path, cache: Path, protocol: Protocol) -> None:
    development = prepared(csv, cache, protocol)
    faces = read_faces(csv)
    expected = assign(faces, protocol, seed=1)
    for split, rows in (
        (development.train(False), expected.train),
        (development.validation(False), expected.validation),
    ):
        np.testing.assert_array_equal(split.rows, rows)
        np.testing.assert_array_equal(split.images, faces.images[rows])
        np.testing.assert_array_equal(split.labels, faces.labels[rows])
    info = development.info
    assert info.data_digest == faces.digest
    assert info.train_counts == tuple(np.bincount(faces.labels[expected.train], minlength=7))
    assert info.test_counts == tuple(np.bincount(faces.labels[expected.test], minlength=7))
    assert (info.protocol, info.oversampled, info.notes) == (protocol, expected.oversampled, expected.notes)
    assert Development.open(development.folder) == development


@pytest.mark.parametrize("protocol", OF_TABLES)
def test_no_file_of_the_folder_holds_a_test_face_that_is_not_in_training_itself(
    csv: Path, cache: Path, protocol: Protocol
) -> None:
    development = prepared(csv, cache, protocol)
    development.train(clahe=True), development.validation(clahe=True)
    test = open_test(str(csv), info=development.info, cache=cache)
    content = b"".join(file.read_bytes() for file in development.folder.iterdir())
    assert {file.name for file in development.folder.iterdir()} == FILES | {
        "info.json",
        "train-clahe.npy",
        "validation-clahe.npy",
    }
    for original in (test.images, equalise(test.images)):
        assert not any(image.tobytes() in content for image in original[~test.copied])
    assert development.train(False).images[0].tobytes() in content


def test_a_development_offers_training_and_validation_and_nothing_else() -> None:
    assert {field.name for field in fields(Development)} == {"folder", "info"}
    offered = {name for name in dir(Development) if not name.startswith("_")}
    assert offered == {"open", "train", "validation"}


def test_images_are_read_only_memory_maps_raw_or_equalised(csv: Path, cache: Path) -> None:
    development = prepared(csv, cache)
    for part in (development.train, development.validation):
        raw, equalised = part(clahe=False), part(clahe=True)
        for split in (raw, equalised):
            assert isinstance(split.images, np.memmap)
            assert not split.images.flags.writeable
        np.testing.assert_array_equal(equalised.images, equalise(raw.images))
        np.testing.assert_array_equal(equalised.rows, raw.rows)


def test_a_second_start_does_not_read_the_source(csv: Path, cache: Path) -> None:
    first = prepared(csv, cache)
    seen = csv.stat()
    csv.write_bytes(b"x" * seen.st_size)
    os.utime(csv, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert prepared(csv, cache) == first


def test_a_second_start_loads_none_of_the_libraries_that_read_and_draw(csv: Path, cache: Path) -> None:
    prepared(csv, cache).train(clahe=True)
    program = (
        "import sys; from pathlib import Path; from fer_exp.data.split.prepare import prepare; "
        "from fer_exp.data.split.protocol import Protocol; "
        f"d = prepare({str(csv)!r}, protocol=Protocol.OFFICIAL, seed=1, limit=None, cache=Path({str(cache)!r})); "
        "d.train(clahe=True); "
        "print({'numpy', 'cv2', 'pandas', 'sklearn', 'imblearn', 'pyarrow', 'keras'} & set(sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert ended.stdout == "{'numpy'}\n"


def test_a_changed_source_is_read_again(csv: Path, cache: Path) -> None:
    first = prepared(csv, cache)
    write_csv(csv, seed=1)
    os.utime(csv, ns=(1, 1))
    second = prepared(csv, cache)
    assert second.info.data_digest != first.info.data_digest
    assert second.info.data_digest == read_faces(csv).digest


def test_a_folder_of_images_is_read_again_when_one_is_added(tmp_path: Path, cache: Path) -> None:
    images = np.random.default_rng(0).integers(0, 256, (57, 48, 48)).astype(np.uint8)
    folder = tmp_path / "images"
    names = ("angry", "disgust", "fear", "happy", "sad", "surprise", "neutral")
    for number, image in enumerate(images[:56]):
        file = folder / ("train" if number < 42 else "test") / names[number % 7] / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        assert cv2.imwrite(str(file), image)
    first = prepared(folder, cache)
    assert prepared(folder, cache) == first
    assert cv2.imwrite(str(folder / "train" / "sad" / "new.png"), images[56])
    assert (first.info.faces, prepared(folder, cache).info.faces) == (56, 57)


def test_two_sources_with_the_same_faces_share_arrays_and_each_is_named_as_given(csv: Path, cache: Path) -> None:
    plain = prepared(csv, cache)
    equalised = plain.train(clahe=True).images
    packed = csv.with_suffix(".csv.gz")
    packed.write_bytes(gzip.compress(csv.read_bytes()))
    other = prepared(packed, cache)
    assert other.folder == plain.folder
    assert (plain.info.path, plain.info.source) == (str(csv), "faces.csv")
    assert (other.info.path, other.info.source) == (str(packed), "faces.csv.gz")
    assert Development.open(other.folder) == other
    assert prepared(csv, cache) == plain
    np.testing.assert_array_equal(plain.train(clahe=True).images, equalised)


def test_protocol_seed_and_limit_have_folders_of_their_own(csv: Path, cache: Path) -> None:
    names = [prepared(csv, cache).folder.name, prepared(csv, cache, Protocol.STRATIFIED, limit=20).folder.name]
    assert names == ["official-1-all", "stratified-1-20"]
    assert len(prepared(csv, cache, limit=20).train(clahe=False)) == 20


def damaged_files() -> Iterator[tuple[str, str]]:
    yield from ((f"official-1-all/{name}", how) for name in sorted(FILES) for how in ("missing", "truncated", "empty"))
    yield from (("official-1-all/info.json", how) for how in ("missing", "truncated"))
    yield "official-1-all/train-clahe.npy", "truncated"
    yield "official-1-all/train-rows.npy", "swapped"


@pytest.mark.parametrize(("name", "how"), list(damaged_files()))
def test_a_damaged_cache_is_rebuilt_not_believed(csv: Path, cache: Path, name: str, how: str) -> None:
    first = prepared(csv, cache)
    expected = held(first)
    damage(cache / first.info.data_digest / name, how)
    again = prepared(csv, cache)
    assert again == first
    for array, before in zip(held(again), expected, strict=True):
        np.testing.assert_array_equal(array, before)


def held(development: Development) -> list[NDArray[np.generic]]:
    """Copies of the arrays that a development offers."""
    splits = development.train(True), development.train(False), development.validation(False)
    return [np.array(array) for split in splits for array in (split.images, split.labels, split.rows)]


def damage(file: Path, how: str) -> None:
    content = file.read_bytes()
    file.unlink()  # a memory map of the old file stays what it was
    if how == "swapped":
        file.write_bytes(content[:-16] + content[-8:] + content[-16:-8])
    elif how != "missing":
        file.write_bytes(b"" if how == "empty" else content[: len(content) // 2])


@pytest.mark.parametrize("name", ["images.npy", "labels.npy", "usage.npy"])
@pytest.mark.parametrize("how", ["missing", "truncated", "swapped"])
def test_damaged_cached_faces_are_read_from_the_source_again(csv: Path, cache: Path, name: str, how: str) -> None:
    first = prepared(csv, cache)
    damage(cache / first.info.data_digest / name, how)
    test = open_test(str(csv), info=first.info, cache=cache)
    faces = read_faces(csv)
    np.testing.assert_array_equal(test.images, faces.images[faces.usage == 2])
    assert prepared(csv, cache, Protocol.STRATIFIED).info.data_digest == first.info.data_digest


def test_a_development_says_what_is_wrong_with_a_damaged_folder(csv: Path, cache: Path) -> None:
    development = prepared(csv, cache)
    damage(development.folder / "train-images.npy", "truncated")
    with pytest.raises(BadData, match="expected the train part as it was prepared") as caught:
        development.train(clahe=True)
    assert "prepares damaged data anew" in caught.value.remedy
    with pytest.raises(BadRecord, match=r"info\.json does not exist"):
        Development.open(cache)


def test_processes_that_prepare_the_same_data_at_once_all_succeed(csv: Path, cache: Path) -> None:
    program = (
        "import sys; from pathlib import Path; from fer_exp.data.split.prepare import prepare; "
        "from fer_exp.data.split.protocol import Protocol; "
        f"d = prepare({str(csv)!r}, protocol=Protocol.OFFICIAL, seed=1, limit=None, cache=Path({str(cache)!r})); "
        "print(d.info.split_digest, int(d.train(clahe=True).images.sum()))"
    )
    running = [subprocess.Popen([sys.executable, "-c", program], stdout=subprocess.PIPE, text=True) for _ in range(3)]
    said = {process.communicate()[0] for process in running}
    expected = prepared(csv, cache)
    assert said == {f"{expected.info.split_digest} {int(expected.train(clahe=True).images.sum())}\n"}
    assert not list(cache.rglob(".partial-*"))


def test_dropped_rows_are_counted_and_kept_apart_from_a_start_that_drops_none(csv: Path, cache: Path) -> None:
    whole = prepared(csv, cache)
    with csv.open("a") as target:
        target.write("3,1 2 3,Training\n")
    with pytest.raises(BadData):
        prepared(csv, cache)
    for _ in range(2):
        dropping = prepare(
            str(csv), protocol=Protocol.OFFICIAL, seed=1, limit=None, cache=cache, reading=Reading(skip_bad_rows=True)
        )
        assert dropping.info.dropped_total == 1
        assert f"row {ROWS + 1}" in dropping.info.dropped[0]
        assert dropping.info.split_digest == whole.info.split_digest


def written(cache: Path) -> dict[Path, int]:
    """Every file of the cache, and when it was last written."""
    return {path: path.stat().st_mtime_ns for path in cache.rglob("*") if path.is_file()}


def test_the_demo_is_drawn_once(cache: Path) -> None:
    first = prepared("demo", cache)
    assert (first.info.source, first.info.kind) == ("demo (drawn faces)", "demo")
    before = written(cache)
    assert prepared("demo", cache) == first
    assert written(cache) == before


def test_a_missing_source_is_refused(tmp_path: Path, cache: Path) -> None:
    with pytest.raises(BadData, match="expected a file or a folder, found none"):
        prepared(tmp_path / "absent.csv", cache)
    assert not cache.exists()


# -- the sealed part


@pytest.mark.parametrize("protocol", OF_TABLES)
def test_the_test_part_is_raw_and_tells_copies_of_training_faces(csv: Path, cache: Path, protocol: Protocol) -> None:
    development = prepared(csv, cache, protocol)
    faces = read_faces(csv)
    test = open_test(str(csv), info=development.info, cache=cache)
    rows = assign(faces, protocol, seed=1).test
    np.testing.assert_array_equal(test.rows, rows)
    np.testing.assert_array_equal(test.images, faces.images[rows])
    np.testing.assert_array_equal(test.labels, faces.labels[rows])
    training = {image.tobytes() for image in development.train(clahe=False).images}
    assert test.copied.tolist() == [image.tobytes() in training for image in test.images]
    if protocol is Protocol.OFFICIAL:
        assert test.copied.sum() == 1


def test_other_faces_are_no_test_part_of_a_development(csv: Path, cache: Path, tmp_path: Path) -> None:
    info = prepared(csv, cache).info
    other = write_csv(tmp_path / "other.csv", seed=7)
    with pytest.raises(BadData, match=f"expected the faces with digest {info.data_digest}, received digest"):
        open_test(str(other), info=info, cache=cache)


def test_a_split_that_cannot_be_reproduced_has_no_test_part(csv: Path, cache: Path) -> None:
    info = prepared(csv, cache).info.model_copy(update={"split_digest": "0" * 16})
    with pytest.raises(BadData, match="expected the official split with digest 0000000000000000, received"):
        open_test(str(csv), info=info, cache=cache)


def test_a_source_without_test_rows_has_no_test_part(cache: Path, tmp_path: Path) -> None:
    source = write_csv(tmp_path / "training.csv", parts=["Training"])
    info = prepared(source, cache).info
    assert any("no test part" in note for note in info.notes)
    with pytest.raises(BadData, match="expected a test part under the protocol 'official', received none"):
        open_test(str(source), info=info, cache=cache)


# -- where data are found


def test_the_first_place_that_names_data_decides(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(BadInput, match=r"from --data, the campaign, FER_EXP_DATA or \./data; received none"):
        find_source(None)
    for name in ("given.csv", "set.csv", "default.csv", "data/fer2013.csv"):
        Path(name).parent.mkdir(exist_ok=True)
        Path(name).touch()
    assert find_source(None) == "data/fer2013.csv"
    monkeypatch.setenv("FER_EXP_DATA", "set.csv")
    assert find_source(None) == "set.csv"
    assert find_source(None, "default.csv") == "default.csv"
    assert find_source("given.csv", "default.csv") == "given.csv"
    assert find_source("demo") == "demo"


@pytest.mark.parametrize(
    ("files", "chosen"),
    [
        (["fer2013.csv", "fer2013.csv.gz", "fer2013.parquet"], "fer2013.parquet"),
        (["fer2013.csv.gz", "fer2013.csv"], "fer2013.csv"),
        (["fer2013.csv.zst"], "fer2013.csv.zst"),
        (["train/happy/1.png"], "."),
    ],
)
def test_of_a_folder_the_best_packed_fer2013_is_taken_and_else_the_folder(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, files: list[str], chosen: str
) -> None:
    for name in files:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    monkeypatch.setenv("FER_EXP_DATA", str(tmp_path))
    assert Path(find_source(None)) == tmp_path / chosen


def test_a_place_that_names_nothing_there_is_refused_instead_of_passed_over(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("data").mkdir()
    monkeypatch.setenv("FER_EXP_DATA", "absent")
    with pytest.raises(BadInput, match="that FER_EXP_DATA names, found none"):
        find_source(None)


# -- the real data


def test_fer2013_is_prepared_once(fer2013: Path, cache: Path) -> None:
    source = fer2013 / "fer2013.parquet"
    first = prepared(source, cache)
    first.train(clahe=True)
    before = written(cache)
    images = prepared(source, cache).train(clahe=True).images
    assert written(cache) == before
    assert images.shape == (28_709, 48, 48)
    assert sum(first.info.validation_counts) == sum(first.info.test_counts) == 3_589
    test = open_test(str(source), info=first.info, cache=cache)
    assert (len(test), test.copied.sum()) == (3_589, 288)
