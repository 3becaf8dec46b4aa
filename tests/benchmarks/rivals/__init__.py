"""Tests of what Faultline is set beside."""
