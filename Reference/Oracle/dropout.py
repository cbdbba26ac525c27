"""Dropout, which drops an element with probability p and divides the others by 1 − p, alone and in an attention."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

import exact
from agreement import MPMATH, PYTORCH_FLOAT64, double
from attention_mask import EXCLUDED
from cases import Case, Draw, Tensors, defined
from exact import Number
from random_stream import uniform_numbers, uniform_numbers_by_index, word
from scaled_dot_product_attention import attend_by_torch, attended, mask_of

TOPIC = "Dropout"

# Where the layers of each source drop.
SITES = {
    "document000": {"attentionWeights", "feedForward"},
    "document002": {"sublayers", "feedForward", "embedding"},
    "pyTorch": {"attentionWeights", "sublayers", "feedForward"},
}


@dataclass(frozen=True)
class LayerDropout:
    """The dropouts of a layer or a stack, each as the attributes of a dropout; none where nothing is dropped."""

    probability: float
    seed: int
    sites: frozenset[str]

    @classmethod
    def of(cls, attributes: Mapping[str, Any]) -> "LayerDropout":
        """Returns what the attributes `probability`, `seed` and `dropoutSites` say; nothing is dropped without them."""
        sites = SITES[attributes["dropoutSites"]] if "dropoutSites" in attributes else ()
        return cls(attributes.get("probability", 0.0), attributes.get("seed", 0), frozenset(sites))

    def attention_weights(self, k: int) -> dict[str, Any]:
        """Returns the dropout of the weights of attention sublayer k."""
        return self.at("attentionWeights", 2 * k)

    def feed_forward(self, k: int) -> dict[str, Any]:
        """Returns the dropout between the maps of the network, which is sublayer k."""
        return self.at("feedForward", 2 * k)

    def sublayer(self, k: int) -> dict[str, Any]:
        """Returns the dropout behind sublayer k."""
        return self.at("sublayers", 2 * k + 1)

    @property
    def embedding(self) -> dict[str, Any]:
        """The dropout of tokens and positions before the first layer."""
        return self.at("embedding", 0xFFFFFFFF)

    def part(self, index: int) -> "LayerDropout":
        """Returns the dropouts of a layer of the stack, or of a Transformer's encoder, 0, and decoder, 1."""
        return LayerDropout(self.probability, word(index, self.seed), self.sites)

    def at(self, site: str, index: int) -> dict[str, Any]:
        """Returns the dropout of one place."""
        if site not in self.sites:
            return {}
        return {"probability": self.probability, "seed": word(index, self.seed)}

# First source: NumPy, every element from its index alone; PyTorch has no random numbers that another language repeats.


def kept_by_index(shape: tuple[int, ...], attributes: dict[str, Any]) -> np.ndarray:
    """Returns where an element of the shape is kept."""
    uniform = uniform_numbers_by_index(attributes["seed"], int(np.prod(shape)))
    return uniform.reshape(shape) >= attributes["probability"]


def dropped_by_index(x: np.ndarray, attributes: dict[str, Any]) -> np.ndarray:
    """Returns dropout of float64 x; x itself if the attributes name no probability."""
    if "probability" not in attributes:
        return x
    with np.errstate(divide="ignore"):
        factor = np.float64(1) / (1 - np.float64(attributes["probability"]))
    result = np.zeros_like(x)
    np.multiply(x, factor, out=result, where=kept_by_index(x.shape, attributes))
    return result


def dropout_by_index(case: Case) -> Tensors:
    """Returns where x is kept, and its dropout."""
    x = case.inputs["x"].astype(np.float64)
    return {"keep": kept_by_index(x.shape, case.attributes), "output": dropped_by_index(x, case.attributes)}


def attention_by_torch(case: Case) -> Tensors:
    """Returns attention's weights …×n×m before and after dropout, and the output …×n×dv of the latter."""
    q, k, v = (double(case.inputs[name]) for name in ("queries", "keys", "values"))
    weights = attend_by_torch(q, k, v, **mask_of(case))["weights"]
    dropped = dropped_by_index(weights, case.attributes)
    return {"weights": weights, "droppedWeights": dropped, "output": (double(dropped) @ v).numpy()}


# Second source: the definition, element by element along the stream.


def kept(shape: tuple[int, ...], attributes: dict[str, Any]) -> np.ndarray:
    """Returns where an element of the shape is kept."""
    uniform = uniform_numbers(attributes["seed"], int(np.prod(shape)))
    return np.array([u >= attributes["probability"] for u in uniform], dtype=bool).reshape(shape)


def dropped(x: np.ndarray, attributes: dict[str, Any]) -> np.ndarray:
    """Returns dropout of x; x itself if the attributes name no probability."""
    if "probability" not in attributes:
        return x
    share = 1 - Number(attributes["probability"])
    result = np.full(x.shape, Number(0), dtype=object)
    for index in np.argwhere(kept(x.shape, attributes)):
        result[tuple(index)] = x[tuple(index)] / share
    return result


def dropout(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns where x is kept, and its dropout."""
    x = lift(case.inputs["x"])
    return {"keep": kept(x.shape, case.attributes), "output": dropped(x, case.attributes)}


def attention(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns attention's weights …×n×m before and after dropout, and the output …×n×dv of the latter."""
    q, k, v = (lift(case.inputs[name]) for name in ("queries", "keys", "values"))
    weights = attended(q, k, v, **mask_of(case))["weights"]
    after = dropped(weights, case.attributes)
    return {"weights": weights, "droppedWeights": after, "output": exact.product(after, v)}


FUNCTIONS = {
    "dropout": defined(dropout_by_index, dropout, ("NumPy, float64, each element from its index", MPMATH)),
    "attentionWithDropout": defined(attention_by_torch, attention, (PYTORCH_FLOAT64, MPMATH)),
}


def cases() -> list[Case]:
    """Returns every case of the topic."""
    return dropout_cases() + attention_cases()


def dropout_case(id: str, purpose: str, x: np.ndarray, probability: float, seed: int) -> Case:
    """Returns the dropout of x."""
    return Case(id, "dropout", purpose, {"x": x}, ("ATT-13", "FFN-1"), {"probability": probability, "seed": seed})


def dropout_cases() -> list[Case]:
    """Returns the dropouts."""
    poisoned = Draw("nonfinite").normal(5, 7)
    poisoned[:, [0, 2, 5]] = np.nan
    poisoned[:, 3], poisoned[:, 4] = np.inf, -np.inf
    # The uniform number of the element at [1, 4].
    equal = float(uniform_numbers(11, 12)[11])
    return [
        dropout_case("tenth", "One element in ten is dropped, the others are divided by 0.9, not multiplied by it.", Draw("tenth").normal(2, 5, 7), 0.1, 2024),
        dropout_case("half", "Half is dropped: words taken in another order, or from the second on, drop others.", Draw("half").normal(3, 11), 0.5, 7),
        dropout_case("third", "Dropped is what lies below p: with p ≠ 1/2 the other way round drops another share.", Draw("third").normal(7, 5), 0.35, 1),
        dropout_case("none", "p = 0 is the identity.", Draw("none").normal(3, 5), 0.0, 5),
        dropout_case("all", "p = 1 drops everything; no 0 · ∞ is left.", Draw("all").normal(3, 5), 1.0, 5),
        dropout_case("equal", "The last element's uniform number is p, and the element is kept.", Draw("equal").normal(3, 4), equal, 11),
        dropout_case("largest-seed", "A seed of 31 bits: sums and products wrap around at 64 bits.", Draw("largest-seed").normal(3, 7), 0.5, 2**31 - 1),
        dropout_case("nonfinite", "What is dropped is 0 even if it was NaN or infinite: no product with a mask.", poisoned, 0.5, 3),
        dropout_case("nonfinite-all", "p = 1 drops NaN and infinities too.", poisoned[:2], 1.0, 3),
        dropout_case("empty", "No elements in, none out.", Draw("empty").normal(0, 3), 0.5, 3),
    ]


def attention_case(
    id: str, purpose: str, leading: tuple[int, ...], probability: float, seed: int, share: float = 1, **rule: int
) -> Case:
    """Returns an attention of drawn operands, n = 3, m = 7, dk = 5, dv = 4, under a drawn mask if a share is hidden."""
    draw = Draw(id)
    shapes = {"queries": (3, 5), "keys": (7, 5), "values": (7, 4)}
    inputs = {name: draw.normal(*leading, *shape) for name, shape in shapes.items()}
    if share < 1:
        inputs["keep"] = draw.keep(*leading, 3, 7, share=share)
        # A query that sees no key.
        inputs["keep"][0, ..., 1, :] = False
    attributes = {"scale": {"kind": "rootKeyWidth"}, "fill": EXCLUDED, "probability": probability, "seed": seed, **rule}
    return Case(id, "attentionWithDropout", purpose, inputs, ("ATT-13", "ATT-1"), attributes)


def attention_cases() -> list[Case]:
    """Returns the attentions with dropout."""
    return [
        attention_case("attention", "Dropout comes after the softmax: the rows no longer sum to 1.", (2, 3), 0.1, 9),
        attention_case("attention-half", "The mask runs over the weights in row-major order, leading dimensions included.", (3,), 0.5, 10),
        attention_case("attention-masked", "Hidden keys use up their random words like the others.", (2, 3), 0.5, 12, share=0.6, causalOffset=3),
        attention_case("attention-none", "p = 0 is attention without dropout.", (2,), 0.0, 13),
        attention_case("attention-all", "p = 1 leaves no weight, and an output of 0.", (2,), 1.0, 14),
    ]
