"""Tests of the correlation of incidents."""
