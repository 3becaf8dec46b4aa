"""Values survive being written down, whatever they hold."""

import json
import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta, timezone

import pytest
from hypothesis import given, settings

from analysis.findings import RootCauseAnalysis
from analysis.incidents import Incident
from models.errors import InputError
from service.records import Record, RecordKind
from service.store import codec
from tests.service.store import strategies
from tests.service.store.examples import T0, a_record, an_analysis


@dataclass(frozen=True, slots=True, kw_only=True)
class Odd:
    """Every kind of field that the codec promises to hold."""

    pair: tuple[int, str]
    names: frozenset[str]
    table: Mapping[str, float]
    when: datetime | None = None
    note: str | None = None
    kind: RecordKind = RecordKind.ENGINE_ERROR


@given(strategies.analyses)
@settings(max_examples=60, deadline=None)
def test_an_analysis_survives(analysis):
    """Writing and reading an analysis gives the same one, NaN, infinities and hostile names included."""
    assert repr(codec.loads(RootCauseAnalysis, codec.dumps(analysis))) == repr(analysis)


@given(strategies.incidents)
@settings(max_examples=40, deadline=None)
def test_an_incident_survives(incident):
    """Writing and reading an incident gives the same one."""
    assert repr(codec.loads(Incident, codec.dumps(incident))) == repr(incident)


def test_json_is_strict():
    """The text holds no NaN or Infinity literal, which JSON does not know."""
    found = json.loads(codec.dumps(an_analysis()), parse_constant=pytest.fail)
    assert found["evidence"][0]["numbers"] == {"lead_s": 120.0, "unknown": None, "ratio": "Infinity"}


def test_every_kind_of_field():
    """Fixed tuples, sets, mappings, optional times and enums come back as what they were."""
    odd = Odd(pair=(1, "x"), names=frozenset({"b", "a"}), table={"k": -math.inf}, when=T0)
    assert codec.loads(Odd, codec.dumps(odd)) == odd
    assert codec.encode(odd)["when"] == "2026-03-01T12:00:00Z"


def test_times_become_utc():
    """A time in another zone is written in UTC."""
    there = T0.astimezone(timezone(timedelta(hours=9)))
    assert codec.encode(there) == "2026-03-01T12:00:00Z"


def test_an_absent_field_takes_its_default():
    """A value that an older version wrote is read with the defaults of the new fields."""
    text = json.loads(codec.dumps(a_record()))
    del text["incident_id"], text["seq"]
    assert codec.loads(Record, json.dumps(text)).incident_id == ""


@pytest.mark.parametrize(
    "value",
    [object(), {1: 2}, {"x": {"y": b"bytes"}}, T0.replace(tzinfo=None)],
    ids=lambda value: type(value).__name__,
)
def test_what_json_cannot_hold_is_refused(value):
    """Neither an unknown type, a numeric key nor a time without a zone is written in silence."""
    with pytest.raises(InputError):
        codec.dumps(value)


@pytest.mark.parametrize("text", ["", "{", "[]", "null", "3", '{"pair": 3}', '{"pair": [1], "names": [], "table": {}}'])
def test_damaged_text_is_refused(text):
    """What is no stored value is refused with the name of the type."""
    with pytest.raises(InputError, match="Odd"):
        codec.loads(Odd, text)
