"""Convolution over positions, and how far a stack of convolutions sees."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import exact
from agreement import DEFINITION, MPMATH, PYTORCH_FLOAT64, double
from cases import Case, Draw, Tensors, defined

TOPIC = "Convolution"


def zeros_around(case: Case) -> tuple[int, int]:
    """Returns how many zeros stand before the first position and after the last one."""
    padding = case.attributes["padding"]
    reach = case.attributes["dilation"] * (case.inputs["weight"].shape[-1] - 1)
    match padding["kind"]:
        case "zeros":
            return padding["left"], padding["right"]
        case "causal":
            return reach, 0
        case "same":
            return reach // 2, reach - reach // 2
    raise ValueError(f"unknown padding {padding}")


EXTENTS = ("kernels", "strides", "dilations")


def layers_of(case: Case) -> list[tuple[int, int, int]]:
    """Returns kernel, stride and dilation of each layer."""
    return list(zip(*(case.inputs[name].tolist() for name in EXTENTS), strict=True))


# First source: PyTorch's own convolution.


def convolution_by_torch(case: Case) -> Tensors:
    """Returns the convolution …×t'×outputs of x …×t×inputs."""
    x, weight = double(case.inputs["x"]), double(case.inputs["weight"])
    bias = double(case.inputs["bias"]) if "bias" in case.inputs else None
    stride, dilation = case.attributes["stride"], case.attributes["dilation"]
    padded = torch.nn.functional.pad(x, (0, 0, *zeros_around(case)))
    channels = padded[None].flatten(0, -3).transpose(-1, -2)
    if channels.numel() > 0 and weight.numel() > 0:
        y = torch.nn.functional.conv1d(channels, weight, bias, stride, dilation=dilation)
    else:
        # PyTorch refuses empty operands: the positions of each kernel element, side by side, through einsum.
        count = (channels.shape[-1] - dilation * (weight.shape[-1] - 1) - 1) // stride + 1
        seen = torch.arange(count)[:, None] * stride + torch.arange(weight.shape[-1]) * dilation
        y = torch.einsum("ock,gctk->got", weight, channels[:, :, seen])
        y = y if bias is None else y + bias[:, None]
    return {"output": y.transpose(-1, -2).reshape(*x.shape[:-2], y.shape[-1], len(weight)).numpy()}


def field_by_torch(case: Case) -> Tensors:
    """Returns the receptive field: over how many positions the gradient of one result spreads."""
    layers = layers_of(case)
    length = 1
    for kernel, stride, dilation in reversed(layers):
        length = (length - 1) * stride + dilation * (kernel - 1) + 1
    # More positions than needed: those beyond the last result's must have no gradient.
    x = torch.ones(1, 1, length + 5, dtype=torch.float64, requires_grad=True)
    y = x
    for kernel, stride, dilation in layers:
        ones = torch.ones(1, 1, kernel, dtype=torch.float64)
        y = torch.nn.functional.conv1d(y, ones, None, stride, dilation=dilation)
    y[0, 0, 0].backward()
    touched = np.flatnonzero(x.grad.numpy())
    return {"output": np.array(touched[-1] - touched[0] + 1, dtype=np.int64)}


# Second source: the definition.


def convolution(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns Σ_j W_j x_(t·stride + j·dilation − left) + b: …×t'×outputs."""
    lifted = {name: lift(values) for name, values in case.inputs.items()}
    x, weight, bias = lifted["x"], lifted["weight"], lifted.get("bias")
    stride, dilation = case.attributes["stride"], case.attributes["dilation"]
    (left, right), (outputs, inputs, kernel), length = zeros_around(case), weight.shape, x.shape[-2]
    results = (left + length + right - dilation * (kernel - 1) - 1) // stride + 1
    y = np.empty((*x.shape[:-2], results, outputs), dtype=object)
    for *group, t, o in np.ndindex(y.shape):
        seen = [(j, t * stride + j * dilation - left) for j in range(kernel)]
        terms = [
            weight[o, c, j] * x[(*group, at, c)] for j, at in seen if 0 <= at < length for c in range(inputs)
        ]
        # The empty sum is a number of the same kind as the others.
        total = exact.total(terms) if terms else lift(np.zeros(1))[0]
        y[(*group, t, o)] = total if bias is None else total + bias[o]
    return {"output": y}


def field(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns the receptive field: the positions that one result depends on, layer by layer backwards."""
    seen = {0}
    for kernel, stride, dilation in reversed(layers_of(case)):
        seen = {at * stride + j * dilation for at in seen for j in range(kernel)}
    return {"output": np.array(max(seen) - min(seen) + 1, dtype=np.int64)}


FUNCTIONS = {
    "convolution": defined(convolution_by_torch, convolution, (PYTORCH_FLOAT64, MPMATH)),
    "receptiveField": defined(field_by_torch, field, (PYTORCH_FLOAT64, DEFINITION)),
}


def zeros(left: int, right: int) -> dict[str, Any]:
    """Returns the padding of so many zeros on either side."""
    return {"kind": "zeros", "left": left, "right": right}


CAUSAL: dict[str, Any] = {"kind": "causal"}
SAME: dict[str, Any] = {"kind": "same"}


def convolved(
    id: str, purpose: str, x: tuple[int, ...] = (2, 11, 3), outputs: int = 5, kernel: int = 4, stride: int = 1,
    dilation: int = 1, padding: dict[str, Any] | None = None, biased: bool = True,
) -> Case:
    """Returns the convolution of a drawn x: …×t×inputs under drawn parameters."""
    draw = Draw(id)
    inputs = {"x": draw.normal(*x), "weight": draw.normal(outputs, x[-1], kernel, scale=0.5)}
    if biased:
        inputs["bias"] = draw.normal(outputs)
    attributes = {"stride": stride, "dilation": dilation, "padding": padding or zeros(0, 0)}
    return Case(id, "convolution", purpose, inputs, ("CNN-1", "CLM-60", "ERR-32"), attributes)


def stack(id: str, purpose: str, *layers: tuple[int, int, int]) -> Case:
    """Returns the receptive field of layers, each a kernel, a stride and a dilation."""
    columns = np.array(layers, dtype=np.int64).reshape(-1, 3).T
    inputs = dict(zip(EXTENTS, columns, strict=True))
    return Case(id, "receptiveField", purpose, inputs, ("CNN-1",), {})


def cases() -> list[Case]:
    """Returns every case of the topic."""
    poisoned = convolved("nonfinite", "NaN and an infinity reach those results alone that see them.", (2, 9, 3), kernel=3, padding=zeros(1, 1))
    poisoned.inputs["x"][0, 4, 1] = np.nan
    poisoned.inputs["x"][1, 0, 2] = np.inf
    return [
        convolved("plain", "A kernel of 4 over 11 positions; no two extents alike. The kernel is not reversed."),
        convolved("cube", "Inputs, outputs and kernel alike: a weight with any two of its extents exchanged has the right shape here.", (2, 7, 3), 3, 3),
        convolved("rank-two", "One sequence without leading dimensions.", (7, 3)),
        convolved("two-leading", "Two leading dimensions, each sequence by itself.", (2, 3, 5, 2), 3, 2),
        convolved("without-bias", "No bias.", biased=False),
        convolved("pointwise", "A kernel of 1 is the same affine map at every position.", (2, 5, 3), 7, 1),
        convolved("whole", "The kernel is as long as the sequence: a single result.", (3, 4, 2), kernel=4),
        convolved("stride", "Every third position begins a result, and the last two positions begin none.", (2, 15, 3), stride=3),
        convolved("dilation", "The kernel sees every second position.", (2, 13, 3), kernel=3, dilation=2),
        convolved("padding", "Two zeros before and one after.", padding=zeros(2, 1)),
        convolved("padding-right", "No zeros before and three after.", padding=zeros(0, 3)),
        convolved("padding-beyond-kernel", "More zeros than the kernel is long: the outermost results are the bias.", (2, 3, 2), 3, 2, padding=zeros(3, 4)),
        convolved("causal", "No result sees a later position.", kernel=3, padding=CAUSAL),
        convolved("causal-dilated", "Zeros for the dilated kernel, not for its elements alone.", kernel=3, dilation=3, padding=CAUSAL),
        convolved("same-odd", "As many results as positions, the kernel centred.", (2, 7, 3), kernel=5, padding=SAME),
        convolved("same-even", "The odd zero stands after the sequence.", (2, 7, 3), kernel=4, padding=SAME),
        convolved("same-dilated", "Half of the dilated kernel's reach on each side.", (2, 7, 3), kernel=4, dilation=3, padding=SAME),
        convolved("everything", "Stride, dilation and unequal padding at once.", (2, 17, 3), kernel=3, stride=2, dilation=3, padding=zeros(4, 2)),
        convolved("beyond-blocks", "No extent is a multiple of a block, and each is longer than one.", (37, 17), 19, 5, padding=CAUSAL),
        convolved("no-sequences", "No sequences in, none out.", (0, 5, 3)),
        convolved("no-positions", "Zeros alone: every result is the bias.", (2, 0, 3), kernel=3, padding=zeros(2, 2)),
        convolved("no-inputs", "Without inputs every result is the bias.", (2, 5, 0), kernel=2),
        convolved("no-outputs", "Without outputs the positions are left.", (2, 5, 3), 0, 2),
        poisoned,
        stack("field-of-none", "Without layers a position sees itself."),
        stack("field-of-one", "One layer sees its kernel.", (3, 1, 1)),
        stack("field-of-four", "1 + 4 · (3 − 1) = 9.", *[(3, 1, 1)] * 4),
        stack("field-dilated", "Dilations that double: 1 + (2 − 1) · (1 + 2 + 4 + 8).", *[(2, 1, 2**l) for l in range(4)]),
        stack("field-strided", "A stride widens the step of all later layers, not its own.", (5, 3, 1), (3, 2, 1), (4, 1, 2)),
    ]
