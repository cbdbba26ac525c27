"""Learning rates: one that falls where losses no longer do, and the one of Vaswani et al."""

import warnings
from collections.abc import Callable
from typing import Any

import numpy as np
import torch

import exact
from agreement import MPMATH, PYTORCH_FLOAT64
from cases import Case, Draw, Tensors, defined, tensor
from exact import Number

TOPIC = "LearningRateSchedule"


def plateau_by_torch(case: Case) -> Tensors:
    """Returns the learning rate and the state after every epoch."""
    given = case.attributes
    optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=given["learningRate"])
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer, factor=given["factor"], patience=given["patience"], threshold=given["threshold"],
        cooldown=given["cooldown"], min_lr=given["minimum"], eps=given["smallestChange"],
    )
    rows = []
    for epoch, loss in enumerate(case.inputs["losses"]):
        if epoch > given.get("warmup", -1):
            scheduler.step(float(loss))
        state = (scheduler.best, scheduler.num_bad_epochs, scheduler.cooldown_counter)
        rows.append((optimizer.param_groups[0]["lr"], *state))
    rates, best, bad, cooldown = np.array(rows, dtype=np.float64).reshape(-1, 4).T
    integers = {"badEpochs": bad.astype(np.int64), "cooldownLeft": cooldown.astype(np.int64)}
    return {"learningRates": rates, "best": best} | integers


def plateau(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns the learning rate and the state after every epoch."""
    given, one = case.attributes, lift(np.ones(()))[()]
    factor, minimum, smallest = (exact.setting(given[name], one) for name in ("factor", "minimum", "smallestChange"))
    rate, best, bad, left = exact.setting(given["learningRate"], one), exact.of_kind(exact.INFINITY, one), 0, 0
    rows = []
    for epoch, loss in enumerate(lift(case.inputs["losses"])):
        if epoch > given.get("warmup", -1):
            if loss < best * exact.setting(1 - Number(given["threshold"]), one):
                best, bad = loss, 0
            else:
                bad += 1
            if left > 0:
                left, bad = left - 1, 0
            if bad > given["patience"]:
                lower = rate * factor
                lower = minimum if lower < minimum else lower
                rate = lower if rate - lower > smallest else rate
                bad, left = 0, given["cooldown"]
        rows.append((rate, best, bad, left))
    columns = np.array(rows, dtype=object).reshape(-1, 4).T
    integers = {name: x.astype(np.int64) for name, x in zip(("badEpochs", "cooldownLeft"), columns[2:], strict=True)}
    return {"learningRates": columns[0].copy(), "best": columns[1].copy()} | integers


def noam_by_torch(case: Case) -> Tensors:
    """Returns the learning rate of every step, the factor of a schedule of PyTorch's for a rate of 1."""
    steps, given = case.inputs["steps"], case.attributes
    width, warmup = float(given["modelWidth"]), float(given["warmup"])

    def factor(step: int) -> float:
        # The two terms meet at the last step of the warm-up.
        rising = step < warmup
        return width**-0.5 * (step * warmup**-1.5 if rising else step**-0.5) if step > 0 else 0.0

    with warnings.catch_warnings():
        # No optimiser makes a step here.
        warnings.simplefilter("ignore")
        optimizer = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=given["factor"])
        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        rates = []
        for step in steps:
            schedule.step(int(step))
            rates.append(schedule.get_last_lr()[0])
    return {"output": np.array(rates)}


def noam(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns the learning rate of every step."""
    given = case.attributes
    width, warmup = (lift(np.array(given[name]))[()] for name in ("modelWidth", "warmup"))
    factor = exact.setting(given["factor"], width)
    rates = []
    for step in lift(case.inputs["steps"]):
        terms = (1 / exact.sqrt(step), step / (warmup * exact.sqrt(warmup)))
        rates.append(factor / exact.sqrt(width) * min(terms, key=lambda x: x))
    return {"output": np.array(rates, dtype=object)}


FUNCTIONS = {
    "reduceOnPlateau": defined(plateau_by_torch, plateau, (PYTORCH_FLOAT64, MPMATH)),
    "noamLearningRate": defined(noam_by_torch, noam, (PYTORCH_FLOAT64, MPMATH)),
}


def falling(id: str, purpose: str, losses: Any, *ids: str, **settings: Any) -> Case:
    """Returns a run of epochs with these validation losses, PyTorch's defaults but for the patience."""
    defaults = {
        "learningRate": 0.5, "factor": 0.1, "patience": 2, "threshold": 1e-4, "cooldown": 0, "minimum": 0.0,
        "smallestChange": 1e-8,
    }
    return Case(id, "reduceOnPlateau", purpose, {"losses": tensor(losses)}, ("OPT-2", *ids), defaults | settings)


def rising(id: str, purpose: str, steps: list[int], width: int, warmup: int, factor: float = 1.0) -> Case:
    """Returns learning rates of Vaswani et al."""
    inputs = {"steps": np.array(steps, dtype=np.int64)}
    attributes = {"modelWidth": width, "warmup": warmup, "factor": factor}
    return Case(id, "noamLearningRate", purpose, inputs, ("OPT-2",), attributes)


def cases() -> list[Case]:
    """Returns every case of the topic."""
    flat, nan, infinity = [2.0] * 14, np.nan, np.inf
    draw = Draw("losses")
    noisy = (3 * np.exp(-np.arange(40) / 6) + 1 + np.abs(draw.normal(40, scale=0.125))).astype(np.float32)
    return [
        falling("flat", "The rate falls after patience + 1 epochs that are no better, and again after as many.", flat),
        falling("flat-patience-0", "A patience of 0: every epoch that is no better counts.", flat[:4], patience=0),
        falling("noisy", "Forty losses that fall, with noise.", noisy, factor=0.5, patience=3),
        falling("better-in-between", "One better epoch, and the count begins anew.", [2, 2, 2, 1.5, 1.5, 1.5, 1.75, 1.5, 1]),
        falling("just-not-better", "Better by less than the threshold, a share of the best loss, is not better; the best stays what it was.", [100, 99.99609375, 99.9921875, 99.990234375, 99.98828125, 99.98046875]),
        falling("large-threshold", "A threshold of a quarter: 3 is better than 4 only if it is below.", [4, 3, 2.875, 2.875, 2.5, 2.125, 2.0], threshold=0.25, patience=1),
        falling("cooldown", "No epoch of the cooldown counts as bad.", flat + flat, cooldown=3),
        falling("cooldown-better", "A better loss in the cooldown becomes the best.", [2, 2, 2, 2, 1, 1.5, 1.5, 1.5, 1.5, 1.5, 1.5], cooldown=2),
        falling("minimum", "The rate does not fall below the minimum.", flat, factor=0.25, minimum=0.0625),
        falling("smallest-change", "A change of 1e-8 or less is not made.", flat, learningRate=2e-8, factor=0.4),
        falling("warmup", "Document 002: losses of epochs 0 … 3 are not looked at, the good first one neither.", [1, *flat], "ERR-40", warmup=3),
        falling("warmup-0", "The first loss that is looked at is that of epoch 1.", [1, *flat[:6]], "ERR-40", warmup=0, patience=1),
        falling("nonfinite", "NaN is no better than anything; after an infinite loss any other is better.", [infinity, nan, 3, nan, nan, nan, 2, -infinity, 1, 1, 1]),
        falling("negative", "Of a negative best loss the threshold is a share towards 0: −4 is better than −4.", [-4, -4, -4, -3, -3, -3, -5], patience=1),
        falling("no-epochs", "No epochs.", []),
        rising("vaswani", "The base model: dModel 512, 4000 steps up, then down.", [1, 2, 100, 1000, 3999, 4000, 4001, 8000, 16000, 100000], 512, 4000),
        rising("short", "Another width, a factor of 2, a warm-up of 7.", [1, 2, 3, 5, 6, 7, 8, 9, 28, 63], 12, 7, 2.0),
        rising("no-warmup", "A warm-up of one step: the rate only falls.", [1, 2, 3, 4, 100], 16, 1),
    ]
