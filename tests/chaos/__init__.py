"""Faults on purpose: ``make chaos`` prints the whole table, the tests here take a part of each row."""
