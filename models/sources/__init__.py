"""Readers that turn files into frames and cases, and say what they repaired."""
