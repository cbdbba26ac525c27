"""Tests of stored gauges; run by `python Reference/Oracle/test_definitions.py` or by pytest.

A plain float32 implementation of each function stands for one in another language: the gauges must accept it and reject
each of its named wrong versions. It shares nothing with the oracle's two sources but NumPy and the random stream.
"""

from collections.abc import Callable
from functools import cache

import numpy as np
import torch

import layer_norm
import vectors
from agreement import FLOAT32, wrong_places
from cases import Case, Tensors
from random_stream import SplitMix64
from stored import read_cases

F = np.float32
FUNCTIONS = {name: f for topic in vectors.TOPICS for name, f in topic.FUNCTIONS.items()}


# The float32 implementation.


def activation(x: np.ndarray, name: str, wrong: str = "") -> np.ndarray:
    """Returns the activation of x in float32; a GELU as x/2 (1 + …)."""
    swaps = {
        ("gelu", "GELU with tanh for erf"): "geluTanh", ("geluTanh", "GELU with erf for tanh"): "gelu",
        ("sigmoid", "tanh for sigmoid"): "tanh", ("relu", "identity for ReLU"): "identity",
    }
    match swaps.get((name, wrong), name):
        case "identity":
            return x
        case "relu":
            return np.fmax(x, F(0)) if wrong == "ReLU drops NaN" else np.maximum(x, F(0))
        case "gelu":
            root = F(1) if wrong == "erf of x" else np.sqrt(F(2))
            return x / F(2) * (F(1) + torch.erf(torch.from_numpy(x / root)).numpy())
        case "geluTanh":
            cube = F(0) if wrong == "cube left out" else F(0.044715) * x * x * x
            return x / F(2) * (F(1) + np.tanh(np.sqrt(F(2 / np.pi)) * (x + cube)))
        case "sigmoid":
            return np.exp(x) / (F(1) + np.exp(x)) if wrong == "sigmoid overflows" else F(1) / (F(1) + np.exp(-x))
        case "tanh":
            power = np.exp(F(2) * x)
            return (power - F(1)) / (power + F(1)) if wrong == "tanh by powers" else np.tanh(x)
    raise ValueError(f"unknown activation {name}")


def activate(case: Case, wrong: str) -> Tensors:
    """Returns the activation."""
    return {"output": activation(case.inputs["x"], case.attributes["activation"], wrong)}


def kept(shape: tuple[int, ...], case: Case, wrong: str) -> np.ndarray:
    """Returns where dropout keeps an element."""
    words = SplitMix64(case.attributes["seed"])
    if wrong == "first word left out":
        words.next()
    order = "F" if wrong == "columns first" else "C"
    bits = np.array([words.next() >> 40 for _ in range(int(np.prod(shape)))], dtype=F)
    uniform = bits.reshape(shape, order=order) * F(2.0**-24)
    p = F(case.attributes["probability"])
    return {"kept below p": uniform < p, "kept above p alone": uniform > p}.get(wrong, uniform >= p)


def dropped(x: np.ndarray, case: Case, wrong: str) -> np.ndarray:
    """Returns dropout, the identity without a probability."""
    if "probability" not in case.attributes or wrong == "dropout forgotten":
        return x
    keep = kept(x.shape, case, wrong)
    share = F(1) - F(case.attributes["probability"])
    factor = {"not rescaled": F(1), "multiplied by 1 - p": share}.get(wrong, F(1) / share)
    return x * keep * factor if wrong == "product with a mask" else np.where(keep, x * factor, F(0))


def dropout(case: Case, wrong: str) -> Tensors:
    """Returns what is kept, and the dropout."""
    x = case.inputs["x"]
    return {"keep": kept(x.shape, case, wrong), "output": dropped(x, case, wrong)}


def attention_with_dropout(case: Case, wrong: str) -> Tensors:
    """Returns weights before and after dropout, and the output."""
    q, k, v = (case.inputs[name] for name in ("queries", "keys", "values"))
    scores = q @ k.swapaxes(-1, -2) / np.sqrt(F(k.shape[-1]))
    visible = case.inputs.get("keep", np.ones(scores.shape, dtype=bool))
    if "causalOffset" in case.attributes:
        visible = visible & np.tri(*scores.shape[-2:], k=case.attributes["causalOffset"], dtype=bool)
    weights = np.where(visible, softmax(np.where(visible, scores, F(-np.inf))), F(0))
    if wrong == "dropout before the softmax":
        after = softmax(dropped(scores, case, ""))
    elif wrong == "words of visible keys alone":
        after = weights.copy()
        after[visible] = dropped(weights[visible], case, "")
    elif wrong == "rows sum to 1 again":
        after = dropped(weights, case, "")
        after = after / after.sum(axis=-1, keepdims=True)
    else:
        after = dropped(weights, case, wrong)
    return {"weights": weights, "droppedWeights": after, "output": after @ v}


def softmax(x: np.ndarray, axis: int = -1) -> np.ndarray:
    """Returns the softmax in float32."""
    if x.size == 0:
        return x
    powers = np.exp(x - x.max(axis=axis, keepdims=True))
    return powers / powers.sum(axis=axis, keepdims=True)


def scores(case: Case, keys: str, wrong: str) -> np.ndarray:
    """Returns the scores …×n×m."""
    q, k, x = case.inputs["queries"], case.inputs[keys], case.inputs
    if wrong == "queries and keys swapped" and q.shape == k.shape:
        q, k = k, q
    rows, columns = q[..., :, np.newaxis, :], k[..., np.newaxis, :, :]
    match case.attributes["scoring"]:
        case "dot":
            return q @ k.swapaxes(-1, -2)
        case "scaledDot":
            width = F(max(k.shape[-1], 0 if wrong == "division by a width of 0" else 1))
            divisor = {"divided by d": width, "not divided": F(1)}.get(wrong, np.sqrt(width))
            return q @ k.swapaxes(-1, -2) / divisor
        case "bilinear":
            weight = x["weight"].T if wrong == "weight transposed if square" and q.shape == k.shape else x["weight"]
            return q @ weight.T @ k.swapaxes(-1, -2)
        case "additive":
            names = ["queryWeight", "keyWeight"]
            if wrong == "key and query weight swapped" and q.shape[-1] == k.shape[-1]:
                names.reverse()
            hidden = rows @ x[names[0]].T + columns @ x[names[1]].T
        case "concat":
            shape = (*q.shape[:-1], k.shape[-2])
            both = [np.broadcast_to(rows, (*shape, q.shape[-1])), np.broadcast_to(columns, (*shape, k.shape[-1]))]
            if wrong == "key before query":
                both.reverse()
            hidden = np.concatenate(both, axis=-1) @ x["weight"].T
    return (hidden if wrong == "tanh forgotten" else np.tanh(hidden)) @ x["vector"]


def scores_alone(case: Case, wrong: str) -> Tensors:
    """Returns the scores."""
    result = scores(case, "keys", wrong)
    square = wrong == "transposed if square" and result.shape[-1] == result.shape[-2]
    return {"output": result.swapaxes(-1, -2) if square else result}


def attending(keys: str, values: str) -> Callable[[Case, str], Tensors]:
    """Returns the weighted sum of one input under the scores of another."""

    def attend(case: Case, wrong: str) -> Tensors:
        s = scores(case, keys, wrong)
        if wrong == "no shift by the maximum":
            weights = np.exp(s) / np.exp(s).sum(axis=-1, keepdims=True)
        else:
            weights = softmax(s, axis=-2 if wrong == "softmax over the queries" else -1)
        swapped = wrong == "keys for values" and case.inputs[keys].shape == case.inputs[values].shape
        return {"scores": s, "weights": weights, "output": weights @ case.inputs[keys if swapped else values]}

    return attend


def hard_attention(case: Case, wrong: str) -> Tensors:
    """Returns weights, choices and the inputs chosen."""
    s, x = scores(case, "inputs", wrong), case.inputs["inputs"]
    weights = softmax(s)
    m = x.shape[-2]
    if (case.attributes["choice"] == "largest") != (wrong == "the other choice"):
        choices = np.argmax(weights if wrong == "largest weight, NaN and all" else s, axis=-1)
        if wrong == "last of equals":
            choices = m - 1 - np.argmax(s[..., ::-1], axis=-1)
        if wrong == "NaN ignored":
            choices = np.argmax(np.where(np.isnan(s), F(-np.inf), s), axis=-1)
    else:
        words = SplitMix64(case.attributes.get("seed", 0))
        uniform = np.array([words.next() >> 40 for _ in range(weights[..., 0].size)], dtype=F) * F(2.0**-24)
        if wrong == "one word for all queries":
            uniform[:] = uniform[:1]
        passed = np.cumsum(weights, axis=-1, dtype=F) > uniform.reshape(weights.shape[:-1])[..., np.newaxis]
        choices = np.minimum((~passed).sum(axis=-1), m - 1)
        if wrong == "first input for want of another":
            choices = np.argmax(passed, axis=-1)
        if wrong == "one too far":
            choices = np.minimum(choices + 1, m - 1)
    output = np.take_along_axis(x, choices[..., np.newaxis], axis=-2)
    return {"weights": weights, "choices": choices.astype(np.int64), "output": output}


def token_vectors(case: Case, wrong: str) -> np.ndarray:
    """Returns the rows of the tokens …×d."""
    tokens, table = case.inputs["tokens"], case.inputs["table"]
    d = table.shape[1]
    if wrong == "table transposed if square" and len(table) == d:
        table = table.T
    if wrong == "ids from 1":
        tokens = tokens - 1
    if wrong == "product with one-hot vectors":
        rows = np.eye(len(table), dtype=F)[tokens] @ table
    else:
        rows = table[tokens]
    scaled = case.attributes["scale"]["kind"] == "rootModelWidth"
    if scaled != (wrong == "the other scale"):
        factors = {"d for its root": F(d), "divided by the root": F(1 / np.sqrt(max(d, 1)))}
        rows = rows * factors.get(wrong, np.sqrt(F(d)))
    zeroed = np.asarray(tokens == case.attributes.get("zeroing"))[..., np.newaxis]
    if wrong == "product with zeros":
        return rows * ~zeroed
    return rows if wrong == "nothing zeroed" else np.where(zeroed, F(0), rows)


def token_embedding(case: Case, wrong: str) -> Tensors:
    """Returns the token vectors."""
    return {"output": token_vectors(case, wrong)}


def positions(case: Case, length: int, width: int, wrong: str) -> np.ndarray:
    """Returns the positions length×width."""
    offset = 0 if wrong == "offset ignored" else case.attributes["offset"]
    if "form" not in case.attributes:
        table = case.inputs["positionTable" if "positionTable" in case.inputs else "table"]
        return table[offset : offset + length]
    columns = np.arange(width)
    twice = 2 * columns if wrong == "index of the column" else columns - columns % 2
    position = np.arange(offset, offset + length, dtype=F)[:, np.newaxis] + F(wrong == "positions from 1")
    divisor = F(width + width % 2 if wrong == "even width" else max(width, 1))
    if wrong == "e for 10000":
        angles = position * np.exp(-twice.astype(F) / divisor)
    elif case.attributes["form"] == "power":
        angles = position / F(10000) ** (twice.astype(F) / divisor)
    else:
        angles = position * np.exp(twice.astype(F) * -(np.log(F(10000)) / divisor))
    even = columns < (width + 1) // 2 if wrong == "sines before cosines" else columns % 2 == 0
    if wrong == "cosine first":
        even = ~even
    return np.where(even, np.sin(angles), np.cos(angles)).astype(F)


def positional_encoding(case: Case, wrong: str) -> Tensors:
    """Returns the positions."""
    table = positions(case, case.attributes["length"], case.attributes["width"], wrong)
    return {"output": table.T if wrong == "transposed if square" and len(table) == len(table.T) else table}


def add_positions(case: Case, wrong: str) -> Tensors:
    """Returns x plus positions."""
    x = case.inputs["x"]
    if wrong == "positions along the batch" and x.ndim == 3 and len(x) == x.shape[1]:
        return {"output": x + positions(case, *x.shape[-2:], "")[:, np.newaxis]}
    return {"output": x + positions(case, *x.shape[-2:], wrong)}


def transformer_embedding(case: Case, wrong: str) -> Tensors:
    """Returns token vectors, positions, and the dropout of their sum."""
    tokens = token_vectors(case, wrong)
    table = positions(case, *tokens.shape[-2:], wrong)
    output = dropped(tokens + table, case, wrong)
    if wrong == "dropout of the tokens alone":
        output = dropped(tokens, case, "") + table
    if wrong == "sum scaled" and case.attributes["scale"]["kind"] == "rootModelWidth":
        output = tokens + table * np.sqrt(F(table.shape[1]))
    return {"tokenVectors": tokens, "positions": table, "output": output}


def normalized(
    x: np.ndarray, gain: np.ndarray, bias: np.ndarray | None, epsilon: float, form: str, wrong: str
) -> Tensors:
    """Returns the layer norm, from the mean and then the differences, of rows shifted by their first element."""
    axis = -2 if wrong == "other axis if square" and x.ndim > 1 and x.shape[-2] == x.shape[-1] else -1
    d, inside = x.shape[axis], (form == layer_norm.INSIDE) != (wrong == "the other form")
    # The sum of one element, or of none.
    first = F(0) if wrong == "not shifted" or axis == -2 else x[..., :1].sum(axis=-1, keepdims=True)
    mean = first + (x - first).sum(axis=axis, keepdims=True) / F(d)
    differences = x - mean
    count = d if inside != (wrong == "N - 1 for N, or N for N - 1") else d - 1
    variance = np.square(differences).sum(axis=axis, keepdims=True) / F(count)
    if wrong == "mean of squares less square of mean":
        variance = np.square(x).sum(axis=axis, keepdims=True) / F(d) - np.square(mean)
    e = F(0 if wrong == "epsilon left out" else epsilon)
    rows = differences / (np.sqrt(variance + e) if inside else np.sqrt(variance) + e)
    if wrong == "mean not subtracted":
        rows = x / np.sqrt(variance + e)
    shift = F(0) if bias is None or wrong == "bias forgotten" else bias
    output = (rows + shift) * gain if wrong == "gain after bias" else rows * gain + shift
    if wrong == "gain forgotten":
        output = rows + shift
    mean, variance = mean.reshape(x.shape[:-1]), variance.reshape(x.shape[:-1])
    return {"mean": mean, "variance": variance, "normalized": rows, "output": output}


def layer_norm_rows(case: Case, wrong: str) -> Tensors:
    """Returns the layer norm."""
    bias, attributes = case.inputs.get("bias"), case.attributes
    return normalized(case.inputs["x"], case.inputs["gain"], bias, attributes["epsilon"], attributes["form"], wrong)


def residual(case: Case, wrong: str) -> Tensors:
    """Returns the sublayer and the residual connection around it."""
    x, placement = case.inputs["x"], case.attributes["placement"]
    if wrong == "the other placement":
        placement = {"preNorm": "postNorm", "postNorm": "preNorm"}.get(placement, placement)

    def norm(y: np.ndarray) -> np.ndarray:
        gain, bias = case.inputs["gain"], case.inputs["normBias"]
        return normalized(y, gain, bias, case.attributes["epsilon"], layer_norm.INSIDE, wrong)["output"]

    entering = norm(x) if placement == "preNorm" else x
    sublayer = activation(entering @ case.inputs["weight"].T + case.inputs["bias"], "relu", wrong)
    added = {"nothing added": F(0), "norm of x added": entering}.get(wrong, x)
    total = added + dropped(sublayer, case, wrong)
    if wrong == "dropout of the sum":
        total = dropped(added + sublayer, case, "")
    output = norm(total) if placement == "postNorm" else total
    if wrong == "x plus the norm" and placement == "postNorm":
        output = x + norm(dropped(sublayer, case, ""))
    return {"sublayer": sublayer, "output": output}


def feed_forward(case: Case, wrong: str) -> Tensors:
    """Returns the inner activations and the output."""
    x = case.inputs
    weights = {name: x[f"{name}Weight"] for name in ("inner", "outer")}
    if wrong == "weights swapped if square" and weights["inner"].shape == weights["outer"].shape:
        weights = {"inner": weights["outer"], "outer": weights["inner"]}
    for name, weight in weights.items():
        if wrong == f"{name} weight transposed if square" and weight.shape[0] == weight.shape[1]:
            weights[name] = weight.T
    inner = x["x"] @ weights["inner"].T
    if "innerBias" in x and wrong != "inner bias forgotten":
        inner = inner + x["innerBias"]
    name = case.attributes["activation"]
    inner = activation(inner, name, wrong)
    entering = dropped(inner, case, wrong)
    output = (inner if wrong == "dropout at the end" else entering) @ weights["outer"].T
    if "outerBias" in x and wrong != "outer bias forgotten":
        output = output + x["outerBias"]
    if wrong == "activation at the end":
        output = activation(output, name)
    return {"inner": inner, "output": dropped(output, case, "") if wrong == "dropout at the end" else output}


IMPLEMENTATIONS: dict[str, Callable[[Case, str], Tensors]] = {
    "activate": activate,
    "dropout": dropout,
    "attentionWithDropout": attention_with_dropout,
    "scores": scores_alone,
    "softAttention": attending("inputs", "inputs"),
    "keyValueAttention": attending("keys", "values"),
    "hardAttention": hard_attention,
    "tokenEmbedding": token_embedding,
    "transformerEmbedding": transformer_embedding,
    "positionalEncoding": positional_encoding,
    "addPositions": add_positions,
    "layerNorm": layer_norm_rows,
    "residual": residual,
    "feedForward": feed_forward,
}

ACTIVATION_MISTAKES = ["GELU with tanh for erf", "GELU with erf for tanh", "ReLU drops NaN", "identity for ReLU"]
DROPOUT_MISTAKES = [
    "first word left out", "columns first", "kept below p", "not rescaled", "multiplied by 1 - p", "dropout forgotten",
]
SINUSOID_MISTAKES = [
    "index of the column", "positions from 1", "even width", "e for 10000", "sines before cosines", "cosine first",
    "offset ignored",
]
NORM_MISTAKES = [
    "other axis if square", "N - 1 for N, or N for N - 1", "epsilon left out", "the other form", "mean not subtracted",
    "gain after bias", "gain forgotten", "bias forgotten",
]

WRONG_VERSIONS = {
    "activate": [
        *ACTIVATION_MISTAKES, "erf of x", "cube left out", "tanh for sigmoid", "sigmoid overflows", "tanh by powers",
    ],
    "dropout": [*DROPOUT_MISTAKES, "kept above p alone", "product with a mask"],
    "attentionWithDropout": [
        *DROPOUT_MISTAKES, "dropout before the softmax", "words of visible keys alone", "rows sum to 1 again",
    ],
    "scores": [
        "queries and keys swapped", "transposed if square", "divided by d", "not divided", "division by a width of 0",
        "weight transposed if square", "key and query weight swapped", "key before query", "tanh forgotten",
    ],
    "softAttention": ["softmax over the queries", "no shift by the maximum", "divided by d", "key before query"],
    "keyValueAttention": ["softmax over the queries", "keys for values", "divided by d"],
    "hardAttention": [
        "the other choice", "last of equals", "NaN ignored", "largest weight, NaN and all", "one word for all queries",
        "first input for want of another", "one too far",
    ],
    "tokenEmbedding": [
        "table transposed if square", "ids from 1", "product with one-hot vectors", "the other scale", "d for its root",
        "divided by the root", "product with zeros", "nothing zeroed",
    ],
    "transformerEmbedding": [
        *SINUSOID_MISTAKES, "dropout forgotten", "dropout of the tokens alone", "sum scaled", "the other scale",
    ],
    "positionalEncoding": [*SINUSOID_MISTAKES, "transposed if square"],
    "addPositions": [*SINUSOID_MISTAKES, "positions along the batch"],
    "layerNorm": [*NORM_MISTAKES, "not shifted", "mean of squares less square of mean"],
    "residual": [
        *NORM_MISTAKES, *DROPOUT_MISTAKES, "the other placement", "nothing added", "norm of x added", "x plus the norm",
        "dropout of the sum", "identity for ReLU",
    ],
    "feedForward": [
        *ACTIVATION_MISTAKES, *DROPOUT_MISTAKES, "dropout at the end", "activation at the end",
        "weights swapped if square", "inner weight transposed if square", "outer weight transposed if square",
        "inner bias forgotten", "outer bias forgotten",
    ],
}


# What the vectors accept and reject.


@cache
def stored(function: str) -> list[tuple[Case, Tensors, Tensors]]:
    """Returns the committed cases of a function, their expected tensors, and what float32 may be off by."""
    return [
        (case, expected, vectors.bounds_of(case, FUNCTIONS[function], expected, FLOAT32, 2.0**-24))
        for _, case, expected in read_cases()
        if case.function == function
    ]


def faults(case: Case, expected: Tensors, bounds: Tensors, wrong: str = "") -> list[str]:
    """Returns where the float32 implementation, with the named mistake, misses a case."""
    with np.errstate(all="ignore"):
        got = IMPLEMENTATIONS[case.function](case, wrong)
    for name, x in got.items():
        assert x.dtype in (F, np.bool_, np.int64), f"{case.id}: {name} is {x.dtype}"
    doubled = {name: x.astype(np.float64) if x.dtype == F else x for name, x in got.items()}
    return wrong_places(doubled, expected, bounds)


def test_a_plain_float32_implementation_is_accepted() -> None:
    """NumPy in float32 stays within every gauge of every case."""
    for function in IMPLEMENTATIONS:
        for case, expected, bounds in stored(function):
            assert faults(case, expected, bounds) == [], f"{function}/{case.id}: {faults(case, expected, bounds)}"


def test_every_wrong_version_is_rejected() -> None:
    """Each named mistake is caught by at least one case."""
    assert WRONG_VERSIONS.keys() == IMPLEMENTATIONS.keys()
    for function, mistakes in WRONG_VERSIONS.items():
        for wrong in mistakes:
            assert any(faults(*one, wrong) for one in stored(function)), f"{function}: {wrong} is accepted"


def test_a_mean_taken_without_a_shift_misses_constant_rows_alone() -> None:
    """The gauge of the layer norm allows for a rounded mean wherever the differences to it are not all 0."""
    missed = {one[0].id for one in stored("layerNorm") if faults(*one, "not shifted")}
    assert missed and all("constant" in id for id in missed), missed


def main() -> None:
    """Runs every test of this file in order."""
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test()
            print(f"passed: {name}")


if __name__ == "__main__":
    main()
