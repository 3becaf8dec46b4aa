"""Execute every notebook source (notebooks/NN_*.py, jupytext percent) and renew the .ipynb beside it."""

import os
import tempfile
from pathlib import Path

import jupytext
import nbformat
from nbclient import NotebookClient

ROOT = Path(__file__).resolve().parent.parent


def sources() -> list[Path]:
    """All notebook sources, in order."""
    return sorted((ROOT / "notebooks").glob("[0-9]*.py"))


def execute(source: Path, directory: Path) -> nbformat.NotebookNode:
    """Run a source in a fresh kernel of this Python; an error in a cell is an error here.

    Parameters
    ----------
    source
        jupytext percent format.
    directory
        Where the kernel works, and where everything that it writes must go.

    Returns
    -------
    NotebookNode
        With outputs.
    """
    notebook = jupytext.read(source)
    path = [str(ROOT), *filter(None, [os.environ.get("PYTHONPATH")])]  # noqa: TID251  # the kernel inherits it
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(path), "PYTHONWARNINGS": "ignore"}  # noqa: TID251  # as above
    client = NotebookClient(
        notebook, timeout=120, kernel_name="python3", resources={"metadata": {"path": str(directory)}}
    )
    client.execute(env=environment)
    for number, cell in enumerate(notebook.cells, start=1):
        cell.id = f"cell-{number:02d}"  # a random one would change with every renewal
        cell.get("metadata", {}).pop("execution", None)
    notebook.metadata.pop("language_info", None)
    return notebook


def main() -> None:
    """Renew every .ipynb."""
    for source in sources():
        with tempfile.TemporaryDirectory() as scratch:
            notebook = execute(source, Path(scratch))
        nbformat.write(notebook, source.with_suffix(".ipynb"))
        print(f"{source.with_suffix('.ipynb').relative_to(ROOT)}: {len(notebook.cells)} cells")


if __name__ == "__main__":
    main()
