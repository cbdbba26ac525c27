"""What a case is, and how its inputs are drawn."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from math import prod
from typing import Any

import numpy as np

import exact
import running
from random_stream import RandomStream

Tensors = dict[str, np.ndarray]


@dataclass(frozen=True, eq=False)
class Case:
    """One call of one function: inputs in float32, I64 or BOOL, and attributes as JSON has them."""

    id: str
    function: str
    purpose: str
    inputs: Tensors
    ids: tuple[str, ...]
    attributes: Mapping[str, Any]
    # The expected tensors to store; None stores every one.
    stored: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Rounding:
    """The errors that a computation may make, from which a bound is evaluated."""

    # The relative error of a sum of `n` products, as a function of n, against the sum of magnitudes.
    dot: Callable[[int], float]
    # The relative error of one operation, an exponential or a logarithm included.
    step: float
    # The absolute error of a result too small to be a normal number.
    tiny: float


@dataclass(frozen=True)
class Function:
    """One function of the specification: two independent sources, an error bound, and its words.

    The bound is a formula, `bounds`, or a tensor stored beside each expected one, `gauges`: errors in units of u.
    """

    first: Callable[[Case], Tensors]
    second: Callable[[Case], Tensors]
    bounds: Callable[[Case, Tensors, Rounding], Tensors] | None
    oracles: tuple[str, str]
    tolerance: str
    gauges: Callable[[Case], Tensors] | None = None


# A definition: from a case, and from what turns an input into numbers, to tensors of such numbers, of booleans
# or of integers.
Definition = Callable[[Case, Callable[[np.ndarray], np.ndarray]], Tensors]


def defined(first: Callable[[Case], Tensors], definition: Definition, oracles: tuple[str, str]) -> Function:
    """Returns a function whose second source is a definition with 50 digits, and whose bounds are the errors
    that the definition itself makes.
    """

    @lru_cache(maxsize=1)
    def second(case: Case) -> Tensors:
        with np.errstate(all="ignore"):
            results = definition(case, exact.exact)
        return {name: exact.rounded(x) if x.dtype == object else x for name, x in results.items()}

    @lru_cache(maxsize=1)
    def gauges(case: Case) -> Tensors:
        running.forget()
        with np.errstate(all="ignore"):
            results = definition(case, running.lifted)
        return {name: running.gauge(x) for name, x in results.items() if x.dtype == object}

    return Function(first, second, None, oracles, "u * gauge + t", gauges)


class Draw:
    """Draws the inputs of one case, always in the order in which the code asks for them."""

    def __init__(self, case_id: str) -> None:
        self.stream = RandomStream.of_case(case_id)

    def normal(self, *shape: int, scale: float = 1.0, shift: float = 0.0) -> np.ndarray:
        """Returns float32 of the shape: normal · scale + shift, rounded once."""
        return self._fill(shape, lambda: self.stream.normal() * scale + shift)

    def uniform(self, *shape: int, low: float = 0.0, high: float = 1.0) -> np.ndarray:
        """Returns float32 of the shape: low + (high − low) · uniform, rounded once."""
        return self._fill(shape, lambda: low + (high - low) * self.stream.uniform())

    def integers(self, *shape: int, low: int, high: int) -> np.ndarray:
        """Returns float32 of the shape holding integers in low … high."""
        return self._fill(shape, lambda: low + self.stream.next() % (high - low + 1))

    def tokens(self, *shape: int, low: int, high: int) -> np.ndarray:
        """Returns int64 of the shape holding integers in low … high."""
        return self.integers(*shape, low=low, high=high).astype(np.int64)

    def keep(self, *shape: int, share: float = 0.65) -> np.ndarray:
        """Returns booleans of the shape, each true where uniform < share."""
        return self._fill(shape, lambda: self.stream.uniform() < share).astype(bool)

    def _fill(self, shape: tuple[int, ...], one: Callable[[], float]) -> np.ndarray:
        """Returns float32 of the shape, filled in row-major order."""
        values = np.array([one() for _ in range(prod(shape))], dtype=np.float64)
        return values.astype(np.float32).reshape(shape)


def tensor(values: Any) -> np.ndarray:
    """Returns a nested list as float32."""
    return np.array(values, dtype=np.float32)
