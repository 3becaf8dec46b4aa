"""The store that a command works on, without the service."""

from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from models.errors import InputError

if TYPE_CHECKING:
    from service.store.sql import SqlStore


@contextmanager
def opened(given: str) -> Iterator["SqlStore"]:
    """Open a store that is there already.

    Parameters
    ----------
    given
        A file, the data directory of a service, or an SQLAlchemy URL; empty takes the settings.

    Yields
    ------
    SqlStore
        Closed at the end.

    Raises
    ------
    InputError
        If there is none: one that is made for a check would always be intact.
    """
    from sqlalchemy.engine import make_url

    from service.config import load_settings
    from service.store.sql import SqlStore

    url = given if "://" in given else f"sqlite:///{_file(Path(given))}" if given else load_settings().store
    parsed = make_url(url)
    if parsed.get_backend_name() == "sqlite" and not (parsed.database and Path(parsed.database).is_file()):
        raise InputError(
            f"there is no store at {parsed.database or url}",
            remedy="name the file, the data directory or the URL, for example .faultline/run",
        )
    with closing(SqlStore(url)) as store:
        yield store


def _file(path: Path) -> Path:
    return path / "faultline.db" if path.is_dir() else path
