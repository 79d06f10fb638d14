"""The file of a model: it holds all of it, is replaced as a whole, and is refused if it is damaged."""

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from services.taste import model_file
from services.taste.arrays import Rows
from services.taste.model import Quality
from tests.unit.taste.models import BOOK, trained


def test_a_file_holds_the_whole_model(tmp_path: Path) -> None:
    saved = trained()
    model_file.save(saved, tmp_path / "model")
    loaded = model_file.load(tmp_path / "model")
    assert model_file.to_bytes(loaded) == model_file.to_bytes(saved)
    assert (loaded.version, loaded.trained_at, loaded.marks, loaded.people) == ("test", 1.5, 70, 20)
    assert loaded.quality == {BOOK: Quality(30, 0.25, 0.125)}
    assert loaded.ids == ["dune", "emma", "alien"]


def test_saving_leaves_no_other_file(tmp_path: Path) -> None:
    model_file.save(trained(), tmp_path / "model")
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_failed_save_keeps_the_old_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "model"
    model_file.save(trained(), path)
    old = path.read_bytes()

    def fail(descriptor: int) -> None:
        raise OSError("no space left on device")

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(OSError, match="no space"):
        model_file.save(dataclasses.replace(trained(), version="new"), path)
    assert path.read_bytes() == old
    assert [path.name for path in tmp_path.iterdir()] == ["model"]


def test_a_damaged_file_is_refused() -> None:
    content = model_file.to_bytes(trained())
    for position in range(0, len(content), 37):
        damaged = bytearray(content)
        damaged[position] ^= 1
        with pytest.raises(ValueError, match="checksum"):
            model_file.from_bytes(bytes(damaged))


@pytest.mark.parametrize("length", [0, 10, 32, 1000])
def test_an_incomplete_file_is_refused(length: int) -> None:
    with pytest.raises(ValueError, match="not a suggestion model"):
        model_file.from_bytes(model_file.to_bytes(trained())[:length])


def test_an_item_number_that_does_not_exist_is_refused() -> None:
    model = dataclasses.replace(trained(), neighbours=Rows.of([[2, 3], [], []]))
    with pytest.raises(ValueError, match="neighbours: a value is out of range"):
        model_file.from_bytes(model_file.to_bytes(model))


def test_an_infinite_weight_is_refused() -> None:
    model = dataclasses.replace(trained(), weights=np.array([np.inf, 1], np.float32))
    with pytest.raises(ValueError, match="not finite"):
        model_file.from_bytes(model_file.to_bytes(model))
