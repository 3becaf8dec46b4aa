"""The page in a real browser: it draws, stays current, keeps hostile text text, asks nobody else, and fits a phone."""

from dataclasses import replace

import pytest

from tests.browser import fake
from tests.browser.chromium import opened, served, take_picture
from tests.browser.scripts import CONTRAST, INK

pytestmark = [pytest.mark.browser, pytest.mark.timeout(120)]


def _width(page):
    return page.evaluate("document.documentElement.scrollWidth")


def _colour(page, selector="body", what="backgroundColor"):
    return page.evaluate(f"getComputedStyle(document.querySelector('{selector}')).{what}")


def _look_again(page):
    """Do what coming back to the tab does, instead of waiting for the next look."""
    page.evaluate("document.dispatchEvent(new Event('visibilitychange'))")


@pytest.fixture
def busy(browser):
    """The page of the solved incident, its backend beside it."""
    backend = fake.a_busy_backend()
    with served(backend) as url, opened(browser, url) as page:
        page.backend = backend
        yield page
        assert page.troubles == []
        assert page.outside == []


def test_the_incident_is_told_and_drawn(busy):
    """Headline, map and six charts are there, without a console message or a request to elsewhere."""
    assert busy.inner_text("h1") == "orders-db: data store trouble"
    assert busy.locator("#service-map .node").count() == 19
    assert busy.locator("#service-map .node.root .name").text_content() == "orders-db"
    assert busy.locator("#service-map .edge.on-path").count() == 3
    assert busy.locator(".plot canvas").count() == 6
    box = busy.locator(".plot canvas").first.bounding_box()
    assert box["width"] > 250
    assert box["height"] > 150


def test_a_chart_really_shows_ink(busy):
    """The value's colour and the marks' colour are on the canvas."""
    busy.evaluate(INK)
    colours = [busy.evaluate(f"window.ink({rgb})") for rgb in ("11, 98, 196", "196, 23, 44", "21, 117, 63")]
    assert min(colours) > 100


def test_pointing_at_a_chart_tells_the_values(busy):
    """The tooltip says time, value, expectation and band with units."""
    plot = busy.locator(".plot").first
    plot.scroll_into_view_if_needed()
    box = plot.bounding_box()
    busy.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + box["height"] * 0.5)
    tip = busy.locator(".plot-tip").first
    tip.wait_for(state="visible")
    said = tip.inner_text()
    assert "UTC" in said
    assert "expected 1" in said
    assert "ms" in said


def test_the_map_works_by_keyboard_and_as_a_table(busy):
    """Enter on a component opens the table at its row; the link says its state in words."""
    link = busy.locator("#service-map .node.root a")
    assert link.get_attribute("aria-label").startswith("orders-db: critical, root cause, isolated, breaker open")
    link.focus()
    busy.keyboard.press("Enter")
    row = busy.locator("#map-details tr:target")
    row.wait_for(state="visible")
    assert row.locator("td").first.inner_text() == "orders-db"


def test_evidence_against_is_shown_too(busy):
    """Opening a lesser cause shows what speaks against it."""
    busy.locator("#cause-2 summary").click()
    assert "against" in busy.inner_text("#cause-2")
    assert busy.locator("#part-causes .evidence .against").count() == 3


def test_the_page_keeps_itself_current_in_place(busy):
    """New figures appear by themselves; scroll, opened details and unchanged charts stay."""
    busy.locator("#cause-2 summary").click()
    busy.locator("#map-details summary").click()
    busy.evaluate("window.scrollTo(0, 700)")
    busy.evaluate("document.querySelector('.plot').dataset.old = 'yes'")
    busy.backend.at += fake.MINUTE
    busy.backend.board = (replace(busy.backend.board[0], reason="seen again"), *busy.backend.board[1:])
    busy.backend.states = tuple(replace(s, is_isolated=False) for s in busy.backend.states)
    _look_again(busy)
    busy.get_by_text("seen again").wait_for(state="attached")
    busy.locator("#service-map .node.isolated").first.wait_for(state="detached")
    assert busy.evaluate("window.scrollY") == 700
    assert (
        busy.evaluate("[...document.querySelectorAll('details[open]')].map(d => d.id).join()") == "map-details,cause-2"
    )
    assert busy.locator(".plot[data-old]").count() == 1


def test_changed_charts_are_drawn_again(busy):
    """A new window replaces the drawings, and the old ones are given back."""
    busy.evaluate("document.querySelectorAll('.plot').forEach(p => p.dataset.old = 'yes')")
    busy.backend.at -= 4 * fake.MINUTE
    _look_again(busy)
    busy.locator(".plot[data-old]").first.wait_for(state="detached")
    busy.locator(".plot[data-drawn] canvas").nth(5).wait_for()


def test_a_lost_engine_is_told(browser):
    """When nobody answers, the page says so instead of looking fresh."""
    with served(fake.a_busy_backend()) as url, opened(browser, url) as page:
        assert not page.locator("#lost").is_visible()
        page.context.route("**/*", lambda route: route.abort())
        _look_again(page)
        page.locator("#lost").wait_for(state="visible")
        page.context.unroute_all()
        _look_again(page)
        page.locator("#lost").wait_for(state="hidden")


@pytest.mark.parametrize("width", [390, 1440])
@pytest.mark.parametrize(
    "make", [fake.a_busy_backend, fake.a_hostile_backend, fake.a_wide_backend, fake.a_quiet_backend]
)
def test_no_width_scrolls_sideways(browser, make, width):
    """A phone and a desk see the whole page; wide parts scroll inside themselves."""
    with served(make()) as url, opened(browser, url, width=width) as page:
        assert _width(page) == width
        assert page.troubles == []
        assert page.outside == []


def test_on_a_phone_the_root_cause_is_in_view(browser):
    """The map scrolls to what matters."""
    with served(fake.a_wide_backend()) as url, opened(browser, url, width=390) as page:
        box = page.locator("#service-map .node.root .box").bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390


def test_hostile_names_stay_text(browser):
    """Nothing that a component, metric, message or id says is run or becomes an element."""
    with served(fake.a_hostile_backend()) as url, opened(browser, url) as page:
        assert page.evaluate("window.hacked") is None
        assert page.locator("img").count() == 0
        assert page.locator("h1").inner_text().startswith(fake.HOSTILE)
        plot = page.locator(".plot").first
        plot.scroll_into_view_if_needed()
        plot.hover()
        page.locator(".plot-tip").first.wait_for(state="visible")
        assert page.evaluate("window.hacked") is None
        assert page.troubles == []


def test_an_injected_script_would_be_refused(busy):
    """The policy holds in the browser: neither inline code nor a script from elsewhere runs."""
    busy.evaluate("""() => {
        const inline = document.createElement('script');
        inline.textContent = 'window.hacked = 1';
        document.body.append(inline);
        document.body.insertAdjacentHTML('beforeend', '<b style="color:red" onclick="window.hacked=1">x</b>');
        document.querySelector('body > b').click();
    }""")
    assert busy.evaluate("window.hacked") is None
    assert any("Content Security Policy" in text for text in busy.troubles)
    busy.troubles.clear()


def test_dark_follows_the_system_and_the_button(browser):
    """The system's choice holds until the reader chooses; the choice survives a reload."""
    with served(fake.a_busy_backend()) as url, opened(browser, url, scheme="dark") as page:
        dark = _colour(page)
        assert page.inner_text("#theme") == "Light"
        page.click("#theme")
        light = _colour(page)
        assert dark == "rgb(14, 17, 22)"
        assert light == "rgb(244, 245, 247)"
        page.reload()
        assert _colour(page) == light
        assert page.inner_text("#theme") == "Dark"
        assert page.troubles == []


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_text_has_contrast(browser, scheme):
    """Every piece of text that is shown has a contrast of at least 4.5 to what is behind it."""
    with served(fake.an_undecided_backend()) as url, opened(browser, url, scheme=scheme) as page:
        assert page.evaluate(CONTRAST) == []


def test_without_an_incident_the_page_says_what_to_do(browser):
    """The empty state shows the system and the next step; the first incident then appears by itself."""
    backend = fake.a_quiet_backend()
    with served(backend) as url, opened(browser, url) as page:
        assert "All quiet" in page.inner_text("h1")
        assert page.locator("#service-map .node").count() == 19
        backend.store.save_incident(fake.the_incident())
        _look_again(page)
        page.get_by_text("ended before its cause was named").first.wait_for()


def test_a_picture_can_be_taken_of_a_running_server(browser, tmp_path):
    """The way to the pictures of the documentation."""
    with served(fake.a_busy_backend()) as url:
        take_picture(browser, url, tmp_path / "page.png", width=800)
    assert (tmp_path / "page.png").read_bytes().startswith(b"\x89PNG")
