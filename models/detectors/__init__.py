"""The detectors, one a file; ``models.registry`` names them."""
