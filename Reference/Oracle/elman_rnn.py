"""Elman's recurrent network: h_t = activation(W x_t + b + U h_(t−1) + c), and how its last state depends on its first."""

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import nn

import activations
import exact
import running
from agreement import MPMATH, PYTORCH_FLOAT64, double
from cases import Case, Tensors, defined
from recurrence import (
    BOTH, FORWARD, REVERSE, all_directions, drawn, prefixed, prefixes, run_module, shaped, stacked, unrolled,
)

TOPIC = "ElmanRNN"

STATES = ("initialHidden",)


def as_stored(parameters: np.ndarray | None) -> torch.Tensor | None:
    """Returns the parameters of the only gate."""
    return None if parameters is None else double(parameters)


def elman_rnn_by_torch(case: Case) -> Tensors:
    """Returns nn.RNN's states …×t×h and the last one …×h, or with two directions the states …×t×2h."""
    settings = {"nonlinearity": case.attributes["activation"]}
    runs = [run_module(case, *prefix, nn.RNN, STATES, as_stored, **settings) for prefix in prefixes(case)]
    return all_directions([shaped(case, {"hidden": run.hidden, "last": run.last[0]}, "last") for run in runs])


def states(case: Case, prefix: str, reverse: bool, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns the states of one direction …×t×h and the last one …×h."""
    own, past = stacked(case, prefix, lift, 1)
    activation = activations.BY_DEFINITION[case.attributes["activation"]]

    def step(x, before):
        h = running.settled(exact.each(activation, own(x) + past(before[0])))
        return {"hidden": h}, [h]

    width = len(prefixed(case, prefix, "recurrentWeight"))
    kept, last = unrolled(case, prefix, reverse, lift, width, ("hidden",), STATES, step)
    return kept | {"last": last[0]}


def elman_rnn(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns the states …×t×h and the last one …×h, or with two directions the states …×t×2h."""
    return all_directions([states(case, *prefix, lift) for prefix in prefixes(case)])


def jacobian_by_torch(case: Case) -> Tensors:
    """Returns the states b×t×h, and the derivatives b×h×h of the last by the first as automatic differentiation has them."""
    lifted = {name: double(x) for name, x in case.inputs.items()}
    activation = {"tanh": torch.tanh, "relu": torch.relu}[case.attributes["activation"]]
    linear = torch.nn.functional.linear

    def last(h: torch.Tensor, x: torch.Tensor) -> torch.Tensor:
        for position in x:
            h = activation(
                linear(position, lifted["inputWeight"], lifted["inputBias"])
                + linear(h, lifted["recurrentWeight"], lifted["recurrentBias"])
            )
        return h

    output = [
        torch.autograd.functional.jacobian(lambda h, x=x: last(h, x), begin)
        for x, begin in zip(lifted["x"], lifted["initialHidden"], strict=True)
    ]
    return {"hidden": elman_rnn_by_torch(case)["hidden"], "output": torch.stack(output).numpy()}


def jacobian(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns the states b×t×h, and the derivatives b×h×h as the product over the steps of slope times U."""
    hidden = states(case, "", False, lift)["hidden"]
    u, h = lift(case.inputs["recurrentWeight"]), hidden.shape[-1]
    output = np.empty((len(hidden), h, h), dtype=object)
    for g, sequence in enumerate(hidden):
        product = lift(np.eye(h))
        for state in sequence:
            slopes = exact.each(slope_from_state(case.attributes["activation"]), state)
            product = running.settled(slopes[:, None] * exact.product(u, product))
        output[g] = product
    return {"hidden": hidden, "output": output}


def slope_from_state(activation: str) -> Callable[[Any], Any]:
    """Returns the slope of tanh or relu as a function of what it returned."""
    return (lambda y: 1 - y * y) if activation == "tanh" else (lambda y: exact.of_kind(exact.Number(y > 0), y))


FUNCTIONS = {
    "elmanRNN": defined(elman_rnn_by_torch, elman_rnn, (PYTORCH_FLOAT64, MPMATH)),
    "elmanRNNJacobian": defined(jacobian_by_torch, jacobian, (PYTORCH_FLOAT64, MPMATH)),
}

BIASES = ("input", "recurrent")


def network(
    id: str, purpose: str, x: tuple[int, ...] = (2, 5, 3), width: int = 4, biased: tuple[str, ...] = BIASES,
    initial: tuple[str, ...] = STATES, lengths: tuple[int, ...] = (), direction: str = FORWARD, activation: str = "tanh",
    scale: float = 0.6, function: str = "elmanRNN", ids: tuple[str, ...] = (),
) -> Case:
    """Returns the network of a drawn x: …×t×d under drawn parameters."""
    inputs = drawn(id, (scale,), x, width, biased, initial, lengths, direction)
    attributes = {"activation": activation, "direction": direction}
    return Case(id, function, purpose, inputs, ("RNN-1", *ids), attributes)


def cases() -> list[Case]:
    """Returns every case of the topic."""
    poisoned = network("nonfinite", "NaN reaches its own position and all later ones of its sequence; an infinity gives 1 or −1, and everything stays finite.", (3, 5, 3))
    poisoned.inputs["x"][1, 2, 0], poisoned.inputs["x"][2, 1, 1] = np.nan, np.inf
    return [
        network("plain", "Two sequences from states of their own; no two extents alike but one."),
        network("square", "Every extent is 4: transposed weights, and the two weights swapped, have the right shape here.", (4, 4, 4), 4),
        network("one-sequence", "A sequence without leading dimensions.", (6, 3)),
        network("leading", "Two leading dimensions, each sequence by itself.", (2, 3, 4, 3), lengths=(4, 1, 3, 2, 4, 0)),
        network("without-initial", "The first state is 0 unless given.", initial=()),
        network("without-biases", "Absent biases add nothing.", biased=()),
        network("input-bias", "Only the input's bias.", biased=("input",)),
        network("recurrent-bias", "Only the state's bias.", biased=("recurrent",)),
        network("relu", "relu instead of tanh.", activation="relu"),
        network("lengths", "Sequences end at their own lengths: zeros follow, NaN in the padding is not read, and the last state is that at the length.", (3, 5, 3), lengths=(3, 5, 1)),
        network("length-zero", "A sequence without positions keeps its first state.", (3, 4, 3), lengths=(0, 4, 2)),
        network("reverse", "From the last position to the first.", direction=REVERSE),
        network("reverse-lengths", "Backwards from each sequence's own last position.", (3, 5, 3), lengths=(3, 5, 1), direction=REVERSE),
        network("both", "Two networks side by side, the forward one first, each from a state of its own.", direction=BOTH),
        network("both-lengths", "Two networks over sequences of their own lengths.", (3, 5, 3), lengths=(2, 5, 4), direction=BOTH),
        network("long", "50 steps.", (2, 50, 3), scale=0.5, ids=("CLM-02",)),
        network("long-both-lengths", "50 steps in both directions, sequences of unequal lengths.", (3, 50, 3), lengths=(50, 31, 7), direction=BOTH, scale=0.5),
        network("long-reverse-relu", "50 steps backwards with relu.", (2, 50, 3), direction=REVERSE, activation="relu", scale=0.35),
        network("beyond-blocks", "Widths that no vector width divides.", (2, 3, 17), 19, scale=0.3),
        network("width-one", "One number in and one number kept.", (2, 7, 1), 1),
        network("large", "Inputs of 1e3: tanh gives 1 and −1.", (2, 4, 3), scale=300.0),
        poisoned,
        network("no-steps", "Without positions the last state is the first one.", (2, 0, 3)),
        network("no-sequences", "No sequences in, none out.", (0, 4, 3)),
        network("jacobian", "The product of slopes and weights is in the order of the steps.", (2, 6, 3), function="elmanRNNJacobian", ids=("RNN-2", "CLM-01")),
        network("jacobian-relu", "A step of relu passes a state on or does not.", (2, 4, 3), activation="relu", scale=0.8, function="elmanRNNJacobian", ids=("RNN-2",)),
        network("jacobian-long", "After 50 steps little is left of the first state.", (1, 50, 3), 3, scale=0.5, function="elmanRNNJacobian", ids=("RNN-2", "CLM-01")),
    ]
