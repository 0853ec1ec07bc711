"""An archive of images is read as the folder that it holds; what cannot be a data set is refused unread."""

import shutil
import zipfile
from pathlib import Path

import numpy as np
import pytest

from fer_exp.data.reading import Reading
from fer_exp.data.sources.read import read_faces
from fer_exp.system.errors import BadData
from tests.made_archives import tar_of
from tests.made_faces import csv_of, png_of, some_faces


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """24 images of two classes and four people, named as CK+48 names them."""
    root = tmp_path / "CK+48"
    for place, name in enumerate(("anger", "happy")):
        (root / name).mkdir(parents=True)
        for number in range(12):
            file = f"S{number % 4:03}_{place:03}_{number:08}.png"
            (root / name / file).write_bytes(png_of(some_faces(24).images[place * 12 + number]))
    return root


@pytest.mark.parametrize("kind", ["zip", "tar", "gztar", "xztar"])
@pytest.mark.parametrize("nested", [True, False])
def test_an_archive_has_the_faces_of_its_folder(tmp_path: Path, folder: Path, kind: str, nested: bool) -> None:
    where = {"root_dir": tmp_path, "base_dir": "CK+48"} if nested else {"root_dir": folder}
    packed = shutil.make_archive(str(tmp_path / "packed"), kind, **where)
    plain, faces = read_faces(folder), read_faces(packed)
    assert faces.digest == plain.digest
    assert faces.groups is not None
    assert plain.groups is not None
    assert np.array_equal(faces.groups, plain.groups)
    assert (faces.source, faces.grouped_by) == ("CK+48" if nested else "packed", "subject")


def test_a_folder_s_one_archive_is_found(tmp_path: Path, folder: Path) -> None:
    (tmp_path / "data").mkdir()
    shutil.make_archive(str(tmp_path / "data" / "ck48"), "zip", root_dir=tmp_path, base_dir="CK+48")
    assert read_faces(tmp_path / "data").digest == read_faces(folder).digest


def test_groups_of_the_user_s_are_known_in_an_archive_too(tmp_path: Path, folder: Path) -> None:
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", root_dir=tmp_path, base_dir="CK+48")
    names = sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*.png"))
    (tmp_path / "who.csv").write_text("\n".join(["image,group", *(f"{name},{name[-6:-4]}" for name in names)]))
    faces = read_faces(packed, Reading(groups=str(tmp_path / "who.csv")))
    assert faces.groups is not None
    assert len(np.unique(faces.groups)) == 12


def test_an_archive_with_a_table_and_images_is_its_table(tmp_path: Path, folder: Path) -> None:
    with zipfile.ZipFile(tmp_path / "both.zip", "w") as archive:
        archive.writestr("fer2013.csv", csv_of(some_faces(14)))
        archive.write(next(folder.rglob("*.png")), "example.png")
    assert read_faces(tmp_path / "both.zip").kind == "csv"


@pytest.mark.parametrize("name", ["../outside.png", "/tmp/outside.png", "a/../../outside.png"])
def test_a_name_that_leads_outside_is_refused(tmp_path: Path, name: str) -> None:
    with zipfile.ZipFile(tmp_path / "bad.zip", "w") as archive:
        archive.writestr(name, png_of(some_faces(1).images[0]))
    with pytest.raises(BadData, match="expected members with plain names"):
        read_faces(tmp_path / "bad.zip")
    (tmp_path / "bad.tar").write_bytes(tar_of({name: png_of(some_faces(1).images[0])}))
    with pytest.raises(BadData, match="expected members with plain names"):
        read_faces(tmp_path / "bad.tar")
    assert not (tmp_path.parent / "outside.png").exists()


def test_a_cut_off_archive_is_refused(tmp_path: Path, folder: Path) -> None:
    packed = Path(shutil.make_archive(str(tmp_path / "packed"), "gztar", root_dir=tmp_path, base_dir=folder.name))
    packed.write_bytes(packed.read_bytes()[: packed.stat().st_size // 2])
    with pytest.raises(BadData, match="damaged or cut-off"):
        read_faces(packed)


def test_more_than_the_disk_has_room_for_is_refused_before_a_byte_is_written(
    tmp_path: Path, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", root_dir=tmp_path, base_dir=folder.name)
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    monkeypatch.setattr(zipfile.ZipFile, "extractall", lambda *_: pytest.fail("unpacked"))
    with pytest.raises(BadData, match="expected at most 500 unpacked bytes"):
        read_faces(packed)


def test_an_archive_of_neither_tables_nor_images_is_refused(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "notes.zip", "w") as archive:
        archive.writestr("readme.txt", "nothing here")
    with pytest.raises(BadData, match="expected an archive with a CSV of columns emotion, pixels, Usage, found none"):
        read_faces(tmp_path / "notes.zip")
