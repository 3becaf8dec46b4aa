"""The measurement of the journal measures what it says, on small sizes."""

from benchmarks import journal


def test_steps_and_queue_are_carried_out(tmp_path):
    """Every run that is timed is completed, and figures come back."""
    told = journal.steps(f"sqlite:///{tmp_path}/told.db", 5, is_told=True)
    queued = journal.queue(f"sqlite:///{tmp_path}/queue.db", 20)
    assert (min(told.values()) > 0, queued["s"] > 0) == (True, True)


def test_a_start_finds_the_runs_that_are_over(tmp_path):
    """They are real runs: the journal reads them."""
    assert journal.start(f"sqlite:///{tmp_path}/start.db", 20)["found"] == 1
