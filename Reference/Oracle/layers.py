"""The parts of a Transformer on exact numbers, in arrays of mpmath's or of running.py's.

Parameters are dictionaries with PyTorch's names; a weight is outputs × inputs.
"""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

import activations
import exact
import running
from attention_cases import ROOT_KEY_WIDTH
from cases import Tensors
from dropout import LayerDropout, dropped
from layer_norm import layer_norm as row_norm
from scaled_dot_product_attention import attended

# A weight outputs × inputs and a bias, or None.
AffineMap = tuple[np.ndarray, np.ndarray | None]


def below(parameters: Tensors, prefix: str) -> Tensors:
    """Returns the parameters whose names begin with the prefix and a point, without them."""
    return {name.removeprefix(f"{prefix}."): x for name, x in parameters.items() if name.startswith(f"{prefix}.")}


def affine_map(parameters: Tensors, name: str) -> AffineMap:
    """Returns the weight and the bias of a name."""
    return parameters[f"{name}.weight"], parameters.get(f"{name}.bias")


def packed_maps(parameters: Tensors) -> dict[str, AffineMap]:
    """Returns the four maps of an attention whose query, key and value weights are stacked in this order."""
    names = ("query", "key", "value")
    weights, biases = (np.split(parameters[f"in_proj_{part}"], 3) for part in ("weight", "bias"))
    maps = dict(zip(names, zip(weights, biases, strict=True), strict=True))
    return maps | {"output": affine_map(parameters, "out_proj")}


def split_heads(x: np.ndarray, heads: int) -> np.ndarray:
    """Returns h runs of columns of x: …×t×d, one head each: …×h×t×d/h."""
    return np.stack(np.split(x, heads, axis=-1), axis=-3)


def concatenate_heads(x: np.ndarray) -> np.ndarray:
    """Returns the heads …×h×t×dk side by side: …×t×(h·dk)."""
    return np.concatenate([x[..., head, :, :] for head in range(x.shape[-3])], axis=-1)


def multi_head(
    queries: np.ndarray,
    keys: np.ndarray,
    values: np.ndarray,
    maps: Mapping[str, AffineMap],
    heads: int,
    attributes: Mapping[str, Any],
    keep: np.ndarray | None,
    drop: Mapping[str, Any] | None = None,
    bias: np.ndarray | None = None,
) -> Tensors:
    """Returns Concat(head_1 … head_h) W^O, head_i = Attention(Q W_i^Q, K W_i^K, V W_i^V), and what led to it.

    `drop` has the dropout of the weights, `bias` is added to the scores.
    """
    projected = {
        f"{name}Heads": split_heads(running.settled(exact.affine(x, *maps[name])), heads)
        for name, x in (("query", queries), ("key", keys), ("value", values))
    }
    attention = attended(*projected.values(), attributes, keep, bias)
    heads_output = attention.pop("output")
    if drop:
        heads_output = exact.product(dropped(attention["weights"], drop), projected["valueHeads"])
    attention["heads"] = running.settled(heads_output)
    concatenated = concatenate_heads(attention["heads"])
    output = exact.affine(concatenated, *maps["output"])
    return projected | attention | {"concatenated": concatenated, "output": output}


def layer_norm(x: np.ndarray, gain: np.ndarray, bias: np.ndarray, epsilon: float) -> np.ndarray:
    """Returns γ (x − μ) / √(v + ε) + β over the last dimension of x: …×d, v with the divisor d."""
    return running.settled(row_norm(x, gain, bias, epsilon)["output"])


def feed_forward(
    x: np.ndarray, inner: AffineMap, outer: AffineMap, activation: str, drop: Mapping[str, Any]
) -> np.ndarray:
    """Returns W2 dropout(act(W1 x + b1)) + b2 for x: …×d."""
    between = exact.each(activations.BY_DEFINITION[activation], running.settled(exact.affine(x, *inner)))
    return exact.affine(dropped(between, drop), *outer)


class Layer:
    """One encoder or decoder layer: its parameters, its dropouts, and the attributes that its sublayers share."""

    def __init__(self, parameters: Tensors, attributes: Mapping[str, Any], drop: LayerDropout) -> None:
        self.parameters = parameters
        self.attributes = attributes
        self.drop = drop
        self.sublayers = 0

    def attention(
        self, name: str, x: np.ndarray, memory: np.ndarray, keep: np.ndarray | None, offset: int | None
    ) -> np.ndarray:
        """Returns what the attention of this name makes of queries x: b×t×d and keys and values memory: b×s×d."""
        mask = {"scale": ROOT_KEY_WIDTH, "fill": self.attributes["fill"]}
        if offset is not None:
            mask["causalOffset"] = offset
        maps = packed_maps(below(self.parameters, name))
        drop = self.drop.attention_weights(self.sublayers)
        return multi_head(x, memory, memory, maps, self.attributes["heads"], mask, keep, drop)["output"]

    def feed_forward(self, x: np.ndarray) -> np.ndarray:
        """Returns the position-wise network of x: b×t×d."""
        maps = (affine_map(self.parameters, name) for name in ("linear1", "linear2"))
        return feed_forward(x, *maps, self.attributes["activation"], self.drop.feed_forward(self.sublayers))

    def sublayer(
        self, x: np.ndarray, norm: str, function: Callable[[np.ndarray], np.ndarray]
    ) -> tuple[np.ndarray, np.ndarray]:
        """Returns F's output and x after it: LN(x + dropout(F(x))) with post-norm, x + dropout(F(LN(x))) with pre-norm."""
        (gain, bias), epsilon = affine_map(self.parameters, norm), self.attributes["epsilon"]
        pre_norm = self.attributes["placement"] == "preNorm"
        y = function(layer_norm(x, gain, bias, epsilon) if pre_norm else x)
        total = x + dropped(y, self.drop.sublayer(self.sublayers))
        self.sublayers += 1
        return y, running.settled(total if pre_norm else layer_norm(total, gain, bias, epsilon))


def encoder_layer(
    x: np.ndarray,
    parameters: Tensors,
    attributes: Mapping[str, Any],
    drop: LayerDropout,
    keep: np.ndarray | None,
    offset: int | None,
) -> Tensors:
    """Returns what each sublayer of an encoder layer makes of x: b×t×d."""
    layer = Layer(parameters, attributes, drop)
    attention, x = layer.sublayer(x, "norm1", lambda y: layer.attention("self_attn", y, y, keep, offset))
    feed, output = layer.sublayer(x, "norm2", layer.feed_forward)
    return {"attention": attention, "afterAttention": x, "feedForward": feed, "output": output}


def decoder_layer(
    x: np.ndarray,
    memory: np.ndarray | None,
    parameters: Tensors,
    attributes: Mapping[str, Any],
    drop: LayerDropout,
    keep: np.ndarray | None,
    memory_keep: np.ndarray | None,
    offset: int | None,
) -> Tensors:
    """Returns what each sublayer of a decoder layer makes of x: b×t×d; without a memory there is no cross-attention."""
    layer = Layer(parameters, attributes, drop)
    results: Tensors = {}
    results["selfAttention"], x = layer.sublayer(x, "norm1", lambda y: layer.attention("self_attn", y, y, keep, offset))
    results["afterSelfAttention"] = x
    if memory is not None:
        cross = layer.sublayer(x, "norm2", lambda y: layer.attention("multihead_attn", y, memory, memory_keep, None))
        results["crossAttention"], x = cross
        results["afterCrossAttention"] = x
    results["feedForward"], results["output"] = layer.sublayer(x, "norm3", layer.feed_forward)
    return results


def stack(
    x: np.ndarray,
    parameters: Tensors,
    attributes: Mapping[str, Any],
    drop: LayerDropout,
    layers: int,
    one: Callable[[np.ndarray, Tensors, LayerDropout], Tensors],
) -> Tensors:
    """Returns the output of every layer in turn, and of the last norm, if there is one, as `output`."""
    results: Tensors = {}
    for index in range(layers):
        x = one(x, below(parameters, f"layers.{index}"), drop.part(index))["output"]
        results[f"layer{index}"] = x
    if "norm.weight" in parameters:
        x = layer_norm(x, *affine_map(parameters, "norm"), attributes["epsilon"])
    return results | {"output": x}


def encoder(
    x: np.ndarray,
    parameters: Tensors,
    attributes: Mapping[str, Any],
    drop: LayerDropout,
    layers: int,
    keep: np.ndarray | None,
    offset: int | None,
) -> Tensors:
    """Returns what a stack of encoder layers makes of x: b×t×d, layer by layer."""
    return stack(
        x, parameters, attributes, drop, layers, lambda y, p, drop: encoder_layer(y, p, attributes, drop, keep, offset)
    )


def decoder(
    x: np.ndarray,
    memory: np.ndarray | None,
    parameters: Tensors,
    attributes: Mapping[str, Any],
    drop: LayerDropout,
    layers: int,
    keep: np.ndarray | None,
    memory_keep: np.ndarray | None,
    offset: int | None,
) -> Tensors:
    """Returns what a stack of decoder layers makes of x: b×t×d, layer by layer."""
    return stack(
        x, parameters, attributes, drop, layers,
        lambda y, p, drop: decoder_layer(y, memory, p, attributes, drop, keep, memory_keep, offset),
    )


def sinusoids(length: int, width: int, one: exact.Number) -> np.ndarray:
    """Returns sin(pos · ω_i) in column 2i and cos in 2i + 1, ω_i = 10000^(−2i/width), in numbers like `one`."""
    result = np.empty((length, width), dtype=object)
    for position, column in np.ndindex(length, width):
        exponent = exact.log(one * 10000) * (-2 * (column // 2)) / width
        angle = exact.exp(exponent) * position
        result[position, column] = exact.sin(angle) if column % 2 == 0 else exact.cos(angle)
    return result
