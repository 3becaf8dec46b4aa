"""What belongs together and what caused it: incidents, graphs, root cause.

Pure functions over plain values of models; no I/O here.
"""
