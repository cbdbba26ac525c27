"""Numbers that carry a bound on their own error: running error analysis, to first order.

A definition written for exact.py's numbers also runs on these. What comes out is how far a
straightforward implementation may be from the exact result, counted in units of its roundoff u.
Source: N. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, section 3.3.

A sum of magnitudes grows with every layer of a network, although errors pass through a layer as its derivative
has them, with signs. `settled` therefore names the errors made so far: each becomes a symbol, and later numbers
carry how much of each symbol is in them. Source: L. H. de Figueiredo and J. Stolfi, "Affine arithmetic: concepts
and applications", 2004.
"""

from collections.abc import Sequence
from typing import Any, Union

import mpmath
import numpy as np

# The rounding of one exponential, logarithm or other function, two units in the last place of which may be wrong.
STEP = 4.0
# The largest u that a gauge is meant for, float32's: a function with a kink asks whether an error reaches it.
LARGEST_UNIT = 2.0**-24
# Terms of second order: covered as long as u times an error is below a half of its number.
SECOND_ORDER = 2.0

Operand = Union["Bounded", float, int, Any]


class Bounded:
    """A float64 number, and what its error may be, divided by u: `error`, and so much of each symbol as `form` has."""

    __slots__ = ("error", "form", "value")

    def __init__(self, value: float, error: float = 0.0, form: np.ndarray | None = None) -> None:
        self.value = np.float64(value)
        finite = np.isfinite(self.value)
        # Numbers that are not finite are compared by class.
        self.error = float(error) if finite else 0.0
        self.form = form if finite else None

    def merged(self) -> "Bounded":
        """Returns the number without symbols: its error is what they amount to when each has its worst sign."""
        return self if self.form is None else Bounded(self.value, self.error + np.abs(self.form).sum())

    def __add__(self, other: Operand) -> "Bounded":
        o = bounded(other)
        value = self.value + o.value
        return Bounded(value, self.error + o.error + abs(value), combined([(self.form, 1.0), (o.form, 1.0)]))

    def __mul__(self, other: Operand) -> "Bounded":
        o = bounded(other)
        value = self.value * o.value
        error = abs(self.value) * o.error + abs(o.value) * self.error + abs(value)
        return Bounded(value, error, combined([(self.form, o.value), (o.form, self.value)]))

    def __truediv__(self, other: Operand) -> "Bounded":
        o = bounded(other)
        value = self.value / o.value
        error = self.error / abs(o.value) + abs(value / o.value) * o.error + abs(value)
        return Bounded(value, error, combined([(self.form, 1 / o.value), (o.form, -value / o.value)]))

    def __neg__(self) -> "Bounded":
        return Bounded(-self.value, self.error, combined([(self.form, -1.0)]))

    def __abs__(self) -> "Bounded":
        return Bounded(abs(self.value), self.error, combined([(self.form, np.sign(self.value))]))

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
        """Returns the value of a function here whose slope is `slope`."""
        return Bounded(value, abs(slope) * self.error + STEP * abs(value), combined([(self.form, slope)]))


def combined(parts: Sequence[tuple[np.ndarray | None, float]]) -> np.ndarray | None:
    """Returns the sum of forms, each times its factor; a shorter form has none of the later symbols."""
    present = [(form, factor) for form, factor in parts if form is not None]
    if not present:
        return None
    if len(present) == 1:
        return present[0][0] * present[0][1]
    result = np.zeros(max(len(form) for form, _ in present))
    for form, factor in present:
        result[: len(form)] += factor * form
    return result


# How many symbols there are. More do no harm: forms only need to tell them apart.
symbols = 0


def settled(array: np.ndarray) -> np.ndarray:
    """Returns the same numbers, the error of each a symbol of its own; numbers of another kind stay as they are."""
    global symbols
    result = array.copy()
    end = symbols + array.size
    for at, index in enumerate(np.ndindex(array.shape)):
        x = array[index]
        if isinstance(x, Bounded) and np.isfinite(x.value):
            form = np.zeros(end)
            if x.form is not None:
                form[: len(x.form)] = x.form
            form[symbols + at] = x.error
            result[index] = Bounded(x.value, 0.0, form)
    symbols = end
    return result


def forget() -> None:
    """Lets the symbols begin anew, for numbers that will meet none of the earlier ones."""
    global symbols
    symbols = 0


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
    error = sum(term.error for term in terms) + len(terms) * magnitude
    # np.sum of nothing is 0.
    return Bounded(np.sum([term.value for term in terms]), error, combined([(term.form, 1.0) for term in terms]))


def gauge(array: np.ndarray) -> np.ndarray:
    """Returns the errors in units of u, terms of second order included, as float32 rounded up."""
    result = np.empty(array.shape, dtype=np.float64)
    for index in np.ndindex(array.shape):
        x = array[index]
        result[index] = SECOND_ORDER * x.merged().error if isinstance(x, Bounded) else 0.0
    return np.nextafter(result.astype(np.float32), np.float32(np.inf))
