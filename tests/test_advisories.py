"""Security advisories: what pip-audit wrote becomes one verdict, and silence of its source is never "none known"."""

import json
import runpy
from collections.abc import Callable, Mapping
from pathlib import Path

import pytest

SCRIPT = Path(__file__).resolve().parent.parent / ".ci" / "advisories.py"
ASKED = {"name": "keras", "version": "3.15.1", "vulns": []}
SKIPPED = {"name": "numpy", "skip_reason": "not found"}
HIT = {"name": "keras", "version": "3.10.0", "vulns": [{"id": "CVE-2025-9905", "fix_versions": ["3.11.3"]}]}


@pytest.fixture(scope="module")
def verdict() -> Callable[[str], tuple[int, str]]:
    if not SCRIPT.exists():
        pytest.skip("the script of `make check` is not in this copy of the tests")
    found: Callable[[str], tuple[int, str]] = runpy.run_path(str(SCRIPT))["verdict"]
    return found


def written(*packages: Mapping[str, object]) -> str:
    return json.dumps({"dependencies": packages})


@pytest.mark.parametrize(
    "report", ["", "no JSON", "[]", written(), written(SKIPPED)], ids=["nothing", "text", "list", "empty", "skipped"]
)
def test_no_answer_is_told_as_no_answer(verdict: Callable[[str], tuple[int, str]], report: str) -> None:
    code, line = verdict(report)
    assert code == 0
    assert line.startswith("advisories: skipped")


def test_packages_without_an_advisory_are_counted(verdict: Callable[[str], tuple[int, str]]) -> None:
    assert verdict(written(ASKED, SKIPPED)) == (0, "advisories: none for 1 packages, 1 not known to the source")


def test_an_advisory_fails_the_check_and_is_named(verdict: Callable[[str], tuple[int, str]]) -> None:
    code, line = verdict(written(HIT, ASKED))
    assert code == 1
    assert "keras 3.10.0: CVE-2025-9905, mended in 3.11.3" in line
