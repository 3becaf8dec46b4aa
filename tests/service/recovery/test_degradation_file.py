"""A file of levels is read whole, or refused with file, line, place and remedy."""

import json

import pytest

from models.errors import ConfigurationError
from service.recovery.degradation_file import degradation_schema, read_degradations

FILE = """\
degradations:
  - component: checkout
    levels:
      - name: no-recommendations
        gives_up: [recommendations]
        enter: worst_score >= 1 or breaker_open
        enter_hold_s: 30
        leave: worst_score < 0.7 and not breaker_open
      - name: read-only
        gives_up: [orders, reviews]
        enter: health == UNHEALTHY
        leave: health <= DEGRADED
        description: Baskets can be seen, not paid
  - component: search
    levels:
      - name: cached
        gives_up: [fresh-results]
        enter: open_breakers >= 1
        leave: open_breakers == 0 and worst_score < 1
"""


def refused(old, new, *words, components=None):
    """Replace something and read the message."""
    assert old in FILE
    with pytest.raises(ConfigurationError) as caught:
        read_degradations(FILE.replace(old, new, 1), source="levels.yaml", components=components)
    message = str(caught.value)
    assert all(word in message for word in ("levels.yaml", *words)), message
    return message


def test_a_file_is_read():
    """Everything that it says, and the defaults of what it does not say."""
    checkout, search = read_degradations(FILE, source="levels.yaml", components=("checkout", "search"))
    assert [(level.name, level.enter_hold_s, level.leave_hold_s) for level in checkout.levels] == [
        ("no-recommendations", 30.0, 300.0),
        ("read-only", 60.0, 300.0),
    ]
    assert (checkout.given_up(2), search.component) == (("recommendations", "orders", "reviews"), "search")


@pytest.mark.parametrize(
    ("old", "new", "words"),
    [
        ("worst_score >= 1 or", "worst_scor >= 1 or", ("line 6", "levels[0].enter", "did you mean worst_score")),
        ("breaker_open\n", "__import__('os')\n", ("line 6", "enter", "character")),
        ("< 0.7 and", "< 1.5 and", ("line 4", "levels[0]", "entered and left at once")),
        ("enter_hold_s: 30", "enter_hold_s: 30 s", ("line 7", "enter_hold_s", "number")),
        ("enter_hold_s: 30", "enter_hold_m: 30", ("line 7", "enter_hold_m", "unknown field", "schema")),
        ("enter_hold_s: 30", "enter_hold_s: -30", ("line 4", "0 or more")),
        ("        leave: health <= DEGRADED\n", "", ("line 9", "leave", "required")),
        ("gives_up: [orders, reviews]", "gives_up: [recommendations]", ("line 4", "twice")),
        ("gives_up: [orders, reviews]", "gives_up: []", ("line 9", "at least one")),
        ("name: read-only", "name: full", ("line 9", "full")),
        ("component: search", "component: checkout", ("line 14", "declared twice", "keep one")),
        ("degradations:", "degradation:", ("line 1", "degradation")),
        ("  - component: search", "  - component: search\n    component: search", ("line 15", "already")),
    ],
)
def test_every_mistake_is_named(old, new, words):
    """File, line, place, and what to do."""
    refused(old, new, *words)


def test_a_component_that_is_not_there_is_named():
    """With the one that was meant."""
    refused("component: search", "component: xsearch", "line 14", "mean search", components=("checkout", "search"))
    refused("component: search", "component: xyz", "use one of: checkout, search", components=("checkout", "search"))


@pytest.mark.parametrize("text", ["", "[]", "7", "degradations: 3", "a: *b", "\0", "{" * 50, "degradations: [1]"])
def test_anything_else_is_refused(text):
    """Never an error of another kind."""
    with pytest.raises(ConfigurationError, match=r"levels\.yaml"):
        read_degradations(text, source="levels.yaml")


def test_nothing_declared_is_nothing():
    """An empty list is a file."""
    assert read_degradations("degradations: []", source="levels.yaml") == ()


def test_the_schema_is_json():
    """And names the fields."""
    assert "enter_hold_s" in json.dumps(degradation_schema())
