"""One test part is told from another before faces are read: by data, protocol, number of images, and what was drawn."""

from fer_exp.data.split.info import Fold
from fer_exp.data.split.protocol import Protocol
from fer_exp.holdout.ledger import Opening
from tests.made_records import made_campaign_spec


def line(split: str, protocol: str = "grouped", digest: str = "", images: int = 150) -> Opening:
    return Opening(
        time_ms=1,
        campaign="made",
        record="trials/0001",
        data_digest="d",
        protocol=protocol,
        split=split,
        images=images,
        test_digest=digest,
    )


def test_parts_that_another_seed_or_fold_drew_are_others_although_they_are_as_large() -> None:
    asked = line("seed 1")
    assert asked.opens(line("seed 1", digest="x"))
    assert not asked.opens(line("seed 3", digest="y"))
    assert not line("seed 1, fold 1 of 5").opens(line("seed 1, fold 2 of 5"))
    assert not asked.opens(line("seed 1", images=151))


def test_a_line_of_an_earlier_version_counts_rather_too_often() -> None:
    assert line("seed 1").opens(line(""))
    assert line("").opens(line("seed 1"))


def test_what_was_drawn_is_said_only_where_something_was() -> None:
    info = made_campaign_spec().data.model_copy(update={"seed": 3})
    drawn = {protocol: info.model_copy(update={"protocol": protocol}).drawn for protocol in Protocol}
    assert drawn.pop(Protocol.OFFICIAL) == drawn.pop(Protocol.REFERENCE) == ""
    assert set(drawn.values()) == {"seed 3"}
    folded = {"protocol": Protocol.SUBJECT_KFOLD, "fold": Fold(number=2, of=5)}
    assert info.model_copy(update=folded).drawn == "seed 3, fold 2 of 5"
