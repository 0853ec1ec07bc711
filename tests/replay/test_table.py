"""Tables: written and read again, and one clear error for what is none."""

import re
from pathlib import Path

import pytest

from fer_exp.replay.table import Table
from fer_exp.system.errors import BadInput
from tests.replay_tables import BEST, EPOCHS, made_table

FOLDER = Path(__file__).resolve().parents[2] / "benchmarks" / "tables"


def test_a_table_comes_back_as_it_was_written(tmp_path: Path) -> None:
    table = made_table()
    (tmp_path / "t.jsonl").write_text(table.text())
    assert Table.read(tmp_path / "t.jsonl") == table


def test_a_table_knows_its_best_recipe() -> None:
    table = made_table()
    best = table.point({"learning_rate": BEST[0], "dropout": BEST[1]})
    assert (table.epochs, table.seeds) == (EPOCHS, 2)
    assert table.best(0) == max(table.curve(best, 0)) == pytest.approx(0.9)
    assert max(table.true, key=lambda point: table.true[point]) == best
    assert table.true[best] == pytest.approx(0.8995)
    assert table.curve(best, 3) == table.curve(best, 1)  # of two seeds, in turn


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda _: "", "expected a table"),
        (lambda _: "[1, 2]\n", "expected a table"),
        (lambda text: text.splitlines()[0] + "\n", "received its first line alone"),
        (lambda text: text.replace('"at":[0,1]', '"at":[0,7]'), "line 3: .* at: expected an index"),
        (lambda text: text.replace('"at":[0,1]', '"at":[0,0]'), "line 3: .* is there twice"),
        (lambda text: text.replace("0.9", "NaN", 1), "finite"),
        (lambda text: text + "torn", "line 14"),
        (lambda text: text.replace('"dropout":0.6', '"dropout":0.7', 1), "default: expected one of the choices"),
    ],
)
def test_what_is_no_table_is_refused_in_one_line(change: object, said: str, tmp_path: Path) -> None:
    assert callable(change)
    path = tmp_path / "t.jsonl"
    path.write_text(change(made_table().text()))
    with pytest.raises(BadInput) as caught:
        Table.read(path)
    assert re.search(said, caught.value.problem)
    assert "\n" not in caught.value.problem


def test_a_table_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="found none"):
        Table.read(tmp_path / "none.jsonl")


@pytest.mark.parametrize("path", sorted(FOLDER.glob("*.jsonl")), ids=lambda path: path.stem)
def test_committed_tables_are_small_and_whole(path: Path) -> None:
    table = Table.read(path)
    points = 1
    for choices in table.header.space.values():
        points *= len(choices)
    assert (len(table.curves), table.seeds) == (points, 2)
    assert path.stat().st_size < 150_000
