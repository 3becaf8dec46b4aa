"""Tests of benchmarks.rca and of the programs that use it."""
