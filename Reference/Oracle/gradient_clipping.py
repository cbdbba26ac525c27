"""Clipping by the global norm: all gradients times min(1, maximum / (norm + ε))."""

from collections.abc import Callable

import numpy as np
import torch

import exact
from agreement import MPMATH, PYTORCH_FLOAT64, double
from cases import Case, Draw, Tensors, defined, tensor

TOPIC = "GradientClipping"

# What PyTorch adds to the norm.
PYTORCH_EPSILON = 1e-6


def clipped_by_torch(case: Case) -> Tensors:
    """Returns the norm of all gradients, what they are multiplied by, and the products."""
    maximum, epsilon = case.attributes["maximumNorm"], case.attributes["epsilon"]
    parameters = [torch.nn.Parameter(torch.zeros(x.shape, dtype=torch.float64)) for x in case.inputs.values()]
    for parameter, gradient in zip(parameters, case.inputs.values(), strict=True):
        parameter.grad = double(gradient)
    if epsilon == PYTORCH_EPSILON:
        norm = torch.nn.utils.clip_grad_norm_(parameters, maximum)
    else:
        norm = torch.linalg.vector_norm(torch.cat([parameter.grad.flatten() for parameter in parameters]))
    coefficient = (maximum / (norm + epsilon)).clamp(max=1.0)
    if epsilon != PYTORCH_EPSILON:
        for parameter in parameters:
            parameter.grad *= coefficient
    outputs = {f"output{at}": parameter.grad.numpy() for at, parameter in enumerate(parameters)}
    return {"norm": norm.numpy(), "coefficient": coefficient.numpy()} | outputs


def clipped(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns the norm of all gradients, what they are multiplied by, and the products."""
    gradients, one = [lift(x) for x in case.inputs.values()], lift(np.ones(()))[()]
    maximum, epsilon = (exact.setting(case.attributes[name], one) for name in ("maximumNorm", "epsilon"))
    norm = exact.sqrt(exact.of_kind(exact.total([x * x for gradient in gradients for x in gradient.flat]), one))
    coefficient = exact.divided(maximum, norm + epsilon)
    if coefficient > 1:
        coefficient = one
    outputs = {f"output{at}": exact.each(lambda x: x * coefficient, gradient) for at, gradient in enumerate(gradients)}
    return {name: np.array(x, dtype=object) for name, x in (("norm", norm), ("coefficient", coefficient))} | outputs


FUNCTIONS = {"clippedGradients": defined(clipped_by_torch, clipped, (PYTORCH_FLOAT64, MPMATH))}

# The shapes of a weight, a bias and a table, no two alike.
SHAPES = ((3, 5), (3,), (2, 2, 2))


def drawn(id: str, scale: float = 1.0) -> list[np.ndarray]:
    """Returns gradients of three shapes, the later ones smaller."""
    draw = Draw(id)
    return [draw.normal(*shape, scale=scale / 2**at) for at, shape in enumerate(SHAPES)]


def clipping(
    id: str, purpose: str, gradients: list[np.ndarray], maximum: float, epsilon: float = PYTORCH_EPSILON
) -> Case:
    """Returns gradients to be clipped."""
    inputs = {f"gradient{at}": gradient for at, gradient in enumerate(gradients)}
    return Case(id, "clippedGradients", purpose, inputs, ("OPT-3",), {"maximumNorm": maximum, "epsilon": epsilon})


def cases() -> list[Case]:
    """Returns every case of the topic."""
    nan, infinity = np.nan, np.inf
    ordinary = drawn("ordinary")
    return [
        clipping("clipped", "One norm over all tensors, not one for each.", ordinary, 1.0),
        clipping("not-clipped", "Gradients that are short enough stay as they are; none is made longer.", ordinary, 20.0),
        clipping("halved", "The norm is not squared, and the result is not of length 1.", ordinary, 2.5),
        clipping("without-epsilon", "Pascanu et al.: the norm of the result is the maximum itself.", ordinary, 1.0, 0.0),
        clipping("small", "Gradients of the size of ε, which shortens them more than is needed.", drawn("small", 2.0**-20), 2.0**-20),
        clipping("small-without-epsilon", "The same without ε.", drawn("small", 2.0**-20), 2.0**-20, 0.0),
        clipping("large", "Squares that overflow in float32 do not make the norm infinite.", drawn("large", 1e30), 1.0),
        clipping("tiny", "Squares that vanish in float32 do not make the norm 0.", drawn("tiny", 1e-25), 1e-26, 0.0),
        clipping("zero", "Gradients of 0 stay so.", [np.zeros((2, 3), np.float32), np.zeros(2, np.float32)], 1.0),
        clipping("zero-without-epsilon", "1 / 0 is above 1: they stay so without ε, too.", [np.zeros(3, np.float32)], 1.0, 0.0),
        clipping("to-zero", "A maximum of 0 leaves nothing.", ordinary, 0.0),
        clipping("infinite", "An infinite norm makes finite gradients 0, and infinite ones NaN.", [tensor([[1, infinity], [-2, 0]]), tensor([3, -infinity])], 1.0),
        clipping("nan", "NaN in one gradient makes all NaN, short as they may be.", [tensor([0.25, nan]), tensor([[0.125]])], 1.0),
        clipping("nan-and-infinite", "NaN goes before infinity.", [tensor([infinity, nan, 1])], 1.0),
        clipping("nan-and-zero", "NaN goes before 0.", [tensor([0, nan])], 1.0),
        clipping("no-numbers", "No numbers have the norm 0.", [np.zeros((0, 3), np.float32)], 1.0),
    ]
