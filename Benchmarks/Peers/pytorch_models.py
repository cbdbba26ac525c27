"""What PyTorch calls the topics of the bench.

A function takes the inputs by name, float32 or float64, and the settings: the numbers in the row's shape.
"""

import math
from collections.abc import Callable
from functools import lru_cache, partial

import torch
from torch.nn import functional

Tensors = dict[str, torch.Tensor]
Settings = dict[int | str, int]
Function = Callable[[Tensors, Settings], torch.Tensor]
EPSILON = 1e-5  # of every norm in the bench
EDGE = 7  # positions on each side of a window


def constant(function: Callable[..., torch.Tensor]) -> Callable[..., torch.Tensor]:
    """Marks a tensor that is computed once, by compilers too."""
    return torch.compiler.assume_constant_result(lru_cache(function))


# Attention.


def attended(
    queries: torch.Tensor, keys: torch.Tensor, values: torch.Tensor, mask: torch.Tensor | None = None,
    causal: bool = False,
) -> torch.Tensor:
    """Returns the attention of …×h×n×dk, by the fused function, which wants a batch."""
    batched = queries.dim() == 4
    q, k, v = (queries, keys, values) if batched else (x.unsqueeze(0) for x in (queries, keys, values))
    output = functional.scaled_dot_product_attention(q, k, v, attn_mask=mask, is_causal=causal)
    return output if batched else output.squeeze(0)


def in_heads(x: torch.Tensor, heads: int) -> torch.Tensor:
    """Returns the heads of …×t×d: …×h×t×dk."""
    return x.unflatten(-1, (heads, -1)).transpose(-3, -2)


def multi_head(
    x: Tensors, heads: int, queries: torch.Tensor, memory: torch.Tensor | None = None, prefix: str = "",
    mask: torch.Tensor | None = None, causal: bool = False,
) -> torch.Tensor:
    """Returns the attention of queries to themselves or to a memory."""
    weight, bias = x[f"{prefix}projectionWeight"], x.get(f"{prefix}projectionBias")
    if memory is None:
        projected = functional.linear(queries, weight, bias).chunk(3, -1)
    else:
        d = queries.shape[-1]
        of_queries, of_memory = (None, None) if bias is None else (bias[:d], bias[d:])
        projected = (
            functional.linear(queries, weight[:d], of_queries),
            *functional.linear(memory, weight[d:], of_memory).chunk(2, -1),
        )
    output = attended(*(in_heads(part, heads) for part in projected), mask=mask, causal=causal)
    return joined(x, output, prefix)


def joined(x: Tensors, heads: torch.Tensor, prefix: str) -> torch.Tensor:
    """Returns what the output map makes of the heads …×h×t×dk."""
    together = heads.transpose(-3, -2).flatten(-2)
    return functional.linear(together, x[f"{prefix}outputWeight"], x.get(f"{prefix}outputBias"))


# Layers.


def normed(x: Tensors, y: torch.Tensor, prefix: str = "") -> torch.Tensor:
    """Returns the layer norm of the rows of y, by the parameters if there are any."""
    return functional.layer_norm(y, y.shape[-1:], x.get(f"{prefix}gain"), x.get(f"{prefix}bias"), EPSILON)


def feed_forward(
    x: Tensors, y: torch.Tensor, prefix: str = "",
    activation: Callable[[torch.Tensor], torch.Tensor] = functional.relu,
) -> torch.Tensor:
    """Returns the network of two maps on y."""
    inner = functional.linear(y, x[f"{prefix}innerWeight"], x.get(f"{prefix}innerBias"))
    return functional.linear(activation(inner), x[f"{prefix}outerWeight"], x.get(f"{prefix}outerBias"))


def encoder_layer(x: Tensors, y: torch.Tensor, heads: int, prefix: str = "") -> torch.Tensor:
    """Returns a post-norm layer's output."""
    y = normed(x, y + multi_head(x, heads, y, prefix=prefix), f"{prefix}attentionNorm.")
    return normed(x, y + feed_forward(x, y, prefix), f"{prefix}feedForwardNorm.")


def decoder_layer(
    x: Tensors, y: torch.Tensor, memory: torch.Tensor, heads: int, prefix: str = ""
) -> torch.Tensor:
    """Returns a post-norm layer's output, each position of which sees those up to itself."""
    y = normed(x, y + multi_head(x, heads, y, prefix=f"{prefix}self.", causal=True))
    y = normed(x, y + multi_head(x, heads, y, memory, f"{prefix}cross."))
    return normed(x, y + feed_forward(x, y, prefix))


def decoder_step(
    x: Tensors, kept: Callable[[str, torch.Tensor], torch.Tensor] | None = None
) -> torch.Tensor:
    """Returns a decoder layer's output for one position of each sentence; `kept` adds it to those in the cache."""
    kept = kept or (lambda name, y: torch.cat((x[name], y), 2))
    y, heads, d = x["x"], x["keys"].shape[1], x["x"].shape[-1]
    projected = functional.linear(y, x["self.projectionWeight"]).chunk(3, -1)
    query, key, value = (in_heads(part, heads) for part in projected)
    attention = attended(query, kept("keys", key), kept("values", value))
    y = normed(x, y + joined(x, attention, "self."))
    query = in_heads(functional.linear(y, x["cross.projectionWeight"][:d]), heads)
    y = normed(x, y + joined(x, attended(query, x["memoryKeys"], x["memoryValues"]), "cross."))
    return normed(x, y + feed_forward(x, y))


def transformer(x: Tensors, settings: Settings) -> torch.Tensor:
    """Returns the logits of post-norm stacks over embeddings with positions."""
    heads, layers = settings["heads"], settings["layers"]
    memory, y = (embedded(x[side], x[f"{side}Table"]) for side in ("source", "target"))
    for layer in range(layers):
        memory = encoder_layer(x, memory, heads, f"encoder.{layer}.")
    for layer in range(layers):
        y = decoder_layer(x, y, memory, heads, f"decoder.{layer}.")
    return functional.linear(y, x["outputWeight"])


# Embedding.


@constant
def sinusoids(length: int, width: int) -> torch.Tensor:
    """Returns the table that models keep."""
    return computed_sinusoids(length, width)


def computed_sinusoids(length: int, width: int) -> torch.Tensor:
    """Returns the table; in float32 angles near 5000 would be wrong by 2⁻¹² and more."""
    rates = 10000 ** (-torch.arange(0, width, 2, dtype=torch.float64) / width)
    angles = torch.arange(length, dtype=torch.float64).unsqueeze(1) * rates
    return torch.stack((angles.sin(), angles.cos()), -1).flatten(-2)[:, :width].float()


def embedded(tokens: torch.Tensor, table: torch.Tensor) -> torch.Tensor:
    """Returns the scaled vectors of the tokens with a table of positions that is kept."""
    length, width = tokens.shape[-1], table.shape[-1]
    return functional.embedding(tokens, table) * math.sqrt(width) + sinusoids(length, width)


# Recurrent layers.


def recurrent(layer: Callable[..., tuple[torch.Tensor, ...]], x: Tensors, settings: Settings) -> torch.Tensor:
    """Returns the states of a layer that begins with zeros."""
    weights = [x["inputWeight"], x["recurrentWeight"], x["inputBias"], x["recurrentBias"]]
    zeros = x["x"].new_zeros(1, x["x"].shape[0], x["recurrentWeight"].shape[1])
    start = (zeros, zeros) if layer is torch.lstm else zeros
    return layer(x["x"], start, weights, True, 1, 0.0, False, False, True)[0]


# Vision.


@constant
def window_offsets() -> torch.Tensor:
    """Returns for each pair of positions in a window the row of the table of biases."""
    place = torch.arange(EDGE)
    row, column = (x.flatten() for x in torch.meshgrid(place, place, indexing="ij"))
    rows, columns = (x.unsqueeze(1) - x + EDGE - 1 for x in (row, column))
    return rows * (2 * EDGE - 1) + columns


@constant
def shift_mask(side: int, shift: int, dtype: torch.dtype) -> torch.Tensor:
    """Returns for each window where a position does not see another that was not beside it: −∞ there."""
    place = torch.arange(side)
    part = (place >= side - EDGE).long() + (place >= side - shift)
    region = in_windows((3 * part.unsqueeze(1) + part).unsqueeze(-1)).squeeze(-1)
    hidden = region.unsqueeze(1) != region.unsqueeze(2)
    return torch.zeros(hidden.shape, dtype=dtype).masked_fill(hidden, -math.inf).unsqueeze(1)


def in_windows(y: torch.Tensor) -> torch.Tensor:
    """Returns the windows of a map: side×side×d becomes windows×positions×d."""
    n = y.shape[0] // EDGE
    return y.reshape(n, EDGE, n, EDGE, y.shape[-1]).transpose(1, 2).reshape(n * n, EDGE * EDGE, y.shape[-1])


def as_map(windows: torch.Tensor, side: int) -> torch.Tensor:
    """Returns the map of the windows."""
    n = side // EDGE
    return windows.reshape(n, n, EDGE, EDGE, windows.shape[-1]).transpose(1, 2).reshape(side, side, -1)


def window_attention(x: Tensors, windows: torch.Tensor, mask: torch.Tensor | None = None) -> torch.Tensor:
    """Returns the attention inside each window, with a bias for each offset."""
    table = x["biasTable"]
    bias = table[window_offsets().flatten()].reshape(EDGE**2, EDGE**2, -1).permute(2, 0, 1).unsqueeze(0)
    return multi_head(x, table.shape[1], windows, mask=bias if mask is None else bias + mask)


def swin_block(shift: int, x: Tensors, settings: Settings) -> torch.Tensor:
    """Returns a pre-norm block's output on a map."""
    y = x["x"]
    side = y.shape[0]
    z = normed(x, y, "attentionNorm.")
    if shift:
        windows = in_windows(z.roll((-shift, -shift), (0, 1)))
        z = as_map(window_attention(x, windows, shift_mask(side, shift, y.dtype)), side).roll((shift, shift), (0, 1))
    else:
        z = as_map(window_attention(x, in_windows(z)), side)
    y = y + z
    return y + feed_forward(x, normed(x, y, "feedForwardNorm."), activation=functional.gelu)


def patch_merging(x: Tensors, settings: Settings) -> torch.Tensor:
    """Returns a map of half the side, whose positions see four each."""
    y = x["x"]
    four = torch.cat((y[0::2, 0::2], y[1::2, 0::2], y[0::2, 1::2], y[1::2, 1::2]), -1)
    return functional.linear(normed(x, four), x["reductionWeight"])


def patches(order: tuple[int, ...], x: Tensors, settings: Settings) -> torch.Tensor:
    """Returns the squares of a map, the numbers of each in this order of its row 1, column 3 and channel 4."""
    side, channels, edge = settings[0], settings[1], settings[2]
    squares = x["x"].reshape(side // edge, edge, side // edge, edge, channels).permute(0, 2, *order)
    return squares.reshape(-1, edge * edge * channels)


def vit_block(x: Tensors, settings: Settings) -> torch.Tensor:
    """Returns a pre-norm layer's output."""
    y = x["x"]
    y = y + multi_head(x, settings["heads"], normed(x, y, "attentionNorm."))
    return y + feed_forward(x, normed(x, y, "feedForwardNorm."), activation=functional.gelu)


# Scores, convolution, words.


def convolution(x: Tensors, settings: Settings) -> torch.Tensor:
    """Returns the convolution of channels × positions, with zeros around it on both sides."""
    stride, dilation = settings.get("stride", 1), settings.get("dilation", 1)
    return functional.conv1d(
        x["x"].unsqueeze(0), x["weight"], x["bias"], stride=stride, dilation=dilation,
        padding=dilation * (x["weight"].shape[2] - 1) // 2,
    ).squeeze(0)


def additive_scores(x: Tensors, settings: Settings) -> torch.Tensor:
    """Returns vᵀ tanh(W k_j + U q_i)."""
    of_queries = functional.linear(x["queries"], x["queryWeight"]).unsqueeze(1)
    return torch.tanh(of_queries + functional.linear(x["keys"], x["keyWeight"])) @ x["vector"]


def concat_scores(x: Tensors, settings: Settings) -> torch.Tensor:
    """Returns vᵀ tanh(W [q_i; k_j]), the two halves of W on their own."""
    d = x["queries"].shape[-1]
    of_queries = functional.linear(x["queries"], x["weight"][:, :d]).unsqueeze(1)
    return torch.tanh(of_queries + functional.linear(x["keys"], x["weight"][:, d:])) @ x["vector"]


def skip_gram(x: Tensors, settings: Settings) -> torch.Tensor:
    """Returns the logits of every word around each of some words."""
    return functional.linear(functional.embedding(x["centers"], x["inputTable"]), x["outputTable"])


def skip_gram_loss(x: Tensors, settings: Settings) -> torch.Tensor:
    """Returns the loss of each sentence of sixteen words, with a window of five."""
    tokens = x["tokens"].reshape(-1, 16)
    logits = functional.linear(functional.embedding(tokens, x["inputTable"]), x["outputTable"])
    of_words = torch.log_softmax(logits, -1).gather(2, tokens.unsqueeze(1).expand(-1, 16, -1))
    place = torch.arange(16)
    distance = (place - place.unsqueeze(1)).abs()
    seen = (distance > 0) & (distance <= 5)
    return -(of_words * seen).sum((1, 2)).unsqueeze(1)


def negative_sampling_loss(x: Tensors, settings: Settings) -> torch.Tensor:
    """Returns the loss of each pair with its samples."""
    centers = functional.embedding(x["centers"], x["inputTable"]).unsqueeze(2)
    words = functional.embedding(x["words"].unsqueeze(1), x["outputTable"])
    negatives = functional.embedding(x["negatives"], x["outputTable"])
    positive = functional.logsigmoid((words @ centers).squeeze(2))
    return -(positive + functional.logsigmoid(-(negatives @ centers).squeeze(2)).sum(1, keepdim=True))


# What steps in place.


def adam_step(x: Tensors) -> Callable[[], torch.Tensor]:
    """Returns the tenth step of Adam, and every later one, in place on copies."""
    theta = torch.nn.Parameter(x["parameters"].clone())
    theta.grad = x["gradient"]
    optimizer = torch.optim.Adam([theta], lr=1e-3, fused=True)
    optimizer.state[theta] = {
        "step": torch.tensor(9.0), "exp_avg": x["gradient"] / 8, "exp_avg_sq": x["parameters"] ** 2 / 64,
    }
    return partial(stepped, optimizer, theta)


def cached_step(x: Tensors) -> Callable[[], torch.Tensor]:
    """Returns a decoder layer's step with a cache that has room for its position."""
    room = {name: torch.cat((x[name], x[name][:, :, :1]), 2) for name in ("keys", "values")}

    def kept(name: str, y: torch.Tensor) -> torch.Tensor:
        room[name][:, :, -1:] = y
        return room[name]

    return lambda: decoder_step(x, kept)


def descent_step(x: Tensors) -> Callable[[], torch.Tensor]:
    """Returns a step of gradient descent with a velocity, and every later one, in place on copies."""
    theta = torch.nn.Parameter(x["parameters"].clone())
    theta.grad = x["gradient"]
    optimizer = torch.optim.SGD([theta], lr=1e-3, momentum=0.9, fused=True)
    optimizer.state[theta] = {"momentum_buffer": x["gradient"].clone()}
    return partial(stepped, optimizer, theta)


def stepped(optimizer: torch.optim.Optimizer, theta: torch.nn.Parameter) -> torch.Tensor:
    """Returns the parameters after a step."""
    optimizer.step()
    return theta.detach()


# By topic.

TOPICS: dict[str, Function] = {
    "Matrix product": lambda x, _: torch.mm(x["a"], x["b"]),
    "Affine map, relu": lambda x, _: functional.relu(functional.linear(x["x"], x["weight"], x["bias"])),
    "Packed map, relu": lambda x, _: functional.relu(functional.linear(x["x"], x["weight"], x["bias"])),
    "Softmax": lambda x, _: torch.softmax(x["x"], -1),
    "Log-softmax": lambda x, _: torch.log_softmax(x["x"], -1),
    "relu": lambda x, _: functional.relu(x["x"]),
    "gelu": lambda x, _: functional.gelu(x["x"]),
    "geluTanh": lambda x, _: functional.gelu(x["x"], approximate="tanh"),
    "sigmoid": lambda x, _: torch.sigmoid(x["x"]),
    "tanh": lambda x, _: torch.tanh(x["x"]),
    "Convolution": convolution,
    "Packed convolution": convolution,
    "Attention": lambda x, _: attended(x["queries"], x["keys"], x["values"]),
    "Attention, causal": lambda x, _: attended(x["queries"], x["keys"], x["values"], causal=True),
    "Attention, one query": lambda x, _: attended(x["queries"], x["keys"], x["values"]),
    "Multi-head attention": lambda x, settings: multi_head(x, settings["heads"], x["x"]),
    "Scores, additive": additive_scores,
    "Scores, concat": concat_scores,
    "Scores, bilinear": lambda x, _: x["queries"] @ (x["keys"] @ x["weight"]).T,
    "Scores, scaledDot": lambda x, _: x["queries"] @ x["keys"].T / math.sqrt(x["keys"].shape[-1]),
    "Token embedding": lambda x, _: functional.embedding(x["tokens"], x["table"]),
    "Tokens, positions": lambda x, _: (
        functional.embedding(x["tokens"], x["table"]) * math.sqrt(x["table"].shape[1])
        + computed_sinusoids(x["tokens"].shape[0], x["table"].shape[1])),
    "Tokens, table": lambda x, _: (
        functional.embedding(x["tokens"], x["table"]) * math.sqrt(x["table"].shape[1]) + x["positions"]),
    "Positions": lambda _, settings: computed_sinusoids(settings[0], settings[1]),
    "x + positions": lambda x, _: x["x"] + computed_sinusoids(*x["x"].shape),
    "x + stored table": lambda x, _: x["x"] + x["table"],
    "Layer norm": lambda x, _: normed(x, x["x"]),
    "Residual": lambda x, _: x["x"] + x["f"],
    "Post-norm residual": lambda x, _: normed(x, x["x"] + x["f"]),
    "Feed-forward": lambda x, _: feed_forward(x, x["x"]),
    "Encoder layer": lambda x, settings: encoder_layer(x, x["x"], settings["heads"]),
    "Decoder layer": lambda x, settings: decoder_layer(x, x["x"], x["memory"], settings["heads"]),
    "Decoder layer, one step": lambda x, _: decoder_step(x),
    "Transformer": transformer,
    "RNN": partial(recurrent, torch.rnn_tanh),
    "Packed RNN": partial(recurrent, torch.rnn_tanh),
    "LSTM": partial(recurrent, torch.lstm),
    "Packed LSTM": partial(recurrent, torch.lstm),
    "GRU": partial(recurrent, torch.gru),
    "Packed GRU": partial(recurrent, torch.gru),
    "Window attention": lambda x, _: window_attention(x, x["x"]),
    "Swin block": partial(swin_block, 0),
    "Swin block, shifted": partial(swin_block, 3),
    "Patches": partial(patches, (1, 3, 4)),
    "Patches, channels first": partial(patches, (4, 1, 3)),
    "Patch merging": patch_merging,
    "ViT block": vit_block,
    "Cross-entropy": lambda x, _: (
        -torch.log_softmax(x["logits"], -1).gather(1, x["labels"].unsqueeze(1))),
    "Skip-gram": skip_gram,
    "Packed skip-gram": skip_gram,
    "Skip-gram loss": skip_gram_loss,
    "Packed skip-gram loss": skip_gram_loss,
    "Negative sampling": negative_sampling_loss,
    "Gradient norm": lambda x, _: torch.linalg.vector_norm(x["gradient"]).unsqueeze(0),
    "Clipped gradients": lambda x, _: (
        x["gradient"] * (1 / torch.linalg.vector_norm(x["gradient"])).clamp(max=1)),
}

# Topics that change what they are given, as one does it without a compiler: a function makes the step, on copies.
STEPS: dict[str, Callable[[Tensors], Callable[[], torch.Tensor]]] = {
    "Decoder layer, one step": cached_step, "Adam": adam_step, "SGD": descent_step,
}

# Not compiled: a layer would become as many copies of its step as there are positions, in minutes. LSTM is one call.
UNROLLED = ("RNN", "Packed RNN", "GRU", "Packed GRU")

# Not converted: a converter computes the positions itself, and keeps them as a constant.
COMPUTED = ("Positions", "x + positions", "Tokens, positions")
