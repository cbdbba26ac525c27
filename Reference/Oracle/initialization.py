"""Parameters before training: U(−b, b) from the stream that dropout has, with the bounds of He et al. and of PyTorch."""

from collections.abc import Callable

import numpy as np
import torch

import exact
from agreement import MPMATH, PYTORCH
from cases import Case, Tensors, defined
from exact import Number
from random_stream import SplitMix64, uniform_numbers, uniform_numbers_by_index

TOPIC = "Initialization"

# First source: the bounds by PyTorch, the numbers each from its index alone.


def drawn_by_index(shape: tuple[int, ...], bound: float, seed: int) -> np.ndarray:
    """Returns (2u − 1) · bound."""
    count = int(np.prod(shape))
    return ((2 * uniform_numbers_by_index(seed, count) - 1) * bound).reshape(shape)


def bound_by_torch(shape: tuple[int, ...], slope: float) -> float:
    """Returns the bound of torch.nn.init.kaiming_uniform_ for a weight of the shape."""
    fan_in, _ = torch.nn.init._calculate_fan_in_and_fan_out(torch.empty(shape))
    return torch.nn.init.calculate_gain("leaky_relu", slope) * (3 / fan_in) ** 0.5 if fan_in > 0 else 0.0


def kaiming_by_torch(case: Case) -> Tensors:
    """Returns a weight of the shape."""
    shape = tuple(case.inputs["shape"])
    return {"output": drawn_by_index(shape, bound_by_torch(shape, case.attributes["slope"]), case.attributes["seed"])}


def affine_by_torch(case: Case) -> Tensors:
    """Returns weight and bias of a map."""
    given, words = case.attributes, SplitMix64(case.attributes["seed"])
    shape = (given["outputs"], given["inputs"])
    default = bound_by_torch(shape, 5**0.5)
    weight = drawn_by_index(shape, bound_by_torch(shape, 0) if given["weights"] == "kaiming" else default, words.next())
    return {"weight": weight, "bias": drawn_by_index(shape[:1], default, words.next())}


# Second source: the definition, element by element along the stream.


def drawn(shape: tuple[int, ...], bound: Number, seed: int, lift: Callable[[np.ndarray], np.ndarray]) -> np.ndarray:
    """Returns (2u − 1) · bound."""
    uniform = np.array(uniform_numbers(seed, int(np.prod(shape))), dtype=np.float64).reshape(shape)
    # 2u − 1, a multiple of 2^-23, is exact in float32, too.
    return exact.each(lambda x: x * exact.setting(bound, x), lift(2 * uniform - 1))


def kaiming(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns a weight of the shape."""
    shape, slope = tuple(int(extent) for extent in case.inputs["shape"]), Number(case.attributes["slope"])
    fan_in = int(np.prod(shape[1:]))
    bound = exact.sqrt(6 / ((1 + slope * slope) * fan_in)) if fan_in > 0 else Number(0)
    return {"output": drawn(shape, bound, case.attributes["seed"], lift)}


def affine(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns weight and bias of a map."""
    given, words = case.attributes, SplitMix64(case.attributes["seed"])
    outputs, inputs = given["outputs"], given["inputs"]
    seeds = [words.next(), words.next()]
    default = 1 / exact.sqrt(Number(inputs)) if inputs > 0 else Number(0)
    bound = exact.sqrt(Number(6) / inputs) if given["weights"] == "kaiming" and inputs > 0 else default
    return {
        "weight": drawn((outputs, inputs), bound, seeds[0], lift), "bias": drawn((outputs,), default, seeds[1], lift),
    }


ORACLES = (f"NumPy, float64, bounds by {PYTORCH}", MPMATH)
FUNCTIONS = {
    "kaimingUniform": defined(kaiming_by_torch, kaiming, ORACLES),
    "initialAffineMap": defined(affine_by_torch, affine, ORACLES),
}


def weight(id: str, purpose: str, shape: tuple[int, ...], seed: int, slope: float = 0.0) -> Case:
    """Returns a weight to be drawn."""
    inputs = {"shape": np.array(shape, dtype=np.int64)}
    return Case(id, "kaimingUniform", purpose, inputs, ("INIT-1",), {"slope": slope, "seed": seed})


def map_of(id: str, purpose: str, outputs: int, inputs: int, weights: str, seed: int) -> Case:
    """Returns a map to be drawn."""
    attributes = {"outputs": outputs, "inputs": inputs, "weights": weights, "seed": seed}
    return Case(id, "initialAffineMap", purpose, {}, ("INIT-1", "INIT-2"), attributes)


def cases() -> list[Case]:
    """Returns every case of the topic."""
    return [
        weight("wide", "The fan-in is the number of columns, not of rows.", (3, 7), 21),
        weight("tall", "The same with more rows than columns.", (7, 3), 22),
        weight("convolution", "The fan-in of a kernel is inputs times width.", (3, 5, 4), 23),
        weight("leaky", "A slope below 0 makes the bound smaller.", (3, 5), 24, 0.25),
        weight("slope-1", "A slope of 1: the bound of a map without activation, √(3 / fan-in).", (3, 5), 25, 1.0),
        weight("largest-seed", "A seed of 31 bits.", (2, 5), 2**31 - 1),
        weight("no-inputs", "No columns: no numbers.", (3, 0), 26),
        weight("no-outputs", "No rows: no numbers.", (0, 3), 26),
        map_of("pytorch", "PyTorch's default: weight and bias from U(±1/√inputs), each with a stream of its own.", 5, 7, "pyTorch", 31),
        map_of("kaiming", "Document 002: √6 times the weight, and the same bias.", 5, 7, "kaiming", 31),
        map_of("square", "As many inputs as outputs.", 4, 4, "pyTorch", 32),
        map_of("one-input", "A fan-in of 1.", 5, 1, "kaiming", 33),
        map_of("map-without-inputs", "No inputs: a bias of zeros.", 3, 0, "kaiming", 34),
    ]
