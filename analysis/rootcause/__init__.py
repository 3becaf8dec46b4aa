"""Who is to blame: collectors of evidence, one a file, and their fusion into a ranking.

A candidate's score is the sum of the weights of its evidence; no collector knows another one's insides, each can be
switched off in ``RootCauseSettings``, and one that cannot run says why (``SkippedMethod``) instead of guessing.
"""
