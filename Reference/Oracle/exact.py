"""Arithmetic with 50 digits, and its one rounding to float64.

Every tensor here is a NumPy array of mpmath numbers. Infinities and NaN follow IEEE 754, as mpmath's
own do. What this module returns does not depend on the machine.
"""

from collections.abc import Iterable, Sequence

import mpmath
import numpy as np
from mpmath import mp, mpf

mp.dps = 50

Number = mpf
NAN = mp.nan
INFINITY = mp.inf

# Below 2^-1080 every number rounds to zero in float64.
SMALLEST_EXPONENT = -1080


def exact(array: np.ndarray) -> np.ndarray:
    """Returns the same numbers as mpmath has them, shape unchanged."""
    result = np.empty(array.shape, dtype=object)
    for index in np.ndindex(array.shape):
        result[index] = mpf(float(array[index]))
    return result


def nearest(x: Number) -> float:
    """Returns the float64 nearest to x, ties to even, subnormal numbers included."""
    if not mp.isfinite(x) or x == 0:
        return float(x)
    if mp.mag(x) < SMALLEST_EXPONENT:
        return 0.0
    sign, mantissa, exponent, _ = x._mpf_
    # Python divides two integers with one correct rounding.
    magnitude = int(mantissa) << exponent if exponent >= 0 else int(mantissa) / (1 << -exponent)
    return -float(magnitude) if sign else float(magnitude)


def rounded(array: np.ndarray) -> np.ndarray:
    """Returns each number's nearest float64, shape unchanged."""
    result = np.empty(array.shape, dtype=np.float64)
    for index in np.ndindex(array.shape):
        result[index] = nearest(array[index])
    return result


def dot(x: Iterable[Number], y: Iterable[Number]) -> Number:
    """Returns Σ x_i y_i; the empty sum is 0."""
    total = mpf(0)
    for a, b in zip(x, y, strict=True):
        total += a * b
    return total


def product(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Returns a b for a: …×n×k and b: …×k×m."""
    leading = a.shape[:-2]
    result = np.empty((*leading, a.shape[-2], b.shape[-1]), dtype=object)
    for group in np.ndindex(leading):
        for i in range(a.shape[-2]):
            for j in range(b.shape[-1]):
                result[(*group, i, j)] = dot(a[group][i], b[group][:, j])
    return result


def affine(x: np.ndarray, weight: np.ndarray, bias: np.ndarray | None) -> np.ndarray:
    """Returns y_o = Σ_i W_oi x_i + b_o for x: …×inputs and weight: outputs×inputs."""
    leading, outputs = x.shape[:-1], weight.shape[0]
    result = np.empty((*leading, outputs), dtype=object)
    for group in np.ndindex(leading):
        for o in range(outputs):
            total = dot(weight[o], x[group])
            result[(*group, o)] = total if bias is None else total + bias[o]
    return result


def largest(row: Sequence[Number]) -> Number:
    """Returns the largest number of a row, NaN if the row holds one."""
    return NAN if any(mp.isnan(x) for x in row) else max(row)


def softmax(row: Sequence[Number]) -> list[Number]:
    """Returns e^(x_j − max) / Σ e^(x_k − max); with +inf, NaN or only −inf every weight is NaN."""
    if len(row) == 0:
        return []
    top = largest(row)
    powers = [mpmath.exp(x - top) for x in row]
    total = mpmath.fsum(powers)
    return [power / total for power in powers]


def log_softmax(row: Sequence[Number]) -> list[Number]:
    """Returns (x_j − max) − ln Σ e^(x_k − max); with +inf, NaN or only −inf every one is NaN."""
    if len(row) == 0:
        return []
    top = largest(row)
    shifted = [x - top for x in row]
    total = mpmath.log(mpmath.fsum([mpmath.exp(x) for x in shifted]))
    return [x - total for x in shifted]
