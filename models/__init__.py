"""What is normal: frames of metrics, detectors, calibration, bundles and their training.

Bottom of the import order: this package knows nothing of analysis or service.
"""
