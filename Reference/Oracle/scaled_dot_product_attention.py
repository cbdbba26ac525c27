"""Scaled dot-product attention, softmax(q kᵀ · factor + mask) v, and its self and cross forms."""

from collections.abc import Mapping
from typing import Any

import numpy as np
import torch

import exact
from agreement import MPMATH, PYTORCH_FLOAT64, double
from attention_cases import cases  # noqa: F401, the topic's cases
from attention_mask import fill_magnitude, hidden_score
from cases import Case, Function, Rounding, Tensors
from matrix_product import affine_bound, magnitude
from softmax import below_maximum, weight_bounds

TOPIC = "ScaledDotProductAttention"

# First source: PyTorch in float64.


def attention_by_torch(case: Case) -> Tensors:
    """Returns scores, masked scores, weights …×n×m and output …×n×dv."""
    q, k, v = (double(case.inputs[name]) for name in ("queries", "keys", "values"))
    return attend_by_torch(q, k, v, **mask_of(case))


def mask_of(case: Case) -> dict[str, Any]:
    """Returns the attributes, the keep mask and the bias that an attention takes from its case."""
    return {"attributes": case.attributes, "keep": case.inputs.get("keep"), "bias": case.inputs.get("bias")}


def attend_by_torch(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    attributes: Mapping[str, Any],
    keep: np.ndarray | None = None,
    bias: np.ndarray | None = None,
) -> Tensors:
    """Returns the four tensors for q: …×n×dk, k: …×m×dk, v: …×m×dv under the mask."""
    fill = attributes["fill"]
    raw = torch.matmul(q, k.transpose(-2, -1))
    divided_by = divisor(attributes["scale"], k.shape[-1])
    scores = raw / divided_by
    visible = visible_by_torch(attributes, keep, bias, scores.shape)
    biased = scores if bias is None else scores + double(bias)
    if fill["kind"] == "excluded":
        masked = biased.masked_fill(~visible, -torch.inf)
        weights = torch.softmax(masked, dim=-1).masked_fill(~visible, 0.0)
        output = output_of_visible(q, k, v, weights, visible, bias, divided_by)
    elif fill["kind"] == "replacedBeforeScaling" and bias is not None:
        raise ValueError("a bias beside a fill before the scaling has no agreed meaning")
    else:
        masked = filled_by_torch(biased, raw, visible, fill, divided_by)
        weights = torch.softmax(masked, dim=-1)
        output = torch.matmul(weights, v)
    results = {"scores": scores, "maskedScores": masked, "weights": weights, "output": output}
    return {name: result.numpy() for name, result in results.items()}


def divisor(scale: dict[str, Any], dk: int) -> float:
    """Returns what scores are divided by; keys of width 0 leave nothing to scale."""
    match scale["kind"]:
        case "rootKeyWidth":
            return float(np.sqrt(dk)) if dk > 0 else 1.0
        case "rootModelWidth":
            return float(np.sqrt(scale["width"]))
        case "factor":
            return 1.0 / scale["value"]
    raise ValueError(f"unknown scale {scale}")


def visible_by_torch(
    attributes: Mapping[str, Any], keep: np.ndarray | None, bias: np.ndarray | None, shape: torch.Size
) -> torch.Tensor:
    """Returns where a query sees a key: …×n×m."""
    visible = torch.ones(shape, dtype=torch.bool)
    if "causalOffset" in attributes:
        visible = visible.tril(diagonal=attributes["causalOffset"])
    if keep is not None:
        visible = visible & torch.from_numpy(keep)
    if bias is not None and attributes["fill"]["kind"] == "excluded":
        visible = visible & (double(bias) != -torch.inf)
    return visible


def filled_by_torch(
    biased: torch.Tensor, raw: torch.Tensor, visible: torch.Tensor, fill: dict[str, Any], divided_by: float
) -> torch.Tensor:
    """Returns the scores …×n×m with one of the literal fills in the hidden places."""
    match fill["kind"]:
        case "replaced":
            return biased.masked_fill(~visible, fill["value"])
        case "replacedBeforeScaling":
            return raw.masked_fill(~visible, fill["value"]) / divided_by
        case "added":
            return torch.where(visible, biased, biased + fill["value"])
    raise ValueError(f"unknown fill {fill}")


def output_of_visible(
    q: torch.Tensor,
    k: torch.Tensor,
    v: torch.Tensor,
    weights: torch.Tensor,
    visible: torch.Tensor,
    bias: np.ndarray | None,
    divided_by: float,
) -> torch.Tensor:
    """Returns Σ over visible keys of weight · value: …×n×dv.

    PyTorch's own attention answers where it can: on finite numbers and at least one key and element.
    With NaN or infinity in an operand, each query gathers the keys that it sees.
    """
    if all(bool(torch.isfinite(x).all()) for x in (q, k, v)) and weights.numel() > 0 and q.shape[-1] > 0 and v.shape[-1] > 0:
        mask = torch.zeros(weights.shape, dtype=torch.float64) + (0 if bias is None else double(bias))
        return torch.nn.functional.scaled_dot_product_attention(
            q, k, v, attn_mask=mask.masked_fill(~visible, -torch.inf), scale=1.0 / divided_by
        )
    output = torch.zeros(*weights.shape[:-1], v.shape[-1], dtype=torch.float64)
    for row in np.ndindex(weights.shape[:-1]):
        seen = visible[row]
        output[row] = weights[row][seen] @ v[row[:-1]][seen]
    return output


def self_attention_by_torch(case: Case) -> Tensors:
    """Returns queries, keys and values of x: b×n×d, and what attention makes of them."""
    return projected_by_torch(case, case.inputs["x"], case.inputs["x"])


def cross_attention_by_torch(case: Case) -> Tensors:
    """Returns queries of x: b×n×d, keys and values of the memory: b×m×d', and their attention."""
    return projected_by_torch(case, case.inputs["x"], case.inputs["memory"])


def projected_by_torch(case: Case, x: np.ndarray, memory: np.ndarray) -> Tensors:
    """Returns the projections and the four tensors of their attention."""
    q, k, v = (
        torch.nn.functional.linear(
            double(source),
            double(case.inputs[f"{name}Weight"]),
            double(case.inputs[f"{name}Bias"]) if f"{name}Bias" in case.inputs else None,
        )
        for name, source in (("query", x), ("key", memory), ("value", memory))
    )
    projections = {"queries": q.numpy(), "keys": k.numpy(), "values": v.numpy()}
    return projections | attend_by_torch(q, k, v, **mask_of(case))


# Second source: the definition, query by query, with 50 digits.


def attention_exactly(case: Case) -> Tensors:
    """Returns scores, masked scores, weights …×n×m and output …×n×dv."""
    q, k, v = (exact.exact(case.inputs[name]) for name in ("queries", "keys", "values"))
    return rounded(attended(q, k, v, **mask_of(case)))


def rounded(results: Tensors) -> Tensors:
    """Returns each tensor of numbers rounded to float64."""
    return {name: exact.rounded(result) for name, result in results.items()}


def attended(
    q: np.ndarray,
    k: np.ndarray,
    v: np.ndarray,
    attributes: Mapping[str, Any],
    keep: np.ndarray | None = None,
    bias: np.ndarray | None = None,
) -> Tensors:
    """Returns the four tensors of numbers for q: …×n×dk, k: …×m×dk, v: …×m×dv under the mask."""
    leading, n, m, dv = q.shape[:-2], q.shape[-2], k.shape[-2], v.shape[-1]
    factor = exact_factor(attributes["scale"], k.shape[-1])
    shape = (*leading, n, m)
    keep, bias = laid_over(keep, shape), laid_over(bias, shape)
    fill = attributes["fill"]
    excludes = fill["kind"] == "excluded"
    scores, masked, weights = (np.empty(shape, dtype=object) for _ in range(3))
    output = np.empty((*leading, n, dv), dtype=object)
    for query in np.ndindex(*leading, n):
        group, i = query[:-1], query[-1]
        seen = []
        for j in range(m):
            score = exact.dot(q[query], k[(*group, j)]) * factor
            added = exact.Number(0) if bias is None else exact.Number(float(bias[(*query, j)]))
            visible = sees(i, j, attributes.get("causalOffset"), None if keep is None else keep[(*query, j)])
            if excludes and added == -exact.INFINITY:
                visible = False
            if visible:
                seen.append(j)
            scores[(*query, j)] = score
            biased = score if bias is None else score + added
            masked[(*query, j)] = biased if visible else exact.of_kind(hidden_score(biased, factor, fill), score)
        # Under `excluded` the hidden keys are not there at all; a literal fill keeps every key.
        counted = seen if excludes else list(range(m))
        row = [masked[(*query, j)] for j in counted]
        if not seen and fill["kind"] != "added" and row:
            # One number fills the whole row: its rounding changes no weight.
            row = [exact.largest(row)] * m
        row = exact.softmax(row)
        for j in range(m):
            weights[(*query, j)] = exact.Number(0)
        for j, weight in zip(counted, row, strict=True):
            weights[(*query, j)] = weight
        for c in range(dv):
            output[(*query, c)] = exact.dot(row, [v[(*group, j, c)] for j in counted])
    return {"scores": scores, "maskedScores": masked, "weights": weights, "output": output}


def exact_factor(scale: dict[str, Any], dk: int) -> exact.Number:
    """Returns what scores are multiplied by; keys of width 0 leave nothing to scale."""
    if scale["kind"] == "factor":
        return exact.Number(scale["value"])
    width = {"rootKeyWidth": dk, "rootModelWidth": scale.get("width")}[scale["kind"]]
    return exact.Number(width) ** exact.Number(-0.5) if width else exact.Number(1)


def laid_over(mask: np.ndarray | None, shape: tuple[int, ...]) -> np.ndarray | None:
    """Returns the mask repeated along its extents of 1: …×n×m."""
    return None if mask is None else np.broadcast_to(mask, shape)


def sees(i: int, j: int, offset: int | None, kept: bool | None) -> bool:
    """Returns whether query i sees key j under the causal rule and the keep mask."""
    return (offset is None or j <= i + offset) and (kept is None or bool(kept))


def self_attention_exactly(case: Case) -> Tensors:
    """Returns queries, keys and values of x: b×n×d, and what attention makes of them."""
    return projected_exactly(case, case.inputs["x"], case.inputs["x"])


def cross_attention_exactly(case: Case) -> Tensors:
    """Returns queries of x: b×n×d, keys and values of the memory: b×m×d', and their attention."""
    return projected_exactly(case, case.inputs["x"], case.inputs["memory"])


def projected_exactly(case: Case, x: np.ndarray, memory: np.ndarray) -> Tensors:
    """Returns the projections and the four tensors of their attention."""
    q, k, v = (
        exact.affine(
            exact.exact(source),
            exact.exact(case.inputs[f"{name}Weight"]),
            exact.exact(case.inputs[f"{name}Bias"]) if f"{name}Bias" in case.inputs else None,
        )
        for name, source in (("query", x), ("key", memory), ("value", memory))
    )
    return rounded({"queries": q, "keys": k, "values": v} | attended(q, k, v, **mask_of(case)))


# Error bounds.


def attention_bounds(case: Case, expected: Tensors, rounding: Rounding) -> Tensors:
    """Returns the bounds of scores, masked scores, weights and output."""
    operands = [magnitude(case.inputs[name]) for name in ("queries", "keys", "values")]
    return attend_bounds(operands, [np.zeros_like(x) for x in operands], case, expected, rounding)


def attend_bounds(
    operands: list[np.ndarray], errors: list[np.ndarray], case: Case, expected: Tensors, rounding: Rounding
) -> Tensors:
    """Returns the four bounds for |q|, |k|, |v| that are themselves wrong by `errors` at most."""
    (q, k, v), (eq, ek, ev) = operands, errors
    factor = float(exact_factor(case.attributes["scale"], k.shape[-1]))
    dot, step, tiny = rounding.dot, rounding.step, rounding.tiny

    def pairs(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return abs(factor) * (x @ y.swapaxes(-2, -1))

    gauge = pairs(q, k)
    scores = (dot(k.shape[-1]) + step) * gauge + pairs(eq, k) + pairs(q, ek) + pairs(eq, ek) + tiny
    hidden = hidden_places(case, gauge.shape)
    fill = case.attributes["fill"]
    of_fill = fill_magnitude(fill, factor)
    bias = magnitude(case.inputs["bias"]) if "bias" in case.inputs else 0.0
    biased = scores + step * (gauge + bias)
    if fill["kind"] == "added":
        masked = biased + hidden * step * of_fill
        felt = masked
    else:
        masked = np.where(hidden, step * of_fill, biased)
        # The fill is one number for all hidden keys of a row: its rounding changes no weight.
        felt = np.where(hidden, 0.0, biased)
    weights = weight_bounds(expected["weights"], felt + step * below_maximum(expected["maskedScores"]), rounding)
    if fill["kind"] == "excluded":
        weights = np.where(hidden, 0.0, weights)
    p = np.nan_to_num(expected["weights"])
    output = weights @ (v + ev) + p @ ev + (dot(k.shape[-2]) + step) * (p @ v) + tiny
    return {"scores": scores, "maskedScores": masked, "weights": weights, "output": output}


def hidden_places(case: Case, shape: tuple[int, ...]) -> np.ndarray:
    """Returns where a query does not see a key: …×n×m."""
    return ~visible_by_torch(**mask_of(case), shape=torch.Size(shape)).numpy()


def self_attention_bounds(case: Case, expected: Tensors, rounding: Rounding) -> Tensors:
    """Returns the bounds of the projections and of their attention."""
    return projected_bounds(case, case.inputs["x"], case.inputs["x"], expected, rounding)


def cross_attention_bounds(case: Case, expected: Tensors, rounding: Rounding) -> Tensors:
    """Returns the bounds of the projections and of their attention."""
    return projected_bounds(case, case.inputs["x"], case.inputs["memory"], expected, rounding)


def projected_bounds(case: Case, x: np.ndarray, memory: np.ndarray, expected: Tensors, rounding: Rounding) -> Tensors:
    """Returns the bounds of the projections and of their attention."""
    errors = {
        names: affine_bound(source, case.inputs[f"{name}Weight"], case.inputs.get(f"{name}Bias"), rounding)
        for name, names, source in (("query", "queries", x), ("key", "keys", memory), ("value", "values", memory))
    }
    operands = [magnitude(expected[names]) for names in errors]
    return errors | attend_bounds(operands, list(errors.values()), case, expected, rounding)


ATTENTION_TOLERANCE = (
    "with f the scale factor, G = |f| |queries| |keys|^T, v the number that the fill puts in a hidden place "
    "(0 if infinite): scores: (d(dk) + o) G + t =: S. maskedScores: S + o (G + |bias|) =: M in visible places; in "
    "hidden ones o |v|, for fill `added` M + o |v|. weights p: c = M (fill `added`, hidden: M + o |v|), 0 in hidden "
    "places of the other fills; e_j = c_j + o (max_k maskedScores_k - maskedScores_j), 0 where p_j = 0; "
    "E = ln sum_k p_k exp(e_k); bound W_j = p_j (exp(e_j + E) - 1 + d(m) + o) + t, 0 in hidden places of fill "
    "`excluded`. output: W |values| + (d(m) + o) p |values| + t"
)

PROJECTED_TOLERANCE = (
    "queries, keys, values: d(inputs + 1) (|x| |weight|^T + |bias|) + t =: Q, K, V (with memory for x in keys and "
    "values). The rest as scaledDotProductAttention on the expected queries, keys and values, S larger by "
    "|f| (Q |keys|^T + |queries| K^T + Q K^T), the output's bound W (|values| + V) + p V + (d(m) + o) p |values| + t"
)

ORACLES = (PYTORCH_FLOAT64, MPMATH)

FUNCTIONS = {
    "scaledDotProductAttention": Function(attention_by_torch, attention_exactly, attention_bounds, ORACLES, ATTENTION_TOLERANCE),
    "selfAttention": Function(self_attention_by_torch, self_attention_exactly, self_attention_bounds, ORACLES, PROJECTED_TOLERANCE),
    "crossAttention": Function(cross_attention_by_torch, cross_attention_exactly, cross_attention_bounds, ORACLES, PROJECTED_TOLERANCE),
}
