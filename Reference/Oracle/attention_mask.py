"""Who sees whom in attention: causal and padding masks, and what becomes of a hidden score."""

from typing import Any

import numpy as np
import torch

import exact
from agreement import DEFINITION, MPMATH, PYTORCH, PYTORCH_FLOAT64, double
from cases import Case, Draw, Function, Rounding, Tensors, tensor
from matrix_product import magnitude

TOPIC = "AttentionMask"

EXCLUDED: dict[str, Any] = {"kind": "excluded"}


def replaced(value: float) -> dict[str, Any]:
    """Returns the fill that replaces the scaled score."""
    return {"kind": "replaced", "value": value}


def replaced_before_scaling(value: float) -> dict[str, Any]:
    """Returns the fill that replaces the score before it is scaled."""
    return {"kind": "replacedBeforeScaling", "value": value}


def added(value: float) -> dict[str, Any]:
    """Returns the fill that is added to the scaled score."""
    return {"kind": "added", "value": value}


# Boolean masks: true where the query may see the key.


def causal_by_torch(case: Case) -> Tensors:
    """Returns the lower triangle up to the diagonal `offset`: n×m."""
    n, m, offset = (case.attributes[key] for key in ("queries", "keys", "offset"))
    return {"output": torch.ones(n, m, dtype=torch.bool).tril(diagonal=offset).numpy()}


def causal_by_definition(case: Case) -> Tensors:
    """Returns keep_ij = (j ≤ i + offset): n×m."""
    n, m, offset = (case.attributes[key] for key in ("queries", "keys", "offset"))
    rows = [[j <= i + offset for j in range(m)] for i in range(n)]
    return {"output": np.array(rows, dtype=bool).reshape(n, m)}


def padding_by_torch(case: Case) -> Tensors:
    """Returns the keys that are not padding: b×1×1×m from tokens b×m."""
    tokens = torch.from_numpy(case.inputs["tokens"])
    return {"output": (tokens != case.attributes["padding"]).unsqueeze(1).unsqueeze(2).numpy()}


def padding_by_definition(case: Case) -> Tensors:
    """Returns keep_b,0,0,j = (token_bj ≠ padding): b×1×1×m."""
    tokens = case.inputs["tokens"]
    rows = [[int(token) != case.attributes["padding"] for token in row] for row in tokens]
    return {"output": np.array(rows, dtype=bool).reshape(tokens.shape[0], 1, 1, tokens.shape[1])}


def decoder_by_torch(case: Case) -> Tensors:
    """Returns key padding ∧ causal, with `hidden` ∧ query padding too: b×1×t×t from tokens b×t."""
    real = torch.from_numpy(case.inputs["tokens"]) != case.attributes["padding"]
    t = real.shape[1]
    keep = real[:, None, None, :] & torch.ones(t, t, dtype=torch.bool).tril()
    if case.attributes["queryPadding"] == "hidden":
        keep = keep & real[:, None, :, None]
    return {"output": keep.numpy()}


def decoder_by_definition(case: Case) -> Tensors:
    """Returns keep_b,0,i,j = (j ≤ i, token_bj real, and with `hidden` token_bi real): b×1×t×t."""
    tokens = case.inputs["tokens"]
    b, t = tokens.shape
    padding, hides = case.attributes["padding"], case.attributes["queryPadding"] == "hidden"
    keep = np.zeros((b, 1, t, t), dtype=bool)
    for sentence, i, j in np.ndindex(b, t, t):
        key_is_real = tokens[sentence, j] != padding
        query_counts = not hides or tokens[sentence, i] != padding
        keep[sentence, 0, i, j] = j <= i and key_is_real and query_counts
    return {"output": keep}


# Scores: what a hidden one becomes.


def additive_by_torch(case: Case) -> Tensors:
    """Returns 0 where keep is true and −∞ elsewhere, shape unchanged."""
    keep = torch.from_numpy(case.inputs["keep"])
    return {"output": torch.zeros(keep.shape, dtype=torch.float64).masked_fill(~keep, -torch.inf).numpy()}


def additive_by_definition(case: Case) -> Tensors:
    """Returns 0 where keep is true and −∞ elsewhere, shape unchanged."""
    keep = case.inputs["keep"]
    values = [0.0 if visible else -float("inf") for visible in keep.flat]
    return {"output": np.array(values, dtype=np.float64).reshape(keep.shape)}


def filled_by_torch(case: Case) -> Tensors:
    """Returns scaled and masked scores for raw scores …×n×m and a mask of the same rank."""
    raw, keep = double(case.inputs["scores"]), torch.from_numpy(case.inputs["keep"])
    factor, fill = case.attributes["scaleFactor"], case.attributes["fill"]
    scaled = raw * factor
    match fill["kind"]:
        case "excluded":
            masked = scaled.masked_fill(~keep, -torch.inf)
        case "replaced":
            masked = scaled.masked_fill(~keep, fill["value"])
        case "replacedBeforeScaling":
            masked = raw.masked_fill(~keep, fill["value"]) * factor
        case "added":
            masked = torch.where(keep, scaled, scaled + fill["value"])
    return {"scaledScores": scaled.numpy(), "output": masked.numpy()}


def filled_exactly(case: Case) -> Tensors:
    """Returns scaled and masked scores for raw scores …×n×m and a mask of the same rank."""
    raw = exact.exact(case.inputs["scores"])
    keep = np.broadcast_to(case.inputs["keep"], raw.shape)
    factor = exact.Number(case.attributes["scaleFactor"])
    scaled, masked = np.empty_like(raw), np.empty_like(raw)
    for at in np.ndindex(raw.shape):
        scaled[at] = raw[at] * factor
        masked[at] = scaled[at] if keep[at] else hidden_score(scaled[at], factor, case.attributes["fill"])
    return {"scaledScores": exact.rounded(scaled), "output": exact.rounded(masked)}


def hidden_score(score: exact.Number, factor: exact.Number, fill: dict[str, Any]) -> exact.Number:
    """Returns what the fill makes of one scaled score, bias included, that is hidden."""
    match fill["kind"]:
        case "excluded":
            return -exact.INFINITY
        case "replaced":
            return exact.Number(fill["value"])
        case "replacedBeforeScaling":
            return exact.Number(fill["value"]) * factor
        case "added":
            return score + exact.Number(fill["value"])
    raise ValueError(f"unknown fill {fill}")


def fill_magnitude(fill: dict[str, Any], factor: float) -> float:
    """Returns the size of the number that a fill puts in a hidden place, 0 for −∞."""
    size = abs(fill.get("value", 0.0)) * (abs(factor) if fill["kind"] == "replacedBeforeScaling" else 1)
    return size if np.isfinite(size) else 0.0


def filled_bounds(case: Case, expected: Tensors, rounding: Rounding) -> Tensors:
    """Returns the bounds of scaled and masked scores: …×n×m."""
    factor = case.attributes["scaleFactor"]
    scaled = rounding.step * magnitude(case.inputs["scores"]) * abs(factor)
    of_fill = rounding.step * fill_magnitude(case.attributes["fill"], factor)
    hidden = ~np.broadcast_to(case.inputs["keep"], scaled.shape)
    return {"scaledScores": scaled + rounding.tiny, "output": scaled + hidden * of_fill + rounding.tiny}


def no_tolerance(case: Case, expected: Tensors, rounding: Rounding) -> Tensors:
    """Returns the bound of a result that must be met exactly."""
    return {"output": np.zeros(())}


EXACTLY = "output: equal"

FUNCTIONS = {
    "causalMask": Function(causal_by_torch, causal_by_definition, no_tolerance, (PYTORCH, DEFINITION), EXACTLY),
    "paddingMask": Function(padding_by_torch, padding_by_definition, no_tolerance, (PYTORCH, DEFINITION), EXACTLY),
    "decoderMask": Function(decoder_by_torch, decoder_by_definition, no_tolerance, (PYTORCH, DEFINITION), EXACTLY),
    "additiveMask": Function(additive_by_torch, additive_by_definition, no_tolerance, (PYTORCH_FLOAT64, DEFINITION), EXACTLY),
    "maskedScores": Function(
        first=filled_by_torch,
        second=filled_exactly,
        bounds=filled_bounds,
        oracles=(PYTORCH_FLOAT64, MPMATH),
        tolerance=(
            "scaledScores: o * |scores * scaleFactor| + t; output: the same, and where keep is false "
            "o * |v| more, with v the number that the fill puts there (its value, times scaleFactor for "
            "replacedBeforeScaling; 0 if infinite)"
        ),
    ),
}


def cases() -> list[Case]:
    """Returns every case of the topic."""
    return causal_cases() + padding_cases() + decoder_cases() + additive_cases() + filled_cases()


def causal_cases() -> list[Case]:
    """Returns causal masks, square and not, with and without an offset."""
    rows = [
        ("causal", "The diagonal is visible: row 0 sees key 0 (ERR-06).", 5, 5, 0),
        ("causal-more-keys", "Counted from the top left: the last query sees 4 of 7 keys, not all of them.", 4, 7, 0),
        ("causal-more-queries", "Counted from the top left: the first query sees a key, the last three see all.", 7, 4, 0),
        ("causal-offset", "Three keys in a cache: query 0 sees keys 0 … 3.", 4, 7, 3),
        ("causal-negative-offset", "The first two queries see no key.", 5, 6, -2),
        ("causal-offset-shows-all", "An offset beyond the keys hides nothing.", 3, 5, 9),
        ("causal-offset-hides-all", "An offset before the first query hides everything.", 3, 5, -9),
        ("causal-single", "One query sees itself.", 1, 1, 0),
        ("causal-no-queries", "No queries, no rows.", 0, 5, 0),
        ("causal-no-keys", "No keys, empty rows.", 5, 0, 0),
        ("causal-beyond-blocks", "Longer than a block of 64 in both directions.", 67, 71, 2),
    ]
    return [
        Case(id, "causalMask", purpose, {}, ("MSK-1", "ERR-06"), {"queries": n, "keys": m, "offset": offset})
        for id, purpose, n, m, offset in rows
    ]


def padding_cases() -> list[Case]:
    """Returns masks from tokens b×m."""
    rows = [
        ("padding", "Padding at the end of sentences of different lengths.", 0, [[5, 9, 2, 7, 3], [4, 8, 6, 0, 0], [7, 0, 0, 0, 0]]),
        ("padding-not-zero", "The padding id is 1: the token 0 is a word and stays visible.", 1, [[0, 3, 0, 1], [2, 0, 1, 1], [5, 4, 0, 3]]),
        ("padding-anywhere", "Padding at the beginning and in the middle is hidden too.", 0, [[0, 3, 0, 2, 7, 0], [2, 0, 0, 5, 1, 6]]),
        ("padding-whole-sentence", "A sentence of padding alone hides every key.", 0, [[0, 0, 0], [4, 0, 2]]),
        ("padding-absent", "An id that no token has hides nothing.", 9, [[1, 2, 3], [4, 5, 6]]),
        ("padding-wide-ids", "Ids are 64-bit: 2^32 + 7 is not 7, and -1 is an id like another.", 7, [[7, 2**32 + 7, -1], [-7, 7, 2**40]]),
        ("padding-single", "One sentence of one word.", 0, [[3]]),
        ("padding-empty-sentences", "Sentences without tokens.", 0, [[], []]),
    ]
    return [
        Case(id, "paddingMask", purpose, {"tokens": np.array(tokens, dtype=np.int64)}, ("MSK-3", "MSK-7"), {"padding": padding})
        for id, purpose, padding, tokens in rows
    ]


def decoder_cases() -> list[Case]:
    """Returns the decoder's masks from tokens b×t, padded queries visible and hidden."""
    rows = [
        ("end", "Padding at the end of sentences of different lengths", 0, [[5, 9, 2, 7, 3], [4, 8, 6, 0, 0], [7, 0, 0, 0, 0]]),
        ("anywhere", "Padding first, so that the first query sees no key, and in the middle", 1, [[1, 3, 0, 2], [5, 1, 4, 1]]),
        ("whole-sentence", "A sentence of padding alone hides everything", 0, [[0, 0, 0], [4, 2, 0]]),
        ("single", "One word sees itself", 0, [[6], [0]]),
    ]
    readings = [
        ("visible", "padded queries keep their row (key padding only)."),
        ("hidden", "padded queries see nothing (the code behind document 002)."),
    ]
    return [
        Case(
            f"decoder-{id}-{reading}",
            "decoderMask",
            f"{purpose}; {words}",
            {"tokens": np.array(tokens, dtype=np.int64)},
            ("MSK-8", "MSK-1", "MSK-3"),
            {"padding": padding, "queryPadding": reading},
        )
        for id, purpose, padding, tokens in rows
        for reading, words in readings
    ]


def additive_cases() -> list[Case]:
    """Returns masks in their additive form."""
    keep = Draw("additive").keep(2, 3, 5, 7)
    keep[1, 2, 3], keep[0, 1, 4] = False, True
    rows = [
        ("additive", "False becomes −∞ and true 0, a row without a key included.", keep),
        ("additive-causal", "The causal rule in the documents' additive form (ERR-06).", np.tril(np.ones((5, 5), dtype=bool))),
        ("additive-empty", "No keys, empty rows.", np.ones((3, 0), dtype=bool)),
    ]
    return [Case(id, "additiveMask", purpose, {"keep": keep}, ("MSK-2", "ERR-07"), {}) for id, purpose, keep in rows]


def filled_case(
    id: str, purpose: str, scores: np.ndarray, keep: np.ndarray, fill: dict[str, Any], factor: float, *ids: str
) -> Case:
    """Returns one filling of raw scores: …×n×m."""
    return Case(id, "maskedScores", purpose, {"scores": scores, "keep": keep}, ids, {"fill": fill, "scaleFactor": factor})


def filled_cases() -> list[Case]:
    """Returns every fill on drawn scores with a fully masked row, and on scores where fills part."""
    seventh = 0.3779644730092272  # 1 / √7
    rows = [
        ("excluded", "A hidden score is −∞.", EXCLUDED, seventh, ("MSK-4",)),
        ("replaced-minus-infinity", "A hidden score is −∞ (document 000, MaskedSelfAttention and attention).", replaced(-np.inf), seventh, ("MSK-4", "MSK-9")),
        ("replaced-minus-10000", "A hidden score is −10000 after scaling (document 002).", replaced(-10000.0), seventh, ("MSK-6", "ERR-33")),
        ("replaced-minus-1e9", "A hidden score is −1e9 after scaling (the code behind document 000).", replaced(-1e9), seventh, ("MSK-4",)),
        ("replaced-before-scaling-minus-1e20", "The fill is scaled too: −1e20 becomes −6.25e18 (document 000, SelfAttention).", replaced_before_scaling(-1e20), 0.0625, ("MSK-5", "ERR-05")),
        ("replaced-before-scaling-minus-48", "The fill is scaled too, shown at a size that a weight would feel: −48 becomes −12.", replaced_before_scaling(-48.0), 0.25, ("MSK-5",)),
        ("added-minus-10000", "A hidden score keeps its own value under the −10000.", added(-10000.0), seventh, ("MSK-6", "ERR-07")),
        ("added-minus-100", "A hidden score keeps its own value under the −100 (Swin's code).", added(-100.0), seventh, ("MSK-6",)),
        ("added-minus-1e20", "A hidden score is absorbed: −1e20 plus it rounds to −1e20 in float32 and float64.", added(-1e20), seventh, ("MSK-5",)),
    ]
    return [
        filled_case(id, purpose, *drawn_scores(id), fill, factor, *ids) for id, purpose, fill, factor, ids in rows
    ] + special_filled_cases()


def drawn_scores(id: str) -> tuple[np.ndarray, np.ndarray]:
    """Returns raw scores 3×3×4×5 and a mask 3×1×4×5 whose row (1, 2) hides every key.

    Batch and heads are equally many, so that a mask laid along the wrong one has a fitting shape.
    """
    draw = Draw(id)
    scores, keep = draw.normal(3, 3, 4, 5, scale=4), draw.keep(3, 1, 4, 5)
    keep[1, 0, 2] = False
    return scores, keep


def special_filled_cases() -> list[Case]:
    """Returns fillings where the scores, not the fill, are special."""
    keep = np.array([[True, False, True, False, True]])
    low = tensor([[-9999, -9998.5, -10001, -10000, -20000], [-20000, -19999, -20001, -30000, -10000.5]])
    strange = tensor([[1, np.nan, -np.inf, np.inf, np.nan], [np.inf, -np.inf, 2, -3, 0]])
    per_key = Draw("excluded-per-key")
    return [
        filled_case("excluded-low-scores", "Scores at and below −10000 stay below no fill but −∞ (ERR-33).", low, keep, EXCLUDED, 1.0, "MSK-6", "ERR-33"),
        filled_case("replaced-minus-10000-low-scores", "A hidden score of −10000 stands above visible ones (ERR-33).", low, keep, replaced(-10000.0), 1.0, "MSK-6", "ERR-33"),
        filled_case("added-minus-10000-low-scores", "A hidden score sinks by 10000 from where it was.", low, keep, added(-10000.0), 1.0, "MSK-6", "ERR-07"),
        filled_case("excluded-nonfinite", "NaN and infinity in hidden places become −∞, in visible ones they stay.", strange, keep, EXCLUDED, 0.5, "MSK-4", "CLM-22"),
        filled_case("replaced-nonfinite", "NaN and infinity in hidden places become the fill, in visible ones they stay.", strange, keep, replaced(-10000.0), 0.5, "MSK-6"),
        filled_case("added-nonfinite", "NaN and infinity in hidden places survive an addition.", strange, keep, added(-10000.0), 0.5, "MSK-6", "ERR-07"),
        filled_case("excluded-per-key", "One mask row per sentence, for all heads and queries (MSK-7).", per_key.normal(2, 3, 4, 7, scale=4), per_key.keep(2, 1, 1, 7), EXCLUDED, 1.0, "MSK-7", "ERR-14"),
        filled_case("excluded-no-keys", "No keys, empty rows.", tensor([]).reshape(1, 0).repeat(3, axis=0), np.ones((1, 0), dtype=bool), EXCLUDED, 1.0, "MSK-4"),
    ]
