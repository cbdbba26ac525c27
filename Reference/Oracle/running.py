"""Numbers that carry a bound on their own error: running error analysis, to first order.

A definition written for exact.py's numbers also runs on these. What comes out is how far a
straightforward implementation may be from the exact result, counted in units of its roundoff u.
Source: N. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, section 3.3.
"""

from collections.abc import Sequence
from typing import Any, Union

import mpmath
import numpy as np

# The rounding of one exponential, logarithm or other function, two units in the last place of which may be wrong.
STEP = 4.0
# Terms of second order: covered as long as u times an error is below a half of its number.
SECOND_ORDER = 2.0

Operand = Union["Bounded", float, int, Any]


class Bounded:
    """A float64 number, and what its error may be, divided by u."""

    __slots__ = ("error", "value")

    def __init__(self, value: float, error: float = 0.0) -> None:
        self.value = np.float64(value)
        # Numbers that are not finite are compared by class.
        self.error = float(error) if np.isfinite(self.value) else 0.0

    def __add__(self, other: Operand) -> "Bounded":
        o = bounded(other)
        value = self.value + o.value
        return Bounded(value, self.error + o.error + abs(value))

    def __mul__(self, other: Operand) -> "Bounded":
        o = bounded(other)
        value = self.value * o.value
        return Bounded(value, abs(self.value) * o.error + abs(o.value) * self.error + abs(value))

    def __truediv__(self, other: Operand) -> "Bounded":
        o = bounded(other)
        value = self.value / o.value
        return Bounded(value, self.error / abs(o.value) + abs(value / o.value) * o.error + abs(value))

    def __neg__(self) -> "Bounded":
        return Bounded(-self.value, self.error)

    def __abs__(self) -> "Bounded":
        return Bounded(abs(self.value), self.error)

    def __sub__(self, other: Operand) -> "Bounded":
        return self + -bounded(other)

    def __rsub__(self, other: Operand) -> "Bounded":
        return bounded(other) - self

    def __rtruediv__(self, other: Operand) -> "Bounded":
        return bounded(other) / self

    __radd__ = __add__
    __rmul__ = __mul__

    # A comparison concerns the number alone.
    def __lt__(self, other: Operand) -> bool:
        return bool(self.value < bounded(other).value)

    def __le__(self, other: Operand) -> bool:
        return bool(self.value <= bounded(other).value)

    def __gt__(self, other: Operand) -> bool:
        return bool(self.value > bounded(other).value)

    def __ge__(self, other: Operand) -> bool:
        return bool(self.value >= bounded(other).value)

    def applied(self, value: float, slope: float) -> "Bounded":
        """Returns the value of a function here whose slope is at most `slope` nearby."""
        return Bounded(value, abs(slope) * self.error + STEP * abs(value))


def bounded(x: Operand) -> Bounded:
    """Returns a number as one with an error: integers and float64 are exact, mpmath's are rounded."""
    if isinstance(x, Bounded):
        return x
    return Bounded(float(x), abs(float(x)) if isinstance(x, mpmath.mpf) else 0.0)


def lifted(array: np.ndarray) -> np.ndarray:
    """Returns the same numbers, taken as exact, shape unchanged."""
    result = np.empty(array.shape, dtype=object)
    for index in np.ndindex(array.shape):
        result[index] = Bounded(float(array[index]))
    return result


def total(terms: Sequence[Bounded]) -> Bounded:
    """Returns the sum of the terms in any order."""
    terms = [bounded(term) for term in terms]
    magnitude = sum(float(abs(term.value)) for term in terms)
    # np.sum of nothing is 0.
    return Bounded(np.sum([term.value for term in terms]), sum(t.error for t in terms) + len(terms) * magnitude)


def gauge(array: np.ndarray) -> np.ndarray:
    """Returns the errors in units of u, terms of second order included, as float32 rounded up."""
    result = np.empty(array.shape, dtype=np.float64)
    for index in np.ndindex(array.shape):
        x = array[index]
        result[index] = SECOND_ORDER * x.error if isinstance(x, Bounded) else 0.0
    return np.nextafter(result.astype(np.float32), np.float32(np.inf))
