"""The gated recurrent unit in three forms: reset after the state's map, reset before it, and with the update swapped."""

from collections.abc import Callable

import numpy as np
import torch
from torch import nn

import exact
import running
from agreement import MPMATH, PYTORCH_FLOAT64, double
from cases import Case, Tensors, defined
from recurrence import (
    BOTH, FORWARD, REVERSE, all_directions, drawn, flat, orders, prefixed, prefixes, run_module, shaped, stacked,
    unrolled,
)

TOPIC = "GRU"

AFTER, BEFORE, SWAPPED = "resetAfter", "resetBefore", "resetBeforeUpdateSwapped"
STATES = ("initialHidden",)
KEPT = ("reset", "update", "candidate", "hidden")


def as_stored(parameters: np.ndarray | None) -> torch.Tensor | None:
    """Returns stacked parameters, which are in PyTorch's order r, z, n."""
    return None if parameters is None else double(parameters)


def module_by_torch(case: Case, prefix: str, reverse: bool) -> Tensors:
    """Returns nn.GRU's states, and gates and candidates …×t×h from the states before each step."""
    run = run_module(case, prefix, reverse, nn.GRU, STATES, as_stored)
    (own_r, own_z, own_n), (past_r, past_z, past_n) = maps_by_torch(case, prefix, run.x, run.before)
    r, z = (own_r + past_r).sigmoid(), (own_z + past_z).sigmoid()
    results = {"reset": r, "update": z, "candidate": (own_n + r * past_n).tanh()}
    results = {name: x.where(run.inside, 0) for name, x in results.items()}
    return shaped(case, results | {"hidden": run.hidden, "last": run.last[0]}, "last")


def maps_by_torch(case: Case, prefix: str, x: torch.Tensor, h: torch.Tensor) -> list[tuple[torch.Tensor, ...]]:
    """Returns W x + b and U h + c, each cut into r, z and n."""
    return [
        torch.nn.functional.linear(
            value, as_stored(prefixed(case, prefix, f"{name}Weight")), as_stored(prefixed(case, prefix, f"{name}Bias"))
        ).chunk(3, dim=-1)
        for name, value in (("input", x), ("recurrent", h))
    ]


def steps_by_torch(case: Case, prefix: str, reverse: bool) -> Tensors:
    """Returns the same for the forms that PyTorch does not have, one step after the other, U_n cut out by hand."""
    x, width = flat(case.inputs["x"], 2), prefixed(case, prefix, "recurrentWeight").shape[1]
    given = prefixed(case, prefix, STATES[0])
    last = torch.zeros(len(x), width, dtype=torch.float64) if given is None else flat(given, 1)
    u = as_stored(prefixed(case, prefix, "recurrentWeight"))[2 * width :]
    c = as_stored(prefixed(case, prefix, "recurrentBias"))
    results = {name: torch.zeros(*x.shape[:-1], width, dtype=torch.float64) for name in KEPT}
    for g, order in enumerate(orders(case, reverse)):
        h = last[g].clone()
        for at in order:
            (own_r, own_z, own_n), (past_r, past_z, _) = maps_by_torch(case, prefix, x[g, at], h)
            r, z = (own_r + past_r).sigmoid(), (own_z + past_z).sigmoid()
            n = (own_n + u @ (r * h) + (0 if c is None else c[2 * width :])).tanh()
            h = torch.lerp(n, h, z) if case.attributes["form"] == BEFORE else torch.lerp(h, n, z)
            for name, value in zip(KEPT, (r, z, n, h), strict=True):
                results[name][g, at] = value
        last[g] = h
    return shaped(case, results | {"last": last}, "last")


def runs_defined(case: Case, prefix: str, reverse: bool, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns gates, candidates and states of one direction …×t×h, and the last state …×h."""
    form = case.attributes["form"]
    own_r, past_r, own_z, past_z, own_n, past_n = stacked(case, prefix, lift, 3)

    def step(x, before):
        h = before[0]
        r = exact.each(exact.sigmoid, own_r(x) + past_r(h))
        z = exact.each(exact.sigmoid, own_z(x) + past_z(h))
        past = r * past_n(h) if form == AFTER else past_n(r * h)
        n = exact.each(exact.tanh, own_n(x) + past)
        following = (1 - z) * h + z * n if form == SWAPPED else (1 - z) * n + z * h
        following = running.settled(following)
        return dict(zip(KEPT, (r, z, n, following), strict=True)), [following]

    width = prefixed(case, prefix, "recurrentWeight").shape[1]
    kept, last = unrolled(case, prefix, reverse, lift, width, KEPT, STATES, step)
    return kept | {"last": last[0]}


def gru_by_torch(case: Case) -> Tensors:
    """Returns gates, candidates, states and the last one, or with two directions the states …×t×2h."""
    source = module_by_torch if case.attributes["form"] == AFTER else steps_by_torch
    return all_directions([source(case, *prefix) for prefix in prefixes(case)])


def gru(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns gates, candidates, states and the last one, or with two directions the states …×t×2h."""
    return all_directions([runs_defined(case, *prefix, lift) for prefix in prefixes(case)])


FUNCTIONS = {"gru": defined(gru_by_torch, gru, (PYTORCH_FLOAT64, MPMATH))}

BIASES = ("input", "recurrent")
# Each gate's parameters have a size of their own, so that no two gates can stand for each other.
SCALES = (1.2, 0.5, 0.8)


def network(
    id: str, purpose: str, form: str = AFTER, x: tuple[int, ...] = (2, 5, 3), width: int = 4,
    biased: tuple[str, ...] = BIASES, initial: tuple[str, ...] = STATES, lengths: tuple[int, ...] = (),
    direction: str = FORWARD, shrink: float = 1.0, stored: tuple[str, ...] | None = None, ids: tuple[str, ...] = (),
) -> Case:
    """Returns the network of a drawn x: …×t×d under drawn parameters."""
    inputs = drawn(id, SCALES, x, width, biased, initial, lengths, direction, shrink)
    of_form = {AFTER: "GRU-1", BEFORE: "GRU-2", SWAPPED: "GRU-3"}[form]
    return Case(id, "gru", purpose, inputs, (of_form, *ids), {"form": form, "direction": direction}, stored)


def cases() -> list[Case]:
    """Returns every case of the topic."""
    poisoned = network("nonfinite", "NaN reaches its own position and all later ones of its sequence; an infinity makes every gate 0 or 1 there, and everything stays finite.", x=(3, 5, 3))
    poisoned.inputs["x"][1, 2, 0], poisoned.inputs["x"][2, 1, 1] = np.nan, np.inf
    ends = ("hidden", "last")
    square = "Every extent is 4: transposed weights, the two weights swapped, and gates cut out by columns have the right shape here."
    lengths = "Sequences end at their own lengths: zeros follow, NaN in the padding is not read, and the last state is that at the length."
    return [
        network("plain", "Two sequences from states of their own; every gate has parameters of its own size."),
        network("reset-before", "The reset gate acts on the state before the state's map (Cho et al. 2014).", BEFORE),
        network("update-swapped", "The update gate takes the candidate where the others keep the state (Chung et al. 2014).", SWAPPED),
        network("square", square, x=(4, 4, 4)),
        network("reset-before-square", square, BEFORE, (4, 4, 4)),
        network("one-sequence", "A sequence without leading dimensions.", x=(6, 3)),
        network("leading", "Two leading dimensions, each sequence by itself.", x=(2, 3, 4, 3), lengths=(4, 1, 3, 2, 4, 0)),
        network("without-initial", "The first state is 0 unless given.", initial=()),
        network("without-biases", "Absent biases add nothing.", biased=()),
        network("reset-before-without-biases", "Without biases the two places of the reset gate still differ.", BEFORE, biased=()),
        network("input-bias", "Only the input's biases, which the reset gate never scales.", biased=("input",)),
        network("recurrent-bias", "Only the state's biases: reset after, the gate scales that of the candidate.", biased=("recurrent",)),
        network("reset-before-recurrent-bias", "Only the state's biases: reset before, the gate leaves them alone.", BEFORE, biased=("recurrent",)),
        network("lengths", lengths, x=(3, 5, 3), lengths=(3, 5, 1)),
        network("update-swapped-lengths", lengths, SWAPPED, (3, 5, 3), lengths=(2, 5, 4)),
        network("length-zero", "A sequence without positions keeps its first state.", x=(3, 4, 3), lengths=(0, 4, 2)),
        network("reverse", "From the last position to the first.", direction=REVERSE),
        network("reverse-lengths", "Backwards from each sequence's own last position.", x=(3, 5, 3), lengths=(3, 5, 1), direction=REVERSE),
        network("both", "Two networks side by side, the forward one first, each from a state of its own.", direction=BOTH),
        network("both-lengths", "Two networks over sequences of their own lengths.", x=(3, 5, 3), lengths=(2, 5, 4), direction=BOTH),
        network("update-swapped-both-lengths", "Bahdanau's encoder: both directions, reset before, update swapped.", SWAPPED, (3, 5, 3), lengths=(2, 5, 4), direction=BOTH),
        network("long", "50 steps.", x=(2, 50, 3), stored=ends, ids=("CLM-05",)),
        network("long-reset-before", "50 steps, reset before.", BEFORE, (2, 50, 3), stored=ends),
        network("long-both-lengths", "50 steps in both directions, sequences of unequal lengths.", x=(3, 50, 3), lengths=(50, 31, 7), direction=BOTH),
        network("beyond-blocks", "Widths that no vector width divides.", x=(2, 3, 17), width=19, shrink=0.4),
        network("width-one", "One number in and one number kept.", x=(2, 7, 1), width=1),
        network("large", "Parameters of some hundreds: gates are 0 and 1 or nearly so.", x=(2, 4, 3), shrink=300.0),
        poisoned,
        network("no-steps", "Without positions the last state is the first one.", x=(2, 0, 3)),
        network("no-sequences", "No sequences in, none out.", x=(0, 4, 3)),
    ]
