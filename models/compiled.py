"""Native compilation of the kernels, with a cache on disk that a changed kernel can never be served from.

numba looks only at the file of the function that it loads from its cache, not at the files of the functions that are
compiled into it. So the cache is kept in a directory named after the content of this file and of all kernels.
"""

import hashlib
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, ParamSpec, TypeVar, cast

import numba
from numba.core import config

P = ParamSpec("P")
R = TypeVar("R")
KERNELS = Path(__file__).parent / "online"
_OPTIONS: dict[str, Any] = {"cache": True, "nogil": True, "_nrt": False}


def compiled(function: Callable[P, R]) -> Callable[P, R]:
    """Compile a function of arrays and numbers to native code at its first call, without the GIL.

    The native code borrows its arrays: counting references to the views of every row costs five times the work itself.

    Parameters
    ----------
    function
        In the subset of Python that numba compiles; calls other compiled functions only. It makes no array (numba says
        so), room for what it needs is given to it, and returns an array to compiled functions only, never to Python.

    Returns
    -------
    callable
        With the same signature.
    """
    return cast("Callable[P, R]", numba.njit(**_OPTIONS)(function))


def _keep_cache_by_content() -> None:
    """Leave numba's choice alone where the user has made one, or where nothing may be written beside the sources."""
    if config.CACHE_DIR:  # type: ignore[attr-defined]  # numba makes its settings at run time
        return
    digest = hashlib.sha256()
    for path in (Path(__file__), *sorted(KERNELS.glob("*.py"))):
        digest.update(path.name.encode() + path.read_bytes())
    directory = KERNELS / "__pycache__" / f"native-{digest.hexdigest()[:12]}"
    try:
        if not directory.exists():
            for old in directory.parent.glob("native-*"):
                shutil.rmtree(old, ignore_errors=True)
            directory.mkdir(parents=True)
    except OSError:
        return
    config.CACHE_DIR = str(directory)  # type: ignore[attr-defined]  # numba makes its settings at run time


_keep_cache_by_content()
