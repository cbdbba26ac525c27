"""The cases of scaled dot-product attention, self-attention and cross-attention."""

from collections.abc import Callable
from typing import Any

import numpy as np

from attention_mask import EXCLUDED, added, replaced, replaced_before_scaling
from cases import Case, Draw, Tensors, tensor

ROOT_KEY_WIDTH: dict[str, Any] = {"kind": "rootKeyWidth"}
OUTPUT_ONLY = ("output",)
UNMASKED = ("scores", "weights", "output")
MASKED = ("maskedScores", "weights", "output")

# The extents of most cases, small and odd; `plain` has no two alike.
LEADING, N, M, DK, DV = (2, 3), 3, 7, 5, 3


def root_model_width(width: int) -> dict[str, Any]:
    """Returns the scale 1 / √width."""
    return {"kind": "rootModelWidth", "width": width}


def by_factor(value: float) -> dict[str, Any]:
    """Returns the scale that multiplies by the value."""
    return {"kind": "factor", "value": value}


def case(
    id: str,
    purpose: str,
    inputs: Tensors,
    *ids: str,
    fill: dict[str, Any] = EXCLUDED,
    scale: dict[str, Any] = ROOT_KEY_WIDTH,
    offset: int | None = None,
    function: str = "scaledDotProductAttention",
    stored: tuple[str, ...] | None = None,
) -> Case:
    """Returns one attention; an offset of None means no causal rule, `stored` of None what the case has to show."""
    attributes = {"scale": scale, "fill": fill}
    if offset is not None:
        attributes["causalOffset"] = offset
    masked = offset is not None or "keep" in inputs or "bias" in inputs
    if stored is None and function == "scaledDotProductAttention" and not masked:
        # Masked scores that are the scores need no second copy.
        stored = UNMASKED
    return Case(id, function, purpose, inputs, ("ATT-1", *ids), attributes, stored)


def operands(
    draw: Draw, leading: tuple[int, ...] = LEADING, n: int = N, m: int = M, dk: int = DK, dv: int = DV
) -> Tensors:
    """Returns queries …×n×dk, keys …×m×dk and values …×m×dv, drawn in this order."""
    return {
        "queries": draw.normal(*leading, n, dk),
        "keys": draw.normal(*leading, m, dk),
        "values": draw.normal(*leading, m, dv),
    }


def drawn(id: str, leading: tuple[int, ...] = LEADING, **extents: int) -> Tensors:
    """Returns the operands of a case that has no other inputs."""
    return operands(Draw(id), leading, **extents)


def with_keep(id: str, shape: tuple[int, ...], *hidden_rows: tuple[int, ...], **extents: Any) -> Tensors:
    """Returns operands and a drawn mask of the shape, whose rows at the indices given hide every key."""
    draw = Draw(id)
    inputs = operands(draw, **extents) | {"keep": draw.keep(*shape)}
    for row in hidden_rows:
        inputs["keep"][row] = False
    return inputs


def cases() -> list[Case]:
    """Returns every case of the topic."""
    groups: tuple[Callable[[], list[Case]], ...] = (
        shape_cases, empty_cases, scale_cases, causal_cases, keep_cases, bias_cases, fill_cases,
        leak_cases, size_cases, poison_cases, document_cases, projected_cases,
    )
    return [one for group in groups for one in group()]


def shape_cases() -> list[Case]:
    """Returns attentions without a mask that differ in their extents."""
    single = {"n": 1, "m": 1}
    return [
        case("plain", "No two extents are alike: no axis can be mistaken for another, nor dv for dk in the scale.", drawn("plain", n=5, m=9, dk=7, dv=11), "ATT-10", "CLM-41"),
        case("rank-2", "No leading dimension.", drawn("rank-2", ())),
        case("rank-3", "One leading dimension.", drawn("rank-3", (3,))),
        case("rank-5", "Three leading dimensions, one of them 1.", drawn("rank-5", (2, 1, 3), n=3, m=5, dk=3, dv=2)),
        case("square", "Every extent is 7: a transposed operand or the wrong softmax axis must be caught by its numbers.", drawn("square", (3,), n=7, m=7, dk=7, dv=7)),
        case("single-query", "One query, as in generation step by step.", drawn("single-query", n=1), "DECODE-1"),
        case("single-key", "One key takes weight 1: the output is its value.", drawn("single-key", m=1)),
        case("single-query-and-key", "One query and one key.", drawn("single-query-and-key", **single)),
        case("key-width-1", "Keys of width 1: √dk changes nothing.", drawn("key-width-1", dk=1)),
        case("value-width-1", "Values of width 1.", drawn("value-width-1", dv=1)),
        case("beyond-key-block", "More keys than a block of 64.", drawn("beyond-key-block", (3,), n=13, m=67, dk=17, dv=13), stored=OUTPUT_ONLY),
        beyond_blocks(),
    ]


def beyond_blocks() -> Case:
    """Returns the largest case: 2×3×29×11 over 141 keys, masked so that every row sees another set."""
    draw = Draw("beyond-blocks")
    inputs = operands(draw, n=29, m=141, dk=11, dv=9) | {"keep": draw.keep(2, 1, 1, 141, share=0.8)}
    return case(
        "beyond-blocks",
        "More queries and keys than a block holds, under a causal rule with 104 keys before the first query, and padding.",
        inputs, "MSK-1", "MSK-3", offset=104, stored=OUTPUT_ONLY,
    )


def empty_cases() -> list[Case]:
    """Returns attentions with an extent of 0."""
    masked = with_keep("zero-key-width-masked", (2, 1, N, M), (0, 0, 2), dk=0)
    return [
        case("zero-queries", "No queries, no output.", drawn("zero-queries", n=0)),
        case("zero-keys", "A query over no keys gets zeros, the empty sum.", drawn("zero-keys", m=0)),
        case("zero-keys-replaced", "A query over no keys gets zeros under a literal fill too: there is no score to fill.", drawn("zero-keys-replaced", m=0), fill=replaced(-10000.0)),
        case("zero-key-width", "Keys of width 0 score 0 without a division by 0: every key has the same weight.", drawn("zero-key-width", dk=0)),
        case("zero-key-width-masked", "Keys of width 0: every visible key has the same weight, a row without one gets zeros.", masked, "MSK-3"),
        case("zero-value-width", "Values of width 0: there are weights but no output.", drawn("zero-value-width", dv=0)),
        case("zero-batch", "An empty batch.", drawn("zero-batch", (0, 3), n=2, m=3, dk=4, dv=5)),
    ]


def scale_cases() -> list[Case]:
    """Returns attentions with every kind of scale."""
    root_model = "document 000's SelfAttention divides by the root of the whole embedding's width, 15 = 3 heads · 5 (ERR-03)."
    return [
        case("scale-root-model-width", f"Not √dk: {root_model}", drawn("scale-root-model-width"), "MHA-2", "ERR-03", scale=root_model_width(15)),
        case("scale-factor", "A factor that is no root of an extent.", drawn("scale-factor"), "ATT-6", scale=by_factor(0.3125)),
        case("scale-one", "Plain dot products: the weights are sharper than with any division.", drawn("scale-one"), "ATT-5", "CLM-28", scale=by_factor(1.0)),
        case("scale-negative", "A negative factor turns the order of the keys around.", drawn("scale-negative"), scale=by_factor(-0.75)),
    ]


def causal_cases() -> list[Case]:
    """Returns attentions under the causal rule alone."""
    rule = ("MSK-1", "CLM-22")
    return [
        case("causal", "Query i sees the keys 0 … i: one too many or too few changes every row.", drawn("causal", n=M), *rule, "ERR-06", offset=0),
        case("causal-more-keys", "Counted from the top left: the last four keys are seen by no query.", drawn("causal-more-keys"), *rule, offset=0),
        case("causal-more-queries", "Counted from the top left: the last queries see every key.", drawn("causal-more-queries", n=7, m=3), *rule, offset=0),
        case("causal-offset", "Four keys in a cache: the last query sees all seven.", drawn("causal-offset"), *rule, offset=4),
        case("causal-negative-offset", "The first two queries see no key and get zeros.", drawn("causal-negative-offset"), *rule, "CLM-26", offset=-2),
        case("causal-replaced-minus-infinity", "With every row seeing a key, −∞ in place of a score is the exclusion.", drawn("causal-replaced-minus-infinity", n=M), *rule, "MSK-4", offset=0, fill=replaced(-np.inf)),
    ]


def keep_cases() -> list[Case]:
    """Returns attentions under a keep mask, alone and with the causal rule."""
    return [
        case("keep-per-key", "A padding mask: one row per sentence, for all heads and queries.", with_keep("keep-per-key", (2, 1, 1, M)), "MSK-3", "CLM-23"),
        case("keep-per-head", "One row per head, for all sentences and queries.", with_keep("keep-per-head", (1, 3, 1, M)), "MSK-7"),
        case("keep-per-query", "A mask that hides all keys or none of a query.", with_keep("keep-per-query", (2, 3, N, 1)), "MSK-7", "CLM-26"),
        case("keep-per-query-and-key", "Every score has its own place in the mask; two rows see no key.", with_keep("keep-per-query-and-key", (2, 3, N, M), (0, 2, 0), (1, 1, 2)), "MSK-7", "CLM-26"),
        case("keep-as-many-heads-as-sentences", "Batch and heads are both 3: a mask laid along the wrong one has a fitting shape (ERR-14).", with_keep("keep-as-many-heads-as-sentences", (3, 1, N, M), leading=(3, 3)), "MSK-7", "ERR-14"),
        case("keep-rank-2", "A mask of a single attention.", with_keep("keep-rank-2", (N, M), leading=()), "MSK-7"),
        case("keep-all", "A mask that hides nothing changes nothing.", drawn("keep-all") | {"keep": np.ones((1, 1, 1, 1), dtype=bool)}, "MSK-7"),
        case("keep-none", "A mask that hides everything leaves zeros.", drawn("keep-none") | {"keep": np.zeros((1, 1, 1, 1), dtype=bool)}, "CLM-26"),
        case("keep-and-causal", "The decoder's mask: a key must be real and not in the future; the last sentence begins with padding.", decoder_inputs("keep-and-causal"), "MSK-8", "CLM-26", offset=0),
    ]


def decoder_inputs(id: str) -> Tensors:
    """Returns operands with 7 queries and keys, and padding at the end and at the beginning."""
    keep = np.ones((2, 1, 1, M), dtype=bool)
    keep[0, ..., 5:] = False
    keep[1, ..., :2] = False
    return drawn(id, n=M) | {"keep": keep}


def bias_cases() -> list[Case]:
    """Returns attentions with numbers added to the scaled scores."""
    relative, hiding, joined = Draw("bias-per-head"), Draw("bias-minus-infinity"), Draw("bias-keep-and-causal")
    added_late = operands(relative) | {"bias": relative.normal(1, 3, N, M)}
    hiding_inputs = operands(hiding) | {"bias": hiding_bias(hiding)}
    joined_inputs = operands(joined, n=M) | {"keep": joined.keep(2, 1, 1, M, share=0.8), "bias": joined.normal(1, 3, M, M)}
    literal, finite = Draw("bias-minus-infinity-replaced"), Draw("bias-replaced")
    literal_inputs = operands(literal) | {"bias": hiding_bias(literal), "keep": literal.keep(2, 1, N, M)}
    literal_inputs["keep"][0, 0, 2] = True
    literal_inputs["bias"][1, :, 0] = -np.inf
    finite_inputs = operands(finite) | {"bias": finite.normal(2, 1, N, M), "keep": finite.keep(2, 1, 1, M)}
    finite_inputs["keep"][1] = False
    return [
        case("bias-per-head", "A finite bias is added once, after the scaling.", added_late, "MSK-2", "SWIN-3"),
        case("bias-minus-infinity", "A bias of −∞ hides a key as a false in keep does; a row of it leaves zeros.", hiding_inputs, "MSK-2", "CLM-26"),
        case("bias-keep-and-causal", "All three rules at once: every one of them must hold.", joined_inputs, "MSK-2", "MSK-8", offset=0),
        case("bias-replaced", "The fill stands in place of score and bias together; a fully masked row is uniform.", finite_inputs, "MSK-6", fill=replaced(-10000.0)),
        case("bias-minus-infinity-replaced", "Under a literal fill a bias of −∞ is only a number added: a row of it is NaN, or falls to the keys at −10000.", literal_inputs, "MSK-2", "MSK-6", fill=replaced(-10000.0)),
    ]


def hiding_bias(draw: Draw) -> np.ndarray:
    """Returns a bias 2×3×3×7 that is −∞ in about a third of its places and in one whole row."""
    bias, keep = draw.normal(2, 3, N, M), draw.keep(2, 3, N, M)
    keep[0, 1, 2] = False
    return np.where(keep, bias, np.float32(-np.inf))


def fill_cases() -> list[Case]:
    """Returns every fill on drawn scores with a fully masked row per sentence."""
    rows = [
        ("fill-excluded", "A row without a key gets zeros.", EXCLUDED, ROOT_KEY_WIDTH, ("MSK-4",)),
        ("fill-replaced-minus-infinity", "A row without a key is NaN (document 000).", replaced(-np.inf), ROOT_KEY_WIDTH, ("MSK-4", "MSK-9")),
        ("fill-replaced-minus-10000", "A row without a key is uniform over all keys (document 002).", replaced(-10000.0), ROOT_KEY_WIDTH, ("MSK-6",)),
        ("fill-replaced-minus-1e9", "A row without a key is uniform over all keys (the code behind document 000).", replaced(-1e9), ROOT_KEY_WIDTH, ("MSK-4",)),
        ("fill-before-scaling-minus-1e20", "A row without a key is uniform over all keys (document 000, SelfAttention with its own scale).", replaced_before_scaling(-1e20), root_model_width(15), ("MSK-5", "MHA-2", "ERR-05")),
        ("fill-before-scaling-minus-8", "The fill is scaled with the scores: at −8 · 0.25 the hidden keys keep a weight that shows it.", replaced_before_scaling(-8.0), by_factor(0.25), ("MSK-5",)),
        ("fill-replaced-minus-2", "A fill of −2 is not scaled: the hidden keys keep a weight that shows it.", replaced(-2.0), by_factor(0.25), ("MSK-6",)),
        ("fill-added-minus-10000", "A row without a key has the weights of no mask at all.", added(-10000.0), ROOT_KEY_WIDTH, ("MSK-6", "ERR-07")),
        ("fill-added-minus-100", "A row without a key has the weights of no mask at all (Swin's code).", added(-100.0), ROOT_KEY_WIDTH, ("MSK-6", "ERR-07")),
        ("fill-added-minus-2", "A fill of −2 is added after the scaling: the hidden keys keep e^−2 of their share.", added(-2.0), by_factor(0.25), ("MSK-6",)),
    ]
    return [
        case(id, purpose, with_keep(id, (2, 1, N, M), (0, 0, 2), (1, 0, 0)), *ids, "CLM-26", fill=fill, scale=scale, stored=MASKED)
        for id, purpose, fill, scale, ids in rows
    ]


def leak_cases() -> list[Case]:
    """Returns scores around and below −10000, where a fill of −10000 no longer hides."""
    rows = [
        ("leak-excluded", "The right answer for scores around −10000: hidden keys have no weight.", EXCLUDED),
        ("leak-replaced-minus-infinity", "The same answer with −∞ in place of the scores.", replaced(-np.inf)),
        ("leak-replaced-minus-10000", "−10000 leaks: 0.134 of the weight for each hidden key at a score of −9999, all of it at −19998 (ERR-33).", replaced(-10000.0)),
        ("leak-added-minus-10000", "−10000 added to a score keeps its distance and does not leak here.", added(-10000.0)),
    ]
    return [
        case(id, purpose, leaking(), "MSK-6", "ERR-33", fill=fill, scale=by_factor(1.0)) for id, purpose, fill in rows
    ]


def leaking() -> Tensors:
    """Returns three queries over five keys, every third one hidden, with scores −9999, −19998 and −4999.5 at best."""
    return {
        "queries": tensor([[1], [2], [0.5]]),
        "keys": tensor([[-9999], [-9990], [-10000.5], [-9999.25], [-9980]]),
        "values": tensor([[1, -3], [20, 5], [-2, 0.5], [4, 7], [-30, 11]]),
        "keep": np.array([[True, False, True, True, False]]),
    }


def size_cases() -> list[Case]:
    """Returns attentions whose scores are large."""
    return [
        case("logits-90-to-100", "Scores in 90 … 100: e^s overflows float32 without the shift by the maximum.", scores_around("logits-90-to-100", 90, 100), "ATT-14", "CLM-39", scale=by_factor(1.0)),
        case("logits-above-1000", "Scores in 1000 … 1010: e^s overflows float64 without the shift by the maximum.", scores_around("logits-above-1000", 1000, 1010), "ATT-14", scale=by_factor(1.0)),
        case("scores-below-minus-10000", "Visible scores below −10000 under a causal rule: a fill of −1e4 for −∞ gives all weight to the future.", scores_around("scores-below-minus-10000", -20010, -20000), "MSK-6", "ERR-33", scale=by_factor(1.0), offset=0),
        case("saturated", "Scores of standard deviation 40: one key takes nearly all, the others' weights span many powers of ten.", sharpened("saturated", 40.0), "CLM-28", "CLM-42", "ERR-47"),
    ]


def scores_around(id: str, low: float, high: float) -> Tensors:
    """Returns operands of width 3 whose scores are drawn from low … high, give or take 1."""
    draw = Draw(id)
    inputs = operands(draw, dk=3)
    inputs["queries"][..., 0] = 1
    inputs["queries"][..., 1:] *= np.float32(0.25)
    inputs["keys"][..., 0] = draw.uniform(*LEADING, M, low=low, high=high)
    return inputs


def sharpened(id: str, scale: float) -> Tensors:
    """Returns operands with queries times the scale."""
    draw = Draw(id)
    return {
        "queries": draw.normal(*LEADING, N, DK, scale=scale),
        "keys": draw.normal(*LEADING, M, DK),
        "values": draw.normal(*LEADING, M, DV),
    }


def poison_cases() -> list[Case]:
    """Returns NaN and infinity in hidden and in visible places."""
    hidden = ("CLM-22", "CLM-23", "MSK-4")
    return [
        case("poison-behind-keep", "NaN and infinity in keys and values that padding hides never reach the output.", poisoned_padding("poison-behind-keep"), *hidden, stored=MASKED),
        case("poison-behind-causal", "NaN and infinity in the future: the queries before them are clean, the others are not.", poisoned_future(), *hidden, offset=0, stored=MASKED),
        case("poison-behind-bias", "NaN and infinity in keys and values that a bias of −∞ hides never reach the output.", poisoned_behind_bias(), *hidden, stored=MASKED),
        case("poison-in-hidden-bias", "NaN in a bias that keep hides never reaches the output.", poisoned_bias(), *hidden, stored=MASKED),
        case("poison-seen-by-no-query", "Every key and value is NaN and none is visible: zeros.", everything_poisoned(), *hidden, "CLM-26", stored=MASKED),
        case("poison-behind-replaced", "With −∞ in place of the scores the weight is 0, and 0 times NaN is NaN: a poisoned value leaks.", poisoned_padding("poison-behind-replaced"), *hidden, fill=replaced(-np.inf), stored=MASKED),
        case("poison-behind-added", "With −10000 added a poisoned key makes its score NaN, and with it the whole row.", poisoned_padding("poison-behind-added"), *hidden, fill=added(-10000.0), stored=MASKED),
        case("visible-nan-key", "NaN in a visible key makes NaN of every query of its own head, and of no other.", with_values("visible-nan-key", "keys", (0, 1, 4, 2), np.nan)),
        case("visible-nan-value", "NaN in a visible value makes NaN of its own column.", with_values("visible-nan-value", "values", (1, 2, 3, 1), np.nan)),
        case("visible-nan-value-without-weight", "NaN in a visible value reaches the output through a weight that underflows to 0: only a mask keeps it out.", nan_without_weight(), scale=by_factor(1.0)),
        case("visible-nan-query", "NaN in a query makes NaN of its own row.", with_values("visible-nan-query", "queries", (0, 2, 1, 0), np.nan)),
        case("nan-query-without-keys", "A query of NaN that sees no key gets zeros like any other.", nan_query_without_keys(), "CLM-26"),
        case("visible-nan-keeps-hidden-weights", "In a row that NaN reaches, the weight of a hidden key is still exactly 0.", visible_and_hidden_nan(), "CLM-23"),
        case("visible-infinite-value", "Infinity in a visible value is infinity in its own column.", with_values("visible-infinite-value", "values", (1, 0, 6, 2), -np.inf)),
        case("visible-infinite-scores", "A score of −∞ has weight 0 beside finite ones; a score of +∞ makes its row NaN.", infinite_scores(), "ATT-14"),
    ]


def poison(inputs: Tensors, at: tuple[Any, ...]) -> None:
    """Puts NaN, +∞ and −∞ into the key and the value at the index."""
    inputs["keys"][at][..., :3] = [np.nan, np.inf, -np.inf]
    inputs["values"][at][..., :3] = [-np.inf, np.nan, np.inf]


def poisoned_padding(id: str) -> Tensors:
    """Returns operands with padding inside and at the end, poisoned there."""
    inputs = drawn(id) | {"keep": np.ones((2, 1, 1, M), dtype=bool)}
    for sentence, j in ((0, 2), (0, 6), (1, 0), (1, 5), (1, 6)):
        inputs["keep"][sentence, 0, 0, j] = False
        poison(inputs, (sentence, slice(None), j))
    # One hidden key is harmless, so that only its value can leak.
    inputs["keys"][0, :, 6] = 0
    return inputs


def poisoned_future() -> Tensors:
    """Returns 7 queries and keys with key 5 and value 3 poisoned."""
    inputs = drawn("poison-behind-causal", n=M)
    inputs["keys"][:, :, 5, 1] = np.nan
    inputs["values"][:, :, 3, 2] = np.inf
    return inputs


def poisoned_behind_bias() -> Tensors:
    """Returns operands with −∞ added to the scores of the poisoned keys 1 and 5."""
    draw = Draw("poison-behind-bias")
    inputs = operands(draw) | {"bias": draw.normal(1, 1, N, M)}
    for j in (1, 5):
        inputs["bias"][..., j] = -np.inf
        poison(inputs, (slice(None), slice(None), j))
    return inputs


def poisoned_bias() -> Tensors:
    """Returns operands with a bias that is NaN, +∞ and −∞ where keep is false."""
    draw = Draw("poison-in-hidden-bias")
    inputs = operands(draw) | {"bias": draw.normal(2, 3, N, M), "keep": draw.keep(2, 3, N, M)}
    for count, place in enumerate(np.argwhere(~inputs["keep"])):
        inputs["bias"][tuple(place)] = (np.nan, np.inf, -np.inf)[count % 3]
    return inputs


def everything_poisoned() -> Tensors:
    """Returns operands of NaN keys and values under a mask of false."""
    inputs = drawn("poison-seen-by-no-query")
    inputs["keys"][...] = np.nan
    inputs["values"][...] = np.nan
    return inputs | {"keep": np.zeros((2, 1, 1, M), dtype=bool)}


def with_values(id: str, name: str, at: tuple[int, ...], value: float) -> Tensors:
    """Returns drawn operands with one number replaced."""
    inputs = drawn(id)
    inputs[name][at] = value
    return inputs


def nan_without_weight() -> Tensors:
    """Returns operands with NaN in value 2 of one head, whose key scores 2000 below the others."""
    inputs = scores_around("visible-nan-value-without-weight", 0, 10)
    inputs["keys"][1, 0, 2] = [-2000, 0, 0]
    inputs["values"][1, 0, 2, 1] = np.nan
    return inputs


def nan_query_without_keys() -> Tensors:
    """Returns operands with a query of NaN that sees no key and another that does."""
    inputs = with_keep("nan-query-without-keys", (2, 1, N, M), (0, 0, 2))
    inputs["queries"][0, :, 2] = np.nan
    inputs["queries"][1, 1, 1, 0] = np.nan
    return inputs


def visible_and_hidden_nan() -> Tensors:
    """Returns operands with NaN in key 3, which half of the queries see."""
    inputs = with_keep("visible-nan-keeps-hidden-weights", (2, 3, N, M))
    inputs["keys"][:, :, 3, 0] = np.nan
    inputs["keep"][:, :, ::2, 3] = True
    inputs["keep"][:, :, 1::2, 3] = False
    return inputs


def infinite_scores() -> Tensors:
    """Returns operands with +∞ in key 4, met by queries of either sign, and values of ordinary size."""
    inputs = with_values("visible-infinite-scores", "keys", (0, 1, 4, 0), np.inf)
    inputs["queries"][0, 1, :, 0] = [-1, 2, -0.5]
    return inputs


def document_cases() -> list[Case]:
    """Returns the documents' own examples, on drawn numbers."""
    example, masked = Draw("document-000-attention"), Draw("document-000-masked-self-attention")
    shapes = {name: example.uniform(1, 10, 512) for name in ("queries", "keys", "values")}
    x = {"x": masked.uniform(1, 10, 64)} | projections(masked, 64, 64, 64, 64, biased=True)
    keep = np.tril(np.ones((1, 10, 10), dtype=bool))
    return [
        case("document-000-attention", "Document 000, §2.1.4: numbers in 0 … 1, 10 positions of width 512, nearly uniform weights.", shapes, "ATT-11", "ERR-01", "CLM-41"),
        case("document-000-masked-self-attention", "Document 000, §2.6.1: MaskedSelfAttention(64) on 10 positions, the triangle as a keep mask, −∞ as fill.", x | {"keep": keep}, "MSK-9", "ATT-2", fill=replaced(-np.inf), function="selfAttention", stored=MASKED),
    ]


def projections(draw: Draw, d: int, memory: int, dk: int, dv: int, biased: bool) -> Tensors:
    """Returns weights outputs×inputs and biases for queries, keys and values, of size 1 / √inputs."""
    drawn_ones: Tensors = {}
    for name, inputs, outputs in (("query", d, dk), ("key", memory, dk), ("value", memory, dv)):
        bound = float(inputs) ** -0.5
        drawn_ones[f"{name}Weight"] = draw.uniform(outputs, inputs, low=-bound, high=bound)
        if biased:
            drawn_ones[f"{name}Bias"] = draw.uniform(outputs, low=-bound, high=bound)
    return drawn_ones


def projected_inputs(
    id: str, dk: int = 5, dv: int = 3, memory: tuple[int, int] | None = None, biased: bool = True, gain: float = 3.0
) -> Tensors:
    """Returns x 2×5×7, a memory 2×m×d' if asked for, and projections that make uneven weights."""
    draw = Draw(id)
    inputs = {"x": draw.normal(2, 5, 7, scale=gain)}
    if memory is not None:
        inputs["memory"] = draw.normal(2, *memory, scale=gain)
    return inputs | projections(draw, 7, 7 if memory is None else memory[1], dk, dv, biased)


def projected_cases() -> list[Case]:
    """Returns self-attention and cross-attention without an output projection."""
    padded = projected_inputs("self-attention-causal-padding")
    padded["keep"] = np.array([[[True] * 5], [[True, True, True, False, False]]])
    crossed = projected_inputs("cross-attention-padding", memory=(9, 7))
    crossed["keep"] = np.array([[[True] * 7 + [False] * 2], [[True] * 4 + [False] * 5]])
    poisoned = projected_inputs("cross-attention-poison", memory=(9, 7))
    poisoned["keep"] = crossed["keep"].copy()
    poisoned["memory"][0, 7:] = np.nan
    poisoned["memory"][1, 4:] = np.inf
    own, other = {"function": "selfAttention"}, {"function": "crossAttention"}
    return [
        case("self-attention", "Queries, keys and values from one input, each with its own weight and bias.", projected_inputs("self-attention"), "ATT-2", "CLM-08", **own),
        case("self-attention-without-bias", "The paper's form without bias, square weights: W in place of Wᵀ has a fitting shape (document 001).", projected_inputs("self-attention-without-bias", dk=7, dv=7, biased=False), "ATT-2", "ERR-24", "ERR-25", "ERR-26", **own),
        case("self-attention-causal-padding", "The decoder's mask on projected inputs.", padded, "ATT-2", "MSK-8", offset=0, **own),
        case("self-attention-model-width", "The scale is the root of x's width 7, not of the keys' 5.", projected_inputs("self-attention-model-width"), "ATT-2", "MSK-9", scale=root_model_width(7), **own),
        case("cross-attention", "Queries from x, keys and values from a memory of another length and width.", projected_inputs("cross-attention", memory=(9, 11)), "ATT-12", **other),
        case("cross-attention-padding", "The source's padding mask hides keys of the memory.", crossed, "ATT-12", "MSK-3", **other),
        case("cross-attention-poison", "NaN and infinity in padded places of the memory never reach the output.", poisoned, "ATT-12", "CLM-22", **other),
    ]
