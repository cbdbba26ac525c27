"""Writes small models' parameters as PyTorch does: `python Reference/Oracle/parameter_files.py`, or `--check`.

A file holds what `safetensors.torch.save_file(model.state_dict())` gives for one class of PyTorch's, of document 000
or of document 002. Of the documents' classes only the attributes that hold parameters are declared here, in their
order: the names of a state dictionary follow from them alone.
"""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load, save
from torch import nn

from agreement import double
from cases import Draw, Tensors
from pytorch_layers import loaded

DIRECTORY = Path(__file__).resolve().parent.parent / "Parameters"
OUTPUTS, MODELS = "outputs.safetensors", "models.json"

# Width of the model, heads, width of the network between, the widths of unequal keys and values, the vocabularies.
D, H, INNER, KEY_WIDTH, VALUE_WIDTH, SOURCE_WORDS, TARGET_WORDS = 8, 2, 12, 6, 10, 7, 9
# Sentences, the lengths of source and target, and the width of a recurrent network.
B, S, T, RECURRENT_WIDTH = 2, 5, 4, 5


class SelfAttention000(nn.Module):
    """The parameters of document 000's SelfAttention: one map for all heads."""

    def __init__(self) -> None:
        super().__init__()
        self.values, self.keys, self.queries = (nn.Linear(D // H, D // H, bias=False) for _ in range(3))
        self.fc_out = nn.Linear(D, D)


class MaskedSelfAttention000(nn.Module):
    """The parameters of document 000's MaskedSelfAttention."""

    def __init__(self) -> None:
        super().__init__()
        self.query, self.key, self.value = (nn.Linear(D, D) for _ in range(3))


class MultiHeadAttention000(nn.Module):
    """The parameters of document 000's MultiHeadAttention, values before keys."""

    def __init__(self) -> None:
        super().__init__()
        self.q_linear, self.v_linear, self.k_linear, self.out = (nn.Linear(D, D) for _ in range(4))


class FeedForward000(nn.Module):
    """The parameters of document 000's FeedForward."""

    def __init__(self) -> None:
        super().__init__()
        self.linear_1, self.linear_2 = nn.Linear(D, INNER), nn.Linear(INNER, D)


class EncoderLayer000(nn.Module):
    """The parameters of document 000's EncoderLayer."""

    def __init__(self) -> None:
        super().__init__()
        self.norm_1, self.norm_2 = nn.LayerNorm(D), nn.LayerNorm(D)
        self.attn, self.ff = MultiHeadAttention000(), FeedForward000()


class DecoderLayer000(nn.Module):
    """The parameters of document 000's DecoderLayer."""

    def __init__(self) -> None:
        super().__init__()
        self.norm_1, self.norm_2, self.norm_3 = (nn.LayerNorm(D) for _ in range(3))
        self.attn_1, self.attn_2, self.ff = MultiHeadAttention000(), MultiHeadAttention000(), FeedForward000()


class Encoder000(nn.Module):
    """The parameters of the Encoder of document 000's Seq2Seq."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(D, RECURRENT_WIDTH)


class Decoder000(nn.Module):
    """The parameters of the Decoder of document 000's Seq2Seq, its LSTM wide enough for input and context."""

    def __init__(self) -> None:
        super().__init__()
        self.lstm = nn.LSTM(TARGET_WORDS + RECURRENT_WIDTH, RECURRENT_WIDTH)
        self.fc_out, self.attention = nn.Linear(RECURRENT_WIDTH, TARGET_WORDS), nn.Linear(2 * RECURRENT_WIDTH, 1)


class Seq2Seq000(nn.Module):
    """The parameters of document 000's Seq2Seq."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = Encoder000(), Decoder000()


class MultiHeadAttention002(nn.Module):
    """The parameters of document 002's MultiHeadAttention."""

    def __init__(self) -> None:
        super().__init__()
        self.w_q, self.w_k, self.w_v, self.w_concat = (nn.Linear(D, D) for _ in range(4))


class LayerNorm002(nn.Module):
    """The parameters of document 002's LayerNorm."""

    def __init__(self) -> None:
        super().__init__()
        self.gamma, self.beta = nn.Parameter(torch.ones(D)), nn.Parameter(torch.zeros(D))


class FeedForward002(nn.Module):
    """The parameters of document 002's PositionwiseFeedForward."""

    def __init__(self) -> None:
        super().__init__()
        self.linear1, self.linear2 = nn.Linear(D, INNER), nn.Linear(INNER, D)


class EncoderLayer002(nn.Module):
    """The parameters of document 002's EncoderLayer."""

    def __init__(self) -> None:
        super().__init__()
        self.attention, self.norm1 = MultiHeadAttention002(), LayerNorm002()
        self.ffn, self.norm2 = FeedForward002(), LayerNorm002()


class DecoderLayer002(nn.Module):
    """The parameters of document 002's DecoderLayer."""

    def __init__(self) -> None:
        super().__init__()
        self.self_attention, self.norm1 = MultiHeadAttention002(), LayerNorm002()
        self.enc_dec_attention, self.norm2 = MultiHeadAttention002(), LayerNorm002()
        self.ffn, self.norm3 = FeedForward002(), LayerNorm002()


class Embedding002(nn.Module):
    """The parameters of document 002's TransformerEmbedding: its table of positions is not one of them."""

    def __init__(self, words: int) -> None:
        super().__init__()
        self.tok_emb = nn.Embedding(words, D)


class Encoder002(nn.Module):
    """The parameters of document 002's Encoder with two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.emb, self.layers = Embedding002(SOURCE_WORDS), nn.ModuleList([EncoderLayer002(), EncoderLayer002()])


class Decoder002(nn.Module):
    """The parameters of document 002's Decoder with two layers."""

    def __init__(self) -> None:
        super().__init__()
        self.emb, self.layers = Embedding002(TARGET_WORDS), nn.ModuleList([DecoderLayer002(), DecoderLayer002()])
        self.linear = nn.Linear(D, TARGET_WORDS)


class Transformer002(nn.Module):
    """The parameters of the class Transformer that document 002 calls and does not print."""

    def __init__(self) -> None:
        super().__init__()
        self.encoder, self.decoder = Encoder002(), Decoder002()


@dataclass(frozen=True)
class Model:
    """One file: the model's class, what the class is told, and, for PyTorch's own, the shapes of its inputs."""

    stem: str
    module: nn.Module
    described: dict[str, Any]
    inputs: dict[str, tuple[int, ...]]

    def state(self) -> dict[str, torch.Tensor]:
        """Returns drawn float32 parameters in the order of the state dictionary: gains around 1, the rest around 0."""
        draw, drawn = Draw(self.stem), {}
        for name, parameter in self.module.state_dict().items():
            gain = parameter.ndim == 1 and name.endswith(("weight", "gamma"))
            drawn[name] = torch.from_numpy(draw.normal(*parameter.shape, scale=0.3, shift=1.0 if gain else 0.0))
        return drawn

    def run(self) -> dict[str, torch.Tensor]:
        """Returns drawn inputs in float32 and the float64 output for them, none for a document's class."""
        if not self.inputs:
            return {}
        draw = Draw(f"{self.stem}/inputs")
        inputs: Tensors = {name: draw.normal(*shape) for name, shape in self.inputs.items()}
        module = loaded(self.module.double(), {name: x.numpy() for name, x in self.state().items()})
        mask = {}
        if self.described.get("causal"):
            mask["tgt_mask"] = nn.Transformer.generate_square_subsequent_mask(T, dtype=torch.float64)
        output = module(*(double(x) for x in inputs.values()), **mask)
        # nn.MultiheadAttention returns its weights too, and a recurrent network its last states.
        results = {"output": output[0] if isinstance(output, tuple) else output}
        return {name: torch.from_numpy(x) for name, x in inputs.items()} | results


def models() -> list[Model]:
    """Returns every file's model."""
    pytorch: dict[str, Any] = {"batch_first": True}
    layer: dict[str, Any] = {"dim_feedforward": INNER, "dropout": 0.0, **pytorch}
    attention = {"heads": H}
    post = {"innerWidth": INNER, "epsilon": 1e-5, "placement": "postNorm", "activation": "relu"}
    pre = post | {"placement": "preNorm"}
    own = post | {"epsilon": 1e-12}
    deep = own | {"layers": 2}
    source, target = {"sourceVocabulary": SOURCE_WORDS}, {"targetVocabulary": TARGET_WORDS}
    unequal = {"keyWidth": KEY_WIDTH, "valueWidth": VALUE_WIDTH}
    recurrent, extents, sentences = {"width": RECURRENT_WIDTH}, (D, RECURRENT_WIDTH), {"x": (B, S, D)}
    rows = [
        ("pytorch-multihead-attention", "nn.MultiheadAttention", nn.MultiheadAttention(D, H, **pytorch), attention, {"queries": (B, T, D), "keys": (B, S, D), "values": (B, S, D)}),
        ("pytorch-multihead-attention-unequal", "nn.MultiheadAttention", nn.MultiheadAttention(D, H, kdim=KEY_WIDTH, vdim=VALUE_WIDTH, **pytorch), attention | unequal, {"queries": (B, T, D), "keys": (B, S, KEY_WIDTH), "values": (B, S, VALUE_WIDTH)}),
        ("pytorch-encoder-layer", "nn.TransformerEncoderLayer", nn.TransformerEncoderLayer(D, H, **layer), attention | post, {"x": (B, S, D)}),
        ("pytorch-decoder-layer", "nn.TransformerDecoderLayer", nn.TransformerDecoderLayer(D, H, activation="gelu", norm_first=True, layer_norm_eps=1e-6, **layer), attention | pre | {"activation": "gelu", "epsilon": 1e-6, "causal": True}, {"x": (B, T, D), "memory": (B, S, D)}),
        ("pytorch-transformer", "nn.Transformer", nn.Transformer(D, H, 2, 1, **layer), attention | post | {"layers": 2, "decoderLayers": 1, "causal": True}, {"source": (B, S, D), "target": (B, T, D)}),
        ("pytorch-rnn", "nn.RNN", nn.RNN(*extents, nonlinearity="relu", **pytorch), recurrent | {"layers": 1, "activation": "relu"}, sentences),
        ("pytorch-lstm", "nn.LSTM", nn.LSTM(*extents, 2, bidirectional=True, **pytorch), recurrent | {"layers": 2, "bidirectional": True}, sentences),
        ("pytorch-gru", "nn.GRU", nn.GRU(*extents, 2, bias=False, **pytorch), recurrent | {"layers": 2, "bias": False}, sentences),
        ("document000-self-attention", "SelfAttention", SelfAttention000(), attention, {}),
        ("document000-masked-self-attention", "MaskedSelfAttention", MaskedSelfAttention000(), {}, {}),
        ("document000-multihead-attention", "MultiHeadAttention", MultiHeadAttention000(), attention, {}),
        ("document000-encoder-layer", "EncoderLayer", EncoderLayer000(), attention | pre, {}),
        ("document000-decoder-layer", "DecoderLayer", DecoderLayer000(), attention | pre, {}),
        ("document000-seq2seq", "Seq2Seq", Seq2Seq000(), recurrent | target, {}),
        ("document002-multihead-attention", "MultiHeadAttention", MultiHeadAttention002(), attention, {}),
        ("document002-layer-norm", "LayerNorm", LayerNorm002(), {"epsilon": 1e-12}, {}),
        ("document002-encoder-layer", "EncoderLayer", EncoderLayer002(), attention | own, {}),
        ("document002-decoder-layer", "DecoderLayer", DecoderLayer002(), attention | own, {}),
        ("document002-encoder", "Encoder", Encoder002(), attention | deep | source, {}),
        ("document002-decoder", "Decoder", Decoder002(), attention | own | {"decoderLayers": 2} | target, {}),
        ("document002-transformer", "Transformer", Transformer002(), attention | deep | {"decoderLayers": 2} | source | target, {}),
    ]
    return [
        Model(stem, module, {"class": name, "modelWidth": D} | described, inputs)
        for stem, name, module, described, inputs in rows
    ]


def built() -> dict[str, bytes]:
    """Returns the bytes of every file by its name, computed from nothing."""
    torch.set_num_threads(1)
    files, described, outputs = {}, {}, {}
    for model in models():
        path = f"{model.stem}.safetensors"
        files[path] = save(model.state())
        described[model.stem] = {"file": path} | model.described
        if model.inputs:
            described[model.stem]["inputs"] = list(model.inputs)
            outputs |= {f"{model.stem}/{name}": x.contiguous() for name, x in model.run().items()}
    files[OUTPUTS] = save(outputs)
    files[MODELS] = (json.dumps(described, indent=1) + "\n").encode("utf-8")
    return files


def differences(directory: Path = DIRECTORY) -> list[str]:
    """Returns the names of the files that are not what would be written now.

    An output is PyTorch's, whose last digits depend on the processor: 1e-12 is allowed, of numbers around 1.
    """
    files = built()
    there = {path.name for path in directory.iterdir()} if directory.is_dir() else set()
    changed = files.keys() ^ there
    for name in files.keys() & there:
        content = (directory / name).read_bytes()
        if name == OUTPUTS:
            now, before = load(files[name]), load(content)
            alike = now.keys() == before.keys() and all(
                x.shape == before[key].shape and np.allclose(x, before[key], rtol=0, atol=1e-12)
                for key, x in now.items()
            )
        else:
            alike = content == files[name]
        changed |= set() if alike else {name}
    return sorted(changed)


def main() -> int:
    """Writes or compares every file, and returns the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the committed files, write nothing")
    if parser.parse_args().check:
        changed = differences()
        for name in changed:
            print(f"{name} differs from what would be written", file=sys.stderr)
        return 1 if changed else 0
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    for name, content in built().items():
        (DIRECTORY / name).write_bytes(content)
        print(f"{name}: {len(content)} bytes")
    return 0


if __name__ == "__main__":
    sys.exit(main())
