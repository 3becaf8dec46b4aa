"""What the arithmetic of detection shares."""

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

MAD_TO_SD = 1.4826
"""A Gaussian's standard deviation over its median absolute deviation."""
