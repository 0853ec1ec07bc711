"""Converting loses nothing, replaces nothing unasked, and leaves nothing half-written."""

import gzip
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fer_exp.data.faces import Faces
from fer_exp.data.reading import Reading
from fer_exp.data.sources.convert import convert
from fer_exp.data.sources.read import read_faces
from fer_exp.system.errors import BadData, BadInput
from tests.made_faces import csv_of, lines_of, same, some_faces

FORMS = ("out.csv", "out.csv.gz", "out.csv.xz", "out.csv.zst", "out.csv.zip", "out.parquet")
FACES = some_faces(20)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    path = tmp_path / "source.csv"
    path.write_bytes(csv_of(FACES))
    return path


def rows_of(faces: Faces) -> list[tuple[int, int, bytes]]:
    rows = zip(faces.usage.tolist(), faces.labels.tolist(), faces.images, strict=True)
    return [(usage, label, image.tobytes()) for usage, label, image in rows]


@st.composite
def any_faces(draw: st.DrawFn) -> Faces:
    count = draw(st.integers(1, 8))
    columns = [draw(arrays(np.uint8, count, elements=st.integers(0, top))) for top in (6, 2)]
    seed, high = draw(st.integers(0, 99)), draw(st.sampled_from([1, 10, 100, 256]))
    images = np.random.default_rng(seed).integers(0, high, (count, 48, 48), dtype=np.uint8)
    return Faces(images, columns[0], columns[1], "made", "made")


class TestRoundTrip:
    @pytest.mark.parametrize("form", FORMS)
    def test_returns_the_same_faces_in_the_same_order(self, form: str, source: Path) -> None:
        written = convert(source, source.with_name(form))
        assert same(written, FACES)
        assert same(read_faces(source.with_name(form)), FACES)

    def test_by_a_folder_returns_the_same_faces(self, source: Path) -> None:
        convert(source, source.with_name("images"))
        names = {
            str(path.relative_to(source.with_name("images"))) for path in source.with_name("images").rglob("*.png")
        }
        assert "train/angry/Training_00.png" in names
        assert "test/disgust/PublicTest_01.png" in names
        assert "test/fear/PrivateTest_02.png" in names
        assert sorted(rows_of(read_faces(source.with_name("images")))) == sorted(rows_of(FACES))

    @settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(faces=any_faces(), form=st.sampled_from(["out.csv", "out.csv.gz", "out.parquet", "images"]))
    def test_holds_for_any_faces(self, faces: Faces, form: str, tmp_path: Path) -> None:
        (tmp_path / "any.csv").write_bytes(csv_of(faces))
        convert(tmp_path / "any.csv", tmp_path / form, overwrite=True)
        assert sorted(rows_of(read_faces(tmp_path / form))) == sorted(rows_of(faces))

    def test_of_one_form_by_another_and_back_gives_the_same_bytes(self, source: Path) -> None:
        convert(source, source.with_name("out.parquet"))
        convert(source.with_name("out.parquet"), source.with_name("back.csv"))
        assert source.with_name("back.csv").read_bytes() == source.read_bytes()

    @pytest.mark.parametrize("form", ["out.csv.gz", "out.csv.zip"])
    def test_packs_the_same_faces_into_the_same_bytes(self, form: str, source: Path) -> None:
        convert(source, source.with_name(form))
        first = source.with_name(form).read_bytes()
        convert(source, source.with_name(form), overwrite=True)
        assert source.with_name(form).read_bytes() == first


class TestDestination:
    @pytest.mark.parametrize("form", ["out.csv", "out.parquet", "images"])
    def test_that_exists_is_refused_and_left_as_it_is(self, form: str, source: Path) -> None:
        destination = source.with_name(form)
        convert(source, destination)
        before = sorted(path.stat().st_mtime_ns for path in [destination, *destination.rglob("*")])
        with pytest.raises(BadInput, match="expected a new name") as caught:
            convert(source, destination)
        assert "--overwrite" in caught.value.remedy
        assert sorted(path.stat().st_mtime_ns for path in [destination, *destination.rglob("*")]) == before

    def test_folder_of_other_things_is_never_replaced(self, source: Path) -> None:
        precious = source.with_name("home")
        (precious / "train").mkdir(parents=True)
        (precious / "letters.txt").write_text("dear")
        with pytest.raises(BadInput, match="other content"):
            convert(source, precious, overwrite=True)
        assert (precious / "letters.txt").read_text() == "dear"

    def test_folder_is_replaced_whole(self, source: Path) -> None:
        images = source.with_name("images")
        convert(source, images)
        (source.with_name("few.csv")).write_bytes(csv_of(some_faces(2)))
        convert(source.with_name("few.csv"), images, overwrite=True)
        assert len(read_faces(images)) == 2

    @pytest.mark.parametrize("name", ["out.txt", "out.tar.gz", "out.gz", "out.csv.rar"])
    def test_of_unknown_form_is_refused(self, name: str, source: Path) -> None:
        with pytest.raises(BadInput, match=r"expected a name that ends in \.csv"):
            convert(source, source.with_name(name))

    def test_may_be_the_source_itself(self, source: Path) -> None:
        convert(source, source, overwrite=True)
        assert same(read_faces(source), FACES)

    def test_that_cannot_be_written_is_said(self, source: Path) -> None:
        with pytest.raises(BadInput, match="cannot be written"):
            convert(source, source / "out.csv")

    @pytest.mark.parametrize("form", ["out.csv.gz", "images"])
    def test_is_absent_after_a_failure(self, form: str, source: Path) -> None:
        source.write_bytes(csv_of(FACES) + b"9,1,Training\n")
        with pytest.raises(BadData, match="row 21"):
            convert(source, source.with_name(form))
        assert [path.name for path in source.parent.iterdir()] == ["source.csv"]

    def test_leaves_bad_rows_out_when_asked(self, source: Path) -> None:
        source.write_text("\n".join(["emotion,pixels,Usage", *lines_of(FACES)[:3], "9,1,Training"]))
        written = convert(source, source.with_name("out.csv.gz"), reading=Reading(skip_bad_rows=True))
        assert len(written.dropped) == 1
        assert gzip.decompress(source.with_name("out.csv.gz").read_bytes()).count(b"\n") == 4
        assert [path.name for path in source.parent.glob(".*")] == []
