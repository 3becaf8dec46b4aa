"""Alert shaping: which deviations of which series the user wants to hear of.

Pure values and functions. Scores are made elsewhere; nothing here learns what is normal or knows a detector.
"""
