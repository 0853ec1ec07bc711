"""A campaign as a search and a retrain would leave it, for the tests of reports; and a page taken apart.

In: a home. Out: a campaign with predictions, its faces in the cache, a retrain, a test result; the elements of a page.
"""

import json
from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fer_exp.campaign import CampaignSpec
from fer_exp.data.cache import save_array
from fer_exp.data.split.prepare import split_digest
from fer_exp.metrics.scores import report_json, score
from fer_exp.recipe import Recipe
from fer_exp.records import Kind, Outcome, Predictions, Record, State, TrialSpec, best_epoch, records_in
from fer_exp.system.files import write_atomically
from fer_exp.system.home import Home
from tests.made_records import made_campaign, made_campaign_spec, made_history, made_predictions, made_scores

NAME = "made"
IMAGES = 300  # of validation


def campaign(home: Home, trials: int = 6) -> Path:
    """A campaign whose trials and baseline hold predictions."""
    folder = made_campaign(home.campaign(NAME), trials)
    first = made_predictions(IMAGES)
    for number, record in enumerate(records_in(folder / "trials")):
        record.write_predictions(first if number == 0 else _better(first, number))
    return folder


def _better(first: Predictions, seed: int) -> Predictions:
    """The same with a tenth of the mistakes mended."""
    random = np.random.default_rng(seed)
    probabilities = first.probabilities.copy()
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != first.labels)
    for row in random.choice(wrong, len(wrong) // 10, replace=False):
        probabilities[row] = 0.05
        probabilities[row, first.labels[row]] = 0.7
    return Predictions(first.labels, probabilities, first.rows)


def retrain(folder: Path, number: int, seed: int, recipe: Recipe) -> Record:
    """A finished retrain of a trial."""
    data = made_campaign_spec().data
    spec = TrialSpec(
        campaign=NAME,
        kind=Kind.RETRAIN,
        number=number,
        seed=seed,
        recipe=recipe,
        epochs=12,
        horizon=12,
        data_digest=data.data_digest,
        split_digest=data.split_digest,
        protocol=data.protocol.value,
    )
    record = Record.create(folder / "retrains" / f"{number:04d}-seed{seed}-12e", spec)
    history = made_history(12, seed=seed)
    for epoch in history:
        record.append(epoch)
    predictions = _better(made_predictions(IMAGES), 100 * number + seed) if number else made_predictions(IMAGES)
    record.write_predictions(predictions)
    record.write_scores(made_scores(0.65 + 0.01 * bool(number)))
    scores = score(predictions.labels, predictions.probabilities, predictions.classes)
    write_atomically(record.path / "report.json", report_json(scores))
    facts = {"backend": "tensorflow", "device": "cpu:0", "version.keras": "3.15.1", "train_counts_after": [100] * 7}
    write_atomically(record.path / "provenance.json", json.dumps(facts))
    record.end(Outcome(state=State.FINISHED, best_epoch=best_epoch(history), seconds=700.0))
    return record


def faces_in_cache(home: Home, folder: Path) -> None:
    """Puts the faces that the predictions are about where `prepare` would have put them; the first is blank.

    The campaign's own file then names the digest of that split.
    """
    random = np.random.default_rng(1)
    said = Record(folder / "trials" / "0000").predictions()
    images = random.integers(0, 256, (IMAGES, 48, 48), np.uint8)
    images[0] = 7
    counts = np.bincount(said.labels, minlength=7)
    spec = CampaignSpec.read(folder / "campaign.json")
    train_rows = np.arange(1000, 1010)
    digest = split_digest(train_rows, said.rows, spec.data.protocol)
    about = {
        "split_digest": digest,
        "validation_counts": tuple(counts.tolist()),
        "train_counts": (10, 0, 0, 0, 0, 0, 0),
    }
    data = spec.data.model_copy(update=about)
    cache = home.cache / data.data_digest / "official-1-all"
    parts: dict[str, tuple[NDArray[Any], ...]] = {
        "validation": (images, said.labels, said.rows),
        "train": (images[:10], np.zeros(10, np.uint8), train_rows),
    }
    for part, arrays in parts.items():
        for name, array in zip(("images", "labels", "rows"), arrays, strict=True):
            save_array(cache / f"{part}-{name}.npy", array)
    write_atomically(cache / "info.json", data.sealed(indent=1))
    write_atomically(folder / "campaign.json", spec.model_copy(update={"data": data}).sealed(indent=1))


VOID = {"meta", "img", "br", "link", "input", "hr"}


@dataclass
class Element:
    """One element of a page."""

    tag: str
    attributes: dict[str, str]
    text: str = ""
    children: list["Element"] = field(default_factory=list)


class _Parser(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.root = Element("", {})
        self.open = [self.root]
        self.unclosed: Counter[str] = Counter()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        made = Element(tag, {name: value or "" for name, value in attrs})
        self.open[-1].children.append(made)
        if tag not in VOID:
            self.open.append(made)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.open[-1].children.append(Element(tag, {name: value or "" for name, value in attrs}))

    def handle_endtag(self, tag: str) -> None:
        assert self.open[-1].tag == tag, f"</{tag}> closes <{self.open[-1].tag}>"
        self.open.pop()

    def handle_data(self, data: str) -> None:
        for element in self.open:
            element.text += data


def elements(html: str) -> list[Element]:
    """All elements of a page in order; every one that is opened must be closed in its turn."""
    parser = _Parser()
    parser.feed(html)
    parser.close()
    assert parser.open == [parser.root]

    def below(element: Element) -> list[Element]:
        return [one for child in element.children for one in (child, *below(child))]

    return below(parser.root)


def section(html: str, name: str) -> Element:
    """The part of a page with that anchor."""
    (found,) = [one for one in elements(html) if one.tag == "section" and one.attributes["id"] == name]
    return found
