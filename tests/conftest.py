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
