"""Whether the contenders compute the same function."""

from collections.abc import Sequence

import numpy as np

from bench import Row
from contenders import Contender, Exact, Ready
from errors import LeftOut

# Why a topic has no peer, where it is not that nobody has the function.
INCOMPARABLE = {"Dropout": "everybody draws other random numbers"}

# The largest error that passes, in units of the largest magnitude of the exact result. Sums in float32 are
# off by 2⁻¹⁷ after thousands of terms, in whatever order. Beyond the limit are tanh for erf in GELU, 2⁻¹³;
# float16 and what is rounded to its eleven digits, 2⁻¹¹; bfloat16, 2⁻⁹; and another function anyway.
LIMIT = 2.0**-15


def complaint(result: np.ndarray, exact: np.ndarray) -> str | None:
    """Returns what is wrong with a result in float32, if anything is."""
    if result.shape != exact.shape:
        return f"its result is {' × '.join(map(str, result.shape))}, not {' × '.join(map(str, exact.shape))}"
    error, largest = np.abs(result - exact).max(initial=0), np.abs(exact).max(initial=0)
    if not error <= LIMIT * largest:  # NaN is not
        return f"it is off by {error / largest:.1e} of the largest number, and {LIMIT:.1e} is allowed"
    return None


class Comparison:
    """Finds out who takes part in a row, and remembers who does not and why."""

    def __init__(self, contenders: Sequence[Contender]) -> None:
        self.contenders = contenders
        self.left_out: dict[str, list[str]] = {}
        self.disagreements = 0

    def exact(self, row: Row) -> np.ndarray:
        """Returns the row in float64, by the first contender who can."""
        if row.topic in INCOMPARABLE:
            raise LeftOut(INCOMPARABLE[row.topic])
        for contender in self.contenders:
            if isinstance(contender, Exact):
                try:
                    return contender.exact(row)
                except LeftOut:
                    continue
                except KeyError as name:
                    raise LeftOut(f"the row does not write {name}") from name
        raise LeftOut("nobody has such a function")

    def agreeing(self, row: Row, expected: np.ndarray, threads: int) -> tuple[dict[str, Ready], list[str]]:
        """Returns those who can compute the row and agree, and a sentence for each who does not."""
        agreeing, disagreements = {}, []
        for contender in self.contenders:
            try:
                prepared = contender.ready(row, threads)
                wrong = complaint(prepared.result(), expected)
            except LeftOut as reason:
                self.leave_out(contender.name, str(reason), row.topic)
            except Exception as error:  # whatever other people's software raises: it ends nothing
                first = (str(error).strip() or type(error).__name__).splitlines()[0]
                self.leave_out(contender.name, f"failed: {first}", row.topic)
            else:
                if wrong is None:
                    agreeing[contender.name] = prepared
                else:
                    disagreements.append(f"{row.name}, {threads} threads: {contender.name} disagrees: {wrong}")
        self.disagreements += len(disagreements)
        return agreeing, disagreements

    def leave_out(self, name: str, reason: str, topic: str) -> None:
        """Remembers why a contender takes no part in a topic."""
        topics = self.left_out.setdefault(f"{name} {reason}", [])
        if topic not in topics:
            topics.append(topic)

    def legend(self) -> str:
        """Returns a line for each reason to be left out."""
        return "\n".join(f"{reason}: {', '.join(topics)}" for reason, topics in self.left_out.items())
