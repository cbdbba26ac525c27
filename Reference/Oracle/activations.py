"""Activations, element by element: ReLU, both GELUs, the logistic sigmoid and tanh."""

from collections.abc import Callable

import mpmath
import numpy as np
import torch

import exact
from agreement import MPMATH, PYTORCH_FLOAT64, double
from cases import Case, Draw, Tensors, defined, tensor
from exact import Number

TOPIC = "Activations"

BY_TORCH: dict[str, Callable[[torch.Tensor], torch.Tensor]] = {
    "identity": torch.nn.Identity(),
    "relu": torch.relu,
    "gelu": torch.nn.functional.gelu,
    "geluTanh": torch.nn.GELU(approximate="tanh"),
    "sigmoid": torch.sigmoid,
    "tanh": torch.tanh,
}


def gelu(x: Number) -> Number:
    """Returns x Φ(x), Φ the normal distribution's cumulative function.

    The error allows for x/2 (1 + erf(x/√2)), which most implementations compute: it is one of |x|, not of the result.
    """
    return x * exact.beside_one(exact.erfc(-x / exact.sqrt(Number(2))) / 2)


def gelu_tanh(x: Number) -> Number:
    """Returns x/2 (1 + tanh z) = x sigmoid(2z) with z = √(2/π) (x + 0.044715 x³); the error allows for both forms."""
    z = exact.sqrt(Number(2) / mpmath.pi) * (x + Number("0.044715") * x * x * x)
    return x * exact.beside_one(exact.sigmoid(2 * z))


BY_DEFINITION: dict[str, Callable[[Number], Number]] = {
    "identity": lambda x: x,
    "relu": exact.relu,
    "gelu": gelu,
    "geluTanh": gelu_tanh,
    "sigmoid": exact.sigmoid,
    "tanh": exact.tanh,
}


def activate_by_torch(case: Case) -> Tensors:
    """Returns the activation of x."""
    return {"output": BY_TORCH[case.attributes["activation"]](double(case.inputs["x"])).numpy()}


def activate(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns the activation of x."""
    return {"output": exact.each(BY_DEFINITION[case.attributes["activation"]], lift(case.inputs["x"]))}


FUNCTIONS = {"activate": defined(activate_by_torch, activate, (PYTORCH_FLOAT64, MPMATH))}

# The equations that use each activation.
IDS = {
    "identity": ("FFN-1",),
    "relu": ("FFN-1", "FFN-2", "FFN-3"),
    "gelu": ("VIT-2",),
    "geluTanh": ("VIT-2",),
    "sigmoid": ("LSTM-1",),
    "tanh": ("RNN-1", "ATT-8"),
}

# What an ordinary argument catches, and what an argument far from 0 catches.
PURPOSES = {
    "identity": ("No activation changes nothing.", "However large or small, a number stays."),
    "relu": ("Negative numbers become 0, the others stay.", "Neither a power nor a tail: only the sign counts."),
    "gelu": (
        "x Φ(x): the form with tanh differs by up to 5e-4 here.",
        "The tails: the result is x or almost 0, with an error of |x|, so that x/2 (1 + erf) will do.",
    ),
    "geluTanh": (
        "The approximation with tanh: x Φ(x) differs by up to 5e-4 here.",
        "The tails: the result is x or almost 0, with an error of |x|, so that x/2 (1 + tanh) will do.",
    ),
    "sigmoid": (
        "1 / (1 + e^(−x)): the sign of the exponent decides.",
        "e^x / (1 + e^x) is ∞/∞ from 88.73 on in float32, from 709.8 on in float64.",
    ),
    "tanh": (
        "The hyperbolic tangent, not the logistic sigmoid.",
        "(e^2x − 1) / (e^2x + 1) is ∞/∞ for large x, and cancels for small x.",
    ),
}
NONFINITE = {
    "identity": "NaN and infinities pass.",
    "relu": "NaN stays NaN, which a comparison written the wrong way turns into 0; −∞ becomes 0.",
    "gelu": "NaN stays NaN, ∞ stays, −∞ is −∞ · 0 and so NaN; a cube or square of 1e30 does no harm.",
    "geluTanh": "NaN stays NaN, ∞ stays, −∞ is −∞ · 0 and so NaN; the cube of 1e30 overflows float32 and does no harm.",
    "sigmoid": "NaN stays NaN, ∞ gives 1 and −∞ gives 0.",
    "tanh": "NaN stays NaN, ∞ gives 1 and −∞ gives −1.",
}

FAR = [
    1e-30, 1e-8, 1e-4, 0.0625, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 3.5, 4, 5, 5.5, 6, 7, 8.5, 9, 10, 12.5, 13, 14.25,
    17, 20, 30.5, 38, 39, 40, 44.5, 87, 88.5, 89, 103, 104, 400, 709, 710, 745, 746, 800,
]


def cases() -> list[Case]:
    """Returns every case of the topic."""
    return [case for activation in BY_TORCH for case in cases_of(activation)]


def cases_of(activation: str) -> list[Case]:
    """Returns the cases of one activation."""
    generic, far = PURPOSES[activation]
    inputs = [
        ("generic", generic, Draw(activation).normal(2, 3, 7, scale=2)),
        ("far", far, tensor([[-x for x in reversed(FAR)], FAR])),
        ("nonfinite", NONFINITE[activation], tensor([np.nan, 1, np.inf, -np.inf, 0, -0.0, 1e30, -1e30, -2, np.nan, 3])),
        ("empty", "No elements in, none out.", tensor([]).reshape(3, 0)),
    ]
    return [
        Case(f"{activation}-{id}", "activate", purpose, {"x": x}, IDS[activation], {"activation": activation})
        for id, purpose, x in inputs
    ]
