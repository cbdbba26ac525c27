"""The residual connection x + F(x), and where the norm stands: after the sum or before F."""

from collections.abc import Callable

import numpy as np
import torch

import exact
from agreement import MPMATH, PYTORCH_FLOAT64, double
from cases import Case, Draw, Tensors, defined
from dropout import dropped, dropped_by_index
from layer_norm import DOCUMENT_EPSILON, PYTORCH_EPSILON, layer_norm

TOPIC = "Residual"

POST, PRE, NONE = "postNorm", "preNorm", "none"


def residual_by_torch(case: Case) -> Tensors:
    """Returns the sublayer's result, F(x) = relu(x Wᵀ + b), and the output, both …×d."""
    lifted = {name: double(x) for name, x in case.inputs.items()}
    x, placement = lifted["x"], case.attributes["placement"]

    def normed(y: torch.Tensor) -> torch.Tensor:
        gain, bias, epsilon = lifted["gain"], lifted["normBias"], case.attributes["epsilon"]
        return torch.nn.functional.layer_norm(y, y.shape[-1:], gain, bias, epsilon)

    entering = normed(x) if placement == PRE else x
    sublayer = torch.relu(torch.nn.functional.linear(entering, lifted["weight"], lifted["bias"]))
    total = x + double(dropped_by_index(sublayer.numpy(), case.attributes))
    output = normed(total) if placement == POST else total
    return {"sublayer": sublayer.numpy(), "output": output.numpy()}


def residual(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns the sublayer's result, F(x) = relu(x Wᵀ + b), and the output, both …×d."""
    lifted = {name: lift(x) for name, x in case.inputs.items()}
    x, placement = lifted["x"], case.attributes["placement"]

    def normed(y: np.ndarray) -> np.ndarray:
        return layer_norm(y, lifted["gain"], lifted["normBias"], case.attributes["epsilon"])["output"]

    entering = normed(x) if placement == PRE else x
    sublayer = exact.each(exact.relu, exact.affine(entering, lifted["weight"], lifted["bias"]))
    total = x + dropped(sublayer, case.attributes)
    return {"sublayer": sublayer, "output": normed(total) if placement == POST else total}


FUNCTIONS = {"residual": defined(residual_by_torch, residual, (PYTORCH_FLOAT64, MPMATH))}

IDS = {NONE: ("RES-1",), POST: ("RES-1", "RES-2"), PRE: ("RES-1", "RES-3")}


def connection(
    id: str, purpose: str, placement: str, x: tuple[int, ...] = (2, 3, 7),
    epsilon: float = PYTORCH_EPSILON, shift: float = 0, **dropout: float,
) -> Case:
    """Returns the residual connection of a drawn x: …×d around relu(x Wᵀ + b), and its norm unless there is none."""
    draw = Draw(id)
    d = x[-1]
    inputs = {"x": draw.normal(*x, shift=shift), "weight": draw.normal(d, d, scale=0.5), "bias": draw.normal(d)}
    attributes: dict[str, str | float] = {"placement": placement, **dropout}
    if placement != NONE:
        inputs |= {"gain": draw.normal(d, scale=0.5, shift=1), "normBias": draw.normal(d)}
        attributes["epsilon"] = epsilon
    return Case(id, "residual", purpose, inputs, IDS[placement], attributes)


def cases() -> list[Case]:
    """Returns every case of the topic."""
    poisoned = connection("nonfinite", "NaN stays in its row.", POST, (4, 5))
    poisoned.inputs["x"][2, 1] = np.nan
    return [
        connection("none", "x is added to F(x) once, before no norm.", NONE),
        connection("none-vector", "One row without leading dimensions.", NONE, (9,)),
        connection("post-norm", "The norm of the sum, and no sum with a norm.", POST, shift=1),
        connection("post-norm-document", "The norm of the sum with ε = 1e-12.", POST, (3, 2, 9), DOCUMENT_EPSILON),
        connection("pre-norm", "The norm enters F alone: what is added is x itself.", PRE, shift=1),
        connection("pre-norm-document", "The norm with ε = 1e-12 enters F alone.", PRE, (3, 2, 9), DOCUMENT_EPSILON),
        connection("square", "As many rows as columns: a norm over the other axis has the right shape here.", POST, (7, 7)),
        connection("post-norm-dropout", "What the sublayer gives is dropped before the sum, x is not.", POST, (3, 2, 5), probability=0.5, seed=51),
        connection("pre-norm-dropout", "What the sublayer gives is dropped, not what enters it.", PRE, (3, 2, 5), probability=0.1, seed=52),
        connection("no-rows", "No rows in, no rows out.", PRE, (0, 5)),
        poisoned,
    ]
