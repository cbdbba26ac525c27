"""Long short-term memory: c_t = f c_(t−1) + i g, h_t = o tanh(c_t), with gates i, f, o and a candidate g."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

import exact
import running
from agreement import MPMATH, PYTORCH_FLOAT64, double
from cases import Case, Tensors, defined
from recurrence import (
    BOTH, FORWARD, REVERSE, all_directions, drawn, prefixed, prefixes, run_module, shaped, stacked, unrolled,
)

TOPIC = "LSTM"

STATES = ("initialHidden", "initialCell")
LAST = ("lastHidden", "lastCell")

# The order in which the gates are stored, by letter; without f it is 1.
ORDERS = {"inputForgetCandidateOutput": "ifgo", "inputOutputForgetCandidate": "iofg", "inputCandidateOutput": "igo"}
NAMES = {"i": "inputGate", "f": "forgetGate", "g": "candidate", "o": "outputGate"}


def in_pytorchs_order(parameters: np.ndarray | None, order: str) -> torch.Tensor | None:
    """Returns stacked parameters in the order i, f, g, o.

    A forget gate that is absent gets weights of 0, to which `forgetting` adds a bias of ∞: σ(∞) is 1.
    """
    if parameters is None:
        return None
    gates = dict(zip(order, double(parameters).chunk(len(order)), strict=True))
    return torch.cat([gates.get(letter, torch.zeros_like(gates["i"])) for letter in "ifgo"])


def runs_by_torch(case: Case, prefix: str, reverse: bool) -> Tensors:
    """Returns nn.LSTM's states, and gates and cells …×t×h from the states before each step."""
    order = ORDERS[case.attributes["gateOrder"]]
    width = prefixed(case, prefix, "recurrentWeight").shape[1]
    forgetting = torch.zeros(4 * width, dtype=torch.float64)
    if "f" not in order:
        forgetting[width : 2 * width] = torch.inf

    def gates(parameters: np.ndarray | None) -> torch.Tensor | None:
        arranged = in_pytorchs_order(parameters, order)
        return arranged if arranged is None or arranged.ndim > 1 else arranged + forgetting

    run = run_module(case, prefix, reverse, nn.LSTM, STATES, gates)
    linear = torch.nn.functional.linear
    maps = [
        (gates(prefixed(case, prefix, f"{name}Weight")), gates(prefixed(case, prefix, f"{name}Bias")))
        for name in ("input", "recurrent")
    ]
    i, f, g, o = (linear(run.x, *maps[0]) + linear(run.before, *maps[1])).chunk(4, dim=-1)
    results = {"inputGate": i.sigmoid(), "forgetGate": f.sigmoid(), "candidate": g.tanh(), "outputGate": o.sigmoid()}
    cell = torch.zeros_like(run.hidden)
    for at, read in enumerate(run.orders):
        c = run.initial[1][at]
        for k in read:
            c = results["forgetGate"][at, k] * c + results["inputGate"][at, k] * results["candidate"][at, k]
            cell[at, k] = c
    results = {name: x.where(run.inside, 0) for name, x in results.items()}
    last = dict(zip(LAST, run.last, strict=True))
    return shaped(case, results | {"cell": cell, "hidden": run.hidden} | last, *LAST)


def runs_defined(case: Case, prefix: str, reverse: bool, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns gates, cells and states of one direction …×t×h, and the last cell and state …×h."""
    order = ORDERS[case.attributes["gateOrder"]]
    maps = stacked(case, prefix, lift, len(order))

    def step(x, before):
        h, c = before
        gates = {"f": lift(np.ones(h.shape))}
        for k, letter in enumerate(order):
            activation = exact.tanh if letter == "g" else exact.sigmoid
            gates[letter] = exact.each(activation, maps[2 * k](x) + maps[2 * k + 1](h))
        c = running.settled(gates["f"] * c + gates["i"] * gates["g"])
        h = running.settled(gates["o"] * exact.each(exact.tanh, c))
        return {NAMES[letter]: gate for letter, gate in gates.items()} | {"cell": c, "hidden": h}, [h, c]

    width = prefixed(case, prefix, "recurrentWeight").shape[1]
    kept, last = unrolled(case, prefix, reverse, lift, width, (*NAMES.values(), "cell", "hidden"), STATES, step)
    return kept | dict(zip(LAST, last, strict=True))


def lstm_by_torch(case: Case) -> Tensors:
    """Returns gates, cells, states and the last ones, or with two directions the states …×t×2h."""
    return all_directions([runs_by_torch(case, *prefix) for prefix in prefixes(case)])


def lstm(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns gates, cells, states and the last ones, or with two directions the states …×t×2h."""
    return all_directions([runs_defined(case, *prefix, lift) for prefix in prefixes(case)])


FUNCTIONS = {"lstm": defined(lstm_by_torch, lstm, (PYTORCH_FLOAT64, MPMATH))}

BIASES = ("input", "recurrent")
# Each gate's parameters have a size of their own, so that no two gates can stand for each other.
SCALES = {"i": 0.9, "f": 0.5, "g": 0.7, "o": 1.2}


def network(
    id: str, purpose: str, x: tuple[int, ...] = (2, 5, 3), width: int = 4, biased: tuple[str, ...] = BIASES,
    initial: tuple[str, ...] = STATES, lengths: tuple[int, ...] = (), direction: str = FORWARD,
    order: str = "inputForgetCandidateOutput", shrink: float = 1.0, stored: tuple[str, ...] | None = None,
    ids: tuple[str, ...] = (),
) -> Case:
    """Returns the network of a drawn x: …×t×d under drawn parameters."""
    scales = [SCALES[letter] for letter in ORDERS[order]]
    inputs = drawn(id, scales, x, width, biased, initial, lengths, direction, shrink)
    return Case(id, "lstm", purpose, inputs, ("LSTM-1", *ids), {"gateOrder": order, "direction": direction}, stored)


def cases() -> list[Case]:
    """Returns every case of the topic."""
    poisoned = network("nonfinite", "NaN reaches its own position and all later ones of its sequence; an infinity makes every gate 0 or 1 there, and everything stays finite.", (3, 5, 3))
    poisoned.inputs["x"][1, 2, 0], poisoned.inputs["x"][2, 1, 1] = np.nan, np.inf
    ends = ("hidden", *LAST)
    return [
        network("plain", "Two sequences from states and cells of their own; every gate has parameters of its own size."),
        network("square", "Every extent is 4: transposed weights, the two weights swapped, and gates cut out by columns have the right shape here.", (4, 4, 4), 4),
        network("onnx-order", "The gates are stored in the order i, o, f, g.", order="inputOutputForgetCandidate"),
        network("without-forget-gate", "f = 1: Hochreiter and Schmidhuber 1997.", order="inputCandidateOutput", ids=("CLM-04",)),
        network("one-sequence", "A sequence without leading dimensions.", (6, 3)),
        network("leading", "Two leading dimensions, each sequence by itself.", (2, 3, 4, 3), lengths=(4, 1, 3, 2, 4, 0)),
        network("without-initial", "The first state and cell are 0 unless given.", initial=()),
        network("initial-hidden", "Only the first state is given.", initial=STATES[:1]),
        network("initial-cell", "Only the first cell is given.", initial=STATES[1:]),
        network("without-biases", "Absent biases add nothing.", biased=()),
        network("input-bias", "Only the input's biases.", biased=("input",)),
        network("recurrent-bias", "Only the state's biases.", biased=("recurrent",)),
        network("lengths", "Sequences end at their own lengths: zeros follow, NaN in the padding is not read, and the last state and cell are those at the length.", (3, 5, 3), lengths=(3, 5, 1)),
        network("length-zero", "A sequence without positions keeps its first state and cell.", (3, 4, 3), lengths=(0, 4, 2)),
        network("reverse", "From the last position to the first.", direction=REVERSE),
        network("reverse-lengths", "Backwards from each sequence's own last position.", (3, 5, 3), lengths=(3, 5, 1), direction=REVERSE),
        network("both", "Two networks side by side, the forward one first, each from a state of its own.", direction=BOTH),
        network("both-lengths", "Two networks over sequences of their own lengths.", (3, 5, 3), lengths=(2, 5, 4), direction=BOTH),
        network("long", "50 steps.", (2, 50, 3), stored=ends, ids=("CLM-05",)),
        network("long-both-lengths", "50 steps in both directions, sequences of unequal lengths.", (3, 50, 3), lengths=(50, 31, 7), direction=BOTH),
        network("long-without-forget-gate", "Over 50 steps a cell that nothing forgets grows.", (2, 50, 3), order="inputCandidateOutput", stored=("cell", *ends), ids=("CLM-04",)),
        network("beyond-blocks", "Widths that no vector width divides.", (2, 3, 17), 19, shrink=0.4),
        network("width-one", "One number in and one number kept.", (2, 7, 1), 1),
        network("large", "Parameters of some hundreds: gates are 0 and 1 or nearly so.", (2, 4, 3), shrink=300.0),
        poisoned,
        network("no-steps", "Without positions the last state and cell are the first ones.", (2, 0, 3)),
        network("no-sequences", "No sequences in, none out.", (0, 4, 3)),
    ]
