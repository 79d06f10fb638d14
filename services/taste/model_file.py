"""The suggestion model's file: bytes, and back. README.md describes the format."""

import hashlib
import io
import json
import os
import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from services.taste.arrays import Floats, Ints, Rows
from services.taste.model import Model, Quality
from services.taste.terms import Terms

FORMAT = 1
DIGEST_BYTES = hashlib.sha256().digest_size


def save(model: Model, path: Path) -> None:
    """Replaces the file as a whole: a reader sees the old one or the new one."""
    part = path.with_name(f".{path.name}.part")
    try:
        with part.open("wb") as file:
            file.write(to_bytes(model))
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def load(path: Path) -> Model:
    """Raises ValueError if the file is damaged, OSError if it cannot be read."""
    return from_bytes(path.read_bytes())


def to_bytes(model: Model) -> bytes:
    """The contents of the file."""
    file = io.BytesIO()
    np.savez(file, allow_pickle=False, **_to_arrays(model))
    archive = file.getvalue()
    return hashlib.sha256(archive).digest() + archive


def from_bytes(content: bytes) -> Model:
    """Raises ValueError if the contents are damaged."""
    archive = content[DIGEST_BYTES:]
    if hashlib.sha256(archive).digest() != content[:DIGEST_BYTES]:
        raise ValueError("not a suggestion model, or it is damaged: its checksum does not match")
    try:
        with np.load(io.BytesIO(archive), allow_pickle=False) as file:
            model = _from_arrays({name: file[name] for name in file.files})
            _check(model)
    except (zipfile.BadZipFile, EOFError, LookupError, TypeError, AttributeError) as error:
        raise ValueError(f"not a suggestion model of this format: {error!r}") from error
    return model


def _to_arrays(model: Model) -> dict[str, NDArray[Any]]:
    header = {
        "format": FORMAT,
        "version": model.version,
        "trained_at": model.trained_at,
        "marks": model.marks,
        "people": model.people,
        "people_by_type": {str(item_type): count for item_type, count in model.people_by_type.items()},
        "quality": {str(item_type): asdict(quality) for item_type, quality in model.quality.items()},
    }
    arrays: dict[str, NDArray[Any]] = {
        "header": np.frombuffer(json.dumps(header).encode(), np.uint8),
        "ids": _pack(model.ids),
        "types": model.types,
        "votes": model.votes,
        "likes": model.likes,
        "neighbours.starts": model.neighbours.starts,
        "neighbours.items": model.neighbours.values,
        "neighbours.weights": model.weights,
    }
    for name, terms in (("labels", model.labels), ("themes", model.themes)):
        arrays |= {
            f"{name}.names": _pack(terms.names),
            f"{name}.types": terms.types,
            f"{name}.idf": terms.idf,
            f"{name}.starts": terms.items.starts,
            f"{name}.items": terms.items.values,
        }
    for name, tops in (("most_liked", model.most_liked), ("most_voted", model.most_voted)):
        arrays |= {f"{name}.{item_type}": top for item_type, top in tops.items()}
    return arrays


def _from_arrays(arrays: Mapping[str, NDArray[Any]]) -> Model:
    header = json.loads(arrays["header"].tobytes())
    if header["format"] != FORMAT:
        raise ValueError(f"the model's format is {header['format']}, and this program reads {FORMAT}")

    def terms(name: str) -> Terms:
        items = Rows(_ints(arrays[f"{name}.starts"]), _ints(arrays[f"{name}.items"]))
        idf, types = _floats(arrays[f"{name}.idf"]), _ints(arrays[f"{name}.types"])
        return Terms(_unpack(arrays[f"{name}.names"]), types, idf, items)

    def tops(name: str) -> dict[int, Ints]:
        prefix = f"{name}."
        return {int(key.removeprefix(prefix)): _ints(arrays[key]) for key in arrays if key.startswith(prefix)}

    return Model(
        str(header["version"]),
        float(header["trained_at"]),
        int(header["marks"]),
        int(header["people"]),
        {int(item_type): int(count) for item_type, count in header["people_by_type"].items()},
        {int(item_type): Quality(**quality) for item_type, quality in header["quality"].items()},
        _unpack(arrays["ids"]),
        _ints(arrays["types"]),
        _floats(arrays["votes"]),
        _ints(arrays["likes"]),
        terms("labels"),
        terms("themes"),
        Rows(_ints(arrays["neighbours.starts"]), _ints(arrays["neighbours.items"])),
        _floats(arrays["neighbours.weights"]),
        tops("most_liked"),
        tops("most_voted"),
    )


def _check(model: Model) -> None:
    """Raises ValueError if the arrays do not fit together."""
    items = len(model.ids)
    for name in ("types", "votes", "likes"):
        if getattr(model, name).shape != (items,):
            raise ValueError(f"{name}: must have one entry for each of {items} items")
    for name, terms in (("labels", model.labels), ("themes", model.themes)):
        if not terms.types.shape == terms.idf.shape == (len(terms.names),):
            raise ValueError(f"{name}: must have one type and one idf for each name")
        terms.items.check(items, len(terms.names), name)
    model.neighbours.check(items, items, "neighbours")
    if model.weights.shape != model.neighbours.values.shape:
        raise ValueError("neighbours: must have one weight for each item")
    for name, tops in (("most_liked", model.most_liked), ("most_voted", model.most_voted)):
        for top in tops.values():
            Rows(np.array([0, len(top)], np.int32), top).check(1, items, name)
    for name, values in (
        ("votes", model.votes),
        ("idf", model.labels.idf),
        ("idf", model.themes.idf),
        ("weights", model.weights),
    ):
        if not np.all(np.isfinite(values)):
            raise ValueError(f"{name}: a value is not finite")


def _pack(texts: Sequence[str]) -> NDArray[np.uint8]:
    """JSON in UTF-8: texts may contain anything."""
    return np.frombuffer(json.dumps(list(texts), ensure_ascii=False).encode(), np.uint8)


def _unpack(array: NDArray[Any]) -> list[str]:
    texts = json.loads(array.tobytes())
    if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
        raise ValueError("a list of texts is expected")
    return texts


def _ints(array: NDArray[Any]) -> Ints:
    if array.dtype != np.int32 or array.ndim != 1:
        raise ValueError("an array of 32-bit integers is expected")
    return array


def _floats(array: NDArray[Any]) -> Floats:
    if array.dtype != np.float32 or array.ndim != 1:
        raise ValueError("an array of 32-bit floats is expected")
    return array
