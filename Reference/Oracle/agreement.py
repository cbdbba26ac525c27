"""When two results agree: NaN and infinities by class, the rest within a bound per element."""

import mpmath
import numpy as np
import torch

from cases import Rounding, Tensors

PYTORCH = f"PyTorch {torch.__version__.split('+')[0]}"
PYTORCH_FLOAT64 = f"{PYTORCH}, float64"
MPMATH = f"mpmath {mpmath.__version__}, 50 digits"
DEFINITION = "plain Python, from the definition"

# What the two sources may differ by: 1e-13 of a sum's magnitudes, a few units in the last place of
# one float64 operation, and the subnormal numbers.
ORACLE_ROUNDING = Rounding(dot=lambda n: 1e-13, step=2.0**-51, tiny=2.0**-1022)


class Disagreement(Exception):
    """Two sources of one expected tensor differ."""


def port_rounding(unit: float, tiny: float) -> Rounding:
    """Returns the errors that an implementation with this unit roundoff may make."""
    return Rounding(dot=lambda n: (n + 2) * unit, step=4 * unit, tiny=tiny)


FLOAT32 = port_rounding(unit=2.0**-24, tiny=2.0**-126)


def double(array: np.ndarray) -> torch.Tensor:
    """Returns the same numbers as a float64 tensor of PyTorch."""
    return torch.from_numpy(array.astype(np.float64))


def rejected(got: np.ndarray, expected: np.ndarray, bound: np.ndarray) -> np.ndarray:
    """Returns where `got` is wrong; all three have one shape, and a NaN bound rejects."""
    if got.dtype in (np.bool_, np.int64):
        return got != expected
    with np.errstate(invalid="ignore"):
        near = np.abs(got - expected) <= bound
    same_class = np.isnan(got) & np.isnan(expected) | (got == expected)
    return ~np.where(np.isfinite(expected), np.isfinite(got) & near, same_class)


def wrong_places(got: Tensors, expected: Tensors, bounds: Tensors) -> list[str]:
    """Returns one sentence for each tensor of `expected` that `got` misses."""
    faults = []
    for name, right in expected.items():
        if name not in got:
            faults.append(f"{name} is missing")
            continue
        if got[name].shape != right.shape or got[name].dtype != right.dtype:
            faults.append(f"{name} is {got[name].dtype} {got[name].shape}, not {right.dtype} {right.shape}")
            continue
        wrong = rejected(got[name], right, np.broadcast_to(bounds[name], right.shape))
        if wrong.any():
            at = tuple(int(i) for i in np.argwhere(wrong)[0])
            faults.append(
                f"{name} differs at {int(wrong.sum())} of {right.size} places, first at {at}: "
                f"{got[name][at]!r} against {right[at]!r}"
            )
    return faults
