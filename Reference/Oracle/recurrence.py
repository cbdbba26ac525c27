"""What the recurrent networks share: steps along sequences of their own lengths, directions, and PyTorch's modules."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn.utils.rnn import pack_padded_sequence, pad_packed_sequence

import exact
from agreement import double
from cases import Case, Draw, Tensors

FORWARD, REVERSE, BOTH = "forward", "reverse", "both"

# What a cell makes of one position's input and its states: everything to be kept, and the next states.
Step = Callable[[np.ndarray, Sequence[np.ndarray]], tuple[Tensors, Sequence[np.ndarray]]]


def orders(case: Case, reverse: bool) -> list[list[int]]:
    """Returns for each sequence the positions in the order in which they are read."""
    *leading, t, _ = case.inputs["x"].shape
    lengths = case.inputs.get("lengths", np.full(leading, t)).ravel()
    return [list(range(n))[:: -1 if reverse else 1] for n in lengths]


def prefixed(case: Case, prefix: str, name: str) -> np.ndarray | None:
    """Returns an input of the forward network, or with the prefix "reverse" of the other, None if it is absent."""
    return case.inputs.get(prefix + name[0].upper() + name[1:] if prefix else name)


def prefixes(case: Case) -> list[tuple[str, bool]]:
    """Returns of each network of the case what its inputs' names begin with, and whether it reads backwards."""
    direction = case.attributes["direction"]
    return [("", False), ("reverse", True)] if direction == BOTH else [("", direction == REVERSE)]


# First source: PyTorch's module in float64.


@dataclass
class Run:
    """What a module made of all sequences: the states b×t×h at every position and before it, and the last ones b×h."""

    x: torch.Tensor
    hidden: torch.Tensor
    before: torch.Tensor
    initial: list[torch.Tensor]
    last: list[torch.Tensor]
    inside: torch.Tensor
    orders: list[list[int]]


def run_module(
    case: Case, prefix: str, reverse: bool, kind: type[nn.RNNBase], states: Sequence[str],
    gates: Callable[[np.ndarray | None], torch.Tensor | None], **settings: Any,
) -> Run:
    """Returns what nn.RNN, nn.LSTM or nn.GRU makes of a case's sequences, packed, in one direction.

    `gates` brings stacked parameters into the module's order. The module reads backwards only beside a forward
    network, which here has the same parameters. It refuses sequences without positions: they are left out.
    """
    x = flat(case.inputs["x"], 2)
    b, t, d = x.shape
    weight = prefixed(case, prefix, "recurrentWeight")
    h = weight.shape[1]
    module = kind(d, h, batch_first=True, bidirectional=reverse, dtype=torch.float64, **settings)
    parameters = {
        "weight_ih_l0": gates(prefixed(case, prefix, "inputWeight")), "weight_hh_l0": gates(weight),
        "bias_ih_l0": gates(prefixed(case, prefix, "inputBias")),
        "bias_hh_l0": gates(prefixed(case, prefix, "recurrentBias")),
    }
    empty = torch.zeros(len(parameters["weight_hh_l0"]), dtype=torch.float64)
    parameters = {name: empty if value is None else value for name, value in parameters.items()}
    twice = {f"{name}_reverse": value for name, value in parameters.items()} if reverse else {}
    module.load_state_dict(parameters | twice, strict=True)

    given = [prefixed(case, prefix, name) for name in states]
    initial = [torch.zeros(b, h, dtype=torch.float64) if s is None else flat(s, 1) for s in given]
    hidden, last = torch.zeros(b, t, h, dtype=torch.float64), [state.clone() for state in initial]
    read = orders(case, reverse)
    alive = [g for g, order in enumerate(read) if order]
    if alive:
        packed = pack_padded_sequence(x[alive], [len(read[g]) for g in alive], batch_first=True, enforce_sorted=False)
        begin = [state[alive].expand(2 if reverse else 1, -1, -1).contiguous() for state in initial]
        with torch.no_grad():
            output, end = module(packed, begin[0] if len(begin) == 1 else tuple(begin))
        padded, _ = pad_packed_sequence(output, batch_first=True, total_length=t)
        hidden[alive] = padded[..., -h:]
        for state, after in zip(last, end if isinstance(end, tuple) else (end,), strict=True):
            state[alive] = after[-1]

    before, inside = torch.zeros_like(hidden), torch.zeros(b, t, 1, dtype=torch.bool)
    for g, order in enumerate(read):
        for k, at in enumerate(order):
            before[g, at] = hidden[g, order[k - 1]] if k else initial[0][g]
            inside[g, at] = True
    return Run(x, hidden, before, initial, last, inside, read)


def flat(array: np.ndarray, kept: int) -> torch.Tensor:
    """Returns the array in float64 with all but its last dimensions joined into one."""
    return double(array.reshape(int(np.prod(array.shape[:-kept])), *array.shape[-kept:]))


def shaped(case: Case, results: dict[str, torch.Tensor], *states: str) -> Tensors:
    """Returns results of b sequences under the leading dimensions of x, `states` being those of no position."""
    *leading, t, _ = case.inputs["x"].shape
    return {
        name: result.reshape(*leading, *([] if name in states else [t]), result.shape[-1]).numpy()
        for name, result in results.items()
    }


# Second source: the definition.


def unrolled(
    case: Case, prefix: str, reverse: bool, lift: Callable[[np.ndarray], np.ndarray], width: int,
    kept: Sequence[str], states: Sequence[str], step: Step,
) -> tuple[Tensors, list[np.ndarray]]:
    """Returns what a cell keeps at each position, …×t×h, and its last states, …×h; `states` are their first ones' names."""
    x = case.inputs["x"]
    *leading, t, d = x.shape
    b = int(np.prod(leading))
    lifted = lift(x.reshape(b, t, d))
    given = [prefixed(case, prefix, name) for name in states]
    last = [lift(np.zeros((b, width)) if s is None else s.reshape(b, width)) for s in given]
    results = {name: lift(np.zeros((b, t, width))) for name in kept}
    for g, order in enumerate(orders(case, reverse)):
        for at in order:
            record, following = step(lifted[g, at], [state[g] for state in last])
            for name in kept:
                results[name][g, at] = record[name]
            for state, after in zip(last, following, strict=True):
                state[g] = after
    shape = {name: x.reshape(*leading, t, width) for name, x in results.items()}
    return shape, [state.reshape(*leading, width) for state in last]


def stacked(
    case: Case, prefix: str, lift: Callable[[np.ndarray], np.ndarray], count: int
) -> list[Callable[[np.ndarray], np.ndarray]]:
    """Returns of each gate its two maps, x ↦ W x + b and h ↦ U h + c, from the parameters of all gates together."""
    maps = []
    for k in range(count):
        for name in ("input", "recurrent"):
            weight, bias = prefixed(case, prefix, f"{name}Weight"), prefixed(case, prefix, f"{name}Bias")
            rows = slice(k * len(weight) // count, (k + 1) * len(weight) // count)
            w, b = lift(weight[rows]), None if bias is None else lift(bias[rows])
            maps.append(lambda x, w=w, b=b: exact.affine(x, w, b))
    return maps


def all_directions(runs: Sequence[Tensors]) -> Tensors:
    """Returns everything of one direction, or of two the states side by side."""
    return runs[0] if len(runs) == 1 else {"hidden": np.concatenate([run["hidden"] for run in runs], axis=-1)}


# The cases.


def drawn(
    id: str, gates: Sequence[float], x: tuple[int, ...], width: int, biased: tuple[str, ...], initial: Sequence[str],
    lengths: tuple[int, ...], direction: str, shrink: float = 1.0,
) -> Tensors:
    """Returns the inputs of a case: x …×t×d, and for each network the parameters of gates at scales of their own.

    Both biases are at the gate's scale as well. Padding is NaN, which no result may show.
    """
    draw = Draw(id)
    inputs: Tensors = {"x": draw.normal(*x)}
    if lengths:
        inputs["lengths"] = np.array(lengths, dtype=np.int64).reshape(x[:-2])
        for place in np.ndindex(x[:-2]):
            inputs["x"][place][inputs["lengths"][place] :] = np.nan

    def parameters(*extents: int) -> np.ndarray:
        return np.concatenate([draw.normal(width, *extents, scale=scale * shrink) for scale in gates])

    for prefix in ("", "reverse") if direction == BOTH else ("",):
        network: Tensors = {"inputWeight": parameters(x[-1]), "recurrentWeight": parameters(width)}
        network |= {f"{name}Bias": parameters() for name in biased}
        network |= {name: draw.normal(*x[:-2], width, scale=0.7) for name in initial}
        inputs |= {prefix + name[0].upper() + name[1:] if prefix else name: value for name, value in network.items()}
    return inputs
