"""What a shell may complete: names of campaigns, of records, of registered models.

In: what was typed so far. Out: what it may become. Nothing but file names is read, and nothing is ever raised: a shell
that asks in the middle of a line must not be answered with an error.
"""

import json
from collections.abc import Iterator

from fer_exp.system.home import Home

HANDOVERS = "handovers.jsonl"


def campaigns(incomplete: str) -> list[str]:
    """Campaigns of the home."""
    return [name for name in Home.from_environment().recorded() if name.startswith(incomplete)]


def records(incomplete: str) -> list[str]:
    """Campaigns, and once one is named its trials and retrains: `demo`, `demo/trials/0003`."""
    name, slash, _ = incomplete.partition("/")
    if not slash:
        return campaigns(incomplete)
    folder = Home.from_environment().campaign(name)
    found = [f"{name}/{path.parent.relative_to(folder).as_posix()}" for path in folder.glob("*/*/trial.json")]
    return sorted(record for record in found if record.startswith(incomplete))


def models(incomplete: str) -> list[str]:
    """Models that were handed over, by alias and by version: `models:/demo@champion`, `models:/demo/1`."""
    return [model for model in _models() if model.startswith(incomplete)]


def _models() -> Iterator[str]:
    home = Home.from_environment()
    for path in sorted(home.campaigns.glob(f"*/{HANDOVERS}")):
        name = path.parent.name
        yield f"models:/{name}@champion"
        for line in path.read_text(errors="replace").splitlines():
            try:
                yield f"models:/{name}/{int(json.loads(line)['version'])}"
            except (ValueError, KeyError, TypeError):
                continue  # for the doctor to name
