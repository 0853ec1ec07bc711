"""README and tutorial do what they say: every shell block is run, from top to bottom."""

import re
from pathlib import Path

import pytest

from tests.shell_blocks import ROOT, blocks_of, run_blocks

TUTORIAL = ROOT / "docs" / "tutorial.md"
README = ROOT / "README.md"
PATIENCE = 1500  # seconds; a dozen trainings, each on whatever is left of the machine

pytestmark = pytest.mark.usefixtures("home")  # so that no user's home is found


@pytest.mark.slow
@pytest.mark.timeout(PATIENCE)
def test_the_tutorial_runs_from_its_first_command_to_its_last(tmp_path: Path) -> None:
    folder = tmp_path / "a person's folder"
    folder.mkdir()
    written = run_blocks(TUTORIAL, folder)
    assert "in all     at most 3 trainings and 6 epochs, the baseline included" in written
    assert "Registered: mine version 1" in written
    assert "This test part was" in written
    assert re.search(r"^(Better|Not shown|Worse): A is", written, re.MULTILINE)
    assert (folder / "mine.fer-exp.tar.zst").exists()
    assert (folder / "mlruns" / "campaigns" / "mine" / "campaign.py").exists()


@pytest.mark.slow
@pytest.mark.timeout(PATIENCE)
def test_the_readme_runs_from_its_first_command_to_its_last(tmp_path: Path) -> None:
    folder = tmp_path / "a person's folder"
    folder.mkdir()
    written = run_blocks(README, folder)
    assert "Registered: demo version 1" in written
    assert "This test part was" in written
    assert (folder / "experiments" / "mine.py").exists()


@pytest.mark.parametrize("page", [README, TUTORIAL], ids=lambda page: page.stem)
def test_a_page_has_blocks_and_leaves_nothing_to_fill_in(page: Path) -> None:
    blocks = blocks_of(page)
    assert blocks
    assert not re.search(r"\b(FILE|PATH|NAME|CAMPAIGN)\b|\.\.\.", "\n".join(re.sub(r"#.*", "", one) for one in blocks))


def test_every_command_of_the_tutorial_is_in_a_block_that_is_run() -> None:
    """A block in another language than `sh` would be passed over without a word."""
    languages = set(re.findall(r"^```(\w*)$", TUTORIAL.read_text(), re.MULTILINE)) - {""}
    assert languages == {"sh"}
