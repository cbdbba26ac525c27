"""Multi-head attention, Concat(head_1 … head_h) W^O, its split into heads, and document 000's form with shared maps."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

import exact
import layers
from agreement import MPMATH, PYTORCH_FLOAT64, double
from attention_cases import ROOT_KEY_WIDTH, root_model_width
from attention_mask import EXCLUDED, added, replaced, replaced_before_scaling
from cases import Case, Draw, Tensors, defined
from pytorch_layers import as_attention_mask, heads_of, is_pytorchs, loaded, side_by_side, visible
from scaled_dot_product_attention import attend_by_torch, attended

TOPIC = "MultiHeadAttention"

NAMES = {"query": "queries", "key": "keys", "value": "values"}

# First source: PyTorch in float64.


def multi_head_by_torch(case: Case) -> Tensors:
    """Returns the heads' queries, keys and values, their attention, and the output …×n×dOut.

    Weights and output are nn.MultiheadAttention's where it has the case's extents, scale and fill.
    """
    inputs, heads = case.inputs, case.attributes["heads"]
    maps = {name: map_by_torch(inputs, name) for name in (*NAMES, "output")}
    projected = {
        f"{name}Heads": heads_of(nn.functional.linear(double(inputs[source]), *maps[name]), heads)
        for name, source in NAMES.items()
    }
    attention = attend_by_torch(*projected.values(), case.attributes, inputs.get("keep"))
    attention["heads"] = attention.pop("output")
    concatenated = side_by_side(torch.from_numpy(attention["heads"]))
    results = {name: x.numpy() for name, x in projected.items()} | attention
    output = nn.functional.linear(concatenated, *maps["output"])
    return results | {"concatenated": concatenated.numpy(), "output": output.numpy()} | by_the_module(case)


def map_by_torch(inputs: Tensors, name: str) -> tuple[torch.Tensor, torch.Tensor | None]:
    """Returns the weight and the bias of a projection."""
    return double(inputs[f"{name}Weight"]), double(inputs[f"{name}Bias"]) if f"{name}Bias" in inputs else None


def by_the_module(case: Case) -> Tensors:
    """Returns the weights and the output of nn.MultiheadAttention, nothing where it does not apply."""
    inputs, heads = case.inputs, case.attributes["heads"]
    q, k, v = (double(inputs[name]) for name in NAMES.values())
    d = q.shape[-1]
    widths = {inputs[name].shape[0] for name in ("queryWeight", "keyWeight", "valueWeight", "outputWeight")}
    if q.ndim != 3 or widths != {d} or case.attributes["scale"] != ROOT_KEY_WIDTH:
        return {}
    seen = visible(case.attributes, inputs.get("keep"), True, len(q), q.shape[1], k.shape[1])
    if not is_pytorchs(case.attributes["fill"], [seen], [q, k, v]):
        return {}
    biased = "queryBias" in inputs
    module = nn.MultiheadAttention(
        d, heads, bias=biased, kdim=k.shape[-1], vdim=v.shape[-1], batch_first=True, dtype=torch.float64
    )
    output, weights = loaded(module, module_parameters(inputs, packed=module.in_proj_weight is not None))(
        q, k, v, attn_mask=as_attention_mask(seen), need_weights=True, average_attn_weights=False
    )
    return {"weights": weights.numpy(), "output": output.numpy()}


def module_parameters(inputs: Tensors, packed: bool) -> Tensors:
    """Returns the projections under the names of nn.MultiheadAttention."""
    weights = {f"{name[0]}_proj_weight": inputs[f"{name}Weight"] for name in NAMES}
    if packed:
        weights = {"in_proj_weight": np.concatenate(list(weights.values()))}
    weights["out_proj.weight"] = inputs["outputWeight"]
    if "queryBias" in inputs:
        weights["in_proj_bias"] = np.concatenate([inputs[f"{name}Bias"] for name in NAMES])
        weights["out_proj.bias"] = inputs["outputBias"]
    return weights


def shared_head_by_torch(case: Case) -> Tensors:
    """Returns attention whose heads share one map each for queries, keys and values, by Einstein sums."""
    inputs, h = case.inputs, case.attributes["heads"]
    q, k, v = (
        torch.einsum("bthi,oi->btho", double(inputs[source]).unflatten(-1, (h, -1)), double(inputs[f"{name}Weight"]))
        for name, source in NAMES.items()
    )
    raw, root = torch.einsum("bihc,bjhc->bhij", q, k), inputs["queries"].shape[-1] ** 0.5
    masked = raw.masked_fill(~torch.from_numpy(inputs["keep"]), -1e20) if "keep" in inputs else raw
    weights = torch.softmax(masked / root, dim=-1)
    heads = torch.einsum("bhij,bjhc->bhic", weights, v)
    output = torch.einsum(
        "bhic,ohc->bio", heads, double(inputs["outputWeight"]).unflatten(-1, (h, -1))
    ) + double(inputs["outputBias"])
    results = {"scores": raw / root, "maskedScores": masked / root, "weights": weights, "heads": heads}
    return {name: x.numpy() for name, x in (results | {"output": output}).items()}


def split_by_torch(case: Case) -> Tensors:
    """Returns x: …×t×d as heads …×h×t×d/h."""
    x = double(case.inputs["x"])
    return {"output": x.reshape(*x.shape[:-1], case.attributes["heads"], -1).transpose(-3, -2).numpy()}


def concatenate_by_torch(case: Case) -> Tensors:
    """Returns heads …×h×t×dk side by side, …×t×(h·dk)."""
    return {"output": torch.cat(double(case.inputs["x"]).unbind(dim=-3), dim=-1).numpy()}


# Second source: the definition.


def multi_head_defined(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns the heads' queries, keys and values, their attention, and the output …×n×dOut."""
    lifted = {name: lift(x) for name, x in case.inputs.items() if name != "keep"}
    maps = {name: (lifted[f"{name}Weight"], lifted.get(f"{name}Bias")) for name in (*NAMES, "output")}
    sources = (lifted[name] for name in NAMES.values())
    return layers.multi_head(*sources, maps, case.attributes["heads"], case.attributes, case.inputs.get("keep"))


def shared_head_defined(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns attention whose heads share one map each for queries, keys and values, divided by √(h·dk)."""
    lifted = {name: lift(x) for name, x in case.inputs.items() if name != "keep"}
    q, k, v = (
        exact.affine(layers.split_heads(lifted[source], case.attributes["heads"]), lifted[f"{name}Weight"], None)
        for name, source in NAMES.items()
    )
    attributes = {"scale": root_model_width(case.inputs["queries"].shape[-1]), "fill": replaced_before_scaling(-1e20)}
    results = attended(q, k, v, attributes, case.inputs.get("keep"))
    results["heads"] = results.pop("output")
    concatenated = layers.concatenate_heads(results["heads"])
    return results | {"output": exact.affine(concatenated, lifted["outputWeight"], lifted["outputBias"])}


def split_defined(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns x: …×t×d as heads …×h×t×d/h."""
    return {"output": layers.split_heads(lift(case.inputs["x"]), case.attributes["heads"])}


def concatenate_defined(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns heads …×h×t×dk side by side, …×t×(h·dk)."""
    return {"output": layers.concatenate_heads(lift(case.inputs["x"]))}


ORACLES = (PYTORCH_FLOAT64, MPMATH)

FUNCTIONS = {
    "multiHeadAttention": defined(multi_head_by_torch, multi_head_defined, ORACLES),
    "sharedHeadAttention": defined(shared_head_by_torch, shared_head_defined, ORACLES),
    "splitHeads": defined(split_by_torch, split_defined, ORACLES),
    "concatenateHeads": defined(concatenate_by_torch, concatenate_defined, ORACLES),
}


def cases() -> list[Case]:
    """Returns every case of the topic."""
    return shape_cases() + mask_cases() + fill_cases() + shared_cases() + split_cases()


UNMASKED = ("queryHeads", "keyHeads", "valueHeads", "scores", "weights", "heads", "concatenated", "output")
MASKED = ("maskedScores", "weights", "heads", "output")

# The extents of most cases: batch, queries, keys, heads and the width of the model.
B, N, M, H, D = 2, 4, 5, 3, 6


def case(
    id: str,
    purpose: str,
    inputs: Tensors,
    *ids: str,
    heads: int = H,
    fill: dict[str, Any] = EXCLUDED,
    scale: dict[str, Any] = ROOT_KEY_WIDTH,
    offset: int | None = None,
    stored: tuple[str, ...] | None = None,
) -> Case:
    """Returns one multi-head attention; an offset of None means no causal rule."""
    attributes = {"heads": heads, "scale": scale, "fill": fill} | ({} if offset is None else {"causalOffset": offset})
    if stored is None:
        # Masked scores that are the scores need no second copy.
        stored = UNMASKED if offset is None and "keep" not in inputs else MASKED
    return Case(id, "multiHeadAttention", purpose, inputs, ("MHA-1", *ids), attributes, stored)


def projections(draw: Draw, widths: dict[str, tuple[int, int]], biased: bool) -> Tensors:
    """Returns weights outputs×inputs, and biases if asked for, of size 1.2 / √inputs."""
    drawn: Tensors = {}
    for name, (outputs, inputs) in widths.items():
        drawn[f"{name}Weight"] = draw.normal(outputs, inputs, scale=1.2 * inputs**-0.5)
        if biased:
            drawn[f"{name}Bias"] = draw.normal(outputs, scale=0.5)
    return drawn


def operands(
    id: str, b: int = B, n: int = N, m: int = M, d: int = D, biased: bool = True, self_attention: bool = False
) -> Tensors:
    """Returns queries b×n×d, keys and values b×m×d and four square projections; keys and values may be the queries."""
    draw = Draw(id)
    x = draw.normal(b, n, d)
    sources = (x, x, x) if self_attention else (x, draw.normal(b, m, d), draw.normal(b, m, d))
    widths = {name: (d, d) for name in (*NAMES, "output")}
    return dict(zip(NAMES.values(), sources, strict=True)) | projections(draw, widths, biased)


def unequal(id: str, biased: bool = True) -> Tensors:
    """Returns inputs whose extents all differ: widths 7, 9 and 11 in, three heads of dk 5 and dv 2, 8 out."""
    draw = Draw(id)
    inputs = {"queries": draw.normal(B, N, 7), "keys": draw.normal(B, M, 9), "values": draw.normal(B, M, 11)}
    inputs |= projections(draw, {"query": (15, 7), "key": (15, 9), "value": (6, 11), "output": (8, 6)}, biased)
    return inputs


def shape_cases() -> list[Case]:
    """Returns attentions without a mask."""
    draw = Draw("unequal-inputs")
    given = {"queries": draw.normal(B, N, D), "keys": draw.normal(B, M, 7), "values": draw.normal(B, M, 4)}
    given |= projections(draw, {"query": (D, D), "key": (D, 7), "value": (D, 4), "output": (D, D)}, True)
    equal = operands("equal-heads")
    for name in NAMES:
        for part in ("Weight", "Bias"):
            equal[f"{name}{part}"] = np.concatenate([equal[f"{name}{part}"][: D // H]] * H)
    return [
        case("unequal", "No two widths are alike: dv is not dk, the output's width is free, no axis can be mistaken for another.", unequal("unequal"), "MHA-7", "CLM-29", "CLM-30", "CLM-35"),
        case("unequal-without-bias", "The paper's form without any bias.", unequal("unequal-without-bias", biased=False), "MHA-7"),
        case("unequal-inputs", "Keys and values of their own widths beside a model of width 6, as PyTorch's kdim and vdim.", given, "MHA-8"),
        case("packed", "Square projections, as PyTorch packs them: a transposed weight or exchanged maps have fitting shapes.", operands("packed"), "MHA-3", "MHA-4", "ATT-12"),
        case("self-attention", "Queries, keys and values from one input, as in document 004.", operands("self-attention", self_attention=True), "MHA-5", "ATT-2"),
        case("without-bias", "Square projections without a bias.", operands("without-bias", biased=False)),
        case("single-head", "One head of the whole width: the split changes nothing.", operands("single-head"), heads=1),
        case("heads-of-width-1", "As many heads as columns: each head has one.", operands("heads-of-width-1"), heads=D),
        case("equal-heads", "Heads with equal maps have equal weights and outputs; the others tell heads apart.", equal, "CLM-29"),
        case("scale-root-model-width", "Divided by √6 in place of √2: document 000's temperature (ERR-03).", operands("scale-root-model-width"), "MHA-2", "ERR-03", scale=root_model_width(D)),
        case("single-query", "One query, as in generation step by step.", operands("single-query", n=1), "DECODE-1"),
        case("rank-2", "No leading dimension.", rank_2(), stored=("output",)),
    ]


def rank_2() -> Tensors:
    """Returns the operands of one sentence without a batch."""
    inputs = operands("rank-2", b=1)
    return inputs | {name: inputs[name][0] for name in NAMES.values()}


def padded(inputs: Tensors, *lengths: int) -> Tensors:
    """Returns the inputs with a mask b×1×1×m that keeps the first keys of each sentence, so many as given."""
    m = inputs["keys"].shape[-2]
    keep = np.array([[j < length for j in range(m)] for length in lengths])
    return inputs | {"keep": keep[:, None, None, :]}


def poisoned(inputs: Tensors) -> Tensors:
    """Returns the inputs with NaN and infinity in the keys and values that keep hides."""
    hidden = ~inputs["keep"][:, 0, 0, :]
    inputs["keys"][hidden], inputs["values"][hidden] = np.nan, np.inf
    return inputs


def mask_cases() -> list[Case]:
    """Returns attentions under masks, hidden keys left out."""
    per_head = operands("keep-per-head")
    per_head["keep"] = Draw("keep-per-head-mask").keep(1, H, N, M)
    per_head["keep"][..., 0] = True
    return [
        case("causal", "Query i sees the keys 0 … i in every head.", operands("causal", self_attention=True), "MSK-1", "CLM-22", offset=0),
        case("causal-offset", "One key in a cache: query i sees the keys 0 … i + 1.", operands("causal-offset"), "MSK-1", offset=1),
        case("padding", "Each sentence hides its own padding, in all heads.", padded(operands("padding"), 3, 5), "MSK-3", "MSK-7", "CLM-24"),
        case("as-many-heads-as-sentences", "Batch and heads are both 3: a mask laid along the heads has a fitting shape (ERR-14).", padded(operands("as-many-heads-as-sentences", b=3), 2, 5, 3), "MSK-7", "ERR-14"),
        case("keep-per-head", "Each head has a mask of its own, for all sentences.", per_head, "MSK-7"),
        case("padding-and-causal", "The decoder's mask: a key must be real and not in the future.", padded(operands("padding-and-causal", self_attention=True), 2, 4), "MSK-8", offset=0),
        case("fully-masked", "A sentence without a key has heads of zeros: the output is the output map's bias.", padded(operands("fully-masked"), 0, 3), "CLM-26"),
        case("poison-behind-padding", "NaN and infinity in padded keys and values reach no output.", poisoned(padded(operands("poison-behind-padding"), 2, 4)), "CLM-22", "CLM-23", stored=("output",)),
    ]


def fill_cases() -> list[Case]:
    """Returns every literal fill, with a sentence that sees no key."""
    rows = [
        ("fill-replaced-minus-infinity", "A sentence without a key is NaN (document 000).", replaced(-np.inf), ("MHA-3", "MSK-4")),
        ("fill-replaced-minus-10000", "A sentence without a key has uniform weights (document 002).", replaced(-10000.0), ("MHA-4", "MSK-6")),
        ("fill-replaced-minus-2", "A fill of −2 is not scaled: hidden keys keep a weight that shows it.", replaced(-2.0), ("MSK-6",)),
        ("fill-before-scaling-minus-2", "A fill of −2 before the scaling: hidden keys keep a weight that shows it.", replaced_before_scaling(-2.0), ("MSK-5",)),
        ("fill-before-scaling-minus-1e20", "A sentence without a key has uniform weights (document 000, SelfAttention).", replaced_before_scaling(-1e20), ("MSK-5", "ERR-05")),
        ("fill-added-minus-2", "A fill of −2 is added: hidden keys keep e^−2 of their share.", added(-2.0), ("MSK-6", "ERR-07")),
    ]
    return [
        case(id, purpose, padded(operands(id), 0, 3), *ids, "CLM-26", fill=fill) for id, purpose, fill, ids in rows
    ] + [
        case("replaced-minus-infinity-causal", "With every row seeing a key, −∞ in place of a score is the exclusion.", operands("replaced-minus-infinity-causal", self_attention=True), "MHA-3", "MSK-4", fill=replaced(-np.inf), offset=0),
    ]


def shared_case(id: str, purpose: str, inputs: Tensors, *ids: str) -> Case:
    """Returns one attention whose heads share their maps: h = 3, dk = 4."""
    draw = Draw(f"{id}-maps")
    inputs |= {f"{name}Weight": draw.normal(4, 4, scale=0.8) for name in NAMES}
    inputs |= {"outputWeight": draw.normal(12, 12, scale=0.4), "outputBias": draw.normal(12, scale=0.5)}
    return Case(id, "sharedHeadAttention", purpose, inputs, ("MHA-2", "ERR-03", "ERR-04", *ids), {"heads": H})


def shared_cases() -> list[Case]:
    """Returns document 000's SelfAttention."""
    def drawn(id: str) -> Tensors:
        draw = Draw(id)
        values, keys = draw.normal(B, M, 12), draw.normal(B, M, 12)
        return {"values": values, "keys": keys, "queries": draw.normal(B, N, 12, scale=2)}

    masked = drawn("shared-masked")
    masked["keep"] = Draw("shared-masked-keep").keep(B, 1, N, M)
    masked["keep"][..., 1] = True
    draw = Draw("shared-square")
    square = {name: draw.normal(B, M, 12) for name in ("values", "keys", "queries")}
    return [
        shared_case("shared", "Split first, then one map for all heads, divided by √12 and not √4; arguments come as values, keys, queries.", drawn("shared")),
        shared_case("shared-square", "As many queries as keys: arguments in another order than values, keys, queries have the right shapes here.", square),
        shared_case("shared-masked", "−1e20 stands in for a hidden score before the division.", masked, "MSK-5", "ERR-05"),
        shared_case("shared-fully-masked", "A sentence without a key has uniform weights over all keys.", padded(drawn("shared-fully-masked"), 0, 3), "MSK-5", "CLM-26"),
    ]


def split_cases() -> list[Case]:
    """Returns tensors cut into heads and put together."""
    def split(id: str, purpose: str, x: np.ndarray, heads: int, function: str = "splitHeads") -> Case:
        ids = ("MHA-6", "CLM-33") if function == "splitHeads" else ("MHA-6", "CLM-34")
        return Case(id, function, purpose, {"x": x}, ids, {"heads": heads} if function == "splitHeads" else {})

    counted = np.arange(8, dtype=np.float32)
    joins = "concatenateHeads"
    return [
        split("split-example", "Head 0 holds 0, 1, 4, 5: reading the same numbers as h×t×dk without a transposition gives 0, 1, 2, 3.", counted.reshape(1, 2, 4), 2),
        split("split", "No two extents are alike.", Draw("split").normal(2, 5, 12), 3),
        split("split-rank-2", "No leading dimension.", Draw("split-rank-2").normal(5, 6), 2),
        split("split-rank-4", "Two leading dimensions.", Draw("split-rank-4").normal(2, 1, 3, 6), 3),
        split("split-single-head", "One head holds everything.", Draw("split-single-head").normal(2, 3, 4), 1),
        split("concatenate-example", "The inverse of the split.", counted.reshape(1, 2, 2, 2), 2, joins),
        split("concatenate", "No two extents are alike.", Draw("concatenate").normal(2, 3, 5, 4), 3, joins),
        split("concatenate-rank-3", "No leading dimension.", Draw("concatenate-rank-3").normal(2, 5, 3), 2, joins),
    ]
