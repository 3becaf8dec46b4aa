"""Tests of ``analysis.card``."""
