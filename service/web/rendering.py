"""Templates: what they may call, and nothing else. Everything is escaped; an undefined name is an error."""

from hashlib import sha256

from jinja2 import Environment, PackageLoader, StrictUndefined

from analysis.findings import CauseCategory
from service.web import wording
from service.web.page import TONE_OF_STATUS, Page
from service.web.servicemap import Look

STATIC = "/static"


def make_environment() -> Environment:
    """Set the templates up.

    Returns
    -------
    Environment
        With autoescape on for every template.
    """
    environment = Environment(
        loader=PackageLoader("service.web"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.globals["static"] = STATIC
    environment.filters.update(
        anchor=lambda name: _digest(str(name)),
        begun=lambda text, length: f"{text[:length].rstrip()}…",
        category=lambda category: wording.CATEGORY_WORDS[CauseCategory(category)],
        clock=wording.clock,
        day_and_clock=wording.day_and_clock,
        digest=lambda body: _digest(str(body)),
        percent=wording.percent,
        plain=wording.plain,
        said=say,
        short_day=lambda moment: f"{moment:%b} {moment.day}, {moment:%H:%M}",
        shortened=wording.shortened,
        since=wording.since,
        span=wording.span,
        tone=lambda status: TONE_OF_STATUS.get(status, ""),
    )
    return environment


def say(look: Look) -> str:
    """Say the state of a component in words, for those who do not see its colour.

    Parameters
    ----------
    look
        From the map.

    Returns
    -------
    str
        For example ``critical, root cause, breaker open, cpu 99 %``.
    """
    words = (
        wording.plain(look.severity) if look.severity else "normal",
        "root cause" if look.is_root_cause else "",
        *look.flags,
        look.symptom,
    )
    return ", ".join(word for word in words if word)


def render(environment: Environment, page: Page) -> str:
    """Make the HTML of the page.

    Parameters
    ----------
    environment
        From ``make_environment``.
    page
        What to show.

    Returns
    -------
    str
        A whole document.
    """
    return environment.get_template("page.html").render(page=page)


def _digest(text: str) -> str:
    return sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]
