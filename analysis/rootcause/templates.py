"""Log messages without their variable parts.

Numbers, addresses and identifiers are masked first. Then a word stays if it is frequent at its place, and is masked if
it is not: the two passes of SLCT (Vaarandi, "A data clustering algorithm for mining patterns from event logs", IPOM
2003). Why not Drain3 is in decision 15.
"""

import re
from collections import Counter
from collections.abc import Sequence

MASK = "<*>"
MOST_LETTERS = 400
"""The rest of a longer message is left out."""
MOST_WORDS = 40
LEAST_SUPPORT = 3
SUPPORT_SHARE = 0.001
"""A word is frequent if it stands at its place in three messages, or in one of a thousand if that is more."""

_QUOTED = re.compile(r"\"[^\"]*\"|'[^']*'|\{[^{}]*\}|\[[^\[\]]*\]")
_DIGIT = re.compile(r"\d")


def templates_of(messages: Sequence[str]) -> list[str]:
    """Template of every message.

    Parameters
    ----------
    messages
        Of one component; any text.

    Returns
    -------
    list of str
        In the order of the messages; variable parts are ``<*>``. The order of the messages does not matter.
    """
    counted = Counter(messages)
    words = {message: _words(message) for message in counted}
    frequent: Counter[tuple[int, str]] = Counter()
    for message, n in counted.items():
        for place, word in enumerate(words[message]):
            frequent[place, word] += n
    support = max(LEAST_SUPPORT, round(SUPPORT_SHARE * counted.total()))
    made = {
        message: " ".join(word if frequent[place, word] >= support else MASK for place, word in enumerate(mine))
        for message, mine in words.items()
    }
    return [made[message] for message in messages]


def _words(message: str) -> list[str]:
    """The words of a message, masked where they look variable."""
    words = _QUOTED.sub(MASK, message[:MOST_LETTERS]).split()
    return [MASK if _DIGIT.search(word) else word for word in words[:MOST_WORDS]]
