"""Memory goes through copies, arrays and files to the same bits, and only to the bundle that it belongs to."""

from pathlib import Path

import numpy as np
import pytest

from models.bundle import Bundle
from models.errors import BundleError
from models.memory import Memory
from models.scoring import Scorer
from tests.models.histories import DAY, shop, trained


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """A small trained bundle."""
    return trained(shop()).bundle


def bits(memory: Memory) -> dict[str, tuple[str, tuple[int, ...], bytes]]:
    """All that two memories can differ in."""
    return {name: (array.dtype.str, array.shape, array.tobytes()) for name, array in memory.to_arrays().items()}


def test_a_copy_is_equal_and_shares_nothing(bundle: Bundle) -> None:
    """Going on with one leaves the other, and the bundle's, where they were."""
    before = bits(bundle.memory)
    scorer, copy = Scorer(bundle), bundle.memory.copy()
    assert bits(copy) == before
    scorer.advance(shop().rows(7 * DAY, 8 * DAY))
    assert bits(copy) == bits(bundle.memory) == before
    changed = {name for name, array in bits(scorer.memory).items() if array != before[name]}
    parts = ("residuals/season", "residuals/spread", "residuals/recent", "tails/", "alerts/", "silence/", "detectors/")
    assert all(any(name.startswith(part) for name in changed) for part in parts)


def test_every_array_has_a_row_a_series_or_a_component(bundle: Bundle) -> None:
    """So the memory of a fleet can be divided by series."""
    sizes = {len(bundle.keys), len(bundle.component_strangeness)}
    assert {len(array) for array in bundle.memory.to_arrays().values()} <= sizes


def test_the_memory_of_a_series_is_below_20_kilobytes(bundle: Bundle) -> None:
    """Of all stages together."""
    total = sum(array.nbytes for array in bundle.memory.to_arrays().values())
    assert total / len(bundle.keys) < 20_480


def test_a_memory_goes_through_a_file_to_the_same_bits(bundle: Bundle, tmp_path: Path) -> None:
    """Also over an older file; nothing else is left in the directory."""
    scorer, path = Scorer(bundle), tmp_path / "memory.npz"
    for first in (7 * DAY, 7 * DAY + 100):
        scorer.advance(shop().rows(first, first + 100))
        scorer.memory.save(path, bundle.model_version)
    assert bits(Memory.load(path, bundle.model_version, bundle.detectors)) == bits(scorer.memory)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("harm", ["absent", "empty", "cut", "text", "pickled", "half", "directory"])
def test_a_damaged_memory_is_refused_with_the_remedy(bundle: Bundle, tmp_path: Path, harm: str) -> None:
    """The path is named; no other error gets out."""
    path = tmp_path / "memory.npz"
    bundle.memory.save(path, bundle.model_version)
    content = path.read_bytes()
    if harm in ("absent", "directory"):
        path.unlink()
    if harm == "directory":
        path.mkdir()
    elif harm == "pickled":
        np.savez(path, model_version=np.array([{"a": 1}], dtype=object))
    elif harm == "half":
        np.savez(path, model_version=np.array(bundle.model_version), silent=np.zeros(6, dtype=bool))
    elif harm != "absent":
        path.write_bytes({"empty": b"", "cut": content[: len(content) // 2], "text": b"hello"}[harm])
    with pytest.raises(BundleError, match=r"memory\.npz cannot be read as a memory") as caught:
        Memory.load(path, bundle.model_version, bundle.detectors)
    assert "remove the file" in caught.value.remedy


def test_the_memory_of_another_bundle_is_refused(bundle: Bundle, tmp_path: Path) -> None:
    """Both versions are in the message."""
    path = bundle.memory.save(tmp_path / "memory.npz", "m000000000000")
    with pytest.raises(BundleError, match=f"m000000000000, not of {bundle.model_version}"):
        Memory.load(path, bundle.model_version, bundle.detectors)
