"""Arithmetic with 50 digits, and its one rounding to float64.

Every tensor here is a NumPy array of mpmath numbers, or of running.py's, on which the same definitions give
error bounds. Infinities and NaN follow IEEE 754, as mpmath's own do. What this module returns does not
depend on the machine.
"""

from collections.abc import Callable, Iterable, Sequence

import mpmath
import numpy as np
from mpmath import mp, mpf

import running
from running import Bounded

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


def each(function: Callable[[Number], Number], array: np.ndarray) -> np.ndarray:
    """Returns the function of each number, shape unchanged."""
    result = np.empty(array.shape, dtype=object)
    for index in np.ndindex(array.shape):
        result[index] = function(array[index])
    return result


def divided(x: Number, y: Number | int) -> Number:
    """Returns x / y for y ≥ 0, where mpmath refuses a y of 0 and IEEE 754 does not."""
    if isinstance(x, Bounded) or isinstance(y, Bounded) or y != 0:
        return x / y
    return x * INFINITY


def total(terms: Sequence[Number]) -> Number:
    """Returns the sum of the terms; the empty sum is 0."""
    if any(isinstance(term, Bounded) for term in terms):
        return running.total(terms)
    result = mpf(0)
    for term in terms:
        result += term
    return result


def dot(x: Iterable[Number], y: Iterable[Number]) -> Number:
    """Returns Σ x_i y_i; the empty sum is 0."""
    return total([a * b for a, b in zip(x, y, strict=True)])


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
            y = dot(weight[o], x[group])
            result[(*group, o)] = y if bias is None else y + bias[o]
    return result


# Functions of one number, of either kind.


def exp(x: Number) -> Number:
    """Returns e^x."""
    if isinstance(x, Bounded):
        return x.applied(np.exp(x.value), np.exp(x.value))
    return mpmath.exp(x)


def log(x: Number) -> Number:
    """Returns the natural logarithm."""
    if isinstance(x, Bounded):
        return x.applied(np.log(x.value), 1 / x.value)
    return mpmath.log(x)


def sqrt(x: Number) -> Number:
    """Returns the square root."""
    if isinstance(x, Bounded):
        root = np.sqrt(x.value)
        return x.applied(root, 0.5 / root if root > 0 else 0.0)
    return mpmath.sqrt(x)


def tanh(x: Number) -> Number:
    """Returns the hyperbolic tangent."""
    if isinstance(x, Bounded):
        y = np.tanh(x.value)
        return x.applied(y, 1 - y * y)
    return mpmath.tanh(x)


def sigmoid(x: Number) -> Number:
    """Returns 1 / (1 + e^(−x)); the power never overflows."""
    if x < 0:
        power = exp(x)
        return power / (1 + power)
    return 1 / (1 + exp(-x))


def beside_one(x: Number) -> Number:
    """Returns the number; as a `Bounded`, with the error that it has as half of 1 + erf or of 1 + tanh."""
    return Bounded(x.value, x.error + running.STEP) if isinstance(x, Bounded) else x


def sin(x: Number) -> Number:
    """Returns the sine of an angle in radians."""
    if isinstance(x, Bounded):
        # An angle's error may be large: no slope is beyond 1.
        return x.merged().applied(np.sin(x.value), 1.0)
    return mpmath.sin(x)


def cos(x: Number) -> Number:
    """Returns the cosine of an angle in radians."""
    if isinstance(x, Bounded):
        return x.merged().applied(np.cos(x.value), 1.0)
    return mpmath.cos(x)


def erfc(x: Number) -> Number:
    """Returns 2/√π ∫_x^∞ e^(−t²) dt."""
    if isinstance(x, Bounded):
        return x.applied(float(mpmath.erfc(float(x.value))), -2 / np.sqrt(np.pi) * np.exp(-x.value * x.value))
    return mpmath.erfc(x)


def relu(x: Number) -> Number:
    """Returns max(x, 0); NaN stays NaN."""
    if isinstance(x, Bounded) and abs(x.value) <= 2 * running.LARGEST_UNIT * x.merged().error:
        return Bounded(max(x.value, 0.0), x.merged().error)
    return x if x > 0 or is_nan(x) else of_kind(mpf(0), x)


def is_nan(x: Number) -> bool:
    """Returns whether the number is none."""
    return bool(np.isnan(x.value)) if isinstance(x, Bounded) else bool(mp.isnan(x))


def of_kind(x: Number, other: Number) -> Number:
    """Returns x as a number of the other's kind."""
    return running.bounded(x) if isinstance(other, Bounded) else x


def setting(x: float | Number, other: Number) -> Number:
    """Returns a setting, or what follows from settings alone in float64, rounded once if the other number has errors."""
    return of_kind(mpf(x), other)


def largest(row: Sequence[Number]) -> Number:
    """Returns the largest number of a row, NaN if the row holds one.

    It is what softmax subtracts, and stands for any constant: it carries no error.
    """
    top = NAN if any(is_nan(x) for x in row) else max(row)
    return Bounded(top.value) if isinstance(top, Bounded) else top


def softmax(row: Sequence[Number]) -> list[Number]:
    """Returns e^(x_j − max) / Σ e^(x_k − max); with +inf, NaN or only −inf every weight is NaN."""
    if len(row) == 0:
        return []
    top = largest(row)
    powers = [exp(x - top) for x in row]
    whole = total(powers)
    return [power / whole for power in powers]


def log_softmax(row: Sequence[Number]) -> list[Number]:
    """Returns (x_j − max) − ln Σ e^(x_k − max); with +inf, NaN or only −inf every one is NaN."""
    if len(row) == 0:
        return []
    top = largest(row)
    shifted = [x - top for x in row]
    whole = log(total([exp(x) for x in shifted]))
    return [x - whole for x in shifted]
