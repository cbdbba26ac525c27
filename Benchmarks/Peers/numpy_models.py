"""How a user of NumPy writes the topics of the bench; what needs a loop over positions is not here.

A function takes the inputs by name, float32 or float64, and the settings: the numbers in the row's shape.
"""

import math
from collections.abc import Callable

import numpy as np

Arrays = dict[str, np.ndarray]
Settings = dict[int | str, int]
Function = Callable[[Arrays, Settings], np.ndarray]
EPSILON = 1e-5  # of every norm in the bench


def affine(x: Arrays, y: np.ndarray, name: str) -> np.ndarray:
    """Returns the map of a name on y, with its bias if there is one."""
    product = y @ x[f"{name}Weight"].T
    return product + x[f"{name}Bias"] if f"{name}Bias" in x else product


def softmax(z: np.ndarray) -> np.ndarray:
    """Returns the softmax of the rows."""
    e = np.exp(z - z.max(-1, keepdims=True))
    return e / e.sum(-1, keepdims=True)


def log_softmax(z: np.ndarray) -> np.ndarray:
    """Returns the logarithm of the softmax of the rows."""
    z = z - z.max(-1, keepdims=True)
    return z - np.log(np.exp(z).sum(-1, keepdims=True))


def attended(q: np.ndarray, k: np.ndarray, v: np.ndarray, causal: bool = False) -> np.ndarray:
    """Returns the attention of …×n×dk."""
    scores = q @ k.swapaxes(-1, -2) * q.dtype.type(1 / math.sqrt(q.shape[-1]))
    if causal:
        scores[..., np.triu(np.ones(scores.shape[-2:], dtype=bool), 1)] = -np.inf
    return softmax(scores) @ v


def multi_head(
    x: Arrays, heads: int, queries: np.ndarray, memory: np.ndarray | None = None, prefix: str = "",
    causal: bool = False,
) -> np.ndarray:
    """Returns the attention of queries to themselves or to a memory."""
    weights = np.split(x[f"{prefix}projectionWeight"], 3)
    sources = (queries, *(2 * [queries if memory is None else memory]))
    q, k, v = (
        (y @ weight.T).reshape(*y.shape[:-1], heads, -1).swapaxes(-2, -3)
        for y, weight in zip(sources, weights, strict=True)
    )
    together = attended(q, k, v, causal).swapaxes(-2, -3).reshape(queries.shape)
    return affine(x, together, f"{prefix}output")


def normed(x: Arrays, y: np.ndarray) -> np.ndarray:
    """Returns the layer norm of the rows of y, by the parameters if there are any."""
    centred = y - y.mean(-1, keepdims=True)
    result = centred / np.sqrt((centred * centred).mean(-1, keepdims=True) + y.dtype.type(EPSILON))
    return result * x["gain"] + x["bias"] if "gain" in x else result


def feed_forward(x: Arrays, y: np.ndarray) -> np.ndarray:
    """Returns the network of two maps on y."""
    return affine(x, np.maximum(affine(x, y, "inner"), 0), "outer")


def encoder_layer(x: Arrays, settings: Settings) -> np.ndarray:
    """Returns a post-norm layer's output."""
    y = normed(x, x["x"] + multi_head(x, settings["heads"], x["x"]))
    return normed(x, y + feed_forward(x, y))


def decoder_layer(x: Arrays, settings: Settings) -> np.ndarray:
    """Returns a post-norm layer's output, each position of which sees those up to itself."""
    y, heads = x["x"], settings["heads"]
    y = normed(x, y + multi_head(x, heads, y, prefix="self.", causal=True))
    y = normed(x, y + multi_head(x, heads, y, x["memory"], "cross."))
    return normed(x, y + feed_forward(x, y))


def sinusoids(length: int, width: int) -> np.ndarray:
    """Returns the table of positions; in float32 angles near 5000 would be wrong by 2⁻¹² and more."""
    angles = np.arange(length)[:, None] * 10000.0 ** (-np.arange(0, width, 2) / width)
    both = np.stack((np.sin(angles), np.cos(angles)), -1).reshape(length, -1)
    return both[:, :width].astype(np.float32)


def gelu_tanh(x: np.ndarray) -> np.ndarray:
    """Returns x/2 (1 + tanh(√(2/π) (x + 0.044715 x³)))."""
    return x / 2 * (1 + np.tanh(x.dtype.type(math.sqrt(2 / math.pi)) * (x + x.dtype.type(0.044715) * x * x * x)))


def convolution(x: Arrays, settings: Settings) -> np.ndarray:
    """Returns the convolution of channels × positions as a sum of products, with zeros on both sides."""
    stride, dilation = settings.get("stride", 1), settings.get("dilation", 1)
    kernel, positions = x["weight"].shape[2], x["x"].shape[1]
    padded = np.pad(x["x"], ((0, 0), (dilation * (kernel - 1) // 2,) * 2))
    terms = (
        x["weight"][:, :, j] @ padded[:, j * dilation:j * dilation + positions:stride] for j in range(kernel)
    )
    return sum(terms) + x["bias"][:, None]


def additive_scores(x: Arrays, settings: Settings) -> np.ndarray:
    """Returns vᵀ tanh(W k_j + U q_i)."""
    of_queries = (x["queries"] @ x["queryWeight"].T)[:, None]
    return np.tanh(of_queries + x["keys"] @ x["keyWeight"].T) @ x["vector"]


def concat_scores(x: Arrays, settings: Settings) -> np.ndarray:
    """Returns vᵀ tanh(W [q_i; k_j]), the two halves of W on their own."""
    d = x["queries"].shape[-1]
    of_queries = (x["queries"] @ x["weight"][:, :d].T)[:, None]
    return np.tanh(of_queries + x["keys"] @ x["weight"][:, d:].T) @ x["vector"]


def cross_entropy(x: Arrays, settings: Settings) -> np.ndarray:
    """Returns the loss of each row."""
    return -np.take_along_axis(log_softmax(x["logits"]), x["labels"][:, None], 1)


def skip_gram(x: Arrays, settings: Settings) -> np.ndarray:
    """Returns the logits of every word around each of some words."""
    return x["inputTable"][x["centers"]] @ x["outputTable"].T


TOPICS: dict[str, Function] = {
    "Matrix product": lambda x, _: x["a"] @ x["b"],
    "Affine map, relu": lambda x, _: np.maximum(x["x"] @ x["weight"].T + x["bias"], 0),
    "Packed map, relu": lambda x, _: np.maximum(x["x"] @ x["weight"].T + x["bias"], 0),
    "Softmax": lambda x, _: softmax(x["x"]),
    "Log-softmax": lambda x, _: log_softmax(x["x"]),
    "relu": lambda x, _: np.maximum(x["x"], 0),
    "geluTanh": lambda x, _: gelu_tanh(x["x"]),
    "sigmoid": lambda x, _: 1 / (1 + np.exp(-x["x"])),
    "tanh": lambda x, _: np.tanh(x["x"]),
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
    "Token embedding": lambda x, _: x["table"][x["tokens"]],
    "Tokens, positions": lambda x, _: (
        x["table"][x["tokens"]] * math.sqrt(x["table"].shape[1])
        + sinusoids(x["tokens"].shape[0], x["table"].shape[1])),
    "Tokens, table": lambda x, _: x["table"][x["tokens"]] * math.sqrt(x["table"].shape[1]) + x["positions"],
    "Positions": lambda _, settings: sinusoids(settings[0], settings[1]),
    "x + positions": lambda x, _: x["x"] + sinusoids(*x["x"].shape),
    "x + stored table": lambda x, _: x["x"] + x["table"],
    "Layer norm": lambda x, _: normed(x, x["x"]),
    "Residual": lambda x, _: x["x"] + x["f"],
    "Post-norm residual": lambda x, _: normed(x, x["x"] + x["f"]),
    "Feed-forward": lambda x, _: feed_forward(x, x["x"]),
    "Encoder layer": encoder_layer,
    "Decoder layer": decoder_layer,
    "Cross-entropy": cross_entropy,
    "Skip-gram": skip_gram,
    "Packed skip-gram": skip_gram,
    "Gradient norm": lambda x, _: np.linalg.norm(x["gradient"])[None],
    "Clipped gradients": lambda x, _: x["gradient"] * np.minimum(1 / np.linalg.norm(x["gradient"]), 1),
}
