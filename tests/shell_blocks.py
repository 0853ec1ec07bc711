"""Shell blocks of a page, run as a person runs them: one after another, in one shell, from top to bottom.

In: Markdown. Out: what was written, or an error that names the command. Two things are not what they are for a person:
`make demo` runs its last line alone, since what it installs is the environment that the tests run in, and `fer-exp ui`,
which serves until somebody stops it, has its options read and ends.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```sh\n(.*?)^```$", re.MULTILINE | re.DOTALL)
COMMANDS = Path(sys.executable).parent
BEFORE = """
set -eu
trap 'echo "failed: $BASH_COMMAND" >&2' ERR
fer-exp() {
    if [ "$1" = ui ]; then shift; command fer-exp ui "$@" --help > /dev/null; else command fer-exp "$@"; fi
}
make() {
    if [ "$1" = demo ]; then %s; else command make -n -C "$CHECKOUT" "$@" > /dev/null; fi
}
set -x
"""


def blocks_of(page: Path) -> list[str]:
    """The shell blocks of a page, in order."""
    return BLOCK.findall(page.read_text(encoding="utf-8"))


def run_blocks(page: Path, folder: Path) -> str:
    """Runs the blocks of a page in `folder`, and returns what they wrote; each command must succeed."""
    (folder / ".venv" / "bin").mkdir(parents=True)
    (folder / ".venv" / "bin" / "activate").write_text("# the environment of the tests is active already\n")
    shutil.copytree(ROOT / "experiments", folder / "experiments", ignore=shutil.ignore_patterns("__pycache__"))
    demo = re.search(r"^demo:.*\n\t\$\(BIN\)/(.*)$", (ROOT / "Makefile").read_text(), re.MULTILINE)
    assert demo is not None
    script = BEFORE % demo[1] + "\n".join(blocks_of(page))
    environment = {
        **os.environ,
        "PATH": f"{COMMANDS}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "CHECKOUT": str(ROOT),
    }
    environment.pop("FER_EXP_HOME", None)
    done = subprocess.run(
        ["bash", "-c", script], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr[-3000:]
    return done.stdout
