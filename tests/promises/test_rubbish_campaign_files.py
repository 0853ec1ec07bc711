"""Rubbish in place of a campaign file: whatever it does, one error of two lines comes of it.

A campaign file is Python and is run; what cannot be helped is one that runs for ever or ends its process by force.
"""

import py_compile
import warnings
import zipfile
from collections.abc import Iterator
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from fer_exp.campaign import fingerprint, load_campaign
from fer_exp.system.errors import BadCampaign
from fer_exp.tuning.keras_tuner_proposer import KerasTunerProposer
from tests.commands import call, write_campaign
from tests.rubbish import Input, altered, no_files, patience, throw, told_badly

GOOD = "from fer_exp.campaign import Campaign, Settings\nfrom fer_exp.recipe import Recipe, baseline_recipe\n"
WHOLE = (
    "campaign = Campaign(name={name}, question={question}, space={space}, settings={settings}, baseline={baseline}, "
    "data={data})"
)
FIELDS = {
    "name": "'tiny'",
    "question": "'?'",
    "space": "lambda hp: baseline_recipe()",
    "settings": "Settings()",
    "baseline": "baseline_recipe()",
    "data": "'demo'",
}
WRONG = (
    "None",
    "5",
    "''",
    "{}",
    "[]",
    "b'x'",
    "'x' * 10_000",
    "'\\ud800'",
    "'a\\nb'",
    "'../up'",
    "object()",
    "int",
    "float('nan')",
)
RAISED = (
    *("SystemExit", "SystemExit(0)", "SystemExit('text')", "RuntimeError", "RuntimeError('a\\nb\\n' * 10_000)"),
    *(
        "BaseException('x')",
        "GeneratorExit",
        "StopIteration",
        "MemoryError",
        "RecursionError",
        "ExceptionGroup('x', [OSError(1)])",
    ),
    *(
        "OSError(28, 'No space left on device')",
        "UnicodeDecodeError('utf-8', b'x', 0, 1, 'y')",
        "Odd()",
        "Quiet()",
        "Warning('x')",
    ),
)
ODD = (
    "class Odd(Exception):\n    def __str__(self): raise ValueError\n"
    "class Quiet(BaseException):\n    def __str__(self): return ''\n"
)


def written(path: Path) -> Any:
    """All that a search does with a campaign file before it looks at data."""
    campaign = load_campaign(path)
    KerasTunerProposer(campaign, campaign.settings).ask()
    return campaign.name, campaign.settings, fingerprint(path)


def sources() -> Iterator[tuple[str, str]]:
    """Campaign files that are Python and no campaign."""
    for field in FIELDS:
        for wrong in WRONG:
            yield f"{field} {wrong}", GOOD + WHOLE.format(**{**FIELDS, field: wrong})
    for raised in RAISED:
        yield f"raises {raised}", f"{ODD}{GOOD}raise {raised}"
        space = f"def space(hp): raise {raised}\n"
        yield f"space raises {raised}", ODD + GOOD + space + WHOLE.format(**FIELDS | {"space": "space"})
    for returned in WRONG:
        yield f"space returns {returned}", GOOD + WHOLE.format(**FIELDS | {"space": f"lambda hp: {returned}"})
    for number, called in enumerate(
        ("Choice('x', [])", "Choice('x', [{}])", "Float('x', 2, 1)", "Int('x', 0, 'a')", "Choice('x')")
    ):
        yield (
            f"space calls {number}",
            GOOD + WHOLE.format(**FIELDS | {"space": f"lambda hp: baseline_recipe().but(ema=hp.{called})"}),
        )
    yield (
        "ends with much said",
        "import sys\nsys.stdout.write('word ' * 2_000_000)\nsys.stderr.write('word ' * 2_000_000)\n1 / 0",
    )
    yield "a sum of ten thousand", "x = " + " + ".join(["1"] * 10_000) + "\n" + GOOD + WHOLE.format(**FIELDS)
    yield "a sum of six hundred", "x = " + " + ".join(["1"] * 600) + "\n" + GOOD + WHOLE.format(**FIELDS)
    yield "brackets", "x = " + "(" * 5_000 + ")" * 5_000
    yield "minus signs", "x = " + "-" * 100_000 + "1"
    yield "recursion", "def f(): f()\nf()"
    yield "imports what is not there", "import nothing_of_that_name"
    yield "imports itself", "from tiny import campaign"
    yield "an encoding of its own", "# -*- coding: nonsense -*-\nx = 1"
    yield "tabs and blanks", "if True:\n\tx = 1\n        y = 2"
    yield "a name of 100,000 letters", "x" * 100_000


def test_whatever_a_campaign_file_holds(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    file = write_campaign(tmp_path)
    python = [Input(name, partial(_python, source=source), False) for name, source in sources()]
    damaged = (Input(given.name, given.put, damaged=False) for given in altered(file.read_bytes(), "tiny.py", 200, 60))
    compiled = [Input("compiled", _compiled, False), Input("zipped", _zipped, False), Input("16 MB", _large, False)]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what Python says about odd source is for its writer
        verdict = throw(file, chain(python, damaged, compiled, no_files()), lambda: written(file), tmp_path, mends=True)
    capfd.readouterr()
    verdict.check(at_least=450)
    assert verdict.refused > 250


def _python(path: Path, source: str) -> None:
    path.write_text(source, errors="surrogatepass")


def _compiled(path: Path) -> None:
    source = path.with_name("other.py")
    source.write_text(GOOD + WHOLE.format(**FIELDS))
    py_compile.compile(str(source), str(path))
    source.unlink()


def _zipped(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("__main__.py", GOOD + WHOLE.format(**FIELDS))


def _large(path: Path) -> None:
    path.write_bytes(b"#" * (2**24 + 1))


@pytest.mark.parametrize("raised", RAISED)
def test_the_command_ends_with_two_lines_and_bad_input(
    tmp_path: Path, raised: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FER_EXP_HOME", str(tmp_path / "mlruns"))
    file = tmp_path / "bad.py"
    file.write_text(f"{ODD}raise {raised}")
    result = call("search", file)
    assert result.exit_code == 2
    assert len(result.stderr.splitlines()) == 2
    assert not (tmp_path / "mlruns").exists()


def test_stopping_a_campaign_file_by_hand_is_no_error_of_it(tmp_path: Path) -> None:
    file = tmp_path / "slow.py"
    file.write_text("raise KeyboardInterrupt")
    assert call("search", file).exit_code == 75


def test_a_file_that_is_only_compiled_is_refused(tmp_path: Path) -> None:
    _compiled(tmp_path / "tiny.py")
    with patience(), pytest.raises(BadCampaign, match="expected Python source") as caught:
        fingerprint(tmp_path / "tiny.py")
    assert told_badly(caught.value) is None
