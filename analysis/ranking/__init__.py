"""A ranker learnt from resolved incidents: it re-orders candidates only where cross-validation says that this helps."""
