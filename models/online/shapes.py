"""The shape of the last rows, set against the shapes that a series usually shows.

A window is the last 32 ``slow`` features (signed logarithms of deseasonalised values in spreads), capped, so that one
wild value is no shape, and less their mean, so that a shift is none either. It is projected on the principal axes of
the history's windows. What is left over says how little or how much of the window no usual shape explains: a noisy
series that lies flat leaves too little, a changed period or form too much. The distance of what is explained to the
nearest of some prototypes tells shapes of the same subspace apart, such as one that stands on its head.

Both are logarithms of energies, relative to their median and the distance from there to their 2 % or 98 % quantiles.
"""

import math
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from models.compiled import compiled
from models.online.order import Floats

WIDTH = 32
AXES = 6
PROTOTYPES = 32
SCRATCH = WIDTH + 2 + AXES
CAP = 2.0
LEAST_ENERGY = 0.01
"""Of a window, relative to its usual energy: where all is flat a logarithm has to be finite."""
LEFT, NEAREST = range(2)
LOW, MIDDLE, HIGH = range(3)


class Shapes(NamedTuple):
    """The usual shapes of each series."""

    axes: NDArray[np.float32]  # (n_series, AXES, WIDTH) orthonormal
    prototypes: NDArray[np.float32]  # (n_series, PROTOTYPES, AXES) infinite = none
    usual: Floats  # (n_series, 2, 3) median of the logarithms of the two energies, and the distances to its quantiles
    floor: Floats  # (n_series,) added to both energies; NaN = nothing was learnt


class WindowState(NamedTuple):
    """The last rows of each series."""

    ring: NDArray[np.float32]  # (n_series, WIDTH) in the order of arrival
    seen: NDArray[np.int64]  # (n_series, 1)


@compiled
def of_series(shapes: Shapes, i: int) -> Shapes:
    """The shapes of one series, as views without the first axis."""
    return Shapes(shapes.axes[i], shapes.prototypes[i], shapes.usual[i], shapes.floor[i : i + 1])


@compiled
def advance(shapes: Shapes, state: WindowState, slow: NDArray[np.float32], scratch: Floats, raw: Floats) -> None:
    """Judge rows and remember them.

    ``slow`` and ``raw`` have shape (n_series, n_rows), ``scratch`` has room for ``SCRATCH`` numbers. NaN in ``raw`` = a
    missing value, which changes nothing, a window that is not full yet, or a series that could not be learnt.
    """
    window, energies, along = scratch[:WIDTH], scratch[WIDTH : WIDTH + 2], scratch[WIDTH + 2 :]
    for i in range(slow.shape[0]):
        own, ring = of_series(shapes, i), state.ring[i]
        for row in range(slow.shape[1]):
            raw[i, row] = math.nan
            if math.isnan(slow[i, row]):
                continue
            ring[state.seen[i, 0] % WIDTH] = min(max(slow[i, row], -CAP), CAP)
            state.seen[i, 0] += 1
            if state.seen[i, 0] >= WIDTH and not math.isnan(own.floor[0]):
                unroll(ring, state.seen[i, 0] % WIDTH, window)
                measure(own, window, along, energies)
                raw[i, row] = misfit(own.usual, energies)


@compiled
def unroll(ring: NDArray[np.float32], first: int, window: Floats) -> None:
    """Write a full ring in the order of time, less its mean; ``first`` is the place of the oldest value."""
    mean = 0.0
    for place in range(WIDTH):
        window[place] = ring[(first + place) % WIDTH]
        mean += window[place]
    mean /= WIDTH
    for place in range(WIDTH):
        window[place] -= mean


@compiled
def measure(shapes: Shapes, window: Floats, along: Floats, energies: Floats) -> None:
    """Write the logarithms of what the axes leave of a window, and of the distance to the nearest prototype.

    ``along`` (AXES,) is written too: the window in the subspace.
    """
    left = 0.0
    for place in range(WIDTH):
        left += window[place] ** 2
    for axis in range(AXES):
        along[axis] = 0.0
        for place in range(WIDTH):
            along[axis] += window[place] * shapes.axes[axis, place]
        left -= along[axis] ** 2
    nearest = math.inf
    for prototype in range(shapes.prototypes.shape[0]):
        distance = 0.0
        for axis in range(AXES):
            distance += (along[axis] - shapes.prototypes[prototype, axis]) ** 2
        nearest = min(nearest, distance)
    energies[LEFT] = math.log(max(left, 0.0) + shapes.floor[0])
    energies[NEAREST] = math.log(nearest + shapes.floor[0])


@compiled
def measure_all(shapes: Shapes, windows: Floats, along: Floats, energies: Floats) -> None:
    """``measure`` of each row of ``windows`` (n, WIDTH); ``energies`` (n, 2) is written."""
    for window in range(len(windows)):
        measure(shapes, windows[window], along, energies[window])


@compiled
def misfit(usual: Floats, energies: Floats) -> float:
    """Logarithm of one plus the squared misfits, each 1 at the edge of what is usual."""
    total = 0.0
    for kind in range(2):
        away = energies[kind] - usual[kind, MIDDLE]
        if away > 0.0:
            total += (away / usual[kind, HIGH]) ** 2
        elif kind == LEFT:
            total += (away / usual[kind, LOW]) ** 2
    return math.log1p(total)


@compiled
def settle(windows: Floats, prototypes: Floats, total: Floats, members: NDArray[np.int64]) -> None:
    """Move prototypes to the means of the windows that are nearest to them (one round of Lloyd's).

    ``windows`` has shape (n, AXES), ``prototypes`` and ``total`` (k, AXES); ``members`` (k,) gets how many are nearest.
    """
    total[:] = 0.0
    members[:] = 0
    for window in range(len(windows)):
        best = _nearest(windows[window], prototypes)
        members[best] += 1
        for axis in range(prototypes.shape[1]):
            total[best, axis] += windows[window, axis]
    for prototype in range(len(prototypes)):
        if members[prototype] > 0:
            for axis in range(prototypes.shape[1]):
                prototypes[prototype, axis] = total[prototype, axis] / members[prototype]


@compiled
def _nearest(window: Floats, prototypes: Floats) -> int:
    best, least = 0, math.inf
    for prototype in range(len(prototypes)):
        distance = 0.0
        for axis in range(prototypes.shape[1]):
            distance += (window[axis] - prototypes[prototype, axis]) ** 2
        if distance < least:
            best, least = prototype, distance
    return best
