"""One incident on one card: root cause, critical failure, impact, and how it came about."""
