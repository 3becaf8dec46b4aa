"""``faultline detect``: other rules, streams, drift and pictures, as a user types them."""

import json
import re

import numpy as np
import pytest

from models.bundle import Bundle
from models.frames import MetricFrame, SeriesKey
from models.training import TrainingSettings, train
from service.commands.detect import _file_names
from tests.models.histories import CREATED
from tests.service.commands.conftest import typed
from tests.service.commands.small import DAY, LEARNT, small_bundle, small_frame, write


@pytest.fixture(scope="module")
def bundle(tmp_path_factory):
    """A small bundle."""
    return small_bundle(tmp_path_factory.mktemp("detect") / "bundle")


def rows(first, last, path, *, frame=None):
    """A part of the days behind the history, in a file."""
    return write((frame or small_frame()).rows(LEARNT + first, LEARNT + last), path)


def told(*words):
    """Type detect, and read its JSON."""
    said = typed("detect", *words, "--json")
    assert said.code == 0, said.err
    return json.loads(said.out)


def spans(anomalies):
    """Series and start of each."""
    return sorted((each["key"]["component"], each["key"]["metric"], each["start"]) for each in anomalies)


def test_absent_and_unknown_series_take_a_line_each(workplace, bundle):
    """The first five, and how many more."""
    frame = small_frame().rows(LEARNT, LEARNT + 50)
    keys = (SeriesKey("web", "rate"), *(SeriesKey("new", f"m{number}") for number in range(8)))
    values = np.repeat(frame.values[:, :1], len(keys), axis=1)
    strange = MetricFrame(start=frame.start, step_s=frame.step_s, keys=keys, values=values)
    notes = told(write(strange, workplace / "m.parquet"), "--bundle", bundle)["notes"]
    assert notes == [
        "not judged, unknown to the bundle: 8 series: new/m0, new/m1, new/m2, new/m3, new/m4 and 3 more",
        "not in the input: 2 series: web/cpu, db/memory",
    ]


def test_calls_on_pieces_find_what_one_call_on_all_finds(workplace, bundle):
    """Every six hours, each file reaching back two: each anomaly is new once, with its whole length in the end."""
    memory, seen, new, step = workplace / "memory.npz", {}, [], DAY // 4
    for first in range(0, 4 * DAY, step):
        part = rows(max(first - 12, -12), first + step, workplace / "part.parquet")
        said = told(part, "--bundle", bundle, "--memory", memory)
        assert said["notes"] == ["12 rows left out: judged or learnt before"]
        new += [each for each in said["anomalies"] if not each["goes_on"]]
        seen |= {(each["key"]["metric"], each["start"]): each["end"] for each in said["anomalies"]}
    whole = told(rows(0, 4 * DAY, workplace / "all.parquet"), "--bundle", bundle)["anomalies"]
    assert spans(new) == spans(whole)
    assert seen == {(each["key"]["metric"], each["start"]): each["end"] for each in whole}
    assert {"rate", "memory"} <= {each["key"]["metric"] for each in whole}
    assert sorted(path.name for path in workplace.iterdir()) == ["all.parquet", "memory.npz", "part.parquet"]


def test_a_call_for_people_says_what_goes_on(workplace, bundle):
    """An incident that began in an earlier call is no new anomaly."""
    memory = workplace / "memory.npz"
    first = typed("detect", rows(0, 2 * DAY + 12, workplace / "a.parquet"), "--bundle", bundle, "--memory", memory)
    second = typed(
        "detect", rows(2 * DAY, 2 * DAY + 24, workplace / "b.parquet"), "--bundle", bundle, "--memory", memory
    )
    assert "db/memory" in first.out
    assert second.out.startswith("0 anomalies")
    assert "goes on since 2026-03-11 00:00:00: db/memory" in second.out


def test_a_gap_between_calls_is_missing_data(workplace, bundle):
    """It is noted, and told as silence of the series."""
    memory = workplace / "memory.npz"
    told(rows(0, 50, workplace / "a.parquet"), "--bundle", bundle, "--memory", memory)
    said = told(rows(100, 130, workplace / "b.parquet"), "--bundle", bundle, "--memory", memory)
    assert "50 rows are missing since 2026-03-09T08:20:00+00:00" in said["notes"]
    assert {each["type"] for each in said["anomalies"]} == {"MISSING_DATA"}


def test_nothing_new_changes_nothing(workplace, bundle):
    """The same file twice, and rows of the history: no anomalies, and the memory stays to the byte."""
    memory, part = workplace / "memory.npz", rows(DAY, DAY + 60, workplace / "a.parquet")
    told(part, "--bundle", bundle, "--memory", memory)
    before = memory.read_bytes()
    for again in (part, rows(-60, -10, workplace / "old.parquet")):
        said = told(again, "--bundle", bundle, "--memory", memory, "--drift", "--plot", workplace / "p")
        assert said["anomalies"] == []
        assert said["notes"] == ["no row is behind 2026-03-10T10:00:00+00:00, up to which all was judged or learnt"]
        assert memory.read_bytes() == before
    fresh = told(rows(-60, -10, workplace / "old.parquet"), "--bundle", bundle, "--memory", workplace / "none.npz")
    assert fresh["notes"][0].startswith("no row is behind 2026-03-09T00:00:00")


def test_feedback_and_rules_keep_the_memory(workplace, bundle):
    """What is carried is that of the training; another training is refused."""
    memory = workplace / "memory.npz"
    told(rows(0, 60, workplace / "a.parquet"), "--bundle", bundle, "--memory", memory)
    words = ("--series", "web/rate", "--verdict", "rejected", "--out", workplace / "moved")
    assert typed("feedback", "--bundle", bundle, *words).code == 0
    (workplace / "rules.yaml").write_text("version: 1\nrules:\n  - {component: web, excluded: true}\n")
    part = rows(60, 90, workplace / "b.parquet")
    told(part, "--bundle", workplace / "moved", "--memory", memory, "--rules", workplace / "rules.yaml")
    other = train(small_frame(seed=9).rows(0, LEARNT), TrainingSettings(), created=CREATED)
    other.bundle.save(workplace / "other")
    said = typed("detect", part, "--bundle", workplace / "other", "--memory", memory)
    assert (said.code, "memory.npz" in said.err, "remove the file" in said.err) == (2, True, True)


@pytest.mark.parametrize("harm", ["empty", "text", "foreign", "directory", "off the grid", "another step"])
def test_what_cannot_go_on_is_refused(workplace, bundle, harm):
    """A damaged memory, one without its time, and rows that do not fit; one message, and the memory stays."""
    memory, part = workplace / "memory.npz", rows(60, 90, workplace / "b.parquet")
    told(rows(0, 60, workplace / "a.parquet"), "--bundle", bundle, "--memory", memory)
    if harm == "foreign":
        judge = Bundle.load(bundle)
        judge.memory.save(memory, judge.model_version)
    elif harm == "directory":
        memory.unlink()
        memory.mkdir()
    elif harm in {"empty", "text"}:
        memory.write_bytes(b"" if harm == "empty" else b"no archive")
    else:
        frame = small_frame().rows(LEARNT + 60, LEARNT + 90)
        step_s = 600.0 if harm == "off the grid" else 300.0
        moved = MetricFrame(
            start=frame.start + np.timedelta64(77, "s"), step_s=step_s, keys=frame.keys, values=frame.values
        )
        part = write(moved, workplace / "b.parquet")
    before = None if memory.is_dir() else memory.read_bytes()
    said = typed("detect", part, "--bundle", bundle, "--memory", memory)
    assert (said.code, said.out) == (2, "")
    assert "Remedy" in said.err
    assert "Traceback" not in said.err
    assert before is None or memory.read_bytes() == before


def test_other_rules_hold_without_training(workplace, bundle):
    """What they forbid is not told, what they cannot do now is said, and what matches nothing."""
    part = rows(0, 2 * DAY, workplace / "a.parquet")
    assert "rate" in {each["key"]["metric"] for each in told(part, "--bundle", bundle)["anomalies"]}
    rules = workplace / "rules.yaml"
    rules.write_text(
        "version: 1\nrules:\n  - {component: web, metric: rate, least_deviation: 1000, false_alarms_per_day: 3}\n"
        "  - {component: nobody, time_zone: Europe/Berlin}\n"
    )
    said = told(part, "--bundle", bundle, "--rules", rules)
    judges = {each["detector"] for each in said["anomalies"] if each["key"]["metric"] == "rate"}
    assert judges <= {"component_residual"}
    assert said["notes"] == [
        "unmatched: rules[1] (nobody/*) matches no series",
        "not in force before the next training: false_alarms_per_day, time_zone",
    ]


def test_drift_is_told(workplace, bundle):
    """The series that has another level since the tenth day; text and JSON agree."""
    part = rows(0, 4 * DAY, workplace / "a.parquet")
    said = told(part, "--bundle", bundle, "--drift")
    assert [each["key"]["metric"] for each in said["drift"] if each["is_drifted"]] == ["memory"]
    assert len(said["drift"]) == 3
    text = typed("detect", part, "--bundle", bundle, "--drift").out
    assert "1 of 3 series have drifted since the end of the history" in text
    assert re.search(r"db/memory: the level rose from \S+ to \S+ \(\S+ usual spreads\) and stayed there", text)
    assert "drift" not in told(part, "--bundle", bundle)


def test_each_anomalous_series_has_a_picture(workplace, bundle):
    """A PNG with a name that any file system takes, in a directory that is made; none for calm rows."""
    frame = small_frame()
    part = rows(0, 3 * DAY, workplace / "a.parquet", frame=frame)
    said = typed("detect", part, "--bundle", bundle, "--plot", workplace / "deep" / "p")
    assert said.code == 0, said.err
    pictures = {path.name: path.read_bytes() for path in (workplace / "deep" / "p").iterdir()}
    assert {"web--rate.png", "db--memory.png"} <= set(pictures)
    assert all(content.startswith(b"\x89PNG") for content in pictures.values())
    assert f"{len(pictures)} pictures written to" in said.out
    calm = typed("detect", rows(0, 20, workplace / "calm.parquet"), "--bundle", bundle, "--plot", workplace / "calm")
    assert "0 pictures" in calm.out


def test_pictures_of_names_that_look_alike_do_not_meet():
    """Names differ only in what a file name cannot hold, or in case."""
    keys = [SeriesKey("a/b", "c"), SeriesKey("a?b", "c"), SeriesKey("A/b", "c"), SeriesKey("x" * 300, "y")]
    names = _file_names(keys)
    assert list(names.values()) == keys
    assert all(re.fullmatch(r"[a-z0-9_-]+\.png", name) and len(name) < 140 for name in names)
