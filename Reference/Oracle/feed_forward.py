"""The position-wise feed-forward network: W₂ · dropout(activation(W₁ x + b₁)) + b₂."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import activations
import exact
from agreement import MPMATH, PYTORCH_FLOAT64, double
from cases import Case, Draw, Tensors, defined
from dropout import dropped, dropped_by_index

TOPIC = "FeedForward"


def feed_forward_by_torch(case: Case) -> Tensors:
    """Returns the inner activations …×dFF before dropout, and the output …×d'."""
    lifted = {name: double(x) for name, x in case.inputs.items()}
    linear = torch.nn.functional.linear
    activation = activations.BY_TORCH[case.attributes["activation"]]
    inner = activation(linear(lifted["x"], lifted["innerWeight"], lifted.get("innerBias")))
    kept = double(dropped_by_index(inner.numpy(), case.attributes))
    return {"inner": inner.numpy(), "output": linear(kept, lifted["outerWeight"], lifted.get("outerBias")).numpy()}


def feed_forward(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns the inner activations …×dFF before dropout, and the output …×d'."""
    lifted = {name: lift(x) for name, x in case.inputs.items()}
    activation = activations.BY_DEFINITION[case.attributes["activation"]]
    inner = exact.each(activation, exact.affine(lifted["x"], lifted["innerWeight"], lifted.get("innerBias")))
    kept = dropped(inner, case.attributes)
    return {"inner": inner, "output": exact.affine(kept, lifted["outerWeight"], lifted.get("outerBias"))}


FUNCTIONS = {"feedForward": defined(feed_forward_by_torch, feed_forward, (PYTORCH_FLOAT64, MPMATH))}


def network(
    id: str, purpose: str, x: tuple[int, ...] = (2, 3, 5), inner: int = 11, outputs: int = 7, activation: str = "relu",
    biased: tuple[str, ...] = ("inner", "outer"), scale: float = 0.5, **dropout: Any,
) -> Case:
    """Returns the network of a drawn x: …×d under drawn parameters."""
    draw = Draw(id)
    inputs = {"x": draw.normal(*x)}
    for name, extents in (("inner", (inner, x[-1])), ("outer", (outputs, inner))):
        inputs[f"{name}Weight"] = draw.normal(*extents, scale=scale)
        if name in biased:
            inputs[f"{name}Bias"] = draw.normal(extents[0])
    attributes = {"activation": activation, **dropout}
    return Case(id, "feedForward", purpose, inputs, ("FFN-1", "FFN-2", "FFN-3", "CLM-37"), attributes)


def cases() -> list[Case]:
    """Returns every case of the topic."""
    poisoned = network("nonfinite", "NaN stays in its row, and ReLU keeps it.", (3, 4))
    poisoned.inputs["x"][1, 2] = np.nan
    return [
        network("plain", "Two maps with ReLU between them and none after them; no two extents alike."),
        network("square", "Every weight square: a transposed one has the right shape here, and so have the two swapped.", (3, 7), 7, 7),
        network("beyond-blocks", "No extent is a multiple of a block, and each is longer than one.", (5, 13), 67, 17),
        network("vector", "One row without leading dimensions.", (5,)),
        network("without-inner-bias", "Only the outer map has a bias.", biased=("outer",)),
        network("without-outer-bias", "Only the inner map has a bias.", biased=("inner",)),
        network("identity", "Without an activation the network is one affine map.", activation="identity"),
        network("gelu", "GELU with erf between the maps.", activation="gelu"),
        network("gelu-tanh", "GELU with tanh between the maps.", activation="geluTanh"),
        network("sigmoid", "The logistic sigmoid between the maps.", activation="sigmoid"),
        network("tanh", "tanh between the maps.", activation="tanh"),
        network("dropout", "Dropout stands between activation and outer map.", probability=0.1, seed=41),
        network("dropout-half", "Half of the inner activations are dropped, the others doubled.", (3, 7), 7, 7, probability=0.5, seed=42),
        network("dropout-gelu", "Dropout after GELU.", activation="gelu", probability=0.5, seed=43),
        network("dropout-all", "p = 1 leaves the outer bias.", probability=1.0, seed=44),
        network("zero-inner", "Without inner units only the outer bias is left.", (3, 5), 0, 4),
        network("no-rows", "No rows in, no rows out.", (0, 5)),
        poisoned,
    ]
