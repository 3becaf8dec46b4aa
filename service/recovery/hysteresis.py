"""Whether a condition to enter and one to leave would make a level flap: tried on all values that make a difference.

Pure. Between two constants that conditions compare a fact with, all values are alike; so a few values a fact will do.
"""

from collections.abc import Iterable, Iterator
from itertools import pairwise, product

from models.errors import ConfigurationError
from service.recovery.conditions import Condition
from service.recovery.facts import Fact, Facts, FactType, FactValue
from service.recovery.syntax import Both, Comparison, Either, Literal, Membership, Not

MAX_TRIALS = 20_000


def check_hysteresis(what: str, enter: Condition, leave: Condition, *, hold_s: float) -> None:
    """Refuse a pair of conditions that can hold at the same time, or that leave no gap.

    Parameters
    ----------
    what
        Whose, for the message.
    enter
        When the level is entered.
    leave
        When it is left, over the same vocabulary.
    hold_s
        The shorter time that one of them must hold, seconds. It is the gap where no number is compared.

    Raises
    ------
    ConfigurationError
        With the values at which it would flap; or if the conditions speak of too much to be tried.
    """
    has_gap = hold_s > 0 and not any(fact.type is FactType.NUMBER for fact in enter.names)
    enters = leaves = False
    for facts in _trials(what, enter, leave):
        is_in, is_out = enter.evaluate(facts).holds, leave.evaluate(facts).holds
        if is_in and is_out:
            raise ConfigurationError(
                f"Level {what!r} would be entered and left at once: both {enter} and {leave} hold with {_said(facts)}.",
                remedy="make the two exclude each other",
            )
        enters, leaves, has_gap = enters or is_in, leaves or is_out, has_gap or not (is_in or is_out)
    for condition, can_hold in ((enter, enters), (leave, leaves)):
        if not can_hold:
            raise ConfigurationError(f"Level {what!r}: {condition} can never hold.", remedy="mend the condition")
    if not has_gap:
        raise ConfigurationError(
            f"Level {what!r} has no gap between {enter} and {leave}: it would flap around the threshold.",
            remedy="leave it at a better value than it is entered at, or give both a time to hold",
        )


def _trials(what: str, enter: Condition, leave: Condition) -> Iterator[Facts]:
    names = tuple(dict.fromkeys((*enter.names, *leave.names)))
    literals = tuple(_literals((enter.node, leave.node)))
    options = [_values(fact, literals) for fact in names]
    count = 1
    for values in options:
        count *= len(values)
    if count > MAX_TRIALS:
        raise ConfigurationError(
            f"The conditions of level {what!r} speak of too much to be checked against flapping.",
            remedy="use fewer facts or fewer constants",
        )
    for values in product(*options):
        yield {fact.name: value for fact, value in zip(names, values, strict=True)}


def _values(fact: Fact, literals: tuple[FactValue, ...]) -> tuple[FactValue, ...]:
    if fact.type is FactType.FLAG:
        return (True, False)
    if fact.type is FactType.NUMBER:
        numbers = sorted({float(v) for v in literals if isinstance(v, int | float) and not isinstance(v, bool)}) or [
            0.0
        ]
        between = ((low + high) / 2 for low, high in pairwise(numbers))
        return (numbers[0] - 1, *numbers, *between, numbers[-1] + 1)
    if fact.type is FactType.WORDS:
        return ((), *((word,) for word in fact.words), fact.words)
    return fact.words or (*(v for v in literals if isinstance(v, str)), "any other")


def _literals(nodes: Iterable[object]) -> Iterator[FactValue]:
    for node in nodes:
        match node:
            case Literal(value):
                yield value
            case Both(parts) | Either(parts):
                yield from _literals(parts)
            case Not(part):
                yield from _literals((part,))
            case Comparison():
                yield from _literals((node.left, node.right))
            case Membership():
                container = node.container if isinstance(node.container, tuple) else (node.container,)
                yield from _literals((node.item, *container))


def _said(facts: Facts) -> str:
    return ", ".join(f"{name} = {value}" for name, value in facts.items())
