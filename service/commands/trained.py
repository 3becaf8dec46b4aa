"""The bundle that a command shall use: of a directory, or the champion of the store."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from models.bundle import Bundle

BundleOption = Annotated[Path | None, typer.Option(help="Directory of a bundle; the champion if not given.")]


def load(directory: Path | None) -> "Bundle":
    """Load a bundle.

    Parameters
    ----------
    directory
        Of the bundle; None takes the champion.

    Returns
    -------
    Bundle
        Checked against its hash.
    """
    from models.bundle import Bundle
    from models.tracking import load_champion
    from service.config import load_settings

    return Bundle.load(directory) if directory is not None else load_champion(load_settings().tracking)
