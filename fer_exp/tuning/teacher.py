"""The teacher of a campaign: which model its recipes distil, and that it saw no face it must not have seen.

In: the name that a campaign's settings give, and its data. Out: a model's file, pinned by record and digest when the
campaign starts; a copy (a hard link where the disk can) lies in every record that learns from it.

The leak that is refused: a teacher that trained on faces which are validation or test faces here would hand their
labels on to its pupils. So its data, protocol and draw have to be the campaign's; how many of the training faces it saw
does not matter.
"""

from dataclasses import dataclass
from pathlib import Path

from fer_exp.campaign import CampaignSpec
from fer_exp.campaign.campaign import Teacher
from fer_exp.data.split.info import DataInfo
from fer_exp.records import Record
from fer_exp.records.digest import TEACHER_MODEL, model_is_vouched_for, teacher_model
from fer_exp.system.errors import BadInput, BadRecord, NotFound
from fer_exp.system.files import is_there, sha256_of
from fer_exp.system.home import Home
from fer_exp.tuning.reuse import link
from fer_exp.verdict import find_groups

NOT_STARTED = "Nothing was started."


@dataclass(frozen=True)
class TeacherFile:
    """A teacher, and where its model lies."""

    teacher: Teacher
    file: Path

    def give(self, record: Record) -> None:
        """Puts the model into a record whose training distils it."""
        if record.spec().teacher is not None and not (record.path / TEACHER_MODEL).exists():
            link(self.file, record.path / TEACHER_MODEL)


def find_teacher(home: Home, campaign: str, name: str | None, info: DataInfo) -> TeacherFile | None:
    """The teacher of the campaign called `campaign`: as it was pinned where that has started, else by `name`.

    Args:
        home: Where campaigns are.
        campaign: Which learns.
        name: Of the teacher's record, as settings give it; None: it has none.
        info: The data of the campaign that learns.

    Raises:
        NotFound: There is no such record, or its model is not kept.
        BadInput: The name means several models, or a model of other data, or of another split of them.
        BadRecord: The model is not the one that the campaign started with.
    """
    if name is None:
        return None
    folder = home.campaign(campaign)
    if is_there(folder / "campaign.json") and (pinned := CampaignSpec.read(folder / "campaign.json").teacher):
        return TeacherFile(pinned, _pinned(home, folder, pinned))
    record = _record(home, name)
    _refuse_leak(record, info)
    if not record.model.exists():
        raise NotFound(
            f"teacher {name!r}: expected its model, found none at {record.model}",
            f"{NOT_STARTED} Train it again with `fer-exp retrain-best`, or name another teacher.",
        )
    model_is_vouched_for(record, record.model)
    return TeacherFile(Teacher(record=_within(record), model_sha256=sha256_of(record.model)), record.model)


def take_teacher(record: Record, source: Record) -> None:
    """Gives `record`, which asks for the same teacher as `source`, the file that lies there.

    Raises:
        BadRecord: It does not, or is another model.
    """
    if record.spec().teacher is not None and (file := teacher_model(source)) is not None:
        link(file, record.path / TEACHER_MODEL)


def _record(home: Home, name: str) -> Record:
    records = find_groups(home, name)[0].records
    if len(records) > 1:
        named = ", ".join(_within(record) for record in records)
        raise BadInput(
            f"teacher: expected one model, received {name!r}, which means {len(records)}",
            f"{NOT_STARTED} Name one of {named}, or average them first: fer-exp ensemble {name}",
        )
    return records[0]


def _refuse_leak(record: Record, info: DataInfo) -> None:
    folder = record.path.parents[1]
    theirs = record.data(CampaignSpec.read(folder / "campaign.json").data)
    for what, wanted, received in (
        ("data", info.data_digest, theirs.data_digest),
        ("protocol", info.protocol.value, theirs.protocol.value),
        ("draw of the parts", info.drawn or "none", theirs.drawn or "none"),
        ("classes", ", ".join(info.classes.names), ", ".join(theirs.classes.names)),
    ):
        if wanted != received:
            raise BadInput(
                f"teacher {_within(record)}: expected a model trained under the {what} of this campaign ({wanted}), "
                f"received one under others ({received})",
                f"{NOT_STARTED} It may have trained on this campaign's validation or test faces, and would hand their "
                "labels on. Train a teacher on the same data, protocol and seed.",
            )


def _pinned(home: Home, folder: Path, teacher: Teacher) -> Path:
    """The model that a campaign started with, where it was or in a record that learnt from it."""
    for file in (home.campaigns / teacher.record / "model.keras", *sorted(folder.glob(f"*/*/{TEACHER_MODEL}"))):
        if file.exists() and sha256_of(file) == teacher.model_sha256:
            return file
    raise BadRecord(
        f"teacher {teacher.record}: expected the model that the campaign started with (SHA-256 "
        f"{teacher.model_sha256[:16]}...), found none",
        f"{NOT_STARTED} Bring its file back from a pack, or start a campaign of another name.",
    )


def _within(record: Record) -> str:
    return record.path.relative_to(record.path.parents[2]).as_posix()
