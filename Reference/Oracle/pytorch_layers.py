"""PyTorch's own layers in float64, with what they did on the way, and with the fills that PyTorch does not have."""

from collections.abc import Iterable, Mapping
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from agreement import double
from attention_cases import ROOT_KEY_WIDTH
from cases import Tensors
from dropout import LayerDropout, dropped_by_index
from scaled_dot_product_attention import attend_by_torch, visible_by_torch

# The fused path for inference has masks and rounding of its own.
torch.backends.mha.set_fastpath_enabled(False)


def visible(
    attributes: Mapping[str, Any], keep: np.ndarray | None, causal: bool, b: int, n: int, m: int
) -> torch.Tensor | None:
    """Returns where a query sees a key, b×h×n×m; None without a mask."""
    rule = attributes if causal else {name: x for name, x in attributes.items() if name != "causalOffset"}
    if keep is None and "causalOffset" not in rule:
        return None
    return visible_by_torch(rule, keep, None, torch.Size((b, attributes["heads"], n, m)))


def as_attention_mask(seen: torch.Tensor | None) -> torch.Tensor | None:
    """Returns a mask b×h×n×m as PyTorch's layers take it: b·h×n×m, 0 where a key is seen and −∞ elsewhere."""
    if seen is None:
        return None
    return torch.zeros(seen.shape, dtype=torch.float64).masked_fill(~seen, -torch.inf).flatten(0, 1)


def is_pytorchs(fill: Mapping[str, Any], masks: Iterable[torch.Tensor | None], arrays: Iterable[torch.Tensor]) -> bool:
    """Returns whether PyTorch's attention has this fill: on finite numbers, −∞ in place of the hidden scores.

    A query that sees no key is NaN then, and zeros under `excluded`.
    """
    if not all(bool(torch.isfinite(x).all()) for x in arrays):
        return False
    if fill["kind"] == "excluded":
        return all(seen is None or bool(seen.any(dim=-1).all()) for seen in masks)
    return fill == {"kind": "replaced", "value": -np.inf}


def settings(attributes: Mapping[str, Any], parameters: Tensors, layer: str = "") -> dict[str, Any]:
    """Returns what the constructors of PyTorch's layers take, extents as the parameters of one layer have them."""
    inner, d = parameters[f"{layer}linear1.weight"].shape
    return {
        "d_model": d,
        "nhead": attributes["heads"],
        "dim_feedforward": inner,
        "dropout": 0.0,
        "activation": attributes["activation"],
        "layer_norm_eps": attributes["epsilon"],
        "batch_first": True,
        "norm_first": attributes["placement"] == "preNorm",
        "dtype": torch.float64,
    }


def encoder_stack(
    attributes: Mapping[str, Any], parameters: Tensors, layers: int, prefix: str = ""
) -> nn.TransformerEncoder:
    """Returns a stack of encoder layers, with a last norm if there are parameters for it."""
    taken = settings(attributes, parameters, f"{prefix}layers.0.")
    norm = last_norm(taken) if f"{prefix}norm.weight" in parameters else None
    return nn.TransformerEncoder(nn.TransformerEncoderLayer(**taken), layers, norm, enable_nested_tensor=False)


def decoder_stack(
    attributes: Mapping[str, Any], parameters: Tensors, layers: int, prefix: str = ""
) -> nn.TransformerDecoder:
    """Returns a stack of decoder layers, with a last norm if there are parameters for it."""
    taken = settings(attributes, parameters, f"{prefix}layers.0.")
    norm = last_norm(taken) if f"{prefix}norm.weight" in parameters else None
    return nn.TransformerDecoder(nn.TransformerDecoderLayer(**taken), layers, norm)


def last_norm(taken: Mapping[str, Any]) -> nn.LayerNorm:
    """Returns the norm after a stack of layers with these settings."""
    return nn.LayerNorm(taken["d_model"], eps=taken["layer_norm_eps"], dtype=torch.float64)


def loaded(module: nn.Module, parameters: Tensors, fill: Mapping[str, Any] | None = None) -> nn.Module:
    """Returns the module for evaluation with exactly these parameters.

    With a fill, each attention inside is computed piece by piece from its parameters, since PyTorch has no such fill.
    """
    module.load_state_dict({name: double(x) for name, x in parameters.items()}, strict=True)
    if fill is not None:
        for attention in module.modules():
            if isinstance(attention, nn.MultiheadAttention):
                attention.forward = partial(in_pieces, attention, fill)
    return module.requires_grad_(False).eval()


def in_pieces(
    attention: nn.MultiheadAttention,
    fill: Mapping[str, Any],
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attn_mask: torch.Tensor | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Returns what nn.MultiheadAttention would, had it the fill."""
    weights, biases = attention.in_proj_weight.chunk(3), attention.in_proj_bias.chunk(3)
    q, k, v = (
        heads_of(nn.functional.linear(x, weight, bias), attention.num_heads)
        for x, weight, bias in zip((query, key, value), weights, biases, strict=True)
    )
    keep = None if attn_mask is None else (attn_mask == 0).unflatten(0, (len(query), attention.num_heads)).numpy()
    attended = attend_by_torch(q, k, v, {"scale": ROOT_KEY_WIDTH, "fill": fill}, keep)
    heads = torch.from_numpy(attended["output"])
    if dropped := getattr(attention, "dropped", {}):
        heads = torch.from_numpy(dropped_by_index(attended["weights"], dropped)) @ v
    return attention.out_proj(side_by_side(heads)), None


def heads_of(x: torch.Tensor, heads: int) -> torch.Tensor:
    """Returns x: …×t×d as heads …×h×t×d/h."""
    return x.unflatten(-1, (heads, x.shape[-1] // heads)).transpose(-3, -2)


def side_by_side(heads: torch.Tensor) -> torch.Tensor:
    """Returns heads …×h×t×dk as …×t×(h·dk)."""
    return heads.transpose(-3, -2).flatten(-2)


class Dropped(nn.Module):
    """A dropout that drops what its attributes say, in training and evaluation alike."""

    def __init__(self, attributes: Mapping[str, Any]) -> None:
        super().__init__()
        self.attributes = attributes

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Returns the dropout of x."""
        return torch.from_numpy(dropped_by_index(x.numpy(), self.attributes))


def with_dropout(layer: nn.Module, drop: LayerDropout) -> None:
    """Puts the dropouts of a layer in the place of its own."""
    attentions = [part for part in layer.children() if isinstance(part, nn.MultiheadAttention)]
    for k, attention in enumerate(attentions):
        attention.dropped = drop.attention_weights(k)
    layer.dropout = Dropped(drop.feed_forward(len(attentions)))
    for k in range(len(attentions) + 1):
        setattr(layer, f"dropout{k + 1}", Dropped(drop.sublayer(k)))


class Record:
    """What passed through the parts of a module."""

    def __init__(self) -> None:
        self.tensors: dict[str, torch.Tensor] = {}

    def input(self, part: nn.Module, name: str) -> None:
        """Keeps what goes into a part."""
        part.register_forward_pre_hook(lambda _, inputs: self.tensors.__setitem__(name, inputs[0]))

    def output(self, part: nn.Module, name: str) -> None:
        """Keeps what comes out of a part."""
        part.register_forward_hook(lambda _, inputs, output: self.tensors.__setitem__(name, output))

    def after(self, norm: nn.LayerNorm, following: nn.LayerNorm, pre_norm: bool, name: str) -> None:
        """Keeps x after a sublayer: what its own norm returns, or with pre-norm what the following norm is given."""
        if pre_norm:
            self.input(following, name)
        else:
            self.output(norm, name)

    def arrays(self) -> Tensors:
        """Returns what was kept, as NumPy's arrays."""
        return {name: x.numpy() for name, x in self.tensors.items()}
