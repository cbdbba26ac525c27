"""Adam and stochastic gradient descent, step by step."""

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np
import torch

import exact
from agreement import MPMATH, PYTORCH_FLOAT64, double
from cases import Case, Draw, Tensors, defined
from exact import Number

TOPIC = "Adam"


def adam_by_torch(case: Case) -> Tensors:
    """Returns parameters and moments after every step: steps×…."""
    settings, inputs = case.attributes, {name: double(x) for name, x in case.inputs.items()}
    zeros = torch.zeros_like(inputs["initialParameters"])
    state = {name: inputs.get(initial(name), zeros).clone() for name in ("firstMoment", "secondMoment")}
    steps = by_formula if settings["epsilonPlace"] == "besideRoot" else by_optimizer
    return stacked([inputs["initialParameters"], *state.values()], steps(inputs, state, settings))


def by_optimizer(inputs: dict[str, torch.Tensor], state: dict[str, torch.Tensor], settings: Any) -> list[list[torch.Tensor]]:
    """Returns parameters and moments after every step of torch.optim's class."""
    theta = torch.nn.Parameter(inputs["initialParameters"].clone())
    optimizer = {"coupled": torch.optim.Adam, "decoupled": torch.optim.AdamW}[settings["decay"]](
        [theta], lr=settings["learningRate"], betas=(settings["beta1"], settings["beta2"]), eps=settings["epsilon"],
        weight_decay=settings["weightDecay"],
    )
    held = {"exp_avg": state["firstMoment"], "exp_avg_sq": state["secondMoment"]}
    optimizer.state[theta] = {"step": torch.tensor(float(settings["step"]))} | held
    results = []
    for gradient in inputs["gradients"]:
        theta.grad = gradient.clone()
        optimizer.step()
        results.append([x.detach().clone() for x in (theta, *held.values())])
    return results


def by_formula(inputs: dict[str, torch.Tensor], state: dict[str, torch.Tensor], settings: Any) -> list[list[torch.Tensor]]:
    """Returns the same with ε beside the root, where both corrections are in the step's length; no decay."""
    theta, (m, v), results = inputs["initialParameters"], state.values(), []
    beta1, beta2 = settings["beta1"], settings["beta2"]
    for t, gradient in enumerate(inputs["gradients"], start=settings["step"] + 1):
        m, v = torch.lerp(gradient, m, beta1), torch.lerp(gradient.square(), v, beta2)
        length = settings["learningRate"] * (1 - beta2**t) ** 0.5 / (1 - beta1**t)
        theta = theta - length * m / (v.sqrt() + settings["epsilon"])
        results.append([theta, m, v])
    return results


def stacked(start: Sequence[torch.Tensor], results: list[list[torch.Tensor]]) -> Tensors:
    """Returns each step's tensors one after the other; `start` has their shapes, for no steps at all."""
    names = ("parameters", "firstMoment", "secondMoment")[: len(start)]
    empty = [np.zeros((0, *x.shape)) for x in start]
    columns = zip(*results, strict=True) if results else [[] for _ in start]
    return {
        name: np.stack([x.numpy() for x in column]) if results else none
        for name, column, none in zip(names, columns, empty, strict=True)
    }


def adam(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns parameters and moments after every step: steps×…."""
    given, inputs = case.attributes, {name: lift(x) for name, x in case.inputs.items()}
    one = lift(np.ones(()))[()]
    rate, epsilon, decay = (exact.setting(given[name], one) for name in ("learningRate", "epsilon", "weightDecay"))
    kept1, kept2 = exact.setting(given["beta1"], one), exact.setting(given["beta2"], one)
    new1, new2 = (exact.setting(1 - Number(given[name]), one) for name in ("beta1", "beta2"))
    left = exact.setting(1 - Number(given["learningRate"]) * Number(given["weightDecay"]), one)
    gradients = inputs["gradients"]
    names = ("parameters", "firstMoment", "secondMoment")
    results = {name: np.empty(gradients.shape, dtype=object) for name in names}
    zeros = lift(np.zeros(gradients.shape[1:]))
    state = [inputs.get(initial(name), zeros) for name in names]
    for at, gradient in enumerate(gradients):
        t = given["step"] + at + 1
        corrections = [one - exact.setting(Number(given[name]) ** t, one) for name in ("beta1", "beta2")]
        for index in np.ndindex(gradient.shape):
            theta, m, v = (x[index] for x in state)
            g = gradient[index]
            # A decay of 0 is none: parameters that are not finite stay out of the moments.
            if given["weightDecay"] > 0 and given["decay"] == "coupled":
                g = g + decay * theta
            elif given["weightDecay"] > 0:
                theta = left * theta
            m, v = kept1 * m + new1 * g, kept2 * v + new2 * (g * g)
            if given["epsilonPlace"] == "besideCorrectedRoot":
                root = exact.sqrt(v / corrections[1]) + epsilon
            else:
                root = (exact.sqrt(v) + epsilon) / exact.sqrt(corrections[1])
            theta = theta - rate * exact.divided(m / corrections[0], root)
            for name, x in zip(names, (theta, m, v), strict=True):
                results[name][(at, *index)] = x
        state = [results[name][at] for name in names]
    return results


def initial(name: str) -> str:
    """Returns what an input is called that later steps have as a result."""
    return f"initial{name[0].upper()}{name[1:]}"


def sgd_by_torch(case: Case) -> Tensors:
    """Returns parameters and velocity after every step: steps×…."""
    inputs, settings = {name: double(x) for name, x in case.inputs.items()}, case.attributes
    theta = torch.nn.Parameter(inputs["initialParameters"].clone())
    optimizer = torch.optim.SGD([theta], lr=settings["learningRate"], momentum=settings["momentum"])
    if "initialVelocity" in inputs:
        optimizer.state[theta] = {"momentum_buffer": inputs["initialVelocity"].clone()}
    results = []
    for gradient in inputs["gradients"]:
        theta.grad = gradient.clone()
        optimizer.step()
        # Without a momentum PyTorch keeps none: the gradient is the velocity.
        velocity = optimizer.state[theta].get("momentum_buffer")
        results.append([theta.detach().clone(), gradient if velocity is None else velocity.clone()])
    named = stacked([inputs["initialParameters"]] * 2, results)
    return {"parameters": named["parameters"], "velocity": named["firstMoment"]}


def sgd(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns parameters and velocity after every step: steps×…."""
    inputs, one = {name: lift(x) for name, x in case.inputs.items()}, lift(np.ones(()))[()]
    rate, momentum = (exact.setting(case.attributes[name], one) for name in ("learningRate", "momentum"))
    theta = inputs["initialParameters"]
    velocity = inputs.get("initialVelocity", lift(np.zeros(theta.shape)))
    results = {name: np.empty(inputs["gradients"].shape, dtype=object) for name in ("parameters", "velocity")}
    for at, gradient in enumerate(inputs["gradients"]):
        velocity = velocity * momentum + gradient if case.attributes["momentum"] > 0 else gradient
        theta = theta - velocity * rate
        results["parameters"][at], results["velocity"][at] = theta, velocity
    return results


FUNCTIONS = {
    "adam": defined(adam_by_torch, adam, (PYTORCH_FLOAT64, MPMATH)),
    "sgd": defined(sgd_by_torch, sgd, (PYTORCH_FLOAT64, MPMATH)),
}

# From here to there the sizes of gradients differ from one element to the next.
SIZES = (-3.0, 2.0)


def drawn(id: str, shape: tuple[int, ...], steps: int, sizes: tuple[float, float] = SIZES, **also: float) -> Tensors:
    """Returns parameters, gradients of drawn sizes around a mean of their own, and further inputs of a scale given."""
    draw = Draw(id)
    parameters = draw.normal(*shape)
    exponents = draw.uniform(*shape, low=sizes[0], high=sizes[1])
    mean = draw.normal(*shape)
    gradients = ((draw.normal(steps, *shape) + mean) * 10.0**exponents).astype(np.float32)
    more = {initial(name): np.abs(draw.normal(*shape, scale=scale)) + np.float32(scale / 8) for name, scale in also.items()}
    return {"initialParameters": parameters, "gradients": gradients} | more


def adam_case(id: str, purpose: str, inputs: Tensors, **settings: Any) -> Case:
    """Returns steps of Adam, with the defaults of PyTorch unless settings say otherwise."""
    defaults = {
        "learningRate": 1e-3, "beta1": 0.9, "beta2": 0.999, "epsilon": 1e-8, "epsilonPlace": "besideCorrectedRoot",
        "weightDecay": 0.0, "decay": "coupled", "step": 0,
    }
    return Case(id, "adam", purpose, inputs, ("OPT-1",), defaults | settings)


def sgd_case(id: str, purpose: str, inputs: Tensors, learning_rate: float, momentum: float = 0.0) -> Case:
    """Returns steps of stochastic gradient descent."""
    settings = {"learningRate": learning_rate, "momentum": momentum}
    return Case(id, "sgd", purpose, inputs, ("OPT-4",), settings)


def cases() -> list[Case]:
    """Returns every case of the topic."""
    tiny, nan, infinity = (-10.0, -6.0), np.nan, np.inf
    still = drawn("still", (5,), 4)
    still["gradients"][:, [1, 3]] = 0
    poisoned = drawn("poisoned", (5,), 3)
    poisoned["gradients"][1, 0], poisoned["gradients"][2, [2, 4]] = nan, [infinity, -infinity]
    return [
        adam_case("adam", "Fifty steps, gradients of sizes from 0.001 to 100: each parameter has its own.", drawn("adam", (3, 5), 50)),
        adam_case("coupled", "The decay is part of the gradient and of both moments, as in document 002.", drawn("coupled", (3, 5), 50, (-3, 0)), weightDecay=0.05, epsilon=5e-9),
        adam_case("decoupled", "The decay takes its share of the parameters and stays out of the moments.", drawn("decoupled", (3, 5), 50, (-3, 0)), weightDecay=0.05, decay="decoupled", learningRate=0.02),
        adam_case("vaswani", "β₂ = 0.98 and ε = 1e-9, the settings of Vaswani et al.", drawn("vaswani", (7,), 50), beta2=0.98, epsilon=1e-9),
        adam_case("tiny", "Gradients as small as ε: it stands beside the root, not in it, and the corrected one.", drawn("tiny", (7,), 50, tiny)),
        adam_case("tiny-beside-root", "The other place of ε, beside the root that is not corrected.", drawn("tiny-beside-root", (7,), 50, tiny), epsilonPlace="besideRoot"),
        adam_case("resumed", "Moments and a number of steps from before.", drawn("resumed", (2, 3), 5, firstMoment=0.3, secondMoment=2.0), step=7),
        adam_case("resumed-late", "After many steps the corrections are nearly 1.", drawn("resumed-late", (5,), 3, firstMoment=0.3, secondMoment=2.0), step=20000),
        adam_case("no-memory", "β₁ = β₂ = 0: every step has the length of the learning rate and the gradient's sign.", drawn("no-memory", (5,), 4), beta1=0.0, beta2=0.0),
        adam_case("still", "Where gradients are 0 nothing moves.", still),
        adam_case("still-without-epsilon", "Without ε a gradient of 0 gives 0 / 0.", still, epsilon=0.0),
        adam_case("nonfinite", "A gradient that is not finite makes its parameter NaN, and no other.", poisoned),
        adam_case("one-step", "The first step has the length of the learning rate, whatever the gradient's size.", drawn("one-step", (7,), 1), learningRate=0.5),
        adam_case("no-parameters", "No parameters, no steps to take.", drawn("no-parameters", (0,), 3)),
        sgd_case("sgd", "Fifty steps of a learning rate.", drawn("sgd", (3, 5), 50, (-1, 0)), 0.1),
        sgd_case("momentum", "Fifty steps with a velocity, which the learning rate does not shorten.", drawn("momentum", (3, 5), 50, (-1, 0)), 0.01, 0.9),
        sgd_case("momentum-resumed", "A velocity from before.", drawn("momentum-resumed", (2, 3), 5, (-1, 0), velocity=2.0), 0.1, 0.5),
        sgd_case("sgd-nonfinite", "A gradient that is not finite concerns its own parameter.", poisoned, 0.1),
    ]
