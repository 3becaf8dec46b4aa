"""Notebooks: the sources run, and what is committed beside them is what they gave."""

import re
import warnings
from pathlib import Path

import pytest

with warnings.catch_warnings():
    warnings.simplefilter("ignore")  # Jupyter's packages announce their own deprecations at import
    import jupytext
    import nbformat

    from scripts.notebooks import ROOT, execute, sources

SOURCES = sources()
MACHINE_PATH = re.compile(r"(?<![\w.])/(home|root|tmp|usr|var|work|opt|Users|private)/")


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
@pytest.mark.filterwarnings("ignore")
def test_source_runs(source, tmp_path):
    """Every notebook runs from top to bottom in a fresh kernel, and its own assertions hold."""
    notebook = execute(source, tmp_path)
    assert any(cell.get("outputs") for cell in notebook.cells)


@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.stem)
def test_executed_copy_is_that_of_the_source(source):
    """The .ipynb holds the cells of the source, has outputs and pictures, no error, and no path of a machine."""
    text = source.with_suffix(".ipynb").read_text(encoding="utf-8")
    copy, original = nbformat.reads(text, as_version=4), jupytext.read(source)
    assert [(c.cell_type, c.source) for c in copy.cells] == [(c.cell_type, c.source) for c in original.cells]
    outputs = [output for cell in copy.cells for output in cell.get("outputs", [])]
    assert sum("image/png" in output.get("data", {}) for output in outputs) >= 4
    assert not [output for output in outputs if output.output_type == "error" or output.get("name") == "stderr"]
    told = [str(output.get("text", output.get("data", {}).get("text/plain", ""))) for output in outputs]
    assert not [line for line in told if MACHINE_PATH.search(line)]
    assert str(ROOT) not in text
    assert str(Path.home()) not in text


def test_there_is_a_notebook():
    """The tests above are not empty."""
    assert SOURCES
