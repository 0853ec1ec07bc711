"""A CSV is read out of whatever it is packed in, told by its bytes; damage, excess and tricks are refused."""

import contextlib
import gzip
import lzma
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fer_exp.data.reading import Reading
from fer_exp.data.sources import archives
from fer_exp.data.sources.read import read_faces
from fer_exp.system.errors import BadData
from tests.made_archives import tar_of, zip_of
from tests.made_faces import csv_of, same, some_faces

FACES = some_faces(40)
CSV = csv_of(FACES)
PACKED: dict[str, Callable[[bytes], bytes]] = {
    "nothing": bytes,
    "gz": gzip.compress,
    "xz": lzma.compress,
    "zst": zstandard.compress,
    "zip": lambda data: zip_of({"__MACOSX/._fer2013.csv": b"junk", "readme.txt": b"hello", "a/fer2013.csv": data}),
    "tar": lambda data: tar_of({"fer2013/README": b"hello", "fer2013/fer2013.csv": data}),
    "tar.gz": lambda data: tar_of({"fer2013/README": b"hello", "fer2013/fer2013.csv": data}, "gz"),
    "tar.xz": lambda data: tar_of({"fer2013.csv": data}, "xz"),
    "tar.bz2": lambda data: tar_of({"fer2013.csv": data}, "bz2"),
    "tar.zst": lambda data: zstandard.compress(tar_of({"fer2013.csv": data})),
}


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "anything"  # a name that gives nothing away


class TestPackedCsv:
    @pytest.mark.parametrize("packing", PACKED)
    def test_is_recognised_by_its_bytes_and_read_exactly(self, packing: str, file: Path) -> None:
        file.write_bytes(PACKED[packing](CSV))
        faces = read_faces(file)
        assert same(faces, FACES)
        assert (faces.source, faces.kind, faces.notes, faces.dropped) == ("anything", "csv", (), ())

    @pytest.mark.parametrize("packing", [packing for packing in PACKED if packing != "nothing"])
    @pytest.mark.parametrize("skip", [False, True])
    def test_cut_off_is_refused_even_when_bad_rows_are_skipped(self, packing: str, skip: bool, file: Path) -> None:
        whole = PACKED[packing](CSV)
        file.write_bytes(whole[: len(whole) // 2])
        with pytest.raises(BadData, match="anything: expected a whole file, received a damaged or cut-off one"):
            read_faces(file, Reading(skip_bad_rows=skip))

    def test_with_altered_bytes_is_refused(self, file: Path) -> None:
        altered = bytearray(gzip.compress(CSV))
        altered[-6] ^= 255  # of the checksum
        file.write_bytes(altered)
        with pytest.raises(BadData, match="damaged"):
            read_faces(file)

    def test_may_lie_in_several_layers_but_not_in_any_number(self, file: Path) -> None:
        file.write_bytes(lzma.compress(gzip.compress(CSV)))
        assert same(read_faces(file), FACES)
        file.write_bytes(gzip.compress(gzip.compress(gzip.compress(gzip.compress(CSV)))))
        with pytest.raises(BadData):
            read_faces(file)

    @pytest.mark.parametrize("pack", [tar_of, zip_of])
    def test_ambiguous_archives_are_refused(self, pack: Callable[[dict[str, bytes]], bytes], file: Path) -> None:
        file.write_bytes(pack({"a.csv": CSV, "b.csv": CSV}))
        with pytest.raises(BadData, match="found several"):
            read_faces(file)

    @pytest.mark.parametrize("pack", [tar_of, zip_of])
    def test_archives_without_a_csv_are_refused(self, pack: Callable[[dict[str, bytes]], bytes], file: Path) -> None:
        file.write_bytes(pack({"notes.txt": b"x", "other.csv": b"a,b\n1,2\n"}))
        with pytest.raises(BadData, match="found none in it") as caught:
            read_faces(file)
        assert "give its folder" in caught.value.remedy

    @pytest.mark.parametrize("name", ["../fer2013.csv", "/etc/fer2013.csv", "a/../../fer2013.csv"])
    def test_members_that_climb_out_are_refused(self, name: str, file: Path) -> None:
        file.write_bytes(tar_of({name: CSV}))
        with pytest.raises(BadData, match="plain names"):
            read_faces(file)

    @pytest.mark.parametrize("packing", [packing for packing in PACKED if packing not in ("nothing", "tar")])
    def test_larger_than_the_limit_is_refused(self, packing: str, file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(archives, "MAX_UNPACKED", len(CSV) // 2)
        file.write_bytes(PACKED[packing](CSV))
        with pytest.raises(BadData, match="unpacked bytes, received more"):
            read_faces(file)

    def test_encrypted_zip_is_refused(self, file: Path) -> None:
        packed = bytearray(zip_of({"fer2013.csv": CSV}))
        packed[6] |= 1  # the flag "encrypted" in the member's header and in the directory
        packed[packed.rindex(b"PK\x01\x02") + 8] |= 1
        file.write_bytes(packed)
        with pytest.raises(BadData, match="encrypted"):
            read_faces(file)

    def test_damage_in_an_inner_layer_is_told_like_any_other(self, file: Path) -> None:
        packed = lzma.compress(gzip.compress(CSV))
        file.write_bytes(packed[: len(packed) // 2])
        with pytest.raises(BadData, match="damaged or cut-off"):
            read_faces(file)

    @settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(packing=st.sampled_from(sorted(PACKED)), data=st.data())
    def test_altered_at_random_is_read_or_refused_and_nothing_else(
        self, packing: str, data: st.DataObject, file: Path
    ) -> None:
        altered = bytearray(PACKED[packing](csv_of(some_faces(2))))
        for _ in range(data.draw(st.integers(1, 5))):
            altered[data.draw(st.integers(0, len(altered) - 1))] = data.draw(st.integers(0, 255))
        file.write_bytes(altered)
        with contextlib.suppress(BadData):  # any other error is a defect
            assert len(read_faces(file, reading=Reading(skip_bad_rows=True))) <= 2
