"""Softmax over the last dimension, p_j = e^x_j / Σ_k e^x_k, and its logarithm."""

from collections.abc import Callable, Sequence

import numpy as np
import torch

import exact
from agreement import MPMATH, PYTORCH_FLOAT64, double
from cases import Case, Draw, Function, Rounding, Tensors, tensor

TOPIC = "Softmax"


def softmax_by_torch(case: Case) -> Tensors:
    """Returns softmax of x: …×m."""
    return {"output": torch.softmax(double(case.inputs["x"]), dim=-1).numpy()}


def log_softmax_by_torch(case: Case) -> Tensors:
    """Returns log-softmax of x: …×m."""
    return {"output": torch.log_softmax(double(case.inputs["x"]), dim=-1).numpy()}


def softmax_exactly(case: Case) -> Tensors:
    """Returns softmax of x: …×m."""
    return {"output": by_rows(case.inputs["x"], exact.softmax)}


def log_softmax_exactly(case: Case) -> Tensors:
    """Returns log-softmax of x: …×m."""
    return {"output": by_rows(case.inputs["x"], exact.log_softmax)}


def by_rows(x: np.ndarray, function: Callable[[Sequence], list]) -> np.ndarray:
    """Returns the function of every row of x: …×m, rounded to float64."""
    result = exact.exact(x)
    for group in np.ndindex(x.shape[:-1]):
        result[group] = function(list(result[group]))
    return exact.rounded(result)


def below_maximum(x: np.ndarray) -> np.ndarray:
    """Returns max − x_j: …×m, with 0 where that is not finite."""
    x = x.astype(np.float64)
    with np.errstate(invalid="ignore"):
        gap = x.max(axis=-1, keepdims=True, initial=-np.inf) - x
    return np.where(np.isfinite(gap), gap, 0.0)


def weight_bounds(weights: np.ndarray, errors: np.ndarray, rounding: Rounding) -> np.ndarray:
    """Returns the bound of each weight p: …×m when every shifted score is wrong by `errors` at most.

    A score error e_j moves ln p_j by at most e_j, and the sum's logarithm by ln Σ p_k e^(e_k).
    """
    p = np.nan_to_num(weights)
    e = np.where(p > 0, errors, 0.0)
    common = np.log1p(np.sum(p * np.expm1(e), axis=-1, keepdims=True))
    own = rounding.dot(p.shape[-1]) + rounding.step
    return p * (np.expm1(e + common) + own) + rounding.tiny


def softmax_bounds(case: Case, expected: Tensors, rounding: Rounding) -> Tensors:
    """Returns the bound of each weight: …×m."""
    errors = rounding.step * below_maximum(case.inputs["x"])
    return {"output": weight_bounds(expected["output"], errors, rounding)}


def log_softmax_bounds(case: Case, expected: Tensors, rounding: Rounding) -> Tensors:
    """Returns the bound of each logarithm: …×m."""
    logs = np.nan_to_num(expected["output"], nan=0.0, neginf=0.0)
    p = np.where(np.isfinite(expected["output"]), np.exp(logs), 0.0)
    gap = below_maximum(case.inputs["x"])
    own = rounding.dot(p.shape[-1]) + rounding.step * np.sum(p * gap, axis=-1, keepdims=True)
    return {"output": rounding.step * (1 + gap + np.abs(logs)) + own + rounding.tiny}


FUNCTIONS = {
    "softmax": Function(
        first=softmax_by_torch,
        second=softmax_exactly,
        bounds=softmax_bounds,
        oracles=(PYTORCH_FLOAT64, MPMATH),
        tolerance=(
            "output p: with e_j = o * (max x - x_j) and E = ln sum_k p_k exp(e_k): "
            "p_j * (exp(e_j + E) - 1 + d(m) + o) + t; e_j = 0 where p_j = 0"
        ),
    ),
    "logSoftmax": Function(
        first=log_softmax_by_torch,
        second=log_softmax_exactly,
        bounds=log_softmax_bounds,
        oracles=(PYTORCH_FLOAT64, MPMATH),
        tolerance=(
            "output l: with g_j = max x - x_j and p_j = exp(l_j): "
            "o * (1 + g_j + |l_j| + sum_k p_k g_k) + d(m) + t"
        ),
    ),
}


def rows_in() -> list[tuple[str, str, np.ndarray]]:
    """Returns id, purpose and x: …×m of every case, the same for both functions."""
    infinity, nan = np.inf, np.nan
    gaps = [0, -0.5, -16, -87.25, -88, -102.5, -103, -103.5, -104, -104.5, -150]
    return [
        ("generic", "Rows of mixed sizes in three dimensions: the softmax is over the last.", Draw("generic").normal(2, 3, 5, scale=3)),
        ("square", "As many rows as columns: softmax over the other axis has the right shape here.", Draw("square").normal(7, 7, scale=2)),
        ("vector", "One row without leading dimensions.", Draw("vector").normal(11)),
        ("beyond-blocks", "A length that no vector width or block divides.", Draw("beyond-blocks").normal(3, 141, scale=2)),
        ("thousand", "A thousand terms of the same size: the sum's error grows with its depth.", Draw("thousand").uniform(1000, low=-1, high=1)),
        ("ninety-to-hundred", "Without the shift by the maximum e^x overflows float32 from 88.73 on.", Draw("ninety-to-hundred").uniform(4, 11, low=90, high=100)),
        ("minus-ninety-to-hundred", "Without the shift by the maximum every e^x is subnormal or 0 in float32.", Draw("minus-ninety-to-hundred").uniform(4, 11, low=-100, high=-90)),
        ("large-offset", "Without the shift by the maximum e^x overflows float64 too.", Draw("large-offset").normal(3, 9, scale=3, shift=3000)),
        ("gaps", "Gaps around 104: the weight is a subnormal number or 0 in float32, its logarithm an ordinary number (ERR-47).", tensor([gaps, [g + 104 for g in gaps], [0, *gaps[:-1]]])),
        ("double-gaps", "Gaps around 745: the weight is a subnormal number or 0 in float64.", tensor([[0, -700, -708.5, -740, -744, -745, -745.25, -746, -800]])),
        ("huge", "Near the largest float32: differences are finite, exponentials are not.", tensor([[1.5e38, -1.5e38, 1.4e38, 7, -2e30], [-1.5e38, -1.6e38, -1.5e38, -1.7e38, -1.6e38]])),
        ("minus-infinity", "Entries of −∞ have weight exactly 0 beside finite ones, wherever they stand.", minus_infinities()),
        ("nonfinite", "A row with +∞, with NaN or with −∞ alone is NaN throughout, and its neighbours are untouched.", tensor([
            [infinity, 0, 1], [0.5, -1, 2], [0, nan, 1], [3, -2, 0.25], [-infinity, -infinity, -infinity], [1, 0.125, -3],
            [-infinity, 0, -infinity], [infinity, -infinity, 0], [infinity, infinity, infinity], [nan, -infinity, 2], [0.75, 4, 1],
        ])),
        ("equal", "Equal entries share equally: 1/7 each, whatever their value.", tensor([[0] * 7, [88.5] * 7, [-1e30] * 7])),
        ("single-column", "A row of one entry has weight 1, unless that entry is not finite.", tensor([[3.5], [-200], [-infinity], [infinity], [nan]])),
        ("empty-rows", "Empty rows stay empty.", tensor([]).reshape(1, 0).repeat(3, axis=0)),
        ("no-rows", "No rows in, no rows out.", tensor([]).reshape(0, 5)),
    ]


def minus_infinities() -> np.ndarray:
    """Returns rows 5×7 with −∞ first, last, nearly everywhere, and nowhere."""
    x = Draw("minus-infinity").normal(5, 7, scale=2)
    x[0, 0] = x[1, 6] = -np.inf
    x[2, [0, 3, 4]] = x[3, [0, 1, 2, 3, 5, 6]] = -np.inf
    return x


def cases() -> list[Case]:
    """Returns every case of the topic; the logarithm's ids begin with `log-`."""
    ids = ("ATT-14", "ATT-3", "CLM-39", "CLM-40", "ERR-47")
    return [
        Case(prefix + id, function, purpose, {"x": x}, ids, {})
        for prefix, function in (("", "softmax"), ("log-", "logSoftmax"))
        for id, purpose, x in rows_in()
    ]
