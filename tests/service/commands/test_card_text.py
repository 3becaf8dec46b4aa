"""The card of an incident as text."""

import io
import json
from dataclasses import replace
from datetime import timedelta

import pandas as pd
from rich.console import Console

from analysis.card.make import card_of_situation, make_card
from analysis.events import Event, EventKind
from analysis.pipeline import diagnose
from models.sources.cases import Case, write_case
from service.commands.card_text import TEXT_LIMITS, print_card
from tests.analysis.builders import at, event, frame_of, situation_of
from tests.analysis.card.test_make import EDGES, HOSTILE, scene_of, seen, slow_database
from tests.service.commands.conftest import typed


def text_of(card, width=120):
    """What is printed."""
    out = io.StringIO()
    print_card(Console(file=out, width=width), card)
    return out.getvalue()


def squeezed(text):
    """The text without the breaks of lines."""
    return " ".join(text.split())


def test_the_answer_comes_first_then_the_buckets_then_the_story():
    """The headline leads; each bucket names its components once; the timeline marks the detection."""
    situation = situation_of(slow_database(), edges=EDGES)
    said = text_of(card_of_situation(situation, diagnose(situation), TEXT_LIMITS))
    assert said.startswith("web suffers from db (resource, ")
    titles = ("Root cause", "Critical failure", "Impact: affected", "Impact: at risk", "When", "Timeline")
    places = [said.index(title) for title in titles]
    assert places == sorted(places)
    assert "depending on it: orders" in said
    assert "calm so far: shop (2 calls away)" in squeezed(said)
    assert "db -> orders -> web" in said
    assert "still odd at 01:19:00, the end of the data" in squeezed(said)
    assert "└ orders" in said
    assert "detected" in said[said.index("Timeline") :]


def test_empty_buckets_say_why():
    """Nobody reads an empty line at night."""
    said = squeezed(text_of(make_card(scene_of([seen("web", 1)], cause=""))))
    assert "Not named. The incident has not been analysed yet." in said
    assert "No further component was seen to be odd." in said


def test_long_lists_say_what_they_leave_out():
    """A crowd is cut and counted."""
    events = [seen(f"c{i:02d}", i, name="cpu", is_symptom=False) for i in range(40)]
    said = text_of(make_card(scene_of(events, edges=(), limits=TEXT_LIMITS)))
    assert f"and {40 - TEXT_LIMITS.components} more" in said
    assert f"and {40 - TEXT_LIMITS.moments} more" in said


def test_times_show_what_tells_the_moments_apart():
    """Milliseconds in a fast story, the day in a slow one."""
    fast = [replace(seen("db", 1, name=str(n)), at=at(1) + timedelta(milliseconds=n)) for n in range(3)]
    assert "00:01:00.002" in text_of(make_card(scene_of(fast)))
    assert "03-05 00:00:00" in text_of(make_card(scene_of([seen("db", 0), seen("db", 2880)])))


def test_names_are_not_markup():
    """Brackets in names and details are printed as they stand."""
    odd = Event(at=at(1), component="[red]x[/]", kind=EventKind.ALERT, name="[b]", detail="[/] boom", is_symptom=True)
    said = text_of(make_card(scene_of([odd], edges=[("[red]x[/]", "db")])))
    assert "[red]x[/]" in said
    assert "[b]: [/] boom" in said


def test_whatever_is_known_can_be_printed():
    """No hostile situation breaks the text, even on a narrow screen."""
    for situation in HOSTILE.values():
        assert text_of(card_of_situation(situation, diagnose(situation), TEXT_LIMITS), width=40)


def test_the_command_tells_the_card(tmp_path):
    """Text and JSON of a case with metrics agree; the rest of the JSON stays."""
    frame = frame_of(slow_database())
    given = {"traces": None, "logs": None, "events": None}
    write_case(Case(name="c", detected_at=at(60), target=None, frame=frame, edges=EDGES, **given), tmp_path)
    said, told = typed("diagnose", "--case", tmp_path), typed("diagnose", "--case", tmp_path, "--json")
    assert (said.code, told.code) == (0, 0), told.err
    found = json.loads(told.out)
    assert squeezed(said.out).startswith(found["card"]["headline"])
    assert found["card"]["root_cause"]["component"] == found["most_likely_cause"]["component"] == "db"
    assert [moment["component"] for moment in found["card"]["timeline"]] == ["db", "orders", "web"]


def test_the_command_tells_the_card_of_alerts(tmp_path):
    """A case with events only has a card with a timeline too."""
    rows = [event("db", 1, "METRIC", "cpu", "up"), event("web", 2, "TRACE", "GET", "500")]
    given = {"target": None, "frame": None, "traces": None, "logs": None}
    write_case(Case(name="c", detected_at=at(0), edges=EDGES, events=pd.DataFrame(rows), **given), tmp_path)
    said = typed("diagnose", "--case", tmp_path)
    assert said.code == 0, said.err
    assert "trace GET 500" in said.out
    assert "alerts do not say whether it is over" in squeezed(said.out)
