"""Every CSV edition is read exactly; a bad row is named, or dropped and listed at the user's wish, never mended."""

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fer_exp.data.reading import Reading
from fer_exp.data.sources.pixels import PIXELS, parse_pixels, pixel_problem
from fer_exp.data.sources.read import read_faces
from fer_exp.system.errors import BadData, ExitCode
from tests.made_faces import TITLES, csv_of, lines_of, same, some_faces, text_of

FACES = some_faces(40)
CSV = csv_of(FACES)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "anything"  # a name that gives nothing away


class TestCsvEditions:
    def test_columns_may_come_in_any_order_with_blanks_and_others_between(self, file: Path) -> None:
        rows = zip(FACES.labels, FACES.images, FACES.usage, strict=True)
        lines = [f"{label},{TITLES[usage]},{text_of(image)},x" for label, image, usage in rows]
        file.write_text("\n".join(["emotion, Usage, pixels,id", *lines]))
        faces = read_faces(file)
        assert same(faces, FACES)
        assert faces.notes == ("Column 'id' was not read.",)

    def test_quotes_carriage_returns_and_a_byte_order_mark_are_layout(self, file: Path) -> None:
        text = CSV.decode().replace(",", '","').replace("\n", '"\r\n"')[:-1]
        file.write_bytes(b'\xef\xbb\xbf"' + text.encode())
        assert same(read_faces(file), FACES)

    def test_without_usage_every_row_is_training_and_that_is_said(self, file: Path) -> None:
        lines = [line.rpartition(",")[0] for line in lines_of(FACES)]
        file.write_text("\n".join(["emotion,pixels", *lines]))
        faces = read_faces(file)
        assert not faces.usage.any()
        assert faces.notes == ("There is no Usage: every row counts as Training.",)

    def test_blank_lines_at_the_end_are_no_rows(self, file: Path) -> None:
        file.write_bytes(CSV + b"\n\r\n\n")
        assert same(read_faces(file), FACES)

    def test_rows_may_lie_across_the_blocks_that_are_read(self, file: Path) -> None:
        faces = some_faces(700)  # 5.9 MB, blocks have 4
        file.write_bytes(csv_of(faces))
        assert same(read_faces(file), faces)

    @pytest.mark.parametrize(
        ("content", "expected"),
        [
            (b"", "received an empty file"),
            (b"emotion,pixels,Usage\n", "expected rows with faces, received none"),
            (b"emotion,pixels,Usage", "expected rows with faces, received none"),
            (lines_of(FACES)[0].encode(), "expected a header"),
            (b"emotion,emotion,pixels,Usage\n", "expected a header"),
            (b"a,b\n1,2\n", "expected a header with the columns emotion, pixels, Usage, received 'a,b'"),
            (b"\x89PNG\r\n\x1a\n\0\0", "expected a header"),
            (CSV.decode().encode("utf-16"), "expected a header"),
        ],
    )
    def test_files_of_no_known_kind_are_refused(self, content: bytes, expected: str, file: Path) -> None:
        file.write_bytes(content)
        with pytest.raises(BadData, match=expected) as caught:
            read_faces(file)
        assert caught.value.exit_code == ExitCode.BAD_INPUT
        assert "Nothing was changed" in caught.value.remedy


GOOD = lines_of(FACES)
PIXEL_TEXT = text_of(FACES.images[0])


def row(label: str = "3", pixels: str = PIXEL_TEXT, usage: str = "Training") -> bytes:
    return f"{label},{pixels},{usage}".encode()


def with_first(number: str) -> str:
    return number + PIXEL_TEXT[PIXEL_TEXT.index(" ") :]


BAD_ROWS = {
    "too few pixels": (row(pixels=PIXEL_TEXT.rpartition(" ")[0]), "expected 2304 pixels, received 2303"),
    "too many pixels": (row(pixels=PIXEL_TEXT + " 7"), "expected 2304 pixels, received 2305"),
    "no pixels": (row(pixels=""), "expected 2304 pixels, received 0"),
    "pixel 256": (row(pixels=with_first("256")), "pixel 1: expected a whole number 0-255, received '256'"),
    "pixel 300": (row(pixels=with_first("300")), "received '300'"),
    "pixel 999": (row(pixels=with_first("999")), "received '999'"),
    "pixel 1000": (row(pixels=with_first("1000")), "received '1000'"),
    "pixel -1": (row(pixels=with_first("-1")), "received '-1'"),
    "pixel 1.5": (row(pixels=with_first("1.5")), "received '1.5'"),
    "pixel 1e2": (row(pixels=with_first("1e2")), "received '1e2'"),
    "pixel 0x10": (row(pixels=with_first("0x10")), "received '0x10'"),
    "pixel nan": (row(pixels=with_first("nan")), "received 'nan'"),
    "pixel in another script": (row(pixels=with_first("٣")), "received '٣'"),
    "tab between": (row(pixels=PIXEL_TEXT.replace(" ", "\t", 1)), "expected a whole number"),
    "label 7": (row(label="7"), "emotion: expected 0-6 or a known class, received '7'"),
    "label -1": (row(label="-1"), "emotion: expected 0-6 or a known class, received '-1'"),
    "label 3.5": (row(label="3.5"), "emotion: expected 0-6 or a known class, received '3.5'"),
    "label missing": (row(label=""), "emotion: expected 0-6 or a known class, received ''"),
    "label a word": (row(label="joyful"), "emotion: expected 0-6 or a known class, received 'joyful'"),
    "usage unknown": (row(usage="Tests"), "Usage: expected Training, PublicTest or PrivateTest, received 'Tests'"),
    "usage cut off": (row(usage="PrivateTes"), "received 'PrivateTes'"),
    "a value too many": (row() + b",1", "expected 3 values, received 4"),
    "a value too few": (b"3," + PIXEL_TEXT.encode(), "expected 3 values, received 2"),
    "empty line": (b"", "expected 3 values, received an empty line"),
    "quote not closed": (b'3,"' + PIXEL_TEXT.encode() + b",Training", "expected a line with paired quotes"),
    "text after a quote": (b'"3"x,' + PIXEL_TEXT.encode() + b",Training", "expected a line with paired quotes"),
    "not UTF-8": (row(usage="Training").replace(b"Tr", b"T\xff"), r"expected UTF-8, received '\xff' at byte"),
    "NUL": (row().replace(b"Tr", b"T\0"), "received a NUL byte at byte"),
    "too long": (row(pixels="1 " * 2_500_000), "expected a line of at most 65,536 bytes"),
}


class TestBadRows:
    @pytest.mark.parametrize("what", BAD_ROWS)
    def test_are_named_with_file_row_and_value(self, what: str, file: Path) -> None:
        bad, problem = BAD_ROWS[what]
        lines = [line.encode() for line in GOOD]
        file.write_bytes(b"\n".join([b"emotion,pixels,Usage", *lines[:16], bad, *lines[16:]]))
        with pytest.raises(BadData) as caught:
            read_faces(file)
        assert caught.value.problem.startswith("anything row 17: ")
        assert problem in caught.value.problem
        assert len(caught.value.problem) < 200
        assert "Nothing was changed" in caught.value.remedy
        assert "--skip-bad-rows" in caught.value.remedy

    @pytest.mark.parametrize("what", BAD_ROWS)
    def test_are_dropped_alone_and_listed_when_skipped(self, what: str, file: Path) -> None:
        bad, problem = BAD_ROWS[what]
        lines = [line.encode() for line in GOOD]
        file.write_bytes(b"\n".join([b"emotion,pixels,Usage", *lines[:16], bad, *lines[16:], b""]))
        faces = read_faces(file, reading=Reading(skip_bad_rows=True))
        assert same(faces, FACES)
        assert [dropped.where for dropped in faces.dropped] == ["anything row 17"]
        assert problem in faces.dropped[0].problem

    def test_the_first_of_several_is_the_one_named(self, file: Path) -> None:
        bad = [row(pixels=with_first("256")).decode(), row(label="9").decode()]
        file.write_text("\n".join(["emotion,pixels,Usage", GOOD[0], *bad]))
        with pytest.raises(BadData, match="row 2: pixel 1"):
            read_faces(file)
        assert [dropped.where[-5:] for dropped in read_faces(file, reading=Reading(skip_bad_rows=True)).dropped] == [
            "row 2",
            "row 3",
        ]

    def test_nothing_but_bad_rows_is_an_error_even_when_skipped(self, file: Path) -> None:
        file.write_bytes(b"emotion,pixels,Usage\n" + row(label="9"))
        with pytest.raises(BadData, match="received 1 bad ones; the first is anything row 1: emotion"):
            read_faces(file, reading=Reading(skip_bad_rows=True))

    @settings(max_examples=200, deadline=None)
    @given(st.text(alphabet="0123456789 -+.ex\t\"'", max_size=12), st.integers(0, PIXELS))
    def test_pixel_text_is_parsed_as_python_would_or_refused(self, odd: str, position: int) -> None:
        numbers = ["17"] * PIXELS
        numbers[position : position + 1] = [odd]
        text = " ".join(numbers).encode()
        parts = [part for part in text.split(b" ") if part]
        regular = len(parts) == PIXELS and all(p.isdigit() and len(p) <= 3 and int(p) <= 255 for p in parts)
        images = parse_pixels([text])
        assert (images is not None) == regular
        if images is None:
            assert "expected" in pixel_problem(text)
        else:
            assert images.ravel().tolist() == [int(part) for part in parts]

    def test_counts_that_even_out_over_a_batch_are_still_wrong(self) -> None:
        assert parse_pixels([b" ".join([b"1"] * (PIXELS - 1)), b" ".join([b"1"] * (PIXELS + 1))]) is None
