"""A repair says what was wrong, where, how often, and what was done."""

from models.sources.repairs import Repair


def test_repair_reads_as_a_sentence():
    """Place, problem, count, first row and action are all in the text; absent parts leave no trace."""
    full = Repair(source="a.csv", problem="infinite", action="taken as missing", count=2, column="cpu", first_row=7)
    assert str(full) == "a.csv, column 'cpu': infinite (2 times, first in row 7): taken as missing"
    assert str(Repair(source="a.csv", problem="p", action="q", count=1)) == "a.csv: p (1 times): q"
