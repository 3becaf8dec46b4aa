"""The page over HTTP: headers, caching, errors, and nothing that runs or loads from elsewhere."""

import re
from dataclasses import replace
from html.parser import HTMLParser

import httpx
import pytest
from fastapi import FastAPI

from service.web.routes import mount
from tests.browser import fake
from tests.service.api.asgi import AppTransport

BACKENDS = [
    fake.a_busy_backend,
    fake.a_quiet_backend,
    fake.an_undecided_backend,
    fake.a_hostile_backend,
    fake.a_wide_backend,
    fake.FakeBackend,
]


def _client(backend):
    app = FastAPI()
    mount(app, backend)
    return httpx.Client(transport=AppTransport(app), base_url="http://127.0.0.1")


class _Reader(HTMLParser):
    """Collects tags, attributes and ids, and checks that elements nest."""

    VOID = frozenset({"meta", "link", "br", "img", "input", "hr"})

    def __init__(self):
        super().__init__()
        self.tags, self.open, self.ids = [], [], []

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))
        self.ids += [value for name, value in attrs if name == "id"]
        if tag not in self.VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag


def _read(text):
    reader = _Reader()
    reader.feed(text)
    reader.close()
    assert reader.open == []
    return reader


@pytest.mark.parametrize("make", BACKENDS)
def test_every_state_is_a_sound_document_without_inline_code(make):
    """Elements nest, ids are unique, nothing is styled or scripted inline, all addresses are local."""
    answer = _client(make()).get("/")
    assert answer.status_code == 200
    read = _read(answer.text)
    assert len(read.ids) == len(set(read.ids))
    for tag, attributes in read.tags:
        assert "style" not in attributes
        assert not [name for name in attributes if name.startswith("on")]
        assert tag not in {"style", "iframe", "object", "base", "img"}
        if tag == "script" and "src" not in attributes:
            assert attributes == {"type": "application/json"}
        for name in ("src", "href", "action"):
            assert attributes.get(name, "/").startswith(("/", "#"))
            assert not attributes.get(name, "/").startswith("//")


@pytest.mark.parametrize(
    "path", ["/", "/?incident=nobody", "/static/app.css", "/static/vendor/echarts/echarts.common.min.js"]
)
def test_everything_is_sent_with_the_guarding_headers(path):
    """A strict policy, no sniffing, no referrer, no framing."""
    headers = _client(fake.a_busy_backend()).get(path).headers
    policy = dict(part.strip().split(" ", 1) for part in headers["content-security-policy"].split(";"))
    assert policy["default-src"] == policy["script-src"] == policy["style-src"] == "'self'"
    assert policy["frame-ancestors"] == policy["base-uri"] == policy["object-src"] == "'none'"
    assert "unsafe" not in headers["content-security-policy"]
    assert headers["x-content-type-options"] == "nosniff"
    assert headers["referrer-policy"] == "no-referrer"


def test_the_page_names_cause_evidence_and_what_was_done():
    """The three questions of the engineer on call are answered in the HTML, without any script."""
    text = re.sub(r"\s+", " ", _client(fake.a_busy_backend()).get("/").text.replace("\u00a0", " "))
    for said in (
        "orders-db: data store trouble",
        "connections rose from 62 to 198",
        "83 %",
        "87 %",
        "2026-11-23 10:41:00 UTC",
        "1 min 30 s after onset",
        "Completed in 5 min 31 s",
        "restart the primary",
        "Rule “isolate a failing data store” matched",
        "3 probes succeeded",
        "root cause of an incident",
        "2.31 s where 118 ms is normal (20×)",
    ):
        assert said in text, said


def test_hostile_text_stays_text():
    """Component, metric, message and id that look like markup appear escaped, also inside the charts' JSON."""
    text = _client(fake.a_hostile_backend()).get("/").text
    read = _read(text)
    assert {"b", "img"}.isdisjoint(tag for tag, _ in read.tags)
    assert sum(1 for tag, attributes in read.tags if tag == "script" and "src" in attributes) == 4
    assert "&lt;script&gt;window.hacked=1&lt;/script&gt;" in text
    assert "{{7*7}}" in text
    for block in re.findall(r'<script type="application/json">(.*?)</script>', text, re.DOTALL):
        assert "<" not in block


def test_an_incident_with_an_odd_id_can_be_opened_from_the_list():
    """The link in the list is quoted so that it comes back as the same id."""
    client = _client(fake.a_hostile_backend())
    link = next(a["href"] for tag, a in _read(client.get("/").text).tags if a.get("class") == "incident-link")
    assert client.get(link).status_code == 200


def test_an_unknown_incident_is_a_page_that_leads_back():
    """404, escaped, with a link to the newest one."""
    answer = _client(fake.a_busy_backend()).get("/", params={"incident": "<script>x"})
    assert answer.status_code == 404
    assert "No incident is called &lt;script&gt;x" in answer.text
    assert 'href="/"' in answer.text


def test_an_unchanged_page_is_not_sent_again():
    """Polling costs a 304 while nothing changes, and the page again as soon as something does."""
    backend = fake.a_busy_backend()
    client = _client(backend)
    etag = client.get("/").headers["etag"]
    same = client.get("/", headers={"If-None-Match": etag})
    assert (same.status_code, same.content) == (304, b"")
    backend.at += fake.MINUTE
    assert client.get("/", headers={"If-None-Match": etag}).status_code == 200


def test_only_changed_parts_have_a_new_digest():
    """A minute later the engine's part and the lasting time differ, the causes do not."""
    backend = fake.an_undecided_backend()
    client = _client(backend)

    def digests():
        tags = _read(client.get("/").text).tags
        return {a["id"]: a["data-digest"] for _, a in tags if "data-part" in a}

    before = digests()
    backend.at += fake.MINUTE
    after = digests()
    changed = {name for name in before if before[name] != after[name]}
    assert {"part-engine", "part-lead"} <= changed
    assert {"part-causes", "part-timeline", "part-incidents", "part-map"}.isdisjoint(changed)


def test_too_little_evidence_is_on_the_page():
    """The ranked candidates are marked as such."""
    text = _client(fake.an_undecided_backend()).get("/").text
    assert "Not enough evidence to name a cause" in text


def test_an_incident_that_ended_unexplained_promises_no_analysis():
    """Headline, card and reasons agree that its cause was not named; nothing is said to be pending."""
    backend = fake.FakeBackend()
    backend.store.save_incident(fake.the_incident())
    text = _client(backend).get("/").text
    assert text.count("ended before") == 4  # also in the title of the window
    assert not any(words in text for words in ("pending", "No analysis yet", "looked for"))


def test_without_an_incident_the_page_says_what_to_do_next():
    """The empty state differs between watching and not watching yet."""
    assert "All quiet" in _client(fake.a_quiet_backend()).get("/").text
    blind = fake.FakeBackend(
        engine=fake.EngineStatus(
            is_ready=False,
            reason="No bundle is trained.",
            bundle_version="",
            rows_read=0,
            last_row_at=None,
            last_step_at=None,
        )
    )
    text = _client(blind).get("/").text
    assert "No bundle is trained." in text
    assert "faultline train" in text


def test_the_page_is_not_part_of_the_api():
    """The OpenAPI document describes the API only."""
    app = FastAPI()
    mount(app, fake.a_quiet_backend())
    assert app.openapi()["paths"] == {}


def test_long_texts_and_long_rankings_open_on_demand():
    """Ten causes and a step that tells all its facts do not bury what matters, and nothing is left out."""
    backend = fake.a_busy_backend()
    named = fake.the_analysis()
    many = tuple(replace(named.possible_causes[1], id=f"c{i}", component=f"other-{i}") for i in range(9))
    analysis = replace(named, possible_causes=(named.possible_causes[0], *many))
    backend.store.save_analysis(fake.the_incident().id, analysis, fake.ONSET)
    long = "fact = 1, " * 60 + "the end"
    step = replace(backend.done[0].steps[0], detail=long)
    backend.done = (replace(backend.done[0], steps=(step, *backend.done[0].steps[1:])),)
    text = _client(backend).get("/").text
    assert "7 less likely causes" in text
    assert "other-8" in text
    assert text.count(long) == 1
    assert len(set(_read(text).ids)) == len(_read(text).ids)


def test_the_empty_state_names_commands_that_exist():
    """Every command that the page suggests is one of the command line's."""
    from typer.main import get_command

    from service.cli import app

    blind = fake.FakeBackend()
    blind.engine = replace(blind.engine, is_ready=False)
    texts = (_client(blind).get("/").text, _client(fake.a_quiet_backend()).get("/").text)
    named = {name for text in texts for name in re.findall(r"<pre>faultline (\w+)", text)}
    assert named
    assert named <= set(get_command(app).commands)


def test_a_stop_is_seen():
    """Who stopped all actions, and why; nothing of it when they go on."""
    backend = fake.a_busy_backend()
    backend.safety.stop_actions("kim", "the <database> moves")
    client = _client(backend)
    assert "All actions are stopped by kim: the &lt;database&gt; moves" in client.get("/").text
    backend.safety.resume_actions("kim", "moved")
    assert "All actions are stopped" not in client.get("/").text
