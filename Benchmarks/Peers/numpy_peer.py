"""NumPy with the BLAS that it brings."""

import numpy as np
from threadpoolctl import threadpool_limits

from bench import Row
from contenders import Contender, Ready, timed
from errors import LeftOut
from numpy_models import TOPICS, Function


class NumPy:
    """NumPy, whose products alone use threads."""

    name = "NumPy"
    version = np.__version__

    def ready(self, row: Row, threads: int) -> Ready:
        """Sets the threads of BLAS, for all that follows."""
        threadpool_limits(threads, "blas")
        function, inputs, settings = self.function(row), row.inputs, row.settings
        return Ready(lambda: function(inputs, settings), timed(lambda: function(inputs, settings)))

    def exact(self, row: Row) -> np.ndarray:
        """Returns the row in float64."""
        inputs = {name: x.astype(np.float64) if x.dtype == np.float32 else x for name, x in row.inputs.items()}
        return self.function(row)(inputs, row.settings)

    def function(self, row: Row) -> Function:
        """Returns how a user of NumPy writes the row's topic."""
        if row.topic not in TOPICS:
            raise LeftOut("has no such function")
        return TOPICS[row.topic]


PEERS: list[Contender] = [NumPy()]
