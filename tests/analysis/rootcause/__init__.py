"""Tests of the evidence collectors and their fusion."""
