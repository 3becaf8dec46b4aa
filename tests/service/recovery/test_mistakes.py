"""Mistakes in files of strategies and boundaries: each is refused with file, line, place and remedy."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import ConfigurationError
from service.recovery.conditions import Condition
from service.recovery.documents import read_boundaries, read_strategies, strategy_of
from service.recovery.facts import FINDING_FACTS
from service.recovery.mistakes import MAX_CHARACTERS, DocumentError
from service.recovery.syntax import MAX_LENGTH, ConditionError
from tests.service.recovery.test_documents import BOUNDARIES, STRATEGIES

RESTART = "{id: restart, type: RESTART, action: RESTART_COMPONENT"
WRONG_STRATEGIES = [
    # old, new, line, what the message says, remedy
    ("default: ask", "default: asks", 2, "default: there is no strategy 'asks'", "use one of: ask, again"),
    ("default: ask", "", 3, "default: it is missing", "add a line default: ..."),
    ("default: ask", "default: 7", 2, "default: text is expected here: 7.0", "put it in quotes"),
    ("strategies:", "strategy:", 2, "there is no field 'strategy'", "did you mean strategies?"),
    ("strategies:", "strategies: []\nmore:", 3, "at least 1 item", "write at least one"),
    ("name: Ask", "name: ''", 5, "'ask'.name: ", "write something here"),
    ("name: Ask", "name: [Ask", 6, "not YAML", "check quotes, colons and indentation there"),
    (
        "name: Ask",
        "name: !!python/object:os.system x",
        5,
        "the tag 'tag:yaml.org,2002:python/object:os.system'",
        "remove",
    ),
    ("name: Ask", "name: &ask Ask", 5, "anchors (&) and aliases (*) are not read", "write it out"),
    ("name: Ask", "name: *ask", 5, "anchors (&) and aliases (*) are not read", "write it out"),
    ("name: Ask", "name: Ask\n\tmore: 1", 6, "tab", "check quotes, colons and indentation there"),
    ("name: Ask", "name: A\0sk", 5, r"the character '\x00' is no text", "write the file in UTF-8"),
    ("name: Ask", "name: A\ud800sk", 5, r"the character '\ud800' is no text", "write the file in UTF-8"),
    ("name: Ask", "name: Ask\n---\nname: Ask", 6, "a second document", "keep one document a file"),
    ("type: MANUAL", "type: MANUAL\n    type: AUTOMATIC", 7, "is there already, from line 6", "keep one of them"),
    ("type: MANUAL", "type: manual", 6, "'ask'.type: 'manual' is not known", "did you mean MANUAL?"),
    ("type: MANUAL", "type: ROBOT", 6, "'ask'.type: 'ROBOT' is not known", "use one of: AUTOMATIC, SEMIAUTOMATIC"),
    ('condition: "true"', "condition: true", 7, "'ask'.condition: text is expected here", "put it in quotes"),
    ('condition: "true"', "", 4, "'ask'.condition: it is missing", "add a line condition: ..."),
    (
        "category ==",
        "categry ==",
        13,
        "'again'.condition, character 1: unknown fact 'categry'",
        "did you mean category?",
    ),
    ("== RESOURCE", "== RESOURCES", 13, "category is never 'RESOURCES'", "did you mean RESOURCE?"),
    ("== RESOURCE", "= RESOURCE", 13, "character 10: '=' is not understood", "write == to compare"),
    ("category == RESOURCE", "__import__('os').system('x')", 13, "'.' is not understood", "facts have no parts"),
    ("category == RESOURCE", "open('x')", 13, "'(' was not expected here", "a condition calls nothing"),
    ("category == RESOURCE", "component.name == 'a'", 13, "'.' is not understood", "use the name of a fact alone"),
    ("category == RESOURCE", "severity >= 3", 13, "severity is never 3.0", "use one of: LOW"),
    ("category == RESOURCE", "category > RESOURCE", 13, "category has no order", "use == or !="),
    ("category == RESOURCE", "confidence", 13, "confidence is no condition by itself", "compare it with a value"),
    ("category == RESOURCE", "(has_errors", 13, "')' is missing", "docs/strategies.md"),
    ("category == RESOURCE", f"not {'(' * 50}true", 13, "nested deeper than 40", "docs/strategies.md"),
    (
        "category == RESOURCE",
        "true" + " or true" * 300,
        13,
        f"at most {MAX_LENGTH} characters",
        f"{MAX_LENGTH} are read",
    ),
    ("approvals: 2", "approvals: 0", 14, "'again'.approvals: ", "give at least 1"),
    ("approvals: 2", "approvals: 1.5", 14, "'again'.approvals: ", "write a whole number"),
    ("approvals: 2", "approvals: true", 14, "'again'.approvals: it is no number", "write a plain number"),
    ("approvals: 2", "aprovals: 2", 14, "there is no field 'aprovals'", "did you mean approvals?"),
    (
        "steps:\n      - {id: look, type: DIAGNOSTIC}",
        "steps: look",
        8,
        "a list is expected here: 'look'",
        "write a list",
    ),
    ("steps:\n      - {id: look, type: DIAGNOSTIC}", "steps: [look]", 8, "steps.0: ", "write fields: name: value"),
    (
        RESTART,
        "{id: restart, type: RESTART, action: REBOOT",
        16,
        "'restart'.action: 'REBOOT' is not known",
        "use one of: ISO",
    ),
    (
        RESTART,
        "{id: restart, type: RESTART, action: SCALE_UP",
        16,
        "A RESTART step cannot do SCALE_UP",
        "RESTART_COMPONENT",
    ),
    (RESTART, "{id: restart, type: RESTART", 16, "A RESTART step needs an action", "RESTART_COMPONENT"),
    (
        RESTART,
        "{id: restart, type: REPAIR, action: SCALE_UP",
        16,
        "SCALE_UP has no rollback",
        "add rollback: SCALE_DOWN",
    ),
    (RESTART, "{id: c, type: ISOLATION, action: ISOLATE_COMPONENT", 16, "no rollback", "rollback: RELEASE_COMPONENT"),
    (
        RESTART,
        RESTART + ", rollback: SCALE_UP",
        16,
        "SCALE_UP does not take RESTART_COMPONENT back",
        "leave rollback out",
    ),
    (
        RESTART,
        RESTART + ", release_after_s: 5",
        16,
        "RESTART_COMPONENT cannot be taken back",
        "leave release_after_s out",
    ),
    (RESTART, RESTART + ", parameters: {a: [1]}", 16, "'restart'.parameters.a: it is neither", "or text in quotes"),
    ("attempts: 3", "attempts: 300", 16, "'restart'.retry.attempts: ", "give at most 20"),
    ("attempts: 3", "attempts: three", 16, "'restart'.retry.attempts: it is no number: 'three'", "without unit"),
    ("backoff_s: 1.5", "backoff_s: 1.5 s", 16, "retry.backoff_s: it is no number: '1.5 s'", "times are in seconds"),
    ("backoff_s: 1.5", "backoff: 1.5", 16, "there is no field 'backoff'", "did you mean backoff_s?"),
    ("timeout_s: 60", "timeout_s: 5 min", 17, "'verify'.timeout_s: it is no number: '5 min'", "times are in seconds"),
    ("timeout_s: 60", "timeout_s: 1:30", 17, "'verify'.timeout_s: it is no number: '1:30'", "times are in seconds"),
    ("timeout_s: 60", "timeout: 60", 17, "there is no field 'timeout'", "did you mean timeout_s?"),
    ("timeout_s: 60", "timeout_ms: 60", 17, "there is no field 'timeout_ms'", "did you mean timeout_s?"),
    ("timeout_s: 60", "timeout_s: 0", 17, "'verify'.timeout_s: ", "give more than 0"),
    ("timeout_s: 60", "timeout_s: -.inf", 17, "'verify'.timeout_s: ", "finite number"),
    ("timeout_s: 60", "timeout_s: 1e99", 17, "'verify'.timeout_s: ", "give at most"),
    ("worst_score < 1", "wurst_score < 1", 17, "success, character 1: unknown fact", "did you mean worst_score?"),
    ("worst_score < 1", "severity < HIGH", 17, "unknown fact 'severity'", "use one of: worst_score"),
    (", success: worst_score < 1", "", 17, "A VERIFY step needs success criteria", "worst_score < 1"),
    ("id: verify", "id: restart", 10, "has step 'restart' twice", "rename one of them"),
    ("id: again", "id: ask", 10, "the id 'ask' is there twice", "rename it"),
    (STRATEGIES, "", 1, "fields are expected here", "write fields"),
    (STRATEGIES, "- 1", 1, "fields are expected here", "write fields: name: value"),
    (STRATEGIES, "? [a, b]\n: 1", 1, "a key that is no text", "put a text before the colon"),
]
WRONG_BOUNDARIES = [
    ("id: rest\n", "id: shop\n", 14, "the id 'shop' is there twice", "rename it"),
    ("type: SERVICE", "type: SERVICES", 5, "'shop'.type: 'SERVICES' is not known", "did you mean SERVICE?"),
    ("[orders, cart]", "[]", 6, "'shop'.components: ", "write at least one"),
    ("[orders, cart]", "[orders, orders]", 6, "'orders' is in boundary 'shop' already", "in one boundary only"),
    ("[orders, cart]", "[orders, carts]", 6, "there is no component 'carts'", "did you mean cart?"),
    ("recovery_strategy: again", "recovery_strategy: agan", 7, "there is no strategy 'agan'", "did you mean again?"),
    ("caller: cart, ", "", 9, "blocked_routes.0.caller: it is missing", "add a line caller: ..."),
    (
        "caller: cart",
        "caller: nobody",
        9,
        "blocked_routes.0.caller: there is no component 'nobody'",
        "use one of: cart",
    ),
    ("breaker_threshold: 3", "breaker_threshold: 0", 10, "breaker_threshold: ", "give at least 1"),
    (
        "breaker_threshold: 3",
        "breaker_threshold: 300",
        8,
        "failure_threshold is 300",
        "at most window_calls, which is 100",
    ),
    ("breaker_threshold: 3", "breaker_threshold: null", 8, "Nothing can open the breaker", "give failure_threshold"),
    ("call_timeout_s: 2", "call_timeout_s: 2s", 11, "it is no number: '2s'", "times are in seconds"),
    (
        "    rules:",
        "    bulkhead: {max_running: 0}\n    rules:",
        12,
        "'shop'.bulkhead.max_running: ",
        "give at least 1",
    ),
    (
        "severity >= HIGH",
        "severity >= HUGE",
        13,
        "'cut'.condition, character 13: severity is never 'HUGE'",
        "use one of: LOW",
    ),
    ("action: ISOLATE_COMPONENT", "action: ISOLATE", 13, "'ISOLATE' is not known", "did you mean ISOLATE_COMPONENT?"),
    ("action: ISOLATE_COMPONENT", "action: RESTART_COMPONENT", 13, "cannot be taken back", "leave timeout_s out"),
    ("timeout_s: 300", "timeout_s: -1", 13, "'cut'.timeout_s: ", "give more than 0"),
    ("priority: 5", "priority: high", 13, "'cut'.priority: it is no number: 'high'", "write a plain number"),
]
SYSTEM = ["web", "orders", "cart", "db"]


def refused(read):
    """The error of a file that is refused."""
    with pytest.raises(ConfigurationError) as caught:
        read()
    return caught.value


@pytest.mark.parametrize(("old", "new", "line", "said", "remedy"), WRONG_STRATEGIES)
def test_a_mistake_in_a_strategy_file_is_placed(old, new, line, said, remedy):
    """The error names file, line, entry and field, and what to do."""
    assert old in STRATEGIES
    error = str(refused(lambda: read_strategies(STRATEGIES.replace(old, new, 1), source="s.yaml")))
    assert (error.startswith(f"s.yaml: line {line}"), said in error, remedy in error) == (True, True, True), error
    assert "Remedy: " in error


@pytest.mark.parametrize(("old", "new", "line", "said", "remedy"), WRONG_BOUNDARIES)
def test_a_mistake_in_a_boundary_file_is_placed(old, new, line, said, remedy):
    """The error names file, line, boundary, rule and field, and what to do."""
    assert old in BOUNDARIES
    text, plans = BOUNDARIES.replace(old, new, 1), read_strategies(STRATEGIES, source="s.yaml")
    error = str(refused(lambda: read_boundaries(text, source="b.yaml", components=SYSTEM, strategies=plans)))
    assert (error.startswith(f"b.yaml: line {line}"), said in error, remedy in error) == (True, True, True), error


@pytest.mark.parametrize(
    ("written", "line", "column"),
    [
        ("category == X", 13, 28),
        ("'category == X'", 13, 29),
        ('"category == X"', 13, 29),
        ('"category  \\x3D= X"', 13, 33),
        ("category\n        == X", 14, 12),
        (">-\n        category ==\n\n        X", 16, 9),
        ("|\n        # note\n        category == X", 14, 9),
        ("|\n        has_errors or\n        category == X", 15, 21),
        ("component == 'ä' or category == X", 13, 48),
        ("'component == ''ä'' or category == X'", 13, 51),
    ],
)
def test_a_mistake_in_a_condition_is_placed_to_the_character(written, line, column):
    """Whatever way the scalar is written, the position in the file is that of the offending word."""
    text = STRATEGIES.replace("category == RESOURCE", written)
    mistake = refused(lambda: read_strategies(text, source="s.yaml")).mistakes[0]
    assert mistake.at == (line, column), mistake


def test_all_mistakes_are_told_at_one_time():
    """In the order of the file; nobody mends them one by one."""
    text = STRATEGIES.replace("default: ask", "default: x").replace("category ==", "x ==").replace("worst_score", "x")
    error = refused(lambda: read_strategies(text, source="s.yaml"))
    assert [mistake.at[0] for mistake in error.mistakes] == [2, 13, 17]
    assert str(error).count("Remedy: ") == 3


def test_a_file_full_of_mistakes_is_told_in_short():
    """Ten are shown, the others are counted, and no value is printed at length."""
    steps = "\n".join(f"      - {{id: s{i}, type: {'X' * 5000}}}" for i in range(50))
    text = STRATEGIES.replace("      - {id: look, type: DIAGNOSTIC}", steps)
    error = str(refused(lambda: read_strategies(text, source="s.yaml")))
    assert (error.count("Remedy: "), error.endswith("... and 40 more"), len(error) < 4000) == (10, True, True)


LAUGHS = "a: &a [lol]\n" + "".join(f"b{i}: &b{i} [*a, *a]\n" for i in range(30))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (LAUGHS, "line 1: anchors"),
        ("[" * 100_000, "nested deeper"),
        ("a: " * 100_000, "not YAML|key"),
        ("{" * 900_000, "a key that is no text"),
        ("x" * (MAX_CHARACTERS + 1), "1,000,001 characters"),
        ("default: ask\n" * 800_000, "10,400,000 characters"),
        ("default: ask\n" * 50_000, "is there already, from line 1"),
        ("default: ask\nstrategies:\n" + "  - 1\n" * 20_000, "at most 1000"),
        ("default: ask\nstrategies:\n" + "  - 1\n" * 900, "... and 190 more"),
        ("%YAML 1.9\n---\na: b", "not YAML"),
        ("\x1b[2J", "is no text"),
        (STRATEGIES.encode("utf-16").decode("latin-1"), "is no text"),
    ],
    ids=lambda value: value[:12] if isinstance(value, str) else None,
)
def test_a_hostile_file_is_refused_at_once(text, said):
    """Bombs, depth, size, control characters, wrong encodings: an error of one screen."""
    error = refused(lambda: read_strategies(text, source="s.yaml"))
    assert any(part in str(error) for part in said.split("|")), error
    assert len(str(error)) < 4000


def test_a_byte_order_mark_is_no_mistake():
    """And the lines and columns after it are right."""
    assert read_strategies("\ufeff" + STRATEGIES, source="s.yaml").default_id == "ask"
    step = '{"id": "b", "type": "DIAGNOSTIC"}'
    plan = f'{{"id": "a", "name": "a", "type": "MANUAL", "steps": [{step}], "condition": "oops"}}'
    wrong = f'{{"default": "a", "strategies": [{plan}]}}'
    error = refused(lambda: read_strategies("\ufeff" + wrong, source="s.yaml"))
    assert error.mistakes[0].at == (1, wrong.index("oops") + 1)


def test_a_stored_plan_that_is_damaged_is_told_without_a_line():
    """There is no text, so the place alone is named."""
    error = refused(lambda: strategy_of({"id": "x", "steps": [{"id": "a", "typ": 1}]}, source="the store"))
    assert str(error).startswith("the store: name: it is missing")
    assert "line" not in str(error).split("Remedy")[0]


@given(st.text(max_size=60) | st.text("abcorndti()<>=!'\" .[]{}:#,0159", max_size=60))
def test_a_condition_is_understood_or_refused_in_its_text(text):
    """No text is evaluated; the position of an error lies in the text."""
    try:
        condition = Condition.of(text, FINDING_FACTS)
    except ConditionError as error:
        if not 0 <= error.position <= len(text):
            raise
    else:
        assert condition.evaluate({}).facts.keys() <= FINDING_FACTS.keys()


def test_the_error_is_a_configuration_error():
    """Callers that know only the tree of errors catch it."""
    assert issubclass(DocumentError, ConfigurationError)
