"""PyTorch as it is and compiled."""

import shutil
from collections.abc import Callable
from functools import lru_cache

import numpy as np
import torch

from bench import HELD, Row, ends_in
from contenders import Contender, Ready, timed
from errors import LeftOut
from pytorch_models import COMPUTED, UNROLLED, STEPS, TOPICS, Function, Tensors


def function_of(row: Row) -> Function:
    """Returns what PyTorch calls the row's topic."""
    if row.topic not in TOPICS:
        raise LeftOut("has no such function")
    return TOPICS[row.topic]


def tensors_of(row: Row) -> Tensors:
    """Returns the row's inputs without a copy."""
    return {name: torch.from_numpy(x) for name, x in row.inputs.items()}


def call_of(row: Row, tensors: Tensors) -> Callable[[], torch.Tensor]:
    """Returns the row's function with its inputs, or its step."""
    if row.topic in STEPS:
        return STEPS[row.topic](tensors)
    function, settings = function_of(row), row.settings
    return lambda: function(tensors, settings)


class Model(torch.nn.Module):
    """A row as compilers and converters want it: it holds the parameters, and the rest are its arguments."""

    def __init__(self, row: Row) -> None:
        super().__init__()
        self.function, self.settings = function_of(row), row.settings
        tensors = tensors_of(row)
        self.names = [name for name in tensors if not ends_in(name, HELD)]
        self.arguments = tuple(tensors.pop(name) for name in self.names)
        self.held = list(tensors)
        for index, x in enumerate(tensors.values()):
            self.register_buffer(f"held{index}", x)

    def forward(self, *arguments: torch.Tensor) -> torch.Tensor:
        """Returns the topic's function of the parameters and the arguments."""
        inputs = dict(zip(self.names, arguments))
        for index, name in enumerate(self.held):
            inputs[name] = getattr(self, f"held{index}")
        return self.function(inputs, self.settings)


@lru_cache(maxsize=1)
def model(row: Row) -> Model:
    """Returns the row's model, for as many as need it."""
    return Model(row).eval()


def convertible(row: Row) -> Model:
    """Returns the row's model, if it is worth while to convert it."""
    if row.topic in COMPUTED:
        raise LeftOut("would keep the computed positions as a constant")
    return model(row)


def ready(function: Callable[[], torch.Tensor], threads: int) -> Ready:
    """Makes a function of PyTorch ready; the number of threads is set for all that follows."""
    torch.set_num_threads(threads)
    inference = torch.inference_mode()
    return Ready(inference(lambda: function().numpy()), inference(timed(function)))


class Eager:
    """PyTorch, one operation after the other."""

    name = "PyTorch"
    version = torch.__version__

    def ready(self, row: Row, threads: int) -> Ready:
        """Makes the row's tensors."""
        return ready(call_of(row, tensors_of(row)), threads)

    def exact(self, row: Row) -> np.ndarray:
        """Returns the row in float64."""
        wide = {name: x.double() if x.is_floating_point() else x for name, x in tensors_of(row).items()}
        with torch.inference_mode():
            return call_of(row, wide)().numpy()


class Compiled:
    """PyTorch, its operations fused by a C++ compiler."""

    name = "torch.compile"
    version = torch.__version__

    def ready(self, row: Row, threads: int) -> Ready:
        """Compiles the row for this number of threads."""
        if shutil.which("c++") is None:
            raise LeftOut("needs a C++ compiler")
        if row.topic in UNROLLED:
            raise LeftOut("would unroll the positions")
        prepared = model(row)
        torch.set_num_threads(threads)
        torch.compiler.reset()
        compiled = torch.compile(prepared, dynamic=False)
        return ready(lambda: compiled(*prepared.arguments), threads)


PEERS: list[Contender] = [Eager(), Compiled()]
