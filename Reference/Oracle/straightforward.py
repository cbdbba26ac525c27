"""A plain float32 implementation of every function, and its named wrong versions.

It stands for an implementation in another language: the tests show that the vectors accept it and reject each wrong
version. It shares nothing with the oracle's two sources but NumPy.
"""

from typing import Any

import numpy as np

from cases import Case, Tensors

F = np.float32


def result(case: Case, wrong: str = "") -> Tensors:
    """Returns what float32 makes of a case, with the named mistake if one is given."""
    with np.errstate(all="ignore"):
        return IMPLEMENTATIONS[case.function](case, wrong)


def matrix_product(case: Case, wrong: str) -> Tensors:
    """Returns a b in float32."""
    a, b = case.inputs["a"], case.inputs["b"]
    if wrong == "right operand transposed if square" and b.shape[-1] == b.shape[-2]:
        b = b.swapaxes(-1, -2)
    if wrong == "left operand transposed if square" and a.shape[-1] == a.shape[-2]:
        a = a.swapaxes(-1, -2)
    if wrong == "first batch for all" and a.ndim > 2 and len(a) > 0:
        b = np.broadcast_to(b[:1], b.shape)
    if wrong == "last term left out":
        a, b = a[..., :-1], b[..., :-1, :]
    if wrong == "bfloat16 operands":
        a, b = bfloat16(a), bfloat16(b)
    if wrong == "terms with a zero skipped":
        terms = a[..., :, :, None] * b[..., None, :, :]
        return {"output": np.where(a[..., :, :, None] == 0, F(0), terms).sum(axis=-2)}
    return {"output": a @ b}


def bfloat16(x: np.ndarray) -> np.ndarray:
    """Returns float32 with the last 16 bits cut off."""
    return (np.ascontiguousarray(x).view(np.uint32) & np.uint32(0xFFFF0000)).view(F)


def affine_map(case: Case, wrong: str) -> Tensors:
    """Returns activation(x Wᵀ + b) in float32."""
    weight, bias = case.inputs["weight"], case.inputs.get("bias")
    if wrong == "weight not transposed if square" and weight.shape[0] == weight.shape[1]:
        weight = weight.T
    y = case.inputs["x"] @ weight.T
    relu = case.attributes["activation"] == "relu"
    if wrong == "activation before bias" and relu:
        y = np.maximum(y, 0)
    if bias is not None and wrong != "bias forgotten":
        y = y + bias * F(2 if wrong == "bias added twice" else 1)
    if relu and wrong == "activation drops NaN":
        y = np.fmax(y, 0)
    elif relu and wrong not in ("activation before bias", "activation forgotten"):
        y = np.maximum(y, 0)
    return {"output": y}


def softmax_rows(x: np.ndarray, wrong: str = "", logarithm: bool = False) -> np.ndarray:
    """Returns softmax or log-softmax of x: …×m over the last dimension in float32."""
    if x.size == 0:
        return x
    axis = -2 if wrong == "other axis" and x.ndim > 1 else -1
    top = x.max(axis=axis, keepdims=True)
    if wrong == "maximum of all rows":
        top = np.full_like(top, x.max())
    if wrong == "NaN ignored by the maximum":
        x, top = np.where(np.isnan(x), F(-np.inf), x), np.fmax.reduce(x, axis=axis, keepdims=True)
    if wrong == "no shift by the maximum":
        top = np.zeros_like(top)
    if wrong == "infinite maximum not subtracted":
        top = np.where(np.isfinite(top), top, F(0))
    if wrong == "all -inf gives zeros":
        top = np.where(top == -np.inf, F(0), top)
    powers = np.exp(x - top)
    total = powers.sum(axis=axis, keepdims=True)
    if wrong == "all -inf gives zeros":
        total = np.where(total == 0, F(1), total)
    if wrong == "weights not divided by their sum":
        total = np.ones_like(total)
    if not logarithm:
        return powers / total
    return np.log(powers / total) if wrong == "logarithm of the softmax" else (x - top) - np.log(total)


def softmax(case: Case, wrong: str) -> Tensors:
    """Returns softmax in float32."""
    return {"output": softmax_rows(case.inputs["x"], wrong)}


def log_softmax(case: Case, wrong: str) -> Tensors:
    """Returns log-softmax in float32."""
    return {"output": softmax_rows(case.inputs["x"], wrong, logarithm=True)}


def causal(n: int, m: int, offset: int, wrong: str = "") -> np.ndarray:
    """Returns j ≤ i + offset: n×m."""
    shift = {
        "one key too many": offset + 1, "one key too few": offset - 1, "counted from the bottom right": offset + m - n,
        "offset ignored": 0, "offset subtracted": -offset,
    }.get(wrong, offset)
    keep = np.arange(m)[None, :] <= np.arange(n)[:, None] + shift
    return ~keep if wrong == "mask inverted" else keep


def causal_mask(case: Case, wrong: str) -> Tensors:
    """Returns the causal mask."""
    return {"output": causal(case.attributes["queries"], case.attributes["keys"], case.attributes["offset"], wrong)}


def padding_mask(case: Case, wrong: str) -> Tensors:
    """Returns the padding mask."""
    tokens = case.inputs["tokens"]
    padding = 0 if wrong == "padding taken as 0" else case.attributes["padding"]
    if wrong == "ids cut to 32 bits":
        tokens = tokens.astype(np.int32)
    keep = tokens != padding
    if wrong == "mask inverted":
        keep = ~keep
    if wrong == "everything after the first padding":
        keep = np.logical_and.accumulate(keep, axis=-1)
    return {"output": keep[:, None, :, None] if wrong == "queries instead of keys" else keep[:, None, None, :]}


def decoder_mask(case: Case, wrong: str) -> Tensors:
    """Returns the decoder's mask."""
    real = case.inputs["tokens"] != case.attributes["padding"]
    t = real.shape[1]
    future = np.ones((t, t), dtype=bool) if wrong == "causal rule forgotten" else causal(t, t, 0, wrong)
    keep = np.broadcast_to(future, (len(real), 1, t, t))
    if wrong != "padding forgotten":
        keep = keep | real[:, None, None, :] if wrong == "either rule suffices" else keep & real[:, None, None, :]
    hidden = case.attributes["queryPadding"] == "hidden"
    if hidden != (wrong == "other reading of padded queries"):
        keep = keep & real[:, None, :, None]
    return {"output": keep}


def additive_mask(case: Case, wrong: str) -> Tensors:
    """Returns the additive mask."""
    keep = case.inputs["keep"] ^ (wrong == "mask inverted")
    return {"output": np.where(keep, F(1 if wrong == "1 for 0" else 0), F(-1e4 if wrong == "-1e4 for -inf" else -np.inf))}


def filled(scores: np.ndarray, raw: np.ndarray, keep: np.ndarray, fill: dict[str, Any], factor: F, wrong: str) -> np.ndarray:
    """Returns scores with bias …×n×m and the fill in the hidden places."""
    kind, value = fill["kind"], F(fill.get("value", -np.inf))
    swaps = {
        ("scaled after the fill", "replaced"): "replacedBeforeScaling",
        ("fill not scaled", "replacedBeforeScaling"): "replaced",
        ("added for replaced", "replaced"): "added",
        ("replaced for added", "added"): "replaced",
    }
    kind = swaps.get((wrong, kind), kind)
    if wrong == "-1e4 for -inf" and value == -np.inf:
        value = F(-1e4)
    if wrong == "-inf for -1e4" and value == F(-1e4):
        value = F(-np.inf)
    hidden = {
        "excluded": value, "replaced": value, "replacedBeforeScaling": value * factor, "added": scores + value,
    }[kind]
    if wrong == "-inf added for excluded" and kind == "excluded":
        hidden = scores + value
    return np.where(keep, scores, hidden)


def masked_scores(case: Case, wrong: str) -> Tensors:
    """Returns scaled and masked scores."""
    raw, keep, factor = case.inputs["scores"], case.inputs["keep"], F(case.attributes["scaleFactor"])
    if wrong == "mask along the wrong leading dimension" and keep.ndim == 4 and keep.shape[0] == raw.shape[1]:
        keep = keep.swapaxes(0, 1)
    if wrong == "mask inverted":
        keep = ~keep
    scaled = raw if wrong == "scale forgotten" else raw * factor
    return {"scaledScores": raw * factor, "output": filled(scaled, raw, keep, case.attributes["fill"], factor, wrong)}


def scale_factor(scale: dict[str, Any], dk: int, dv: int, wrong: str) -> F:
    """Returns what scores are multiplied by."""
    if wrong == "root of the key width always":
        scale = {"kind": "rootKeyWidth"}
    if scale["kind"] == "factor":
        return F(scale["value"])
    width = scale.get("width", dk)
    if scale["kind"] == "rootKeyWidth":
        width = {"dv for dk": dv, "root of three heads' width": 3 * dk}.get(wrong, dk)
    if wrong == "1/d for 1/sqrt(d)":
        return F(1 / max(width, 1))
    if wrong == "scale forgotten":
        return F(1)
    if wrong == "division by a width of 0":
        return F(np.divide(1, np.sqrt(F(width))))
    return F(1 / np.sqrt(max(width, 1)))


def visible_keys(case: Case, shape: tuple[int, ...], wrong: str) -> np.ndarray:
    """Returns where a query sees a key: …×n×m."""
    visible = np.ones(shape, dtype=bool)
    offset, keep, bias = case.attributes.get("causalOffset"), case.inputs.get("keep"), case.inputs.get("bias")
    if keep is not None and wrong != "keep ignored":
        if wrong == "mask along the wrong leading dimension" and keep.ndim == 4 and keep.shape[0] == shape[1]:
            keep = keep.swapaxes(0, 1)
        visible = visible & (~keep if wrong == "keep inverted" else keep)
    if offset is not None and wrong != "causal rule ignored":
        rule = causal(shape[-2], shape[-1], offset, wrong)
        visible = visible | rule if wrong == "either rule suffices" and keep is not None else visible & rule
    excluded = case.attributes["fill"]["kind"] == "excluded"
    if bias is not None and excluded != (wrong == "-inf in a bias read the other way"):
        visible = visible & (bias != -np.inf)
    return visible


def attention(case: Case, wrong: str) -> Tensors:
    """Returns attention's four tensors in float32."""
    return attend(case.inputs["queries"], case.inputs["keys"], case.inputs["values"], case, wrong)


def attend(q: np.ndarray, k: np.ndarray, v: np.ndarray, case: Case, wrong: str) -> Tensors:
    """Returns attention's four tensors in float32 for q: …×n×dk, k: …×m×dk, v: …×m×dv."""
    fill, bias = case.attributes["fill"], case.inputs.get("bias")
    excluded = fill["kind"] == "excluded"
    factor = scale_factor(case.attributes["scale"], k.shape[-1], v.shape[-1], wrong)
    if wrong == "keys not transposed if square" and q.shape[-1] == k.shape[-2]:
        raw = q @ k
    elif wrong == "scores transposed if square" and q.shape[-2] == k.shape[-2]:
        raw = k @ q.swapaxes(-1, -2)
    else:
        raw = q @ k.swapaxes(-1, -2)
    scores = raw * factor
    biased = scores
    if bias is not None and wrong != "bias forgotten":
        biased = (raw + bias) * factor if wrong == "bias before the scaling" else scores + bias
        biased = biased + bias if wrong == "bias added twice" else biased
    visible = visible_keys(case, scores.shape, wrong)
    masked = filled(biased, raw, visible, fill, factor, wrong)
    weights = softmax_rows(masked, wrong)
    if excluded and wrong in ("-1e4 for -inf", "no row without keys"):
        pass
    elif excluded and wrong == "only rows without keys cleared":
        weights = np.where(visible.any(axis=-1, keepdims=True), weights, F(0))
    elif excluded and wrong == "rows without keys are uniform":
        weights = np.where(visible, weights, F(0))
        weights = np.where(visible.any(axis=-1, keepdims=True), weights, F(1 / max(weights.shape[-1], 1)))
    elif excluded:
        weights = np.where(visible, weights, F(0))
    if wrong == "NaN in a row replaced by 0":
        weights = np.nan_to_num(weights)
    output = weights @ v
    if excluded and wrong != "0 times NaN":
        # Each row takes the sum over its visible keys alone.
        output = np.zeros_like(output)
        for row in np.ndindex(weights.shape[:-1]):
            seen = weights[row] != 0 if wrong == "weights of 0 skipped" else visible[row]
            output[row] = weights[row][seen] @ v[row[:-1]][seen]
    if wrong == "zero keys divide by zero" and k.shape[-2] == 0:
        output = output / F(0)
    return {"scores": scores, "maskedScores": masked, "weights": weights, "output": output}


def self_attention(case: Case, wrong: str) -> Tensors:
    """Returns self-attention in float32."""
    return project(case, case.inputs["x"], wrong)


def cross_attention(case: Case, wrong: str) -> Tensors:
    """Returns cross-attention in float32."""
    return project(case, case.inputs["memory"], wrong)


def project(case: Case, memory: np.ndarray, wrong: str) -> Tensors:
    """Returns the projections of x and of the memory, and their attention."""
    x = case.inputs["x"]
    names = {"query": "query", "key": "key", "value": "value"}
    if wrong == "key and query projections swapped" and memory.shape[-1] == x.shape[-1]:
        names |= {"query": "key", "key": "query"}
    projected = []
    for name, source in (("query", x), ("key", memory), ("value", memory)):
        weight, bias = case.inputs[f"{names[name]}Weight"], case.inputs.get(f"{names[name]}Bias")
        if wrong == "weight not transposed if square" and weight.shape[0] == weight.shape[1]:
            weight = weight.T
        if wrong == "values not projected" and name == "value" and weight.shape[0] == source.shape[-1]:
            weight, bias = np.eye(len(weight), dtype=F), None
        y = source @ weight.T
        projected.append(y if bias is None or wrong == "projection bias forgotten" else y + bias)
    q, k, v = projected
    return {"queries": q, "keys": k, "values": v} | attend(q, k, v, case, wrong)


IMPLEMENTATIONS = {
    "matrixProduct": matrix_product,
    "affineMap": affine_map,
    "softmax": softmax,
    "logSoftmax": log_softmax,
    "causalMask": causal_mask,
    "paddingMask": padding_mask,
    "decoderMask": decoder_mask,
    "additiveMask": additive_mask,
    "maskedScores": masked_scores,
    "scaledDotProductAttention": attention,
    "selfAttention": self_attention,
    "crossAttention": cross_attention,
}

SOFTMAX_MISTAKES = [
    "other axis", "maximum of all rows", "NaN ignored by the maximum", "no shift by the maximum",
    "infinite maximum not subtracted", "all -inf gives zeros",
]
CAUSAL_MISTAKES = ["one key too many", "one key too few", "counted from the bottom right"]
FILL_MISTAKES = [
    "-1e4 for -inf", "-inf for -1e4", "scaled after the fill", "fill not scaled", "added for replaced", "replaced for added",
    "mask along the wrong leading dimension", "scale forgotten",
]

WRONG_VERSIONS = {
    "matrixProduct": [
        "right operand transposed if square", "left operand transposed if square", "first batch for all",
        "last term left out", "bfloat16 operands", "terms with a zero skipped",
    ],
    "affineMap": [
        "weight not transposed if square", "activation before bias", "bias forgotten", "bias added twice",
        "activation drops NaN", "activation forgotten",
    ],
    "softmax": [*SOFTMAX_MISTAKES, "weights not divided by their sum"],
    "logSoftmax": [*SOFTMAX_MISTAKES, "logarithm of the softmax"],
    "causalMask": [*CAUSAL_MISTAKES, "offset ignored", "offset subtracted", "mask inverted"],
    "paddingMask": ["padding taken as 0", "ids cut to 32 bits", "mask inverted", "everything after the first padding", "queries instead of keys"],
    "decoderMask": ["causal rule forgotten", "padding forgotten", "either rule suffices", "other reading of padded queries", "one key too many", "one key too few"],
    "additiveMask": ["mask inverted", "1 for 0", "-1e4 for -inf"],
    "maskedScores": [*FILL_MISTAKES, "mask inverted", "-inf added for excluded"],
    "scaledDotProductAttention": [
        *CAUSAL_MISTAKES, *FILL_MISTAKES, "offset ignored", "offset subtracted", "other axis", "no shift by the maximum",
        "maximum of all rows", "root of the key width always", "dv for dk", "root of three heads' width", "1/d for 1/sqrt(d)",
        "division by a width of 0", "keep ignored", "keep inverted", "causal rule ignored", "either rule suffices",
        "-inf in a bias read the other way", "keys not transposed if square", "scores transposed if square",
        "bias forgotten", "bias before the scaling", "bias added twice", "no row without keys", "only rows without keys cleared",
        "rows without keys are uniform", "NaN in a row replaced by 0", "0 times NaN", "weights of 0 skipped", "zero keys divide by zero",
    ],
    "selfAttention": [
        "key and query projections swapped", "weight not transposed if square",
        "values not projected", "projection bias forgotten", "root of the key width always", "causal rule ignored",
    ],
    "crossAttention": ["key and query projections swapped", "projection bias forgotten", "keep ignored", "0 times NaN"],
}
