"""Benchmarks of the root-cause analysis: methods, ways to spoil a case, and the tables that come of them."""
