"""Layer normalization of each row: (x − mean) / √(variance + ε), times the gain, plus the bias, and a second form."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

import exact
from agreement import MPMATH, PYTORCH_FLOAT64, double
from cases import Case, Draw, Tensors, defined
from exact import Number

TOPIC = "LayerNorm"

INSIDE = "epsilonInsideRoot"
OUTSIDE = "epsilonOutsideRoot"

PYTORCH_EPSILON = 1e-5
DOCUMENT_EPSILON = 1e-12


def layer_norm_by_torch(case: Case) -> Tensors:
    """Returns mean and variance …, and the rows …×d before and after gain and bias."""
    x, epsilon = double(case.inputs["x"]), case.attributes["epsilon"]
    gain = double(case.inputs["gain"])
    bias = double(case.inputs["bias"]) if "bias" in case.inputs else None
    d, inside = x.shape[-1], case.attributes["form"] == INSIDE
    mean = x.mean(dim=-1)
    # In a constant row every difference is 0: float64 adds the float32 numbers of these cases without error.
    differences = x - mean.unsqueeze(-1)
    # PyTorch's own variance warns of a division by 0.
    variance = differences.square().sum(dim=-1) / (d if inside else d - 1)
    if inside:
        normalized = torch.nn.functional.layer_norm(x, (d,), eps=epsilon)
        output = torch.nn.functional.layer_norm(x, (d,), gain, bias, epsilon)
    else:
        normalized = differences / (variance.sqrt().unsqueeze(-1) + epsilon)
        output = normalized * gain if bias is None else normalized * gain + bias
    results = {"mean": mean, "variance": variance, "normalized": normalized, "output": output}
    return {name: result.numpy() for name, result in results.items()}


def normalized_row(row: Sequence[Number], epsilon: float, form: str) -> tuple[Number, Number, list[Number]]:
    """Returns mean, variance and the row before gain and bias.

    The error allows for a mean that is rounded before it is subtracted. In a constant row it allows for nothing:
    there the differences are exactly 0, as they are when a row is first shifted by one of its elements.
    """
    n = len(row)
    mean = exact.divided(exact.total(row), n)
    constant = n > 0 and not min(row) < max(row)
    differences = [x - (row[0] if constant else mean) for x in row]
    squares = exact.total([c * c for c in differences])
    if form == INSIDE:
        variance = exact.divided(squares, n)
        divisor = exact.sqrt(variance + Number(epsilon))
    else:
        variance = exact.divided(squares, n - 1)
        divisor = exact.sqrt(variance) + Number(epsilon)
    return mean, variance, [exact.divided(c, divisor) for c in differences]


def layer_norm(x: np.ndarray, gain: np.ndarray, bias: np.ndarray | None, epsilon: float, form: str = INSIDE) -> Tensors:
    """Returns mean and variance …, and the rows …×d before and after gain and bias."""
    mean, variance = (np.empty(x.shape[:-1], dtype=object) for _ in range(2))
    normalized = np.empty(x.shape, dtype=object)
    for group in np.ndindex(x.shape[:-1]):
        mean[group], variance[group], normalized[group] = normalized_row(list(x[group]), epsilon, form)
    output = normalized * gain if bias is None else normalized * gain + bias
    return {"mean": mean, "variance": variance, "normalized": normalized, "output": output}


def layer_norm_defined(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns mean and variance …, and the rows …×d before and after gain and bias."""
    lifted = {name: lift(x) for name, x in case.inputs.items()}
    epsilon, form = case.attributes["epsilon"], case.attributes["form"]
    return layer_norm(lifted["x"], lifted["gain"], lifted.get("bias"), epsilon, form)


FUNCTIONS = {"layerNorm": defined(layer_norm_by_torch, layer_norm_defined, (PYTORCH_FLOAT64, MPMATH))}


def norm(
    id: str, purpose: str, x: np.ndarray, epsilon: float = PYTORCH_EPSILON, form: str = INSIDE,
    biased: bool = True, stored: tuple[str, ...] | None = None, ids: tuple[str, ...] = (),
) -> Case:
    """Returns the norm of the rows of x under a drawn gain and bias."""
    draw = Draw(f"{id} parameters")
    inputs = {"x": x, "gain": draw.normal(x.shape[-1], scale=0.5, shift=1)}
    if biased:
        inputs["bias"] = draw.normal(x.shape[-1])
    of_epsilon = "NRM-1" if epsilon == DOCUMENT_EPSILON else "NRM-2"
    return Case(id, "layerNorm", purpose, inputs, (of_epsilon, *ids), {"epsilon": epsilon, "form": form}, stored)


def constant_rows(d: int) -> np.ndarray:
    """Returns rows 4×d, each of one number, none of which float32 sums without error."""
    return np.repeat(np.array([[1000.1], [123.456], [-0.1], [3e7]], dtype=np.float32), d, axis=1)


def cases() -> list[Case]:
    """Returns every case of the topic."""
    constant = "A constant row gives exactly the bias: a mean that is off by one rounding is divided by √ε = 1e-6."
    rounded = ("normalized", "output")
    poisoned = Draw("nonfinite").normal(7, 5)
    poisoned[1, 2], poisoned[3, 0], poisoned[5, 4] = np.nan, np.inf, -np.inf
    return [
        norm("plain", "Rows in three dimensions, each with its own mean and variance.", Draw("plain").normal(2, 3, 7, scale=2, shift=1), ids=("CLM-18", "CLM-19")),
        norm("square", "As many rows as columns: the norm over the other axis has the right shape here.", Draw("square").normal(7, 7, scale=3)),
        norm("document", "ε = 1e-12: the variance of the result is 1.", Draw("document").normal(3, 2, 9), DOCUMENT_EPSILON, ids=("CLM-18",)),
        norm("unbiased", "An absent bias adds nothing.", Draw("unbiased").normal(4, 5), biased=False),
        norm("vector", "One row without leading dimensions.", Draw("vector").normal(11)),
        norm("short", "Two and three elements: dividing by N − 1 is far off here.", Draw("short").normal(5, 3)),
        norm("tiny", "Numbers of 1e-4: ε = 1e-5 is larger than their variance, and belongs inside of the root.", Draw("tiny").normal(3, 9, scale=1e-4), ids=("ERR-20",)),
        norm("tiny-document", "Numbers of 1e-4: with ε = 1e-12 the variance of the result is 0.9999.", Draw("tiny-document").normal(3, 9, scale=1e-4), DOCUMENT_EPSILON),
        norm("small-variance", "A variance of 1e-4 beside ε = 1e-5: leaving ε out is off by 5 %.", Draw("small-variance").normal(3, 9, scale=1e-2, shift=0.5)),
        norm("large-mean", "Mean 1e4, deviation 1: the mean of squares minus the square of the mean cancels in float32.", Draw("large-mean").normal(3, 7, shift=1e4)),
        norm("large-mean-document", "The same with ε = 1e-12.", Draw("large-mean-document").normal(3, 7, shift=-1e4), DOCUMENT_EPSILON),
        norm("large", "Squares of 1e15 are within float32, those of their sum as well.", Draw("large").normal(3, 5, scale=1e15)),
        norm("beyond-blocks", "A row that no vector width divides.", Draw("beyond-blocks").normal(2, 131, scale=3, shift=-2)),
        norm("constant", constant, constant_rows(7), DOCUMENT_EPSILON, ids=("ERR-20",)),
        norm("constant-wide", constant, constant_rows(95), DOCUMENT_EPSILON, ids=("ERR-20",)),
        norm("constant-pytorch", "A constant row gives exactly the bias, with ε = 1e-5 too.", constant_rows(95), ids=("ERR-20",)),
        norm("constant-without-epsilon", "A constant row without ε is 0/0.", constant_rows(5), 0.0),
        norm("without-epsilon", "ε = 0, the norm of Ba, Kiros and Hinton 2016.", Draw("without-epsilon").normal(4, 9), 0.0),
        norm("width-one", "One element is its own mean: the bias is left.", Draw("width-one").normal(4, 1)),
        norm("outside", "ε is added to the deviation, whose sum is divided by N − 1.", Draw("outside").normal(2, 3, 7, scale=2, shift=1), 1e-6, OUTSIDE),
        norm("outside-tiny", "Numbers of 1e-4 and ε = 1e-5: inside and outside of the root differ by a factor of 30.", Draw("outside-tiny").normal(3, 9, scale=1e-4), PYTORCH_EPSILON, OUTSIDE),
        norm("outside-constant", "A constant row gives exactly the bias.", constant_rows(5), 1e-6, OUTSIDE),
        norm("outside-width-one", "One element has no deviation with N − 1: 0/0.", Draw("outside-width-one").normal(4, 1), 1e-6, OUTSIDE),
        norm("nonfinite", "A row with NaN or an infinity is NaN throughout, and its neighbours are untouched.", poisoned, stored=rounded),
        norm("outside-nonfinite", "A row with NaN or an infinity is NaN throughout, and its neighbours are untouched.", poisoned.copy(), 1e-6, OUTSIDE, stored=rounded),
        norm("zero-width", "Empty rows stay empty.", Draw("zero-width").normal(3, 0), stored=rounded),
        norm("no-rows", "No rows in, no rows out.", Draw("no-rows").normal(0, 5)),
    ]
