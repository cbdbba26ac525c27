"""Encoder layers: self-attention and the position-wise network, each with a residual and a norm, and stacks of them."""

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import nn

import layers
from agreement import MPMATH, PYTORCH_FLOAT64, double
from attention_mask import EXCLUDED, replaced
from cases import Case, Draw, Tensors, defined
from dropout import LayerDropout
from pytorch_layers import (
    Record, as_attention_mask, encoder_stack, is_pytorchs, loaded, settings, visible, with_dropout,
)

TOPIC = "EncoderLayer"

# First source: nn.TransformerEncoderLayer and nn.TransformerEncoder in float64.


def encoder_layer_by_torch(case: Case) -> Tensors:
    """Returns what the two sublayers make of x: b×t×d, and the layer's output."""
    layer = nn.TransformerEncoderLayer(**settings(case.attributes, case.inputs))
    with_dropout(layer, LayerDropout.of(case.attributes))
    record = Record()
    record.input(layer.dropout1, "attention")
    record.after(layer.norm1, layer.norm2, layer.norm_first, "afterAttention")
    record.input(layer.dropout2, "feedForward")
    record.output(layer, "output")
    run(layer, case)
    return record.arrays()


def encoder_by_torch(case: Case) -> Tensors:
    """Returns every layer's output and the stack's: b×t×d."""
    stack = encoder_stack(case.attributes, case.inputs, case.attributes["layers"])
    record = Record()
    for index, layer in enumerate(stack.layers):
        with_dropout(layer, LayerDropout.of(case.attributes).part(index))
        record.output(layer, f"layer{index}")
    record.output(stack, "output")
    run(stack, case)
    return record.arrays()


def run(module: nn.Module, case: Case) -> None:
    """Sends the case's x through a layer or a stack that has the case's parameters."""
    x, keep, fill = double(case.inputs["x"]), case.inputs.get("keep"), case.attributes["fill"]
    seen = visible(case.attributes, keep, True, len(x), x.shape[1], x.shape[1])
    own = is_pytorchs(fill, [seen], [x]) and "dropoutSites" not in case.attributes
    loaded(module, parameters(case), None if own else fill)(x, as_attention_mask(seen))


def parameters(case: Case) -> Tensors:
    """Returns the inputs that are PyTorch's parameters: those with a point in their names."""
    return {name: x for name, x in case.inputs.items() if "." in name}


# Second source: the definition.


def encoder_layer_defined(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns what the two sublayers make of x: b×t×d, and the layer's output."""
    x, lifted = lift(case.inputs["x"]), {name: lift(w) for name, w in parameters(case).items()}
    keep, offset = case.inputs.get("keep"), case.attributes.get("causalOffset")
    return layers.encoder_layer(x, lifted, case.attributes, LayerDropout.of(case.attributes), keep, offset)


def encoder_defined(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns every layer's output and the stack's: b×t×d."""
    x, lifted = lift(case.inputs["x"]), {name: lift(w) for name, w in parameters(case).items()}
    keep, offset = case.inputs.get("keep"), case.attributes.get("causalOffset")
    drop = LayerDropout.of(case.attributes)
    return layers.encoder(x, lifted, case.attributes, drop, case.attributes["layers"], keep, offset)


ORACLES = (PYTORCH_FLOAT64, MPMATH)

FUNCTIONS = {
    "encoderLayer": defined(encoder_layer_by_torch, encoder_layer_defined, ORACLES),
    "encoder": defined(encoder_by_torch, encoder_defined, ORACLES),
}

# Sentences, positions, heads, the width of the model and of the network between.
B, T, H, D, INNER = 2, 5, 3, 12, 20

LAYER_NORM_PYTORCH, LAYER_NORM_002 = 1e-5, 1e-12


def attention_parameters(draw: Draw, d: int) -> Tensors:
    """Returns the parameters of one attention as nn.MultiheadAttention names them."""
    return {
        "in_proj_weight": draw.normal(3 * d, d, scale=0.4),
        "in_proj_bias": draw.normal(3 * d, scale=0.3),
        "out_proj.weight": draw.normal(d, d, scale=0.4),
        "out_proj.bias": draw.normal(d, scale=0.3),
    }


def norm_parameters(draw: Draw, d: int) -> Tensors:
    """Returns a gain around 1 and a bias around 0."""
    return {"weight": draw.normal(d, scale=0.3, shift=1), "bias": draw.normal(d, scale=0.3)}


def layer_parameters(draw: Draw, attentions: tuple[str, ...], d: int = D, inner: int = INNER) -> Tensors:
    """Returns the parameters of a layer with these attentions as PyTorch names them: one norm for each sublayer."""
    drawn = {f"{name}.{part}": x for name in attentions for part, x in attention_parameters(draw, d).items()}
    drawn |= {"linear1.weight": draw.normal(inner, d, scale=0.4), "linear1.bias": draw.normal(inner, scale=0.3)}
    drawn |= {"linear2.weight": draw.normal(d, inner, scale=0.3), "linear2.bias": draw.normal(d, scale=0.3)}
    for index in range(len(attentions) + 1):
        drawn |= {f"norm{index + 1}.{part}": x for part, x in norm_parameters(draw, d).items()}
    return drawn


def stack_parameters(draw: Draw, attentions: tuple[str, ...], count: int, last_norm: bool) -> Tensors:
    """Returns the parameters of a stack of such layers, each drawn for itself, and of a norm after it if asked for."""
    drawn = {
        f"layers.{index}.{name}": x for index in range(count) for name, x in layer_parameters(draw, attentions).items()
    }
    return drawn | ({f"norm.{part}": x for part, x in norm_parameters(draw, D).items()} if last_norm else {})


def layer_attributes(
    placement: str = "postNorm",
    epsilon: float = LAYER_NORM_PYTORCH,
    activation: str = "relu",
    fill: dict[str, Any] = EXCLUDED,
    offset: int | None = None,
    heads: int = H,
    drops: tuple[str, float, int] | None = None,
) -> dict[str, Any]:
    """Returns the attributes of a layer; an offset of None means no causal rule.

    `drops` has the name of the places that drop, the probability and the seed.
    """
    attributes = {"heads": heads, "epsilon": epsilon, "placement": placement, "activation": activation, "fill": fill}
    if drops:
        attributes |= dict(zip(("dropoutSites", "probability", "seed"), drops, strict=True))
    return attributes | ({} if offset is None else {"causalOffset": offset})


def keep_first(*lengths: int, of: int) -> np.ndarray:
    """Returns a mask b×1×1×m that keeps the first keys of each sentence, so many as given."""
    return np.array([[j < length for j in range(of)] for length in lengths])[:, None, None, :]


def case(id: str, purpose: str, *ids: str, lengths: tuple[int, ...] = (), nan: bool = False, **attributes: Any) -> Case:
    """Returns one encoder layer over sentences of the given lengths, all of 5 if none is given.

    With `nan` the padding is NaN.
    """
    draw = Draw(id)
    x = draw.normal(max(B, len(lengths)), T, D)
    inputs = {"x": x} | layer_parameters(draw, ("self_attn",))
    if lengths:
        inputs["keep"] = keep_first(*lengths, of=T)
        if nan:
            x[~inputs["keep"][:, 0, 0]] = np.nan
    return Case(id, "encoderLayer", purpose, inputs, ids, layer_attributes(**attributes))


def stack_case(
    id: str, purpose: str, *ids: str, last_norm: bool, lengths: tuple[int, ...] = (), count: int = 2, **attributes: Any
) -> Case:
    """Returns one stack of encoder layers over sentences of the given lengths."""
    draw = Draw(id)
    inputs = {"x": draw.normal(B, T, D)} | stack_parameters(draw, ("self_attn",), count, last_norm)
    if lengths:
        inputs["keep"] = keep_first(*lengths, of=T)
    return Case(id, "encoder", purpose, inputs, ids, layer_attributes(**attributes) | {"layers": count})


def cases() -> list[Case]:
    """Returns every case of the topic."""
    post, pre, document_002 = ("ENC-2", "RES-2"), ("ENC-1", "RES-3", "ERR-16"), {"epsilon": LAYER_NORM_002}
    before = {"placement": "preNorm"}
    return [
        case("post-norm", "LN(x + F(x)) twice: a norm before the sublayer, or one norm for both, gives other numbers.", *post, "NRM-2"),
        case("pre-norm", "x + F(LN(x)) twice, nothing after the last residual (document 000).", *pre, "NRM-2", **before),
        case("post-norm-padding", "Sentences of different lengths; padded positions are computed like any other, and seen by none.", *post, "MSK-3", "CLM-24", lengths=(3, 5)),
        case("pre-norm-padding", "The same with the norm first.", *pre, "MSK-3", "CLM-24", lengths=(5, 2), **before),
        case("document-002", "Document 002: ε = 1e-12 and −10000 in place of a hidden score.", *post, "NRM-1", "MSK-6", lengths=(4, 2), fill=replaced(-10000.0), **document_002),
        case("document-000", "Document 000: pre-norm, ε = 1e-5, and −∞ in place of a hidden score.", *pre, "MSK-4", lengths=(4, 5), fill=replaced(-np.inf), **before),
        case("gelu", "GELU with erf in place of ReLU.", *post, "VIT-2", activation="gelu"),
        case("pre-norm-gelu", "A block of a Vision Transformer.", *pre, "VIT-2", activation="gelu", **before),
        case("causal", "A causal rule makes the encoder layer a decoder layer without a memory.", *post, "MSK-1", "CLM-22", offset=0),
        case("as-many-heads-as-sentences", "Batch and heads are both 3: a mask laid along the heads has a fitting shape (ERR-14).", *post, "MSK-7", "ERR-14", lengths=(2, 5, 3)),
        case("fully-masked", "A sentence without a visible key: attention gives its output map's bias, and the layer goes on.", *post, "CLM-26", lengths=(0, 4)),
        case("fully-masked-replaced", "With −10000 its attention is uniform over all positions.", *post, "MSK-6", "CLM-26", lengths=(0, 4), fill=replaced(-10000.0), **document_002),
        case("nan-in-padding", "NaN in the padding stays in the padded positions.", *post, "CLM-22", "CLM-24", lengths=(3, 5), nan=True),
        case("pre-norm-nan-in-padding", "The same with the norm first.", *pre, "CLM-22", "CLM-24", lengths=(4, 2), nan=True, **before),
        case("dropout", "PyTorch's places: weights, sublayers and between the network's maps, each with words of its own.", *post, "ATT-13", lengths=(3, 5), drops=("pyTorch", 0.5, 17)),
        case("dropout-document-000", "Document 000 drops weights and between the network's maps, and no sublayer.", *pre, "ATT-13", drops=("document000", 0.1, 23), **before),
        case("dropout-document-002", "Document 002 drops sublayers and between the network's maps, and no weights.", *post, drops=("document002", 0.5, 29), **document_002),
        small_numbers("small-numbers", LAYER_NORM_PYTORCH),
        small_numbers("small-numbers-document-002", LAYER_NORM_002),
        stack_case("stack", "Two layers with parameters of their own, post-norm and no norm after them (document 002).", "ENC-3", "ENC-4", last_norm=False, lengths=(4, 2), fill=replaced(-10000.0), **document_002),
        stack_case("stack-pre-norm", "Two layers with the norm first, and a norm after them.", "ENC-1", "ENC-4", last_norm=True, lengths=(3, 5), **before),
        stack_case("stack-last-norm", "nn.Transformer's encoder: post-norm layers, and a norm after them as well.", "ENC-2", "ENC-4", last_norm=True),
        stack_case("stack-pre-norm-without-last-norm", "Document 000 has no norm after its pre-norm layers.", "ENC-1", "ENC-4", "ERR-16", last_norm=False, **before),
        stack_case("stack-dropout", "Every layer drops by words of its own.", "ENC-4", "ATT-13", last_norm=False, drops=("pyTorch", 0.5, 31)),
        stack_case("stack-causal", "Three layers under a causal rule.", "ENC-4", "MSK-1", "CLM-22", last_norm=False, count=3, offset=0),
    ]


def small_numbers(id: str, epsilon: float) -> Case:
    """Returns a pre-norm layer of an x so small that ε decides what the norm gives."""
    purpose = f"Numbers of size 1e-3: ε = {epsilon:.0e} decides how far the first norm lifts them."
    made = case(id, purpose, "NRM-1", "NRM-2", "ERR-56", placement="preNorm", epsilon=epsilon)
    made.inputs["x"] *= np.float32(2**-10)
    return made
