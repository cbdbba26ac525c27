"""Scoring functions s(k, q), and what is made of their softmax: soft, key–value and hard attention."""

from collections.abc import Callable

import numpy as np
import torch

import exact
from agreement import MPMATH, PYTORCH_FLOAT64, double
from cases import Case, Draw, Tensors, defined, tensor
from exact import Number
from random_stream import uniform_numbers, uniform_numbers_by_index

TOPIC = "ScoringFunctions"

ORACLES = (PYTORCH_FLOAT64, MPMATH)

# First source: PyTorch in float64.


def scores_by_torch(case: Case, keys: str) -> torch.Tensor:
    """Returns s(k_j, q_i): …×n×m of the queries and of the input that serves as keys."""
    q, k = double(case.inputs["queries"]), double(case.inputs[keys])
    parameters = {name: double(x) for name, x in case.inputs.items() if name not in ("queries", keys, "values")}
    match case.attributes["scoring"]:
        case "dot":
            return q @ k.transpose(-2, -1)
        case "scaledDot":
            return q @ k.transpose(-2, -1) / max(k.shape[-1], 1) ** 0.5
        case "bilinear":
            return torch.einsum("...ja,ab,...ib->...ij", k, parameters["weight"], q)
        case "additive":
            weights = parameters["queryWeight"], parameters["keyWeight"]
        case "concat":
            weights = parameters["weight"].split([q.shape[-1], k.shape[-1]], dim=1)
    hidden = torch.tanh((q @ weights[0].T).unsqueeze(-2) + (k @ weights[1].T).unsqueeze(-3))
    return hidden @ parameters["vector"]


def scores_alone_by_torch(case: Case) -> Tensors:
    """Returns s(k_j, q_i): …×n×m."""
    return {"output": scores_by_torch(case, "keys").numpy()}


def weighted_by_torch(case: Case, keys: str, values: str) -> Tensors:
    """Returns scores and weights …×n×m, and the weighted sum of the values …×n×dv."""
    scores = scores_by_torch(case, keys)
    weights = torch.softmax(scores, dim=-1)
    output = weights @ double(case.inputs[values])
    return {"scores": scores.numpy(), "weights": weights.numpy(), "output": output.numpy()}


def hard_by_torch(case: Case) -> Tensors:
    """Returns weights …×n×m, the index …×n of the input chosen for each query, and that input …×n×d."""
    scores, x = scores_by_torch(case, "inputs"), double(case.inputs["inputs"])
    weights = torch.softmax(scores, dim=-1)
    if case.attributes["choice"] == "largest":
        choices = torch.argmax(scores, dim=-1)
    else:
        uniform = torch.from_numpy(uniform_numbers_by_index(case.attributes["seed"], weights[..., 0].numel()))
        passed = weights.cumsum(dim=-1) > uniform.reshape(weights.shape[:-1]).unsqueeze(-1)
        choices = (~passed).sum(dim=-1).clamp(max=x.shape[-2] - 1)
    output = torch.take_along_dim(x, choices.unsqueeze(-1), dim=-2)
    return {"weights": weights.numpy(), "choices": choices.numpy(), "output": output.numpy()}


# Second source: the definition, pair by pair.


def dot(k: np.ndarray, q: np.ndarray, parameters: Tensors) -> Number:
    """Returns kᵀ q."""
    return exact.dot(k, q)


def scaled_dot(k: np.ndarray, q: np.ndarray, parameters: Tensors) -> Number:
    """Returns kᵀ q / √dk; keys of width 0 leave nothing to scale."""
    return exact.dot(k, q) / exact.sqrt(Number(max(len(k), 1)))


def bilinear(k: np.ndarray, q: np.ndarray, parameters: Tensors) -> Number:
    """Returns kᵀ W q for W: dk×dq."""
    return exact.dot(k, [exact.dot(row, q) for row in parameters["weight"]])


def additive(k: np.ndarray, q: np.ndarray, parameters: Tensors) -> Number:
    """Returns vᵀ tanh(W k + U q) for W: da×dk, U: da×dq, v: da."""
    rows = zip(parameters["keyWeight"], parameters["queryWeight"], strict=True)
    return exact.dot(parameters["vector"], [exact.tanh(exact.dot(w, k) + exact.dot(u, q)) for w, u in rows])


def concat(k: np.ndarray, q: np.ndarray, parameters: Tensors) -> Number:
    """Returns vᵀ tanh(W [q; k]) for W: da×(dq + dk), v: da."""
    both = [*q, *k]
    return exact.dot(parameters["vector"], [exact.tanh(exact.dot(w, both)) for w in parameters["weight"]])


BY_DEFINITION: dict[str, Callable[[np.ndarray, np.ndarray, Tensors], Number]] = {
    "dot": dot, "scaledDot": scaled_dot, "bilinear": bilinear, "additive": additive, "concat": concat,
}


def scores(case: Case, lift: Callable[[np.ndarray], np.ndarray], keys: str) -> np.ndarray:
    """Returns s(k_j, q_i): …×n×m of the queries and of the input that serves as keys."""
    lifted = {name: lift(x) for name, x in case.inputs.items()}
    q, k = lifted["queries"], lifted[keys]
    result = np.empty((*q.shape[:-1], k.shape[-2]), dtype=object)
    for *group, i, j in np.ndindex(result.shape):
        result[(*group, i, j)] = BY_DEFINITION[case.attributes["scoring"]](k[(*group, j)], q[(*group, i)], lifted)
    return result


def scores_alone(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns s(k_j, q_i): …×n×m."""
    return {"output": scores(case, lift, "keys")}


def softmax_rows(scores: np.ndarray) -> np.ndarray:
    """Returns the softmax of every row of …×n×m."""
    result = np.empty(scores.shape, dtype=object)
    for query in np.ndindex(scores.shape[:-1]):
        result[query] = exact.softmax(list(scores[query]))
    return result


def weighted(case: Case, lift: Callable[[np.ndarray], np.ndarray], keys: str, values: str) -> Tensors:
    """Returns scores and weights …×n×m, and the weighted sum of the values …×n×dv."""
    s = scores(case, lift, keys)
    weights = softmax_rows(s)
    return {"scores": s, "weights": weights, "output": exact.product(weights, lift(case.inputs[values]))}


def hard(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns weights …×n×m, the index …×n of the input chosen for each query, and that input …×n×d."""
    s, x = scores(case, lift, "inputs"), lift(case.inputs["inputs"])
    weights = softmax_rows(s)
    choices = np.empty(s.shape[:-1], dtype=np.int64)
    uniform = iter(uniform_numbers(case.attributes.get("seed", 0), choices.size))
    output = np.empty((*choices.shape, x.shape[-1]), dtype=object)
    for query in np.ndindex(choices.shape):
        if case.attributes["choice"] == "largest":
            choices[query] = first_largest(list(s[query]))
        else:
            choices[query] = first_above(list(weights[query]), next(uniform))
        output[query] = x[(*query[:-1], choices[query])]
    return {"weights": weights, "choices": choices, "output": output}


def first_largest(row: list[Number]) -> int:
    """Returns the lowest index of a NaN, or else of the largest number."""
    for j, x in enumerate(row):
        if exact.is_nan(x) or not any(exact.is_nan(y) or y > x for y in row):
            return j
    raise ValueError("hard attention needs a key")


def first_above(row: list[Number], bound: float) -> int:
    """Returns the lowest index up to which the row sums to more than the bound, or else the last."""
    for j in range(len(row)):
        if exact.total(row[: j + 1]) > bound:
            return j
    return len(row) - 1


FUNCTIONS = {
    "scores": defined(scores_alone_by_torch, scores_alone, ORACLES),
    "softAttention": defined(
        lambda case: weighted_by_torch(case, "inputs", "inputs"),
        lambda case, lift: weighted(case, lift, "inputs", "inputs"),
        ORACLES,
    ),
    "keyValueAttention": defined(
        lambda case: weighted_by_torch(case, "keys", "values"),
        lambda case, lift: weighted(case, lift, "keys", "values"),
        ORACLES,
    ),
    "hardAttention": defined(hard_by_torch, hard, ORACLES),
}

IDS = {"dot": "ATT-5", "scaledDot": "ATT-6", "bilinear": "ATT-7", "additive": "ATT-8", "concat": "ATT-8"}
IDS_OF_FUNCTION = {
    "softAttention": ("ATT-3", "ATT-4"), "keyValueAttention": ("ATT-3", "ATT-10"), "hardAttention": ("ATT-9", "CLM-42"),
}


def cases() -> list[Case]:
    """Returns every case of the topic."""
    return score_cases() + soft_cases() + key_value_cases() + hard_cases()


def parameters(draw: Draw, scoring: str, dq: int, dk: int, da: int) -> Tensors:
    """Returns the parameters of a scoring function, in the order in which it names them."""
    match scoring:
        case "bilinear":
            return {"weight": draw.normal(dk, dq, scale=0.5)}
        case "additive":
            weights = {"keyWeight": draw.normal(da, dk, scale=0.5), "queryWeight": draw.normal(da, dq, scale=0.5)}
            return weights | {"vector": draw.normal(da)}
        case "concat":
            return {"weight": draw.normal(da, dq + dk, scale=0.5), "vector": draw.normal(da)}
    return {}


def pairs(
    id: str, purpose: str, scoring: str, leading: tuple[int, ...] = (2,),
    n: int = 3, m: int = 5, dq: int = 7, dk: int = 4, da: int = 6, scale: float = 1,
) -> Case:
    """Returns the scores of drawn queries …×n×dq and keys …×m×dk."""
    draw = Draw(id)
    inputs = {"queries": draw.normal(*leading, n, dq, scale=scale), "keys": draw.normal(*leading, m, dk)}
    inputs |= parameters(draw, scoring, dq, dk, da)
    return Case(id, "scores", purpose, inputs, (IDS[scoring],), {"scoring": scoring})


def score_cases() -> list[Case]:
    """Returns the scores alone."""
    square = {"n": 5, "m": 5, "dq": 5, "dk": 5, "da": 5}
    return [
        pairs("dot", "Queries are rows of the result, keys its columns; no divisor.", "dot", (2, 3), dq=7, dk=7),
        pairs("dot-square", "The transposed result has the right shape here and must be caught by its numbers.", "dot", **square),
        pairs("scaled-dot", "Divided by √dk, not by dk.", "scaledDot", (2, 3), dq=7, dk=7),
        pairs("scaled-dot-zero-width", "Keys of width 0 have score 0, and nothing is divided by 0.", "scaledDot", dq=0, dk=0),
        pairs("bilinear", "kᵀ W q: W has a row for each element of a key.", "bilinear"),
        pairs("bilinear-square", "qᵀ W k has the right shape here and must be caught by its numbers.", "bilinear", **square),
        pairs("additive", "vᵀ tanh(W k + U q), queries and keys of two widths.", "additive"),
        pairs("additive-square", "The two weights swapped have the right shape here and must be caught by their numbers.", "additive", **square),
        pairs("additive-saturated", "Arguments of tanh far from 0.", "additive", scale=40),
        pairs("concat", "vᵀ tanh(W [q; k]): the query stands first.", "concat"),
        pairs("concat-square", "[k; q] has the right shape here and must be caught by its numbers.", "concat", **square),
        pairs("rank-two", "Without leading dimensions.", "additive", ()),
        pairs("no-keys", "No keys in, no columns out.", "bilinear", m=0),
        pairs("no-queries", "No queries in, no rows out.", "concat", n=0),
        pairs("no-hidden-width", "Without hidden units every score is the empty sum, 0.", "additive", da=0),
    ]


def attending(
    id: str, function: str, purpose: str, scoring: str, leading: tuple[int, ...] = (2,),
    n: int = 3, m: int = 5, d: int = 7, dv: int = 0, scale: float = 1, shift: float = 0, **attributes: str | int,
) -> Case:
    """Returns an attention of drawn queries …×n×d over inputs …×m×d, or over keys …×m×d and values …×m×dv if dv > 0."""
    draw = Draw(id)
    inputs = {"queries": draw.normal(*leading, n, d, scale=scale)}
    if dv == 0:
        inputs["inputs"] = draw.normal(*leading, m, d, shift=shift)
    else:
        inputs |= {"keys": draw.normal(*leading, m, d, shift=shift), "values": draw.normal(*leading, m, dv)}
    inputs |= parameters(draw, scoring, d, d, 6)
    ids = (*IDS_OF_FUNCTION[function], IDS[scoring])
    return Case(id, function, purpose, inputs, ids, {"scoring": scoring, **attributes})


def nineties(case: Case) -> Case:
    """Returns the case with one row of queries for which every score lies between 90 and 100."""
    keys = case.inputs["inputs"]
    keys[..., 0] = Draw(f"{case.id} scores").uniform(*keys.shape[:-1], low=90, high=100)
    case.inputs["queries"][..., 0, :] = 0
    case.inputs["queries"][..., 0, 0] = 1
    return case


def soft_cases() -> list[Case]:
    """Returns the soft attentions."""
    return [
        attending("soft", "softAttention", "The weights are a softmax over the inputs of one query.", "scaledDot", (2, 3)),
        attending("soft-square", "softAttention", "As many queries as inputs: a softmax over the queries has the right shape here.", "dot", n=5, m=5, d=5),
        attending("soft-bilinear", "softAttention", "Bilinear scores.", "bilinear"),
        attending("soft-additive", "softAttention", "Additive scores.", "additive"),
        attending("soft-concat", "softAttention", "Scores of the concatenation, query first.", "concat"),
        nineties(attending("soft-ninety-to-hundred", "softAttention", "Scores of 90 to 100: without the shift by the maximum e^s overflows float32.", "dot", scale=0.5)),
        attending("soft-one-input", "softAttention", "One input has weight 1.", "dot", m=1),
        attending("soft-no-inputs", "softAttention", "Over no inputs the output is 0.", "scaledDot", m=0),
        attending("soft-no-queries", "softAttention", "No queries in, none out.", "scaledDot", n=0),
    ]


def key_value_cases() -> list[Case]:
    """Returns the key–value attentions."""
    poisoned = attending("key-value-nonfinite", "keyValueAttention", "A score of NaN makes its query NaN, and no other: the value of a key is weighted, however small its weight.", "dot", dv=4)
    poisoned.inputs["queries"][0, 1, 2] = np.nan
    poisoned.inputs["values"][1, 3, 0] = np.inf
    return [
        attending("key-value", "keyValueAttention", "Scores come from the keys, the sum from the values, of another width.", "scaledDot", (2, 3), dv=11),
        attending("key-value-square", "keyValueAttention", "Keys and values swapped have the right shape here and must be caught by their numbers.", "dot", dv=7),
        attending("key-value-additive", "keyValueAttention", "Additive scores.", "additive", dv=4),
        attending("key-value-no-keys", "keyValueAttention", "Over no keys the output is 0.", "dot", m=0, dv=4),
        poisoned,
    ]


def hard_cases() -> list[Case]:
    """Returns the hard attentions."""
    ties = attending("hard-ties", "hardAttention", "Among equal scores the lowest index is chosen.", "dot", n=3, m=6, d=3, choice="largest")
    ties.inputs["queries"] = tensor([[[1, 0, 0], [0, 1, 0], [1, -1, 0]], [[0, 0, 1], [0, 0, 0], [-1, 0, 1]]])
    ties.inputs["inputs"] = tensor([
        [[1, 2, 9], [3, 5, 8], [3, 1, 7], [0, 5, 6], [3, 5, 5], [2, -1, 4]],
        [[4, 9, 1], [6, 8, 1], [0, 7, 2], [5, 6, 0], [0, 5, 2], [-1, 4, 1]],
    ])
    poisoned = attending("hard-nonfinite", "hardAttention", "The first NaN counts as the largest score; +∞ is the largest otherwise.", "dot", n=2, m=5, d=3, choice="largest")
    poisoned.inputs["inputs"][0, [2, 4], 1] = np.nan
    poisoned.inputs["inputs"][1, 3, 0] = np.inf
    # Scores of +∞ and of −∞.
    poisoned.inputs["queries"][1, :, 0] = [1, -1]
    last = attending("hard-sampled-nan", "hardAttention", "Weights of NaN never sum to more than a number: the last input is chosen.", "dot", n=2, choice="sampled", seed=4)
    last.inputs["inputs"][0, 1, 3] = np.nan
    # Word 0 of this seed is exactly 1/2, and so is the sum of the first two of four equal weights.
    equal = attending("hard-sampled-equal", "hardAttention", "A sum equal to the query's number does not exceed it: the next input is chosen.", "dot", (), n=1, m=4, choice="sampled", seed=26849042)
    equal.inputs["queries"][:] = 0
    return [
        attending("hard", "hardAttention", "Each query gets the one input with its largest weight.", "scaledDot", (2, 3), choice="largest"),
        attending("hard-bilinear", "hardAttention", "Bilinear scores.", "bilinear", choice="largest"),
        ties,
        poisoned,
        attending("hard-sampled", "hardAttention", "The input drawn is the first whose cumulated weight exceeds the query's uniform number.", "scaledDot", (2, 3), n=4, scale=0.5, choice="sampled", seed=21),
        attending("hard-sampled-additive", "hardAttention", "Each query has its own random word, leading dimensions included.", "additive", (3,), n=5, m=4, choice="sampled", seed=22),
        last,
        equal,
        attending("hard-one-input", "hardAttention", "One input is chosen whatever its score and whatever the random number.", "dot", m=1, choice="sampled", seed=23),
        attending("hard-no-queries", "hardAttention", "No queries in, no choices out.", "dot", n=0, choice="largest"),
    ]
