"""Small random faces, and the editions of FER2013 that hold them."""

from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from fer_exp.data.faces import Faces, Images, Usage

TITLES = [usage.title for usage in Usage]


def some_faces(count: int, seed: int = 1) -> Faces:
    random = np.random.default_rng(seed)
    return Faces(
        images=random.integers(0, 256, (count, 48, 48), dtype=np.uint8),
        labels=np.arange(count, dtype=np.uint8) % 7,
        usage=np.arange(count, dtype=np.uint8) % 3,
        source="made",
        kind="made",
    )


def text_of(image: Images) -> str:
    return " ".join(map(str, image.ravel().tolist()))


def lines_of(faces: Faces) -> list[str]:
    rows = zip(faces.labels, faces.images, faces.usage, strict=True)
    return [f"{label},{text_of(image)},{TITLES[usage]}" for label, image, usage in rows]


def csv_of(faces: Faces) -> bytes:
    return "\n".join(["emotion,pixels,Usage", *lines_of(faces), ""]).encode()


def png_of(image: Images, ending: str = ".png") -> bytes:
    return cv2.imencode(ending, image)[1].tobytes()


def same(read: Faces, written: Faces) -> bool:
    return read.digest == written.digest


def write_parquet(path: Path, columns: dict[str, object], metadata: dict[bytes, bytes] | None = None) -> None:
    table = pa.table(columns)
    pq.write_table(table.replace_schema_metadata(metadata) if metadata else table, path)


def columns_of(faces: Faces, **image: object) -> dict[str, object]:
    return {**image, "emotion": faces.labels.tolist(), "Usage": [TITLES[usage] for usage in faces.usage]}


def grouped(count: int, people: int, seed: int = 1, usage: Usage = Usage.TRAINING) -> Faces:
    """Faces of so many people, of all classes, without a part of their own."""
    generator = np.random.default_rng(seed)
    faces = some_faces(count)
    return replace(
        faces,
        labels=generator.integers(0, 7, count).astype(np.uint8),
        usage=np.full(count, usage, np.uint8),
        groups=generator.integers(0, people, count).astype(np.int64),
        grouped_by="subject",
    )


def lab(root: Path) -> Path:
    """Images whose names say nothing."""
    for place, name in enumerate(("happy", "sad")):
        (root / name).mkdir(parents=True)
        for number in range(10):
            (root / name / f"{number}.png").write_bytes(png_of(some_faces(40).images[place * 10 + number]))
    return root


def people_in(root: Path, people: int, each: int = 12) -> Path:
    """Faces of so many people, `each` of everyone, in three classes and named as CK+48 names them."""
    names, faces = ("anger", "happy", "fear"), some_faces(people * each)
    some = people * each // len(names)
    for place, name in enumerate(names):
        (root / name).mkdir(parents=True)
        for number in range(some):
            file = f"S{number % people:03}_{place:03}_{number:08}.png"
            (root / name / file).write_bytes(png_of(faces.images[place * some + number]))
    return root
