"""Log messages without their variable parts."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.rootcause.templates import MASK, MOST_LETTERS, MOST_WORDS, templates_of


def test_numbers_and_quoted_parts_are_masked():
    """Whatever looks variable is."""
    (found, *_) = templates_of(['GET /cart/17 by "anna" took 3ms {id: 4} [x]'] * 3)
    assert found == f"GET {MASK} by {MASK} took {MASK} {MASK} {MASK}"


def test_rare_words_are_masked_and_frequent_ones_stay():
    """A name that changes all the time is a parameter."""
    names = ["anna", "berta", "carl", "dora", "emil", "fritz"]
    assert set(templates_of([f"user {name} logged in" for name in names])) == {f"user {MASK} logged in"}
    assert templates_of(["user anna logged in"] * 3) == ["user anna logged in"] * 3


def test_a_lone_message_is_all_variable():
    """Nothing can be said about one message."""
    assert templates_of(["hello world"]) == [f"{MASK} {MASK}"]
    assert templates_of([]) == []


def test_long_messages_are_cut():
    """By letters and by words."""
    assert len(templates_of(["x" * 300_000] * 3)[0]) == MOST_LETTERS
    assert len(templates_of(["a " * 300] * 3)[0].split()) == MOST_WORDS


@pytest.mark.parametrize("message", ["", " ", "\n\t", "\x00", "\ud800", "{", '"', "[[[", "'''"])
def test_odd_messages_have_a_template(message):
    """Empty, unbalanced and unprintable ones too."""
    assert len(templates_of([message] * 4)) == 4


@given(st.lists(st.text(max_size=30), max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_messages_does_not_matter(messages, random):
    """A message has its template wherever it stands."""
    known = dict(zip(messages, templates_of(messages), strict=True))
    shuffled = random.sample(messages, len(messages))
    assert templates_of(shuffled) == [known[message] for message in shuffled]
