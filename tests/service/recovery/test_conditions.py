"""Conditions are typed, refused with a position, and never true for want of data."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ConfigurationError
from service.recovery.conditions import Condition
from service.recovery.facts import FINDING_FACTS, VERIFICATION_FACTS
from service.recovery.syntax import MAX_DEPTH, MAX_LENGTH, ConditionError

FACTS = {
    "severity": "HIGH",
    "confidence": 0.7,
    "category": "DEPLOY",
    "component": "orders",
    "symptom": "orders",
    "blast_radius": 0.25,
    "anomaly_types": ("SUDDEN_CHANGE",),
    "has_latency": True,
    "has_errors": False,
}


def holds(text, facts=FACTS):
    """Check and evaluate in one go."""
    return Condition.of(text, FINDING_FACTS).evaluate(facts).is_true


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("severity >= HIGH", True),
        ("severity > HIGH", False),
        ("severity < CRITICAL and severity != LOW", True),
        ("MEDIUM <= severity", True),
        ('severity == "HIGH"', True),
        ("severity in (HIGH, CRITICAL)", True),
        ("severity not in (HIGH, CRITICAL)", False),
        ("confidence > .5", True),
        ("confidence >= 7e-1", True),
        ("0.7 < confidence", False),
        ("confidence > -1", True),
        ("confidence > blast_radius", True),
        ("category == DEPLOY", True),
        ("category in (TRAFFIC, 'NETWORK')", False),
        ("component == 'orders'", True),
        ("component == symptom", True),
        ("component in ('a', \"orders\")", True),
        ("SUDDEN_CHANGE in anomaly_types", True),
        ("PATTERN_ANOMALY in anomaly_types", False),
        ("has_latency", True),
        ("has_latency == false", False),
        ("not has_errors and (has_latency or confidence < 0)", True),
        ("has_errors or has_latency and has_errors", False),
        ("not not has_latency", True),
        ("true", True),
        ("false or true", True),
    ],
)
def test_a_condition_means_what_it_says(text, expected):
    """Operators, precedence, order of severities and membership work as written."""
    assert holds(text) is expected


@pytest.mark.parametrize(
    ("text", "position", "message"),
    [
        ("severitx >= HIGH", 0, "did you mean severity"),
        ("severity >= HIHG", 12, "did you mean HIGH"),
        ("severity", 0, "no condition by itself"),
        ("1", 0, "no condition by itself"),
        ("confidence > 'x'", 13, "is a NUMBER"),
        ("confidence > true", 13, "is a NUMBER"),
        ("has_latency == 1", 15, "is a FLAG"),
        ("component == orders", 13, "in quotes"),
        ("component > 'a'", 10, "has no order"),
        ("category < DEPLOY", 9, "has no order"),
        ("confidence == severity", 14, "cannot be compared"),
        ("anomaly_types == SUDDEN_CHANGE", 14, "several words"),
        ("severity in category", 12, "no list"),
        ("severity in 'x'", 12, "needs a list"),
        ("1 in (1, 2)", 2, "no fact"),
        ("1 < 2", 2, "neither side"),
        ("severity >=", 11, "is missing"),
        ("severity >= HIGH)", 16, "not expected"),
        ("(severity >= HIGH", 17, "')' is missing"),
        ("has_latency not has_errors", 16, "'in' is missing"),
        ("has_latency has_errors", 12, "not expected"),
        ("and", 0, "stands where"),
        ("", 0, "is missing"),
        ("component == 'a", 13, "not understood"),
        ("confidence > 1.2.3", 13, "not understood"),
        ("confidence > 3abc", 13, "not understood"),
        ("__import__('os')", 10, "not expected"),
        ("().__class__", 2, "not understood"),
        ("severity = HIGH", 9, "not understood"),
        ("severity in ()", 13, "stands where"),
    ],
)
def test_a_mistake_is_refused_with_its_position(text, position, message):
    """Whatever is wrong, the error names the character and the remedy."""
    with pytest.raises(ConditionError, match="Condition") as caught:
        Condition.of(text, FINDING_FACTS)
    assert (caught.value.position, message in str(caught.value)) == (position, True), str(caught.value)


@pytest.mark.parametrize(
    "text", ["(" * 500 + "true" + ")" * 500, "not " * (MAX_DEPTH + 1) + "true", "x" * (MAX_LENGTH + 1)]
)
def test_a_huge_condition_is_refused(text):
    """Depth and length are bounded, so that no text exhausts the stack."""
    with pytest.raises(ConditionError):
        Condition.of(text, FINDING_FACTS)


@pytest.mark.parametrize(
    "text",
    [
        "worst_score < 1",
        "not worst_score >= 1",
        "worst_score in (0, 1)",
        "is_resolved",
        "not is_resolved",
        "not (worst_score in (1, 2))",
    ],
)
@pytest.mark.parametrize(
    "facts", [{}, {"worst_score": None, "is_resolved": None}, {"worst_score": math.nan, "is_resolved": "yes"}]
)
def test_a_missing_fact_never_makes_a_condition_hold(text, facts):
    """Unknown stays unknown under not, and the result names what was missing."""
    evaluation = Condition.of(text, VERIFICATION_FACTS).evaluate(facts)
    assert (evaluation.is_true, evaluation.holds, len(evaluation.missing)) == (None, False, 1)
    assert "missing" in str(evaluation)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("worst_score < 1 or is_resolved", True),
        ("worst_score < 1 and is_resolved", None),
        ("worst_score < 1 and not is_resolved", False),
        ("worst_score < incident_score", None),
    ],
)
def test_what_is_known_can_decide(text, expected):
    """A missing fact does not matter where the others settle the result."""
    assert Condition.of(text, VERIFICATION_FACTS).evaluate({"is_resolved": True}).is_true is expected


def test_a_word_that_nobody_declared_is_missing():
    """A severity outside the order counts as missing instead of comparing by accident."""
    assert holds("severity >= LOW", {"severity": "URGENT"}) is None
    assert holds("SUDDEN_CHANGE in anomaly_types", {"anomaly_types": "SUDDEN_CHANGE"}) is None


words = st.sampled_from(
    [
        *FINDING_FACTS,
        *[
            "and",
            "or",
            "not",
            "in",
            "true",
            "false",
            "(",
            ")",
            ",",
            "==",
            "!=",
            "<",
            "<=",
            ">",
            ">=",
            "HIGH",
            "DEPLOY",
            "SUDDEN_CHANGE",
            "1",
            "0.5",
            "-2",
            "'a'",
            '"b"',
            "@",
            "é",
            "\x00",
            "=",
        ],
    ]
)


@given(st.lists(words, max_size=12).map(" ".join) | st.text(max_size=60))
def test_any_text_is_understood_or_refused(text):
    """No text gives anything but a condition that evaluates, or a ConfigurationError."""
    try:
        condition = Condition.of(text, FINDING_FACTS)
    except ConfigurationError:
        return
    for facts in ({}, FACTS):
        assert condition.evaluate(facts).is_true in {True, False, None}


leaves = st.sampled_from(["has_latency", "has_errors", "has_traffic", "confidence > 0.5", "severity >= HIGH"])
trees = st.recursive(
    leaves,
    lambda parts: st.one_of(
        st.tuples(parts, st.sampled_from(["and", "or"]), parts).map(lambda t: f"({t[0]}) {t[1]} ({t[2]})"),
        parts.map(lambda part: f"not ({part})"),
    ),
    max_leaves=8,
)


@given(
    trees, st.booleans(), st.booleans(), st.booleans(), st.sampled_from(["LOW", "HIGH"]), st.sampled_from([0.1, 0.9])
)
def test_it_agrees_with_python_on_complete_facts(text, latency, errors, traffic, severity, confidence):
    """With every fact present the result is that of Python's own and, or, not."""
    facts = {
        "has_latency": latency,
        "has_errors": errors,
        "has_traffic": traffic,
        "severity": severity,
        "confidence": confidence,
    }
    python = text.replace("severity >= HIGH", str(severity == "HIGH"))
    assert holds(text, facts) is eval(python, {}, facts)  # noqa: S307  # an oracle over text made above
