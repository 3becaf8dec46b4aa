"""What varies on a normal day."""

from datetime import timedelta
from itertools import pairwise

from models.simulator.load import Calendar, load_factor
from models.simulator.settings import MONDAY


def test_load_follows_day_and_week():
    """Load is low at night, high in the evening, lower on weekends, bounded, and without a jump at any midnight."""
    minutes = [MONDAY + timedelta(minutes=i) for i in range(8 * 1440)]
    loads = [load_factor(moment) for moment in minutes]
    assert min(loads) > 0.1
    assert max(loads) < 1.1
    assert max(abs(a - b) for a, b in pairwise(loads)) < 0.01
    evening = 18 * 60
    assert loads[4 * 60] < 0.5 * loads[evening]
    assert loads[5 * 1440 + evening] < 0.8 * loads[evening]


def test_batch_job_runs_every_night():
    """The nightly job runs for some three quarters of an hour between two and three, every day."""
    calendar = Calendar(seed=3, n_components=14, deploys_per_day=1.0)
    for day in range(7):
        minutes = [MONDAY + timedelta(days=day, minutes=i) for i in range(1440)]
        busy = [i for i, moment in enumerate(minutes) if calendar.batch_load(moment) > 0]
        assert 40 <= len(busy) <= 50
        assert 120 <= busy[0] <= busy[-1] <= 180


def test_deploys_come_on_working_days_only():
    """Harmless deploys come at working hours, the same for the same seed, and every one is found by stepping."""
    calendar, again = (Calendar(seed=5, n_components=14, deploys_per_day=3.0) for _ in range(2))
    hours = [MONDAY + timedelta(hours=i) for i in range(14 * 24)]
    found = [(hour, c) for hour in hours for c in calendar.deployed(hour, hour + timedelta(hours=1))]
    assert found == [(hour, c) for hour in hours for c in again.deployed(hour, hour + timedelta(hours=1))]
    assert 10 <= len(found) <= 60
    assert all(hour.weekday() < 5 and 8 <= hour.hour < 18 for hour, _ in found)
