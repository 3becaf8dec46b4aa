"""Bundles on disk: the same bits back, and nothing foreign, damaged or changed gets in."""

import json
from dataclasses import replace
from datetime import UTC, date, datetime
from pathlib import Path

import numpy as np
import pytest

from models.array_files import ARRAYS, MANIFEST, content_version
from models.bundle import Bundle
from models.calendar import Calendar
from models.errors import BundleError
from models.registry import ENSEMBLE
from models.scoring import score_frame
from models.segments import SegmentRules
from models.shaping.rules import Selector, SeriesRule
from models.shaping.rules_file import ShapingRules
from models.shaping.windows import WeeklyWindow
from tests.models.histories import DAY, shop, trained


@pytest.fixture(scope="module")
def bundle() -> Bundle:
    """A small trained bundle."""
    return trained(shop()).bundle


@pytest.fixture
def saved(bundle: Bundle, tmp_path: Path) -> Path:
    """The bundle on disk, to be damaged."""
    return bundle.save(tmp_path / "bundle")


def test_a_loaded_bundle_scores_with_the_same_bits(bundle: Bundle, saved: Path) -> None:
    """Version, settings, memory and every score survive."""
    loaded, rows = Bundle.load(saved), shop().rows(7 * DAY, 9 * DAY)
    assert loaded.model_version == bundle.model_version
    assert loaded.created == bundle.created
    assert loaded.keys == bundle.keys
    assert loaded.history == bundle.history
    assert loaded.detectors == bundle.detectors
    assert dict(loaded.settings) == dict(bundle.settings)
    for name, array in bundle.to_arrays().items():
        again = loaded.to_arrays()[name]
        assert (again.dtype, again.shape, again.tobytes()) == (array.dtype, array.shape, array.tobytes()), name
    for name in ("score", "alert", "component_alert", "upper"):
        np.testing.assert_array_equal(
            getattr(score_frame(loaded, rows), name), getattr(score_frame(bundle, rows), name)
        )


def test_calendars_rules_and_parameters_survive(tmp_path: Path) -> None:
    """All that can be told of a training is in the bundle again."""
    shaping = ShapingRules(
        rules=(
            SeriesRule(selector=Selector(metric="cpu"), time_zone="Europe/Berlin", missing_after_s=900.0),
            SeriesRule(selector=Selector(component="shop"), direction="above", false_alarms_per_day=0.5),
        ),
        windows=(
            WeeklyWindow(
                selector=Selector(), weekdays=frozenset({"sun"}), start_s=0, end_s=7200, time_zone="Asia/Tokyo"
            ),
        ),
    )
    bundle = trained(
        shop(),
        shaping=shaping,
        calendar=Calendar(time_zone="America/New_York", extra_holidays=(date(2026, 3, 5),)),
        calibration="conformal",
        parameters={"component_residual": {"explained": 0.8}},
        rules=SegmentRules(leave=0.8, merge_rows=1, refractory_rows=12, escalation=1.5),
    ).bundle
    loaded = Bundle.load(bundle.save(tmp_path / "bundle"))
    assert loaded.model_version == bundle.model_version
    assert loaded.shaping == shaping
    assert loaded.residuals.calendars == bundle.residuals.calendars
    assert len(loaded.residuals.calendars) == 2
    assert loaded.rules == bundle.rules
    assert [member.calibration.method for member in loaded.members] == ["conformal"] * len(ENSEMBLE)
    assert loaded.members[-1].detector.parameters() == {"explained": 0.8}


def test_judging_does_not_change_a_bundle(bundle: Bundle) -> None:
    """Its arrays are those of its version, however much was judged."""
    before = {name: array.tobytes() for name, array in bundle.to_arrays().items()}
    score_frame(bundle, shop().rows(7 * DAY, 9 * DAY))
    assert {name: array.tobytes() for name, array in bundle.to_arrays().items()} == before


def test_every_array_counts_for_the_version(bundle: Bundle) -> None:
    """One value of any array that is changed gives another one; the date does not count."""
    assert replace(bundle, created=datetime(2030, 1, 1, tzinfo=UTC)).model_version == bundle.model_version
    arrays = {name: array.copy() for name, array in bundle.to_arrays().items()}
    for name in ("strangeness", "memory/residuals/season/profile", "memory/tails/spike/rows"):
        changed = {**arrays, name: arrays[name] + 1}
        assert content_version("m", bundle._content(), changed) != bundle.model_version


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
        kept = {name: arrays[name] for name in arrays.files if not name.endswith("spread/whole")}
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
    "schema of another type": (lambda d: _edit(d, schema_version="2"), "schema version 2"),
    "schema of version 1": (
        lambda d: _edit(d, schema_version=1),
        "schema version 1; this program reads version 2.*train again",
    ),
    "no schema": (lambda d: _edit(d, schema_version=None), "schema version None"),
    "truncated arrays": (lambda d: (d / ARRAYS).write_bytes((d / ARRAYS).read_bytes()[:-100]), "SHA-256"),
    "one bit of the arrays": (
        lambda d: (d / ARRAYS).write_bytes((d / ARRAYS).read_bytes()[:-1] + b"\x01"),
        "SHA-256",
    ),
    "pickled arrays": (_pickled_arrays, "cannot be read as arrays"),
    "missing array": (_missing_array, "not that of its version|does not fit"),
    "changed step": (lambda d: _edit(d, step_s=61.0), "not that of its version"),
    "changed rules": (
        lambda d: _edit(d, rules={"leave": 0.1, "merge_rows": 3, "refractory_rows": 40, "escalation": 1.3}),
        "not that of its version",
    ),
    "changed version": (lambda d: _edit(d, model_version="m000000000000"), "not that of its version m000000000000"),
    "changed keys": (lambda d: _edit(d, keys=[["a", "b"]]), "not that of its version"),
    "unknown detector": (lambda d: _edit(d, detectors=[{"name": "x", "parameters": {}}]), "does not fit"),
    "unknown zone": (
        lambda d: _edit(d, calendars=[{"time_zone": "Mars/Olympus", "holidays": None, "extra_holidays": []}]),
        "does not fit",
    ),
    "unknown rule": (lambda d: _edit(d, rules={"lever": 0.7}), "does not fit"),
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
