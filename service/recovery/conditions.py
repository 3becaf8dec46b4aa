"""Conditions of rules, strategies and steps: checked against declared facts on load, evaluated in three values.

A comparison with a fact that is missing is neither true nor false but unknown, also under ``not``; a condition holds
only if it is true, so nothing is ever done, or taken as verified, for want of data.
"""

import operator
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from difflib import get_close_matches
from types import MappingProxyType
from typing import Any, NoReturn

from service.recovery.facts import Fact, Facts, FactType, FactValue, Vocabulary
from service.recovery.syntax import (
    Both,
    Comparison,
    ConditionError,
    Either,
    Literal,
    Membership,
    Name,
    Node,
    Not,
    Operand,
    parse,
)

_COMPARE: MappingProxyType[str, Callable[[Any, Any], bool]] = MappingProxyType(
    {
        "==": operator.eq,
        "!=": operator.ne,
        "<": operator.lt,
        "<=": operator.le,
        ">": operator.gt,
        ">=": operator.ge,
    }
)
_SORTABLE = frozenset({FactType.NUMBER, FactType.ORDERED})
_WORDED = frozenset({FactType.WORD, FactType.ORDERED, FactType.WORDS})


@dataclass(frozen=True, slots=True, kw_only=True)
class Evaluation:
    """What came out, and what it was based on.

    Parameters
    ----------
    is_true
        None if it cannot be told for want of a fact.
    facts
        The facts that the condition speaks of, as they were; None if missing.
    """

    is_true: bool | None
    facts: Facts

    @property
    def holds(self) -> bool:
        """Whether the condition is true; unknown is not."""
        return self.is_true is True

    @property
    def missing(self) -> tuple[str, ...]:
        """Facts that the condition speaks of and that were absent, sorted."""
        return tuple(sorted(name for name, value in self.facts.items() if value is None))

    def __str__(self) -> str:
        return ", ".join(f"{name} = {'missing' if v is None else _shown(v)}" for name, v in self.facts.items())


@dataclass(frozen=True, slots=True)
class Condition:
    """A checked condition; make it with ``Condition.of``.

    Parameters
    ----------
    text
        As written.
    node
        The tree.
    names
        Facts that it speaks of, in order of appearance.
    """

    text: str
    node: Node = field(repr=False, compare=False)
    names: tuple[Fact, ...] = field(repr=False, compare=False)

    @classmethod
    def of(cls, text: str, known: Vocabulary) -> "Condition":
        """Parse and check a condition; what cannot be understood is a ConditionError with the position.

        Parameters
        ----------
        text
            For example ``severity >= HIGH and confidence > 0.6``.
        known
            The facts that it may speak of.

        Returns
        -------
        Condition
            Ready to evaluate; evaluating it cannot fail.
        """
        checker = _Checker(text, known)
        node = parse(text)
        checker.check(node)
        return cls(text, node, tuple(dict.fromkeys(checker.used)))

    def evaluate(self, facts: Facts) -> Evaluation:
        """Judge.

        Parameters
        ----------
        facts
            May lack names and hold more than are used.

        Returns
        -------
        Evaluation
            With the facts used.
        """
        used = {fact.name: _known_value(fact, facts.get(fact.name)) for fact in self.names}
        known = {fact.name: fact for fact in self.names}
        return Evaluation(is_true=_evaluate(self.node, used, known), facts=MappingProxyType(used))

    def __str__(self) -> str:
        return self.text


class _Checker:
    """Type check of a tree; collects the facts that it uses."""

    def __init__(self, text: str, known: Vocabulary) -> None:
        self._text = text
        self._known = known
        self.used: list[Fact] = []

    def check(self, node: Node) -> None:
        match node:
            case Both(parts) | Either(parts):
                for part in parts:
                    self.check(part)
            case Not(part):
                self.check(part)
            case Comparison():
                self._comparison(node)
            case Membership():
                self._membership(node)
            case Name():
                if self._fact(node).type is not FactType.FLAG:
                    self._fail(f"{node.name} is no condition by itself", node.position, "compare it with a value")
            case Literal(value, position):
                if not isinstance(value, bool):
                    self._fail("a value is no condition by itself", position, "compare a fact with it")

    def _comparison(self, node: Comparison) -> None:
        left, right = node.left, node.right
        if not self._is_fact(left) and self._is_fact(right):
            left, right = right, left
        if not isinstance(left, Name):
            self._fail("neither side is a fact", node.position, f"use one of: {', '.join(self._known)}")
        fact = self._fact(left)
        if fact.type is FactType.WORDS:
            self._fail(f"{fact.name} holds several words", node.position, f"write: WORD in {fact.name}")
        if node.operator not in {"==", "!="} and fact.type not in _SORTABLE:
            self._fail(f"{fact.name} has no order, so {node.operator} says nothing", node.position, "use == or !=")
        self._value(right, fact)

    def _membership(self, node: Membership) -> None:
        if isinstance(node.container, Name):
            fact = self._fact(node.container)
            if fact.type is not FactType.WORDS:
                self._fail(f"{fact.name} is no list", node.container.position, "write the values in parentheses")
            self._value(node.item, fact)
            return
        if not isinstance(node.item, Name):
            self._fail("the left side of 'in' is no fact", node.position)
        fact = self._fact(node.item)
        for item in node.container:
            self._value(item, fact)

    def _is_fact(self, operand: Operand) -> bool:
        return isinstance(operand, Name) and operand.name in self._known

    def _fact(self, node: Name) -> Fact:
        fact = self._known.get(node.name)
        if fact is None:
            self._fail(f"unknown fact {node.name!r}", node.position, _suggestion(node.name, self._known))
        self.used.append(fact)
        return fact

    def _value(self, operand: Operand, fact: Fact) -> None:
        if isinstance(operand, Name) and fact.type is FactType.TEXT and operand.name not in self._known:
            self._fail(f"{operand.name} is no fact", operand.position, f"put text in quotes: '{operand.name}'")
        if isinstance(operand, Name) and (fact.type not in _WORDED or operand.name in self._known):
            other = self._fact(operand)
            if other.type is not fact.type or other.words != fact.words:
                self._fail(f"{fact.name} and {other.name} cannot be compared", operand.position)
            return
        value = operand.name if isinstance(operand, Name) else operand.value
        if fact.type in _WORDED and value not in fact.words:
            words = _suggestion(str(value), fact.words)
            self._fail(f"{fact.name} is never {value!r}", operand.position, words)
        if fact.type not in _WORDED and not fact.is_known(value):
            self._fail(f"{fact.name} is a {fact.type}, {value!r} is not", operand.position)

    def _fail(self, problem: str, position: int, remedy: str = "") -> NoReturn:
        raise ConditionError(problem, text=self._text, position=position, remedy=remedy)


def _suggestion(name: str, known: Iterable[str]) -> str:
    names = list(known)
    close = get_close_matches(name, names, n=1)
    return f"did you mean {close[0]}?" if close else f"use one of: {', '.join(names)}"


def _shown(value: FactValue) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)


def _known_value(fact: Fact, value: FactValue) -> FactValue:
    return value if fact.is_known(value) else None


def _evaluate(node: Node, facts: Facts, known: Vocabulary) -> bool | None:
    match node:
        case Both(parts):
            return _combined([_evaluate(part, facts, known) for part in parts], decisive=False)
        case Either(parts):
            return _combined([_evaluate(part, facts, known) for part in parts], decisive=True)
        case Not(part):
            result = _evaluate(part, facts, known)
            return None if result is None else not result
        case Comparison():
            return _compare(node, facts, known)
        case Membership():
            return _contains(node, facts, known)
        case _:
            value = _resolve(node, facts, known)
            return None if value is None else value is True


def _combined(results: list[bool | None], *, decisive: bool) -> bool | None:
    if decisive in results:
        return decisive
    return None if None in results else not decisive


def _compare(node: Comparison, facts: Facts, known: Vocabulary) -> bool | None:
    left, right = _resolve(node.left, facts, known), _resolve(node.right, facts, known)
    if left is None or right is None:
        return None
    ordered = next((f for f in _facts_of((node.left, node.right), known) if f.type is FactType.ORDERED), None)
    if ordered:
        left, right = ordered.words.index(str(left)), ordered.words.index(str(right))
    return bool(_COMPARE[node.operator](left, right))


def _contains(node: Membership, facts: Facts, known: Vocabulary) -> bool | None:
    item = _resolve(node.item, facts, known)
    if isinstance(node.container, Name):
        words = facts[node.container.name]
        return item in words if item is not None and isinstance(words, tuple) else None
    options = [_resolve(option, facts, known) for option in node.container]
    if item is None or (item not in options and None in options):
        return None
    return item in options


def _resolve(operand: Operand, facts: Facts, known: Vocabulary) -> FactValue:
    if isinstance(operand, Literal):
        return operand.value
    return facts[operand.name] if operand.name in known else operand.name


def _facts_of(operands: Iterable[Operand], known: Vocabulary) -> Iterable[Fact]:
    return (known[o.name] for o in operands if isinstance(o, Name) and o.name in known)
