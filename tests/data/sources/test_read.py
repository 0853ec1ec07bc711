"""One call reads every kind of source, recognised by content; what is none is refused."""

import gzip
from pathlib import Path

import numpy as np
import pytest

from fer_exp.data.sources.read import read_faces
from fer_exp.system.errors import BadData
from tests.made_faces import columns_of, csv_of, png_of, same, some_faces, write_parquet

FACES = some_faces(40)
CSV = csv_of(FACES)


class TestFoldersOfFiles:
    def test_the_one_data_file_is_read(self, tmp_path: Path) -> None:
        (tmp_path / "README.md").write_text("hello")
        (tmp_path / "broken.gz").write_bytes(gzip.compress(CSV)[:20])
        (tmp_path / "faces").write_bytes(gzip.compress(CSV))
        assert same(read_faces(tmp_path), FACES)

    def test_several_are_refused_by_name(self, tmp_path: Path) -> None:
        (tmp_path / "a").write_bytes(CSV)
        write_parquet(tmp_path / "b", columns_of(FACES, png=[png_of(image) for image in FACES.images]))
        with pytest.raises(BadData, match="received a and b") as caught:
            read_faces(tmp_path)
        assert "the one that you mean" in caught.value.remedy

    def test_none_is_refused(self, tmp_path: Path) -> None:
        with pytest.raises(BadData, match="received neither"):
            read_faces(tmp_path)


class TestReadFaces:
    def test_says_what_it_looked_for_where_nothing_is(self, tmp_path: Path) -> None:
        with pytest.raises(BadData, match=r"there is nothing at .*absent\.csv"):
            read_faces(tmp_path / "absent.csv")

    def test_demo_is_built_in(self) -> None:
        faces = read_faces("demo")
        assert faces.kind == "demo"
        assert set(faces.labels.tolist()) == set(range(7))


class TestRealData:
    def test_both_editions_hold_the_same_faces(self, fer2013: Path) -> None:
        from_csv = read_faces(fer2013 / "fer2013.csv.gz")
        from_parquet = read_faces(fer2013 / "fer2013.parquet")
        assert len(from_csv) == 35_887
        assert from_csv.digest == from_parquet.digest
        assert np.bincount(from_csv.usage).tolist() == [28_709, 3_589, 3_589]
        assert np.bincount(from_csv.labels).tolist() == [4953, 547, 5121, 8989, 6077, 4002, 6198]
        assert from_csv.notes == from_parquet.notes == ()
