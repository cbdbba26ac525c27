"""Decoder layers: masked self-attention, attention to a memory and the position-wise network, and stacks of them."""

from collections.abc import Callable
from typing import Any

import numpy as np
from torch import nn

import layers
from agreement import MPMATH, PYTORCH_FLOAT64, double
from attention_mask import replaced
from cases import Case, Draw, Tensors, defined
from dropout import LayerDropout
from encoder_layer import (
    LAYER_NORM_002, B, D, T, keep_first, layer_attributes, layer_parameters, parameters, stack_parameters,
)
from pytorch_layers import (
    Record, as_attention_mask, decoder_stack, encoder_stack, is_pytorchs, loaded, settings, visible, with_dropout,
)

TOPIC = "DecoderLayer"

# First source: nn.TransformerDecoderLayer and nn.TransformerDecoder in float64. A decoder layer without a memory is
# an encoder layer whose second norm is the decoder's third.


def decoder_layer_by_torch(case: Case) -> Tensors:
    """Returns what the sublayers make of x: b×t×d, and the layer's output."""
    crosses, taken, record = "memory" in case.inputs, settings(case.attributes, case.inputs), Record()
    layer = nn.TransformerDecoderLayer(**taken) if crosses else nn.TransformerEncoderLayer(**taken)
    with_dropout(layer, LayerDropout.of(case.attributes))
    record.input(layer.dropout1, "selfAttention")
    record.after(layer.norm1, layer.norm2, layer.norm_first, "afterSelfAttention")
    if crosses:
        record.input(layer.dropout2, "crossAttention")
        record.after(layer.norm2, layer.norm3, layer.norm_first, "afterCrossAttention")
    record.input(layer.dropout3 if crosses else layer.dropout2, "feedForward")
    record.output(layer, "output")
    run(layer, case, parameters(case) if crosses else without_cross_attention(parameters(case)))
    return record.arrays()


def decoder_by_torch(case: Case) -> Tensors:
    """Returns every layer's output and the stack's: b×t×d."""
    crosses, held, record = "memory" in case.inputs, parameters(case), Record()
    if not crosses:
        held = without_cross_attention(held)
    stack = (decoder_stack if crosses else encoder_stack)(case.attributes, held, case.attributes["layers"])
    for index, layer in enumerate(stack.layers):
        with_dropout(layer, LayerDropout.of(case.attributes).part(index))
        record.output(layer, f"layer{index}")
    record.output(stack, "output")
    run(stack, case, held)
    return record.arrays()


def without_cross_attention(held: Tensors) -> Tensors:
    """Returns a decoder's parameters as an encoder's: no attention to a memory, and no norm of it."""
    kept = {name: x for name, x in held.items() if "multihead_attn." not in name and "norm2." not in name}
    return {name.replace("norm3.", "norm2."): x for name, x in kept.items()}


def run(module: nn.Module, case: Case, held: Tensors) -> None:
    """Sends the case's x, and its memory if it has one, through a layer or a stack with these parameters."""
    inputs, attributes = case.inputs, case.attributes
    b, t, _ = inputs["x"].shape
    sources = [double(inputs[name]) for name in ("x", "memory") if name in inputs]
    masks = [visible(attributes, inputs.get("keep"), True, b, t, t)]
    if "memory" in inputs:
        masks.append(visible(attributes, inputs.get("memoryKeep"), False, b, t, inputs["memory"].shape[1]))
    own = is_pytorchs(attributes["fill"], masks, sources) and "dropoutSites" not in attributes
    loaded(module, held, None if own else attributes["fill"])(*sources, *(as_attention_mask(seen) for seen in masks))


# Second source: the definition.


def masks_of(case: Case) -> dict[str, Any]:
    """Returns what a decoder's two attentions see."""
    return {
        "keep": case.inputs.get("keep"),
        "memory_keep": case.inputs.get("memoryKeep"),
        "offset": case.attributes.get("causalOffset"),
    }


def decoder_layer_defined(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns what the sublayers make of x: b×t×d, and the layer's output."""
    x, memory = (lift(case.inputs[name]) if name in case.inputs else None for name in ("x", "memory"))
    lifted = {name: lift(w) for name, w in parameters(case).items()}
    return layers.decoder_layer(
        x, memory, lifted, case.attributes, LayerDropout.of(case.attributes), **masks_of(case)
    )


def decoder_defined(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns every layer's output and the stack's: b×t×d."""
    x, memory = (lift(case.inputs[name]) if name in case.inputs else None for name in ("x", "memory"))
    lifted = {name: lift(w) for name, w in parameters(case).items()}
    drop = LayerDropout.of(case.attributes)
    return layers.decoder(x, memory, lifted, case.attributes, drop, case.attributes["layers"], **masks_of(case))


ORACLES = (PYTORCH_FLOAT64, MPMATH)

FUNCTIONS = {
    "decoderLayer": defined(decoder_layer_by_torch, decoder_layer_defined, ORACLES),
    "decoder": defined(decoder_by_torch, decoder_defined, ORACLES),
}

ATTENTIONS = ("self_attn", "multihead_attn")
# Positions of the memory.
S = 7


def sequences(
    draw: Draw, lengths: tuple[int, ...], memory_lengths: tuple[int, ...], without_memory: bool, nan: bool
) -> Tensors:
    """Returns x b×5×12, a memory b×7×12 and the masks of the lengths given; with `nan` the padding is NaN."""
    b = max(B, len(lengths), len(memory_lengths))
    inputs = {"x": draw.normal(b, T, D)} | ({} if without_memory else {"memory": draw.normal(b, S, D)})
    for name, mask, given in (("x", "keep", lengths), ("memory", "memoryKeep", memory_lengths)):
        if given:
            inputs[mask] = keep_first(*given, of=inputs[name].shape[1])
            if nan:
                inputs[name][~inputs[mask][:, 0, 0]] = np.nan
    return inputs


def case(
    id: str,
    purpose: str,
    *ids: str,
    lengths: tuple[int, ...] = (),
    memory_lengths: tuple[int, ...] = (),
    without_memory: bool = False,
    nan: bool = False,
    offset: int | None = 0,
    **attributes: Any,
) -> Case:
    """Returns one decoder layer, causal unless the offset is None."""
    draw = Draw(id)
    inputs = sequences(draw, lengths, memory_lengths, without_memory, nan) | layer_parameters(draw, ATTENTIONS)
    return Case(id, "decoderLayer", purpose, inputs, ids, layer_attributes(offset=offset, **attributes))


def stack_case(
    id: str,
    purpose: str,
    *ids: str,
    last_norm: bool,
    lengths: tuple[int, ...] = (),
    memory_lengths: tuple[int, ...] = (),
    without_memory: bool = False,
    **attributes: Any,
) -> Case:
    """Returns one causal stack of two decoder layers."""
    draw = Draw(id)
    inputs = sequences(draw, lengths, memory_lengths, without_memory, False)
    inputs |= stack_parameters(draw, ATTENTIONS, 2, last_norm)
    return Case(id, "decoder", purpose, inputs, ids, layer_attributes(offset=0, **attributes) | {"layers": 2})


def cases() -> list[Case]:
    """Returns every case of the topic."""
    post, pre, document_002 = ("DEC-2", "RES-2"), ("DEC-1", "RES-3", "ERR-17"), {"epsilon": LAYER_NORM_002}
    before = {"placement": "preNorm"}
    return [
        case("post-norm", "Self-attention, attention to a longer memory, network, each followed by its own norm: exchanged attentions or norms give other numbers.", *post, "ATT-12", "CLM-38"),
        case("pre-norm", "Each sublayer takes its own norm of x; the memory is not normed again (document 000, completed).", *pre, "ATT-12", **before),
        case("post-norm-padding", "The target's padding hides keys of the self-attention, the source's keys of the memory.", *post, "MSK-8", "CLM-25", lengths=(3, 5), memory_lengths=(6, 2)),
        case("pre-norm-padding", "The same with the norm first.", *pre, "MSK-8", "CLM-25", lengths=(5, 2), memory_lengths=(3, 7), **before),
        case("document-002", "Document 002: ε = 1e-12 and −10000 in place of a hidden score.", *post, "NRM-1", "MSK-6", lengths=(4, 2), memory_lengths=(5, 3), fill=replaced(-10000.0), **document_002),
        case("document-000", "Document 000: pre-norm, ε = 1e-5, and −∞ in place of a hidden score.", *pre, "MSK-4", lengths=(4, 5), memory_lengths=(5, 3), fill=replaced(-np.inf), **before),
        case("gelu", "GELU with erf in place of ReLU.", *post, activation="gelu"),
        case("without-memory", "No memory: the second attention and its norm are passed over, though they have parameters.", *post, without_memory=True, lengths=(3, 5)),
        case("pre-norm-without-memory", "The same with the norm first.", *pre, "DEC-2", without_memory=True, **before),
        case("not-causal", "The causal rule is the caller's: without it every position sees the whole target.", *post, "CLM-25", offset=None),
        case("causal-offset", "One position more than the causal rule has: the offset belongs to the self-attention alone.", *post, "MSK-1", offset=1),
        case("as-many-heads-as-sentences", "Batch and heads are both 3: a mask laid along the heads has a fitting shape (ERR-14).", *post, "MSK-7", "ERR-14", lengths=(2, 5, 3), memory_lengths=(4, 1, 6)),
        case("memory-fully-masked", "A sentence whose memory is hidden whole: that attention gives its output map's bias.", *post, "CLM-26", memory_lengths=(0, 4)),
        case("memory-fully-masked-replaced", "With −10000 that attention is uniform over the memory.", *post, "MSK-6", "CLM-26", memory_lengths=(0, 4), fill=replaced(-10000.0), **document_002),
        case("nan-in-padding", "NaN in the padding of the memory reaches nothing; in the target's padding it stays there.", *post, "CLM-22", "CLM-24", lengths=(3, 5), memory_lengths=(6, 2), nan=True),
        case("pre-norm-nan-in-padding", "The same with the norm first.", *pre, "CLM-22", "CLM-24", lengths=(4, 2), memory_lengths=(1, 5), nan=True, **before),
        case("dropout", "PyTorch's places: both attentions' weights, three sublayers, and between the network's maps.", *post, "ATT-13", memory_lengths=(6, 2), drops=("pyTorch", 0.5, 37)),
        case("dropout-document-002", "Document 002 drops sublayers and between the network's maps, and no weights.", *post, drops=("document002", 0.5, 41), **document_002),
        case("dropout-without-memory", "Without a memory the network is sublayer 1, and takes the words of that place.", *pre, "ATT-13", without_memory=True, drops=("pyTorch", 0.5, 43), **before),
        stack_case("stack-dropout", "Every layer drops by words of its own.", "DEC-3", "ATT-13", last_norm=False, drops=("pyTorch", 0.5, 47)),
        stack_case("stack", "Two layers with parameters of their own read the same memory; no norm after them (document 002).", "DEC-3", "DEC-2", last_norm=False, lengths=(4, 2), memory_lengths=(5, 3), fill=replaced(-10000.0), **document_002),
        stack_case("stack-pre-norm", "Two layers with the norm first, and a norm after them.", "DEC-1", last_norm=True, lengths=(3, 5), memory_lengths=(6, 4), **before),
        stack_case("stack-last-norm", "nn.Transformer's decoder: post-norm layers, and a norm after them as well.", "DEC-2", last_norm=True),
        stack_case("stack-without-memory", "A causal language model: no layer has a memory to attend to.", "DEC-2", "MSK-1", last_norm=False, without_memory=True),
    ]
