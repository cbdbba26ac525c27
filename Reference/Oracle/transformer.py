"""The whole Transformer: embeddings and positions, an encoder of the source, a decoder of the target, its logits."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import torch
from torch import nn

import exact
import layers
import running
from agreement import MPMATH, PYTORCH_FLOAT64, double
from attention_mask import EXCLUDED, replaced
from cases import Case, Draw, Tensors, defined
from encoder_layer import D, LAYER_NORM_002, LAYER_NORM_PYTORCH, layer_attributes, stack_parameters
from pytorch_layers import as_attention_mask, decoder_stack, encoder_stack, is_pytorchs, loaded

TOPIC = "Transformer"

Tokens = np.ndarray


class TorchModel:
    """A case's model from nn.Transformer in float64."""

    def __init__(self, inputs: Tensors, attributes: Mapping[str, Any]) -> None:
        self.inputs, self.attributes = inputs, attributes
        self.held = {name: x for name, x in inputs.items() if name.startswith(("encoder.", "decoder."))}

    def __call__(self, source: Tokens, target: Tokens) -> Tensors:
        """Returns memory b×s×d, decoded b×t×d and logits b×t×v."""
        attributes, padding = self.attributes, [self.attributes.get(f"{side}Padding") for side in ("source", "target")]
        hides, heads = attributes["queryPadding"] == "hidden", attributes["heads"]
        own, other = (source, padding[0]), (target, padding[1])
        masks = [
            seen_by_torch(queries, keys, hides, causal, heads)
            for queries, keys, causal in ((own, own, False), (other, other, True), (other, own, False))
        ]
        model = nn.Transformer(
            d_model=self.inputs["output.weight"].shape[1],
            nhead=heads,
            custom_encoder=encoder_stack(attributes, self.held, attributes["layers"], "encoder."),
            custom_decoder=decoder_stack(attributes, self.held, attributes["decoderLayers"], "decoder."),
            batch_first=True,
        )
        fill = attributes["fill"]
        loaded(model, self.held, None if is_pytorchs(fill, masks, []) else fill)
        results: dict[str, torch.Tensor] = {}
        model.encoder.register_forward_hook(lambda _, inputs, output: results.__setitem__("memory", output))
        vectors = (self.embedded(side, tokens) for side, tokens in (("source", source), ("target", target)))
        results["decoded"] = model(*vectors, *(as_attention_mask(seen) for seen in masks))
        output = (double(self.inputs[f"output.{part}"]) for part in ("weight", "bias"))
        results["logits"] = nn.functional.linear(results["decoded"], *output)
        return {name: x.numpy() for name, x in results.items()}

    def embedded(self, side: str, tokens: Tokens) -> torch.Tensor:
        """Returns the vectors of the tokens with their positions: b×t×d."""
        table = double(self.inputs[f"{side}_embedding.weight"])
        vectors, (t, d) = nn.functional.embedding(torch.from_numpy(tokens), table), (tokens.shape[1], table.shape[1])
        if self.attributes["embeddingScale"] == "rootModelWidth":
            vectors = vectors * d**0.5
        if "positionTable" in self.inputs:
            return vectors + double(self.inputs["positionTable"])[:t]
        column = torch.arange(d, dtype=torch.float64)
        angles = torch.arange(t, dtype=torch.float64)[:, None] / 10000 ** (2 * (column // 2) / d)
        return vectors + torch.where(column % 2 == 0, angles.sin(), angles.cos())


def seen_by_torch(
    queries: tuple[Tokens, int | None], keys: tuple[Tokens, int | None], hides: bool, causal: bool, heads: int
) -> torch.Tensor:
    """Returns which positions see which, b×h×n×m, from tokens and padding ids."""
    real = [
        torch.ones(x.shape, dtype=torch.bool) if padding is None else torch.from_numpy(x) != padding
        for x, padding in (queries, keys)
    ]
    seen = real[1][:, None, None, :].expand(-1, heads, real[0].shape[1], -1)
    if causal:
        seen = seen & torch.ones(seen.shape[-2:], dtype=torch.bool).tril()
    return seen & real[0][:, None, :, None] if hides else seen


def transformer_by_torch(case: Case) -> Tensors:
    """Returns memory b×s×d, decoded b×t×d and logits b×t×v."""
    return TorchModel(case.inputs, case.attributes)(case.inputs["source"], case.inputs["target"])


class ExactModel:
    """A case's model by the definition."""

    def __init__(
        self, inputs: Tensors, attributes: Mapping[str, Any], lift: Callable[[np.ndarray], np.ndarray]
    ) -> None:
        self.attributes = attributes
        self.parameters = {name: lift(x) for name, x in inputs.items() if x.dtype == np.float32}
        self.one = lift(np.ones(()))[()]

    def encode(self, source: Tokens) -> np.ndarray:
        """Returns the memory of the source: b×s×d."""
        x, attributes = self.embedded("source", source), self.attributes
        keep = self.seen("source", source, "source", source, False)
        parameters = layers.below(self.parameters, "encoder")
        return layers.encoder(x, parameters, attributes, attributes["layers"], keep, None)["output"]

    def decode(self, target: Tokens, memory: np.ndarray, source: Tokens) -> tuple[np.ndarray, np.ndarray]:
        """Returns what the decoder makes of the target, b×t×d, and its logits b×t×v."""
        x, attributes = self.embedded("target", target), self.attributes
        decoded = layers.decoder(
            x, memory, layers.below(self.parameters, "decoder"), attributes, attributes["decoderLayers"],
            keep=self.seen("target", target, "target", target, True),
            memory_keep=self.seen("target", target, "source", source, False),
            offset=None,
        )["output"]
        return decoded, exact.affine(decoded, *layers.affine_map(self.parameters, "output"))

    def embedded(self, side: str, tokens: Tokens) -> np.ndarray:
        """Returns the vectors of the tokens with their positions: b×t×d."""
        table = self.parameters[f"{side}_embedding.weight"]
        vectors, (t, d) = table[tokens], (tokens.shape[1], table.shape[1])
        if self.attributes["embeddingScale"] == "rootModelWidth":
            vectors = vectors * exact.sqrt(self.one * d)
        learned = self.parameters.get("positionTable")
        return running.settled(vectors + (layers.sinusoids(t, d, self.one) if learned is None else learned[:t]))

    def seen(self, query_side: str, queries: Tokens, key_side: str, keys: Tokens, causal: bool) -> np.ndarray:
        """Returns which positions see which: b×1×n×m."""
        query_padding, key_padding = (self.attributes.get(f"{side}Padding") for side in (query_side, key_side))
        hides = self.attributes["queryPadding"] == "hidden"
        keep = np.empty((len(keys), 1, queries.shape[1], keys.shape[1]), dtype=bool)
        for sentence, _, i, j in np.ndindex(keep.shape):
            key_is_real = key_padding is None or keys[sentence, j] != key_padding
            query_counts = not hides or query_padding is None or queries[sentence, i] != query_padding
            keep[sentence, 0, i, j] = key_is_real and query_counts and (not causal or j <= i)
        return keep


def transformer_defined(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns memory b×s×d, decoded b×t×d and logits b×t×v."""
    model, source = ExactModel(case.inputs, case.attributes, lift), case.inputs["source"]
    memory = model.encode(source)
    decoded, logits = model.decode(case.inputs["target"], memory, source)
    return {"memory": memory, "decoded": decoded, "logits": logits}


FUNCTIONS = {"transformer": defined(transformer_by_torch, transformer_defined, (PYTORCH_FLOAT64, MPMATH))}

# Sentences, lengths of source and target, the two vocabularies.
B, S, T, SOURCE_WORDS, TARGET_WORDS = 2, 7, 5, 11, 13
SOURCE_PADDING, TARGET_PADDING = 0, 1


def model_parameters(draw: Draw, last_norms: bool, decoder_layers: int = 2) -> Tensors:
    """Returns the parameters of a model of width 12 with two encoder layers, generic numbers without a pattern."""
    drawn = {
        "source_embedding.weight": draw.normal(SOURCE_WORDS, D),
        "target_embedding.weight": draw.normal(TARGET_WORDS, D),
        "output.weight": draw.normal(TARGET_WORDS, D, scale=0.4),
        "output.bias": draw.normal(TARGET_WORDS, scale=0.3),
    }
    encoder = stack_parameters(draw, ("self_attn",), 2, last_norms)
    decoder = stack_parameters(draw, ("self_attn", "multihead_attn"), decoder_layers, last_norms)
    for side, stack in (("encoder", encoder), ("decoder", decoder)):
        drawn |= {f"{side}.{name}": x for name, x in stack.items()}
    return drawn


def model_attributes(
    placement: str = "postNorm",
    epsilon: float = LAYER_NORM_PYTORCH,
    activation: str = "relu",
    fill: dict[str, Any] = EXCLUDED,
    form: str = "power",
    scale: str = "none",
    decoder_layers: int = 2,
    padding: tuple[int, int] | None = (SOURCE_PADDING, TARGET_PADDING),
    queries: str = "visible",
) -> dict[str, Any]:
    """Returns the attributes of a model; `padding` has the ids of source and target."""
    attributes = layer_attributes(placement, epsilon, activation, fill) | {
        "form": form, "embeddingScale": scale, "layers": 2, "decoderLayers": decoder_layers, "queryPadding": queries,
    }
    if padding is not None:
        attributes["sourcePadding"], attributes["targetPadding"] = padding
    return attributes


def sentences(draw: Draw, words: int, length: int, padding: int | None, lengths: tuple[int, ...]) -> Tokens:
    """Returns sentences b×length of drawn words, each followed by padding from its own length on."""
    tokens = draw.tokens(len(lengths), length, low=2, high=words - 1)
    for sentence, real in enumerate(lengths):
        tokens[sentence, real:] = padding
    return tokens


def case(
    id: str,
    purpose: str,
    *ids: str,
    source: tuple[int, ...] = (S, 4),
    target: tuple[int, ...] = (3, T),
    last_norms: bool = False,
    learned: bool = False,
    decoder_layers: int = 2,
    **attributes: Any,
) -> Case:
    """Returns one model with sentences of the lengths given, padded to 7 in the source and 5 in the target."""
    draw = Draw(id)
    inputs: Tensors = {
        "source": sentences(draw, SOURCE_WORDS, S, SOURCE_PADDING, source),
        "target": sentences(draw, TARGET_WORDS, T, TARGET_PADDING, target),
    }
    if learned:
        inputs["positionTable"] = draw.normal(S + 2, D)
    inputs |= model_parameters(draw, last_norms, decoder_layers)
    given = model_attributes(decoder_layers=decoder_layers, **attributes)
    return Case(id, "transformer", purpose, inputs, ("TRF-1", *ids), given)


def cases() -> list[Case]:
    """Returns every case of the topic."""
    document_002: dict[str, Any] = {"epsilon": LAYER_NORM_002, "fill": replaced(-10000.0)}
    before = {"placement": "preNorm"}
    return [
        case("post-norm", "Document 002's order without norms after the stacks; padding has another id in the target than in the source.", "ENC-3", "DEC-3", "MSK-3", "MSK-8", "OUT-1", "CLM-25"),
        case("last-norms", "nn.Transformer as PyTorch builds it: post-norm layers, and a norm after either stack.", "ENC-2", "DEC-2", "MSK-8", last_norms=True),
        case("pre-norm", "The norm comes first everywhere, and once after either stack.", "ENC-1", "DEC-1", "RES-3", last_norms=True, **before),
        case("document-000", "Document 000's layers: pre-norm, no norm after the stacks, −∞ in place of a hidden score.", "ENC-1", "DEC-1", "MSK-4", "ERR-16", "ERR-17", fill=replaced(-np.inf), form="exponential", **before),
        case("document-002", "Document 002: ε = 1e-12, −10000 in place of a hidden score, padded queries like any other.", "ENC-3", "DEC-3", "NRM-1", "MSK-6", **document_002),
        case("document-002-hidden", "The code behind document 002 hides padded queries too: their attention is uniform over all keys.", "ENC-3", "DEC-3", "MSK-6", "MSK-8", "CLM-26", queries="hidden", **document_002),
        case("excluded-hidden", "A hidden query that sees no key gets zeros from attention, and is no NaN further on.", "MSK-8", "CLM-26", queries="hidden"),
        case("source-of-padding", "A sentence of padding alone: its encoder and the attention to it see no key.", "MSK-3", "CLM-26", source=(0, S), target=(4, T)),
        case("without-padding", "No padding id: the tokens 0 and 1 are words like any other.", "MSK-1", "CLM-49", padding=None),
        case("three-decoder-layers", "Two encoder layers and three decoder layers, all of which read the last encoder layer.", "ENC-4", "DEC-3", decoder_layers=3),
        case("gelu", "GELU with erf in both stacks.", "ENC-2", "DEC-2", activation="gelu"),
        case("learned-positions", "Positions from a table, the first rows for source and target alike.", "PE-7", learned=True),
        case("embedding-scale", "Vaswani's model: embeddings times √12 before the positions are added.", "EMB-2", "PE-6", "MNT-9", scale="rootModelWidth"),
        single_tokens(),
    ]


def single_tokens() -> Case:
    """Returns a model over one token in and one token out."""
    purpose = "One word in, one start symbol out: every attention has a single key."
    made = case("single-tokens", purpose, "DEC-4", source=(S,), target=(T,))
    for side in ("source", "target"):
        made.inputs[side] = made.inputs[side][:, :1]
    return made
