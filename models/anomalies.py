"""The vocabulary of detection: what an anomaly is, how severe, and the evidence that it carries."""

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from models.frames import SeriesKey


class AnomalyType(StrEnum):
    """Which way of being abnormal; the spelling on the wire is fixed."""

    STATISTICAL_OUTLIER = "STATISTICAL_OUTLIER"
    MOVING_AVERAGE_DEVIATION = "MOVING_AVERAGE_DEVIATION"
    SUDDEN_CHANGE = "SUDDEN_CHANGE"
    PATTERN_ANOMALY = "PATTERN_ANOMALY"
    MULTIVARIATE_OUTLIER = "MULTIVARIATE_OUTLIER"
    DATA_OUT_OF_RANGE = "DATA_OUT_OF_RANGE"
    MISSING_DATA = "MISSING_DATA"
    STUCK_VALUE = "STUCK_VALUE"


class AnomalySeverity(StrEnum):
    """How grave, ordered by ``rank``."""

    LOW = "LOW"
    MEDIUM = "MEDIUM"
    HIGH = "HIGH"
    CRITICAL = "CRITICAL"

    @property
    def rank(self) -> int:
        """0 for LOW up to 3 for CRITICAL."""
        return list(AnomalySeverity).index(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class Anomaly:
    """One run of abnormal points of one series, with its evidence.

    Parameters
    ----------
    key
        The series; for a multivariate anomaly the metric that deviates most.
    type
        Which way of being abnormal.
    severity
        From tail probability and duration.
    confidence
        In [0, 1]: how sure that a normal day of this series would not show this.
    start, peak, end
        UTC; ``end`` is one step after the last abnormal row seen so far.
    value, expected, lower, upper
        At the peak, in the metric's unit; NaN where the detector has no expectation.
    score
        At the peak; 1.0 is the alarm boundary, higher is stranger.
    deviation
        At the peak, signed, in robust standard deviations of the baseline.
    previous_value
        Value one step before the peak; NaN if missing.
    rate_of_change
        (value - previous_value) / step, per second; NaN if unknown.
    detector
        Registered name of the detector.
    model_version
        Version of the bundle that judged.
    step_s
        Interval of the series, seconds.
    supporting_detectors
        Other detectors that found the same series abnormal at the same time.
    """

    key: SeriesKey
    type: AnomalyType
    severity: AnomalySeverity
    confidence: float
    start: datetime
    peak: datetime
    end: datetime
    value: float
    expected: float
    lower: float
    upper: float
    score: float
    deviation: float
    previous_value: float
    rate_of_change: float
    detector: str
    model_version: str
    step_s: float
    supporting_detectors: tuple[str, ...] = ()

    @property
    def duration_s(self) -> float:
        """Length in seconds."""
        return (self.end - self.start).total_seconds()
