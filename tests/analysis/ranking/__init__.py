"""Tests of the learnt ranking."""
