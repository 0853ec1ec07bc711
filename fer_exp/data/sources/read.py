"""Where faces come from: FER2013's CSV however packed, parquet, folders of images, or the built-in demo.

In: a path, or "demo". Out: Faces. The kind is recognised by content: the first bytes of a file, the names in a folder;
never by the name of a file, and there is no option for it.
"""

import stat
from collections import Counter
from pathlib import Path

from fer_exp.data.faces import Faces
from fer_exp.data.reading import Reading
from fer_exp.data.sources.csv import is_csv_of_faces, read_csv
from fer_exp.data.sources.folder import is_image_folder, only_folder_in, read_folder
from fer_exp.data.sources.grouping import groups_from
from fer_exp.data.sources.layouts import LAYOUTS, Layout, Told, layouts_of
from fer_exp.data.sources.listed import as_text, read_listed
from fer_exp.data.sources.parquet import MAGIC, read_parquet
from fer_exp.data.sources.rows import UNCHANGED, FaceRows
from fer_exp.data.sources.unpacked import holds_images, unpacked
from fer_exp.system.errors import BadData

DEMO = "demo"  # a folder of this name is reached by its absolute path


ARCHIVES = {".zip", ".tar", ".gz", ".tgz", ".xz", ".bz2"}  # endings under which a folder's one data file may come
DEEPEST = 4  # folders within one another that are followed


def read_faces(source: str | Path, reading: Reading = Reading()) -> Faces:
    """All faces of a source, in an order that depends on the source alone.

    Args:
        source: A file, a folder, or "demo".
        reading: What they are turned into, and how they are read.

    Raises:
        BadData: There is nothing at the path, it is of no known kind, or a row is bad.
    """
    if str(source) == DEMO:
        from fer_exp.data.sources.demo import draw_faces  # drawing needs what reading does not

        return _fitted(draw_faces(), reading)
    path = Path(source)
    try:
        if stat.S_IFMT(path.stat().st_mode) not in (stat.S_IFREG, stat.S_IFDIR):
            raise BadData(
                f"data: expected a file or folder, received a pipe or device at {path}",
                f"{UNCHANGED} Write what comes out of it into a file first.",
            )
        if reading.votes is not None:
            return _voted(path, reading)
        return _read(_the_one_in(path, reading) if path.is_dir() else path, reading)
    except FileNotFoundError as error:
        raise BadData(
            f"data: expected a file or folder, or the word demo; there is nothing at {path}",
            f"{UNCHANGED} Give the path of FER2013's CSV, parquet or image folder.",
        ) from error
    except OSError as error:
        raise BadData(f"{path}: cannot be read ({error.strerror or error})", f"{UNCHANGED} Mend that first.") from error


def _voted(path: Path, reading: Reading) -> Faces:
    """FER2013 with FER+'s labels; classes are merged and dropped after the vote."""
    from fer_exp.data.sources.votes import reduced_by, with_votes

    plain = reading.model_copy(update={"votes": None, "merge": {}, "drop": ()})
    faces = _read(_the_one_in(path, plain) if path.is_dir() else path, plain)
    return reduced_by(with_votes(faces, Path(str(reading.votes)), reading.rule), reading)


def _fitted(faces: Faces, reading: Reading) -> Faces:
    """The drawn faces as `reading` wants them."""
    if reading == Reading():
        return faces
    rows = FaceRows(faces.source, faces.kind, reading)
    numbers = [rows.vocabulary.of_class(one.slug) for one in faces.classes]
    rows.add(faces.images, [numbers[label] for label in faces.labels], faces.usage.tolist())
    return rows.faces()


def _read(path: Path, reading: Reading) -> Faces:
    if path.is_dir():
        layout = _layout_of(path, reading)
        return read_folder(path, reading) if layout is None else _read_layout(path, layout, reading)
    if not _is_table(path) and holds_images(path):
        with unpacked(path) as folder:
            return _read(_the_one_in(folder, reading), reading)
    if reading.groups is not None:
        raise BadData(
            f"--groups: expected a source whose images have names, received {path.name}, a table",
            f"{UNCHANGED} A table says whom its images show in a column called subject or group.",
        )
    if _is_parquet(path):
        return read_parquet(path, reading)
    return read_csv(path, reading)


FOLDER = "folder"  # in the place of a layout's name: class folders, whatever else lies there


def _layout_of(folder: Path, reading: Reading) -> Layout | None:
    """The known layout of a folder; None where it is to be read as class folders or files."""
    names = [FOLDER, *(layout.name for layout in LAYOUTS)]
    if reading.layout is not None and reading.layout not in names:
        raise BadData(f"--layout: expected one of {', '.join(names)}, received {reading.layout!r}", UNCHANGED)
    if reading.layout is not None:
        return next((layout for layout in LAYOUTS if layout.name == reading.layout), None)
    found = layouts_of(folder)
    if len(found) > 1:
        raise BadData(
            f"{folder}: expected one face set, received what may be {' or '.join(layout.what for layout in found)}",
            f"{UNCHANGED} Say which: {' or '.join(f'--layout {layout.name}' for layout in found)}.",
        )
    return found[0] if found else None


def _read_layout(folder: Path, layout: Layout, reading: Reading) -> Faces:
    rows = FaceRows(as_text(Path(folder.resolve().name)), layout.name, reading)
    told = Told(Counter(), rows.notes)
    files = list(layout.images(folder, told))
    rows.grouped_by, rows.licence = layout.grouped_by, f"{layout.what}: {layout.licence}"
    if reading.groups is not None:
        groups = groups_from(Path(reading.groups), [as_text(file.path.relative_to(folder)) for file in files])
        files = [file._replace(group=group) for file, group in zip(files, groups, strict=True)]
        rows.grouped_by = "group"
    rows.notes += [f"{count:,} passed over: {reason}." for reason, count in told.passed.items()]
    read_listed(rows, folder, files)
    return rows.faces()


def _is_parquet(path: Path) -> bool:
    with path.open("rb") as file:
        return file.read(len(MAGIC)) == MAGIC


def _the_one_in(folder: Path, reading: Reading, depth: int = 0) -> Path:
    """The one thing in `folder` that is a data source: the folder itself, or a file in it."""
    if _layout_of(folder, reading) is not None:
        return folder
    found = [folder] if is_image_folder(folder, reading) else []
    found += sorted(file for file in folder.iterdir() if file.is_file() and _is_data_file(file))
    if len(found) == 1:
        return found[0]
    inner = None if found or depth == DEEPEST else only_folder_in(folder)
    if inner is not None:  # as archives unpack
        return _the_one_in(inner, reading, depth + 1)
    received = " and ".join(f"{path.name}" if path != folder else "folders of images" for path in found) or "neither"
    raise BadData(
        f"{folder}: expected folders of images (train/<class>, test/<class>) or one data file, received {received}",
        f"{UNCHANGED} Give the path of the one that you mean." if found else f"{UNCHANGED} Give another folder.",
    )


def _is_data_file(path: Path) -> bool:
    if path.name.startswith("."):
        return False
    try:
        return _is_table(path) or (path.suffix.lower() in ARCHIVES and holds_images(path))
    except BadData:  # damaged, so not recognised; it can still be named directly, and then says what is wrong
        return False


def _is_table(path: Path) -> bool:
    return _is_parquet(path) or is_csv_of_faces(path)
