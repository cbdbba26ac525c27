"""Tests of the oracle and of the vectors; run by `python Reference/Oracle/test_oracle.py` or by pytest."""

import dataclasses
import hashlib
import json
import tempfile
from functools import cache
from pathlib import Path

import numpy as np
from mpmath import mpf
from safetensors import safe_open

import exact
import parameter_files
import softmax
import straightforward
import vectors
from agreement import FLOAT32, Disagreement, rejected, wrong_places
from cases import Case, Draw, Function, Tensors
from random_stream import RandomStream, SplitMix64
from stored import read_cases

FUNCTIONS: dict[str, Function] = {name: f for topic in vectors.TOPICS for name, f in topic.FUNCTIONS.items()}


@cache
def stored() -> list[tuple[str, Case, Tensors]]:
    """Returns the committed cases, read once."""
    return read_cases()


def find(topic: str, id: str) -> tuple[Case, Tensors]:
    """Returns the committed case of the id and its expected tensors."""
    return next((case, expected) for t, case, expected in stored() if (t, case.id) == (topic, id))


# The random stream.


def test_random_words_are_the_published_ones() -> None:
    """The two generators give the known answers."""
    seeder = SplitMix64(1234567)
    assert [seeder.next() for _ in range(5)] == [
        6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821,
    ]
    stream = RandomStream([1, 2, 3, 4])
    assert [stream.next() for _ in range(10)] == [
        11520, 0, 1509978240, 1215971899390074240, 1216172134540287360, 607988272756665600, 16172922978634559625,
        8476171486693032832, 10595114339597558777, 2904607092377533576,
    ]


def test_random_numbers_are_those_of_the_guide() -> None:
    """The numbers of the case `plain` are the ones that PORTING.md prints."""
    digest = hashlib.sha256(b"plain").digest()
    assert int.from_bytes(digest[:8], "little") == 8584096489893598881
    uniform, normal = RandomStream.of_case("plain"), RandomStream.of_case("plain")
    assert [uniform.uniform() * 2**24 for _ in range(3)] == [16559168, 11602738, 956452]
    assert [normal.normal() * 2**24 for _ in range(3)] == [3912963, -384533, 23976582]
    case, _ = find("ScaledDotProductAttention", "plain")
    again = RandomStream.of_case("plain")
    redrawn = np.array([again.normal() for _ in range(case.inputs["queries"].size)]).astype(np.float32)
    assert np.array_equal(redrawn, case.inputs["queries"].ravel())


def test_draws_have_their_mean_and_deviation() -> None:
    """Ten thousand draws are distributed as they should be, and rounded to float32."""
    x = Draw("a test").normal(10000)
    assert x.dtype == np.float32 and abs(x.mean()) < 0.04 and abs(x.std() - 1) < 0.03


# The exact arithmetic.


def test_rounding_is_to_nearest_even_down_to_the_subnormal_numbers() -> None:
    """Ties go to even, at full precision and at the smallest number."""
    tiny = mpf(2) ** -1074
    assert exact.nearest(mpf(1) + mpf(2) ** -53) == 1.0
    assert exact.nearest(mpf(1) + 3 * mpf(2) ** -53) == 1.0 + 2.0**-51
    assert exact.nearest(tiny / 2) == 0.0 and exact.nearest(tiny * 3 / 2) == 2.0**-1073
    assert exact.nearest(tiny * mpf("0.5000001")) == 5e-324 and exact.nearest(-mpf(2) ** -2000) == 0.0


def test_comparison_refuses_nan_and_the_wrong_infinity() -> None:
    """NaN agrees only with NaN, an infinity only with itself, whatever the bound."""
    values = np.array([1.0, np.nan, np.inf, -np.inf])
    for i in range(4):
        for j in range(4):
            wrong = rejected(values[i : i + 1], values[j : j + 1], np.array([np.inf]))
            assert wrong[0] == (i != j), (values[i], values[j])
    assert rejected(np.ones(1), np.ones(1), np.array([np.nan]))[0]


# The check can fail.


def refuses(topic: str, function: Function, case: Case) -> bool:
    """Returns whether the oracle stops on a case, naming it."""
    try:
        vectors.agreed(topic, case, function)
    except Disagreement as stop:
        assert f"{topic}/{case.id}" in str(stop)
        return True
    return False


def test_a_wrong_scale_in_one_source_is_found() -> None:
    """The oracle stops when PyTorch is handed another scale than mpmath."""
    case, _ = find("ScaledDotProductAttention", "plain")
    function = FUNCTIONS[case.function]
    assert not refuses("ScaledDotProductAttention", function, case)
    other = dataclasses.replace(case, attributes={**case.attributes, "scale": {"kind": "factor", "value": 1 / 7}})
    assert refuses("ScaledDotProductAttention", dataclasses.replace(function, first=lambda _: function.first(other)), case)
    assert refuses("ScaledDotProductAttention", dataclasses.replace(function, second=lambda _: function.second(other)), case)


def test_every_function_notices_a_change_of_one_element() -> None:
    """The oracle stops when one element of one source is off by 1e-9 of itself, flipped, NaN or infinite."""
    # The first suitable case of each function.
    chosen = {
        case.function: (topic, case, expected)
        for topic, case, expected in reversed(stored())
        if worth_changing(expected)
    }
    assert chosen.keys() == FUNCTIONS.keys()
    for topic, case, expected in chosen.values():
        function = FUNCTIONS[case.function]
        for name in expected:
            for change in CHANGES[expected[name].dtype.kind]:
                broken = dataclasses.replace(function, first=lambda c: changed(function.first(c), name, change))
                assert refuses(topic, broken, case), (case.id, name, change)


CHANGES = {"b": ["flip"], "i": ["step"], "f": ["scale", "nan", "infinity"]}


def worth_changing(expected: Tensors) -> bool:
    """Returns whether every expected tensor holds a boolean or a finite number other than 0."""
    return all(x.size > 0 and (x.dtype.kind in "bi" or largest_place(x) is not None) for x in expected.values())


def largest_place(x: np.ndarray) -> tuple[int, ...] | None:
    """Returns where the largest finite magnitude stands, None if there is none above 0."""
    size = np.where(np.isfinite(x), np.abs(x), 0)
    # An additive mask holds nothing but 0 and −∞: its first 0 will do.
    if (size == 0).all():
        places = np.argwhere(np.isfinite(x))
        return tuple(places[0]) if len(places) > 0 and np.isneginf(x).any() else None
    return tuple(np.unravel_index(size.argmax(), x.shape))


def changed(tensors: Tensors, name: str, change: str) -> Tensors:
    """Returns the tensors with one element of one of them changed."""
    x = tensors[name].copy()
    if change == "flip":
        x.flat[0] = not x.flat[0]
    elif change == "step":
        x.flat[0] += 1
    else:
        at = largest_place(x)
        x[at] = {"scale": x[at] * (1 + 1e-9) or 1e-9, "nan": np.nan, "infinity": np.inf}[change]
    return tensors | {name: x}


# The files.


def test_files_are_read_by_safetensors_and_have_their_digests() -> None:
    """Every file has the manifest's SHA-256, and holds exactly the tensors that the manifest names."""
    content = (vectors.DIRECTORY / vectors.MANIFEST).read_text(encoding="utf-8")
    manifest = json.loads(content)
    assert content.endswith("}\n") and manifest["format"] == 1
    total = 0
    for topic, file in manifest["files"].items():
        path = vectors.DIRECTORY / file["path"]
        assert hashlib.sha256(path.read_bytes()).hexdigest() == file["sha256"]
        lines = [line for line in manifest["cases"] if line["topic"] == topic]
        named = [name for line in lines for part in ("inputs", "expected", "gauges") for name in line.get(part, {}).values()]
        with safe_open(path, framework="numpy") as opened:
            assert sorted(opened.keys()) == sorted(named)
        assert len({line["id"] for line in lines}) == len(lines)
        total += path.stat().st_size
    assert total < 8_000_000
    assert {line["tolerance"] for line in manifest["cases"]} == manifest["tolerances"].keys()


def test_stored_types_are_those_of_the_format() -> None:
    """Inputs are float32, I64 or BOOL; expected values are float64, BOOL or I64."""
    for _, case, expected in stored():
        assert all(x.dtype in (np.float32, np.int64, np.bool_) for x in case.inputs.values()), case.id
        assert all(x.dtype in (np.float64, np.bool_, np.int64) for x in expected.values()), case.id


def test_a_second_run_writes_the_same_bytes() -> None:
    """Two generations are identical, they are what is committed, and a changed byte is found."""
    with tempfile.TemporaryDirectory() as place:
        directory = Path(place)
        written = vectors.write(directory)
        assert vectors.differences(directory) == []
        for name, content in written.items():
            assert (vectors.DIRECTORY / name).read_bytes() == content, name
        damaged = bytearray(written["Softmax.safetensors"])
        damaged[-1] ^= 1
        (directory / "Softmax.safetensors").write_bytes(damaged)
        (directory / "Stray.safetensors").write_bytes(b"")
        assert vectors.differences(directory) == ["Softmax.safetensors", "Stray.safetensors"]


def test_parameter_files_are_what_the_oracle_writes() -> None:
    """The committed parameters, their models and their outputs are those of a new run."""
    assert parameter_files.differences() == []


# What the vectors accept and reject.


def faults(case: Case, expected: Tensors, wrong: str = "") -> list[str]:
    """Returns where the float32 implementation, with the named mistake, misses a case."""
    key = (case.function, case.id)
    if key not in BOUNDS:
        function = FUNCTIONS[case.function]
        complete = expected.keys() == function_outputs(case.function)
        BOUNDS[key] = function.bounds(case, expected if complete else function.second(case), FLOAT32)
    got = {
        name: x if x.dtype == bool else x.astype(np.float64)
        for name, x in straightforward.result(case, wrong).items()
    }
    return wrong_places(got, expected, BOUNDS[key])


# The bounds of each case, evaluated once.
BOUNDS: dict[tuple[str, str], Tensors] = {}


def function_outputs(function: str) -> set[str]:
    """Returns the names of everything that a function of the specification returns."""
    attention = {"scores", "maskedScores", "weights", "output"}
    return {
        "maskedScores": {"scaledScores", "output"},
        "scaledDotProductAttention": attention,
        "selfAttention": attention | {"queries", "keys", "values"},
        "crossAttention": attention | {"queries", "keys", "values"},
    }.get(function, {"output"})


def test_a_plain_float32_implementation_is_accepted() -> None:
    """NumPy in float32 stays within every bound of every case."""
    for topic, case, expected in stored():
        if case.function in straightforward.IMPLEMENTATIONS:
            assert faults(case, expected) == [], f"{topic}/{case.id}: {faults(case, expected)}"


def test_every_wrong_version_is_rejected() -> None:
    """Each named mistake is caught by at least one case."""
    assert straightforward.WRONG_VERSIONS.keys() == straightforward.IMPLEMENTATIONS.keys()
    for function, mistakes in straightforward.WRONG_VERSIONS.items():
        cases = [(case, expected) for _, case, expected in stored() if case.function == function]
        for wrong in mistakes:
            assert any(faults(case, expected, wrong) for case, expected in cases), f"{function}: {wrong} is accepted"


def test_softmax_of_a_row_with_plus_infinity_is_nan_throughout() -> None:
    """The shifted form decides the rows for which e^x / Σ e^x has no value."""
    case, expected = find("Softmax", "nonfinite")
    strange = [0, 2, 4, 7, 8, 9]
    assert np.isnan(expected["output"][strange]).all()
    assert np.isfinite(np.delete(expected["output"], strange, axis=0)).all()
    assert softmax.softmax_by_torch(case)["output"][6].tolist() == [0.0, 1.0, 0.0]


def main() -> None:
    """Runs every test of this file in order."""
    for name, test in list(globals().items()):
        if name.startswith("test_"):
            test()
            print(f"passed: {name}")


if __name__ == "__main__":
    main()
