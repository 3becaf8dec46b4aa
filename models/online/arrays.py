"""States as named arrays, for copies and for the disk."""

from collections.abc import Mapping
from functools import cache
from typing import Any, TypeVar, get_type_hints

import numpy as np
from numpy.typing import NDArray

Arrays = Mapping[str, NDArray[Any]]
State = TypeVar("State", bound=tuple[Any, ...])


def to_arrays(state: tuple[Any, ...]) -> dict[str, NDArray[Any]]:
    """The arrays of a named tuple of arrays and of such tuples.

    Parameters
    ----------
    state
        Any state of this package.

    Returns
    -------
    dict of str to ndarray
        By path, such as ``season/profile``; not copied.
    """
    flat: dict[str, NDArray[Any]] = {}
    for name, part in state._asdict().items():  # type: ignore[attr-defined]  # a named tuple
        if isinstance(part, tuple):
            flat |= {f"{name}/{below}": array for below, array in to_arrays(part).items()}
        else:
            flat[name] = part
    return flat


def from_arrays(kind: type[State], arrays: Arrays) -> State:
    """The reverse of ``to_arrays``, with copies that may be written to.

    Parameters
    ----------
    kind
        Class of the state.
    arrays
        By path.

    Returns
    -------
    State
        To the same bits.
    """
    parts: list[Any] = []
    for name, hint in _hints(kind).items():
        if isinstance(hint, type) and issubclass(hint, tuple):
            parts.append(from_arrays(hint, below(arrays, name)))
        else:
            parts.append(np.array(arrays[name], order="C"))
    return kind(*parts)


def below(arrays: Arrays, name: str) -> dict[str, NDArray[Any]]:
    """The arrays under a path.

    Parameters
    ----------
    arrays
        By path.
    name
        First part of the path.

    Returns
    -------
    dict of str to ndarray
        By the rest of the path.
    """
    prefix = f"{name}/"
    return {path.removeprefix(prefix): array for path, array in arrays.items() if path.startswith(prefix)}


def under(name: str, arrays: Arrays) -> dict[str, NDArray[Any]]:
    """The reverse of ``below``.

    Parameters
    ----------
    name
        First part of the path.
    arrays
        By the rest of the path.

    Returns
    -------
    dict of str to ndarray
        By path.
    """
    return {f"{name}/{path}": array for path, array in arrays.items()}


@cache
def _hints(kind: type[Any]) -> Mapping[str, Any]:
    return get_type_hints(kind)
