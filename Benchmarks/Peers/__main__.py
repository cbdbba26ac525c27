"""Times the kernels and other people's software in turns, on the same inputs, and compares results.

    swift build
    python -m pip install -r Benchmarks/Peers/requirements.txt
    python Benchmarks/Peers [--filter TEXT] [--turns N] [--threads N …]

`bench serve` runs beside this process and computes when it is asked to. The contenders take turns, so that
the machine's drift takes both alike; a turn is 20 ms to get warm and then a few repetitions, the median
of which counts, and the ratio printed is the median over the pairs of turns. Between turns there is a
pause, since the threads of both keep their cores for a while after their work. A peer that is not
installed is named and left out.
"""

import argparse
import math
import pathlib
import statistics
import subprocess
import sys
import tempfile
import time

REPETITIONS = 5  # in a turn
WARM_UP = 0.02  # seconds before them
PAUSE = 0.02  # seconds between turns
ROOT = pathlib.Path(__file__).resolve().parents[2]


class Bench:
    """The process of `bench serve`."""

    def __init__(self, executable: pathlib.Path):
        self.process = subprocess.Popen(
            [executable, "serve"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)

    def ask(self, request: str) -> str:
        self.process.stdin.write(request + "\n")
        self.process.stdin.flush()
        return self.process.stdout.readline().strip()

    def do(self, request: str) -> None:
        answer = self.ask(request)
        if answer != "ok":
            sys.exit(f"bench serve: {answer or 'it stopped'}")

    def run(self, threads: int, times: int) -> list[float]:
        return [float(seconds) for seconds in self.ask(f"time {threads} {times}").split()]


def run(function, times: int) -> list[float]:
    """The seconds of each of so many calls."""
    seconds = []
    for _ in range(times):
        start = time.perf_counter()
        function()
        seconds.append(time.perf_counter() - start)
    return seconds


def turn(contender) -> float:
    """The median time of a few calls by a contender that is warm."""
    time.sleep(PAUSE)
    warm_up = math.ceil(WARM_UP / contender(1)[0])
    return statistics.median(contender(warm_up + REPETITIONS)[-REPETITIONS:])


def torch_functions(torch):
    """What PyTorch calls each topic: a function of the inputs by name, float32 or float64."""
    functional = torch.nn.functional
    return {
        "Matrix product": lambda x: torch.mm(x["a"], x["b"]),
        "Affine map, relu": lambda x: functional.relu(
            functional.linear(x["x"], x["weight"], x["bias"])),
        "Softmax": lambda x: torch.softmax(x["x"], -1),
        "Log-softmax": lambda x: torch.log_softmax(x["x"], -1),
        "Attention": lambda x: functional.scaled_dot_product_attention(
            x["queries"], x["keys"], x["values"]),
        "Attention, one query": lambda x: functional.scaled_dot_product_attention(
            x["queries"], x["keys"], x["values"]),
        "Attention, causal": lambda x: functional.scaled_dot_product_attention(
            x["queries"], x["keys"], x["values"], is_causal=True),
    }


def rows(executable: pathlib.Path, text: str) -> list[tuple[str, str]]:
    """The rows of the bench as (topic, whole name); the topic ends where the numbers begin."""
    listing = subprocess.run(
        [executable, "--list", "--filter", text], capture_output=True, text=True, check=False)
    if listing.returncode:
        sys.exit(listing.stderr.strip())
    names = listing.stdout.splitlines()
    return [(name[:next(i for i, c in enumerate(name) if c.isdigit())].strip(), name)
            for name in names]


def error(result, exact) -> float:
    """The largest error, relative to the largest magnitude of the exact result."""
    return float((result.double() - exact).abs().max() / exact.abs().max())


def main() -> None:
    parser = argparse.ArgumentParser(prog="python Benchmarks/Peers")
    parser.add_argument("--filter", default="", help="only rows that contain this text")
    parser.add_argument("--turns", type=int, default=7, help="turns of each contender in a row")
    parser.add_argument("--threads", type=int, nargs="+", default=[1, 2])
    options = parser.parse_args()

    try:
        import torch
        from safetensors.torch import load_file
    except ImportError as missing:
        sys.exit(f"nothing to compare with: {missing}; see Benchmarks/Peers/requirements.txt")
    executable = ROOT / ".build" / "debug" / "bench"
    if not executable.exists():
        sys.exit("build first: swift build")

    bench = Bench(executable)
    functions = torch_functions(torch)
    print(f"PyTorch {torch.__version__}; {options.turns} turns of {REPETITIONS} a row; "
          "errors relative to PyTorch in float64")
    print(f"{'row':44} threads  PyTorch ms     ours ms  ratio    error of PyTorch, ours")
    with tempfile.TemporaryDirectory() as folder, torch.no_grad():
        for topic, name in rows(executable, options.filter):
            if topic not in functions:
                print(f"{name:44} PyTorch has no such function here")
                continue
            bench.do(f"load {name}")
            path = pathlib.Path(folder) / "row.safetensors"
            bench.do(f"write {path}")
            tensors = load_file(path)
            ours = tensors.pop("output")
            function = functions[topic]
            exact = function({key: value.double() for key, value in tensors.items()})
            errors = (error(function(tensors), exact), error(ours, exact))

            for threads in options.threads:
                torch.set_num_threads(threads)
                theirs, mine = [], []
                for _ in range(options.turns):
                    theirs.append(turn(lambda times: run(lambda: function(tensors), times)))
                    mine.append(turn(lambda times: bench.run(threads, times)))
                ratio = statistics.median(a / b for a, b in zip(theirs, mine))
                print(f"{name:44} {threads:7} {statistics.median(theirs) * 1e3:11.3f} "
                      f"{statistics.median(mine) * 1e3:11.3f} {ratio:6.2f}    "
                      f"{errors[0]:.1e}, {errors[1]:.1e}", flush=True)


if __name__ == "__main__":
    main()
