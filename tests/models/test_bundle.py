"""Bundles on disk: the same bits back, and nothing foreign, damaged or changed gets in."""

import json
from pathlib import Path

import numpy as np
import pytest

from models.bundle import ARRAYS, MANIFEST, Bundle
from models.errors import BundleError
from models.scoring import score_frame
from tests.models.histories import shop, trained


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """A small trained bundle."""
    return trained(shop()).bundle


@pytest.fixture
def saved(bundle: Bundle, tmp_path: Path) -> Path:
    """The bundle on disk, to be damaged."""
    return bundle.save(tmp_path / "bundle")


def test_a_loaded_bundle_scores_with_the_same_bits(bundle: Bundle, saved: Path) -> None:
    """Version, settings and every score survive."""
    loaded = Bundle.load(saved)
    assert loaded.model_version == bundle.model_version
    assert loaded.created == bundle.created
    assert loaded.keys == bundle.keys
    assert dict(loaded.settings) == dict(bundle.settings)
    assert loaded.context_rows == bundle.context_rows
    assert np.array_equal(score_frame(loaded, shop()).score, score_frame(bundle, shop()).score, equal_nan=True)


def test_saving_twice_writes_the_same_files(bundle: Bundle, saved: Path, tmp_path: Path) -> None:
    """No time of writing gets into a bundle."""
    again = bundle.save(tmp_path / "again")
    for name in (MANIFEST, ARRAYS):
        assert (saved / name).read_bytes() == (again / name).read_bytes()


def _edit(directory: Path, **changes) -> None:
    path = directory / MANIFEST
    path.write_text(json.dumps(json.loads(path.read_text()) | changes))


def _pickled_arrays(directory: Path) -> None:
    np.savez(directory / ARRAYS, thing=np.array([{"a": 1}], dtype=object))
    import hashlib

    _edit(directory, arrays_sha256=hashlib.sha256((directory / ARRAYS).read_bytes()).hexdigest())


def _missing_array(directory: Path) -> None:
    import hashlib

    with np.load(directory / ARRAYS) as arrays:
        kept = {name: arrays[name] for name in arrays.files if not name.endswith("spread")}
    np.savez(directory / ARRAYS, **kept)
    _edit(directory, arrays_sha256=hashlib.sha256((directory / ARRAYS).read_bytes()).hexdigest())


DAMAGE = {
    "no manifest": (lambda d: (d / MANIFEST).unlink(), "not a bundle"),
    "no arrays": (lambda d: (d / ARRAYS).unlink(), "holds no arrays"),
    "manifest is no JSON": (lambda d: (d / MANIFEST).write_text("{"), "not readable JSON"),
    "manifest is no text": (lambda d: (d / MANIFEST).write_bytes(b"\xff\xfe\x00"), "not readable JSON"),
    "manifest is a list": (lambda d: (d / MANIFEST).write_text("[]"), "does not describe"),
    "another program's manifest": (lambda d: _edit(d, format="mlmodel"), "does not describe"),
    "newer schema": (lambda d: _edit(d, schema_version=99), "upgrade Faultline"),
    "older schema": (lambda d: _edit(d, schema_version=0), "train again"),
    "truncated arrays": (lambda d: (d / ARRAYS).write_bytes((d / ARRAYS).read_bytes()[:-100]), "SHA-256"),
    "one bit of the arrays": (
        lambda d: (d / ARRAYS).write_bytes((d / ARRAYS).read_bytes()[:-1] + b"\x01"),
        "SHA-256",
    ),
    "pickled arrays": (_pickled_arrays, "cannot be read as arrays"),
    "missing array": (_missing_array, "not that of its version|does not fit"),
    "changed step": (lambda d: _edit(d, step_s=61.0), "not that of its version"),
    "changed keys": (lambda d: _edit(d, keys=[["a", "b"]]), "not that of its version"),
    "unknown detector": (lambda d: _edit(d, detectors=[{"name": "x", "parameters": {}}]), "does not fit"),
    "missing field": (lambda d: _edit(d, history={}), "does not fit"),
    "wrong type": (lambda d: _edit(d, keys=5), "does not fit"),
}


@pytest.mark.parametrize("damage", sorted(DAMAGE))
def test_a_damaged_bundle_is_refused_with_the_reason(saved: Path, damage: str) -> None:
    """The error names the directory and what to do; no other exception gets out."""
    harm, message = DAMAGE[damage]
    harm(saved)
    with pytest.raises(BundleError, match=message) as caught:
        Bundle.load(saved)
    assert "bundle" in str(caught.value)
    assert caught.value.remedy


def test_a_directory_that_does_not_exist_is_no_bundle(tmp_path: Path) -> None:
    """The path is in the message."""
    with pytest.raises(BundleError, match="nowhere"):
        Bundle.load(tmp_path / "nowhere")
