"""The pure engine core: no I/O, no clock, no thread."""
