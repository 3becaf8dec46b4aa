"""Reads the text of a condition into a tree of values. It must not know which facts exist, and never evaluates text.

::

    condition   = conjunction { "or" conjunction }
    conjunction = negation { "and" negation }
    negation    = "not" negation | comparison
    comparison  = "(" condition ")" | operand [ operator operand | ["not"] "in" group ]
    group       = name | "(" operand { "," operand } ")"
    operand     = name | number | string | "true" | "false"
    operator    = "==" | "!=" | "<" | "<=" | ">" | ">="
"""

import re
from dataclasses import dataclass
from typing import NoReturn

from models.errors import ConfigurationError

MAX_LENGTH = 2000
MAX_DEPTH = 40
KEYWORDS = frozenset({"and", "or", "not", "in", "true", "false"})
OPERATORS = frozenset({"==", "!=", "<", "<=", ">", ">="})

_TOKEN = re.compile(
    r"(?P<space>[ \t\r\n]+)|(?P<number>-?(?:[0-9]+(?:\.[0-9]*)?|\.[0-9]+)(?:[eE][+-]?[0-9]{1,3})?(?![\w.]))"
    r"|(?P<name>[A-Za-z_][A-Za-z0-9_]*)|(?P<string>\"[^\"\n]*\"|'[^'\n]*')|(?P<symbol>==|!=|<=|>=|<|>|\(|\)|,)"
)

_LANGUAGE = "use names, numbers, quoted strings, == != < <= > >=, and, or, not, in, parentheses"
_SYMBOL_REMEDIES = {
    ".": "facts have no parts: use the name of a fact alone",
    "[": "facts have no parts: use the name of a fact alone",
    "=": "write == to compare",
    "&": "write: and",
    "|": "write: or",
    "!": "write: not",
}


class ConditionError(ConfigurationError):
    """A condition cannot be understood.

    Parameters
    ----------
    problem
        What is wrong.
    text
        The condition.
    position
        Zero-based character at which it goes wrong.
    remedy
        What the writer can do.
    """

    def __init__(self, problem: str, *, text: str, position: int, remedy: str = "") -> None:
        super().__init__(f"Condition {text[:200]!r}, character {position + 1}: {problem}", remedy=remedy)
        self.problem = problem
        self.text = text
        self.position = position


@dataclass(frozen=True, slots=True)
class Name:
    """A fact, or a word that a fact can be: the reader of the tree decides."""

    name: str
    position: int


@dataclass(frozen=True, slots=True)
class Literal:
    """A number, a string, true or false."""

    value: float | str | bool
    position: int


Operand = Name | Literal


@dataclass(frozen=True, slots=True)
class Comparison:
    """Two operands and what should hold between them."""

    left: Operand
    operator: str
    right: Operand
    position: int


@dataclass(frozen=True, slots=True)
class Membership:
    """An operand is one of several, or of the words of a fact."""

    item: Operand
    container: Name | tuple[Operand, ...]
    position: int


@dataclass(frozen=True, slots=True)
class Not:
    """The contrary of a part."""

    part: "Node"


@dataclass(frozen=True, slots=True)
class Both:
    """All parts hold."""

    parts: tuple["Node", ...]


@dataclass(frozen=True, slots=True)
class Either:
    """At least one part holds."""

    parts: tuple["Node", ...]


Node = Name | Literal | Comparison | Membership | Not | Both | Either


@dataclass(frozen=True, slots=True)
class _Token:
    kind: str
    text: str
    position: int


def parse(text: str) -> Node:
    """Read a condition.

    Parameters
    ----------
    text
        At most ``MAX_LENGTH`` characters.

    Returns
    -------
    Node
        The tree; names are not yet checked.

    Raises
    ------
    ConditionError
        With the position, if the text is no condition.
    """
    if len(text) > MAX_LENGTH:
        raise ConditionError(f"it is longer than {MAX_LENGTH} characters", text=text, position=MAX_LENGTH)
    return _Parser(text).whole()


def _tokens(text: str) -> list[_Token]:
    tokens, position = [], 0
    while position < len(text):
        match = _TOKEN.match(text, position)
        if match is None:
            raise ConditionError(
                f"{text[position]!r} is not understood",
                text=text,
                position=position,
                remedy=_SYMBOL_REMEDIES.get(text[position], _LANGUAGE),
            )
        kind = str(match.lastgroup)
        if kind == "name" and match.group() in KEYWORDS:
            kind = "symbol"
        if kind != "space":
            tokens.append(_Token(kind, match.group(), position))
        position = match.end()
    tokens.append(_Token("end", "", len(text)))
    return tokens


class _Parser:
    """Recursive descent over the tokens, with a bounded depth."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._tokens = _tokens(text)
        self._at = 0
        self._depth = 0

    def whole(self) -> Node:
        node = self._condition()
        if self._token.kind != "end":
            is_call = self._token.text == "("
            remedy = "a condition calls nothing" if is_call else "join the parts with and / or"
            self._fail(f"{self._token.text!r} was not expected here", remedy)
        return node

    @property
    def _token(self) -> _Token:
        return self._tokens[self._at]

    def _fail(self, problem: str, remedy: str = "") -> NoReturn:
        raise ConditionError(problem, text=self._text, position=self._token.position, remedy=remedy)

    def _take(self, *symbols: str) -> _Token | None:
        token = self._token
        if token.kind != "symbol" or token.text not in symbols:
            return None
        self._at += 1
        return token

    def _need(self, symbol: str) -> None:
        if self._take(symbol) is None:
            self._fail(f"{symbol!r} is missing")

    def _condition(self) -> Node:
        parts = [self._conjunction()]
        while self._take("or"):
            parts.append(self._conjunction())
        return parts[0] if len(parts) == 1 else Either(tuple(parts))

    def _conjunction(self) -> Node:
        parts = [self._negation()]
        while self._take("and"):
            parts.append(self._negation())
        return parts[0] if len(parts) == 1 else Both(tuple(parts))

    def _negation(self) -> Node:
        self._depth += 1
        if self._depth > MAX_DEPTH:
            self._fail(f"it is nested deeper than {MAX_DEPTH}")
        node: Node = Not(self._negation()) if self._take("not") else self._comparison()
        self._depth -= 1
        return node

    def _comparison(self) -> Node:
        if self._take("("):
            inner = self._condition()
            self._need(")")
            return inner
        left = self._operand()
        operator = self._take(*OPERATORS)
        if operator:
            return Comparison(left, operator.text, self._operand(), operator.position)
        negated = self._take("not")
        membership = self._take("in")
        if membership:
            node = Membership(left, self._container(), membership.position)
            return Not(node) if negated else node
        if negated:
            self._fail("'in' is missing after 'not'")
        return left

    def _container(self) -> Name | tuple[Operand, ...]:
        if self._take("("):
            items = [self._operand()]
            while self._take(","):
                items.append(self._operand())
            self._need(")")
            return tuple(items)
        operand = self._operand()
        if not isinstance(operand, Name):
            self._at -= 1
            self._fail("'in' needs a list or a fact", "write the values in parentheses")
        return operand

    def _operand(self) -> Operand:
        token = self._token
        if token.kind == "end":
            self._fail("a name or a value is missing")
        if token.kind == "symbol" and token.text not in {"true", "false"}:
            self._fail(f"{token.text!r} stands where a name or a value should be")
        self._at += 1
        if token.kind == "name":
            return Name(token.text, token.position)
        return Literal(_value(token), token.position)


def _value(token: _Token) -> float | str | bool:
    if token.kind == "number":
        return float(token.text)
    return token.text[1:-1] if token.kind == "string" else token.text == "true"
