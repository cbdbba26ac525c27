"""Encoder and decoder with attention: document 000's, corrected, and those of Sutskever, Bahdanau and Luong et al."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

import numpy as np
import torch

import elman_rnn
import exact
import gru
import lstm
import running
import scoring_functions
from agreement import MPMATH, PYTORCH_FLOAT64, double
from cases import Case, Draw, Tensors, defined
from generation import likeliest
from recurrence import BOTH, FORWARD, REVERSE
from scoring_functions import softmax_rows

TOPIC = "Seq2Seq"

NONE, BEFORE, AFTER = "none", "beforeStep", "afterStep"
# Document 000's score, tanh(w · [h; e] + b); the others are scoring functions.
TANH_OF_LINEAR = "tanhOfLinear"
SWAPPED = gru.SWAPPED

# Of each kind of network: its two sources, and the names of its first and last states.
KINDS = {
    "elmanRNN": (elman_rnn.elman_rnn_by_torch, elman_rnn.elman_rnn, elman_rnn.STATES, ("last",)),
    "lstm": (lstm.lstm_by_torch, lstm.lstm, lstm.STATES, lstm.LAST),
    "gru": (gru.gru_by_torch, gru.gru, gru.STATES, ("last",)),
}


def named(case: Case, prefix: str) -> Tensors:
    """Returns the inputs whose names begin with the prefix, without it."""
    found = {name.removeprefix(prefix): x for name, x in case.inputs.items() if name.startswith(prefix)}
    return {name[0].lower() + name[1:]: x for name, x in found.items()}


def network(
    case: Case, prefix: str, x: np.ndarray, direction: str, states: Sequence[np.ndarray], lengths: bool
) -> Case:
    """Returns the case of one of the model's networks, `encoder`, `reverse` or `decoder`, alone."""
    kind = case.attributes["decoder" if prefix == "decoder" else "encoder"]
    inputs = {"x": x} | named(case, prefix) | dict(zip(KINDS[kind][2], states, strict=False))
    if lengths and "lengths" in case.inputs:
        inputs["lengths"] = case.inputs["lengths"]
    attributes = {
        "direction": direction, "activation": "tanh", "gateOrder": "inputForgetCandidateOutput",
        "form": case.attributes.get("form"),
    }
    return replace(case, function=kind, inputs=inputs, attributes=attributes)


def encoders(case: Case) -> list[tuple[str, str]]:
    """Returns the prefix and the direction of each network that reads the source."""
    direction = case.attributes["direction"]
    return [("encoder", FORWARD), ("reverse", REVERSE)] if direction == BOTH else [("encoder", direction)]


# First source: PyTorch's modules, all sequences together, as in document 000's code.


def attention_by_torch(case: Case, hidden: torch.Tensor, encoded: torch.Tensor) -> list[torch.Tensor]:
    """Returns scores …×s, weights …×s and context …×e of one state …×h."""
    if case.attributes["score"] == TANH_OF_LINEAR:
        repeated = hidden.unsqueeze(-2).expand(*encoded.shape[:-1], -1)
        weight, bias = double(case.inputs["scoreWeight"]), case.inputs.get("scoreBias")
        linear = torch.nn.functional.linear(
            torch.cat((repeated, encoded), dim=-1), weight, None if bias is None else double(bias)
        )
        energy = torch.tanh(linear).squeeze(-1)
    else:
        inputs = {"queries": hidden.unsqueeze(-2).numpy(), "keys": encoded.numpy()} | named(case, "score")
        scored = replace(case, inputs=inputs, attributes={"scoring": case.attributes["score"]})
        energy = scoring_functions.scores_by_torch(scored, "keys").squeeze(-2)
    masked = energy
    if "lengths" in case.inputs:
        beyond = torch.arange(encoded.shape[-2]) >= torch.from_numpy(case.inputs["lengths"])[..., None]
        masked = energy.masked_fill(beyond, -torch.inf)
    weights = torch.softmax(masked, dim=-1)
    if "lengths" in case.inputs:
        # A source of length 0 has no weights.
        weights = weights.where(~beyond, 0)
    return [energy, weights, (weights.unsqueeze(-2) @ encoded).squeeze(-2)]


def map_by_torch(case: Case, name: str, x: torch.Tensor) -> torch.Tensor:
    """Returns one of the model's affine maps of x."""
    bias = case.inputs.get(f"{name}Bias")
    return torch.nn.functional.linear(x, double(case.inputs[f"{name}Weight"]), None if bias is None else double(bias))


def run_by_torch(case: Case, count: int, following: Callable[[int, torch.Tensor | None], torch.Tensor]) -> Tensors:
    """Returns everything that a model computes in so many steps, whose inputs may depend on the last logits."""
    read, _, _, last = KINDS[case.attributes["encoder"]]
    runs = [read(network(case, prefix, case.inputs["source"], way, (), True)) for prefix, way in encoders(case)]
    encoded = torch.from_numpy(np.concatenate([run["hidden"] for run in runs], axis=-1))
    states = [runs[-1][name] for name in last]
    if case.attributes["start"] == "mapped":
        states = [torch.tanh(map_by_torch(case, "start", torch.from_numpy(states[0]))).numpy()]
    results = {"encoded": encoded.numpy(), "firstHidden": states[0]}

    write, _, _, last = KINDS[case.attributes["decoder"]]
    logits, steps = None, []
    for i in range(count):
        y, attention = following(i, logits), []
        if case.attributes["attention"] == BEFORE:
            attention = attention_by_torch(case, torch.from_numpy(states[0]), encoded)
            y = torch.cat((y, attention[-1]), dim=-1)
        run = write(network(case, "decoder", y.unsqueeze(-2).numpy(), FORWARD, states, False))
        states = [run[name] for name in last]
        hidden = combined = torch.from_numpy(states[0])
        if case.attributes["attention"] == AFTER:
            attention = attention_by_torch(case, hidden, encoded)
            combined = torch.tanh(map_by_torch(case, "combination", torch.cat((attention[-1], hidden), dim=-1)))
        logits = map_by_torch(case, "output", combined)
        steps.append((*attention, hidden, combined, logits))
    for name, values in zip(names(case), zip(*steps, strict=True), strict=True):
        results[name] = torch.stack(values, dim=-2).numpy()
    return results if case.attributes["attention"] == AFTER else {k: x for k, x in results.items() if k != "combined"}


def names(case: Case) -> list[str]:
    """Returns the names of what each step gives."""
    attention = [] if case.attributes["attention"] == NONE else ["scores", "weights", "contexts"]
    return [*attention, "hidden", "combined", "logits"]


def teacher_forced_by_torch(case: Case) -> Tensors:
    """Returns everything, each step getting what stands in `inputs` …×t×y."""
    inputs = double(case.inputs["inputs"])
    return run_by_torch(case, inputs.shape[-2], lambda i, _: inputs[..., i, :])


def greedy_by_torch(case: Case) -> Tensors:
    """Returns everything, and the tokens …×t, each step getting the vector of the likeliest token before."""
    width = len(case.inputs["outputWeight"])
    table = double(case.inputs["table"]) if "table" in case.inputs else torch.eye(width, dtype=torch.float64)

    def following(i: int, logits: torch.Tensor | None) -> torch.Tensor:
        return double(case.inputs["start"]) if logits is None else table[logits.argmax(dim=-1)]

    results = run_by_torch(case, case.attributes["steps"], following)
    return results | {"tokens": results["logits"].argmax(axis=-1)}


# Second source: the definition, sequence by sequence and position by position.


class ExactModel:
    """A model whose numbers are what `lift` makes of them."""

    def __init__(self, case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> None:
        self.case = case
        # What a network has computed is lifted already; a copy, since the next one writes where its first state was.
        self.lift = lambda x: x.copy() if x.dtype == object else lift(x)
        self.kind = case.attributes["attention"]

    def mapped(self, name: str, x: np.ndarray) -> np.ndarray:
        """Returns one of the model's affine maps of x."""
        bias = self.case.inputs.get(f"{name}Bias")
        return exact.affine(x, self.lift(self.case.inputs[f"{name}Weight"]), None if bias is None else self.lift(bias))

    def ran(
        self, prefix: str, x: np.ndarray, direction: str, states: Sequence[np.ndarray], lengths: bool
    ) -> tuple[np.ndarray, list[np.ndarray]]:
        """Returns the states …×t×h that a network runs through, and the last ones."""
        part = network(self.case, prefix, x, direction, states, lengths)
        _, definition, _, last = KINDS[part.function]
        run = definition(part, self.lift)
        return run["hidden"], [run[name] for name in last]

    def encode(self) -> tuple[np.ndarray, list[np.ndarray]]:
        """Returns what the encoder makes of each position …×s×e, and the decoder's first states."""
        source = self.lift(self.case.inputs["source"])
        runs = [self.ran(prefix, source, way, (), True) for prefix, way in encoders(self.case)]
        states = runs[-1][1]
        if self.case.attributes["start"] == "mapped":
            states = [running.settled(exact.each(exact.tanh, self.mapped("start", states[0])))]
        return np.concatenate([hidden for hidden, _ in runs], axis=-1), states

    def attend(self, hidden: np.ndarray, encoded: np.ndarray) -> list[np.ndarray]:
        """Returns scores …×s, weights …×s and context …×e of one state …×h."""
        if self.case.attributes["score"] == TANH_OF_LINEAR:
            scores = np.empty(encoded.shape[:-1], dtype=object)
            for *group, j in np.ndindex(scores.shape):
                both = np.concatenate([hidden[tuple(group)], encoded[(*group, j)]])
                scores[(*group, j)] = exact.tanh(self.mapped("score", both)[0])
        else:
            inputs = {"queries": hidden[..., None, :], "keys": encoded} | named(self.case, "score")
            scored = replace(self.case, inputs=inputs, attributes={"scoring": self.case.attributes["score"]})
            scores = scoring_functions.scores(scored, self.lift, "keys")[..., 0, :]
        weights = self.lift(np.zeros(scores.shape))
        contexts = np.empty((*scores.shape[:-1], encoded.shape[-1]), dtype=object)
        for group in np.ndindex(scores.shape[:-1]):
            length = self.case.inputs["lengths"][group] if "lengths" in self.case.inputs else scores.shape[-1]
            weights[group][:length] = softmax_rows(scores[group][:length])
            contexts[group] = exact.product(weights[group][None, :length], encoded[group][:length])[0]
        return [scores, weights, running.settled(contexts)]

    def run(self, count: int, following: Callable[[int, np.ndarray | None], np.ndarray]) -> Tensors:
        """Returns everything that the model computes in so many steps."""
        encoded, states = self.encode()
        results, logits, steps = {"encoded": encoded, "firstHidden": states[0]}, None, []
        for i in range(count):
            y, attention = following(i, logits), []
            if self.kind == BEFORE:
                attention = self.attend(states[0], encoded)
                y = np.concatenate([y, attention[-1]], axis=-1)
            _, states = self.ran("decoder", y[..., None, :], FORWARD, states, False)
            step = {"hidden": states[0]}
            if self.kind == AFTER:
                attention = self.attend(states[0], encoded)
                both = np.concatenate([attention[-1], states[0]], axis=-1)
                step["combined"] = running.settled(exact.each(exact.tanh, self.mapped("combination", both)))
            logits = self.mapped("output", step.get("combined", states[0]))
            asked = dict(zip(("scores", "weights", "contexts"), attention, strict=False))
            steps.append(asked | step | {"logits": logits})
        return results | {name: np.stack([step[name] for step in steps], axis=-2) for name in steps[0]}


def teacher_forced(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns everything, each step getting what stands in `inputs` …×t×y."""
    inputs = lift(case.inputs["inputs"])
    return ExactModel(case, lift).run(inputs.shape[-2], lambda i, _: inputs[..., i, :])


def greedy(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns everything, and the tokens …×t, each step getting the vector of the likeliest token before."""
    tokens: list[np.ndarray] = []

    def following(i: int, logits: np.ndarray | None) -> np.ndarray:
        if logits is None:
            return lift(case.inputs["start"])
        tokens.append(best(logits))
        table = case.inputs.get("table", np.eye(logits.shape[-1], dtype=np.float32))
        return lift(table[tokens[-1]])

    def best(logits: np.ndarray) -> np.ndarray:
        chosen = np.empty(logits.shape[:-1], dtype=np.int64)
        for sequence in np.ndindex(chosen.shape):
            place = f"{TOPIC}/{case.id}: step {len(tokens)} of sequence {sequence}"
            chosen[sequence] = likeliest(logits[sequence], place)
        return chosen

    results = ExactModel(case, lift).run(case.attributes["steps"], following)
    tokens.append(best(results["logits"][..., -1, :]))
    return results | {"tokens": np.stack(tokens, axis=-1)}


ORACLES = (PYTORCH_FLOAT64, MPMATH)

FUNCTIONS = {
    "seq2Seq": defined(teacher_forced_by_torch, teacher_forced, ORACLES),
    "greedySeq2Seq": defined(greedy_by_torch, greedy, ORACLES),
}

# The sizes of each gate's parameters: no two gates can stand for each other.
SCALES = {"elmanRNN": (0.6,), "lstm": tuple(lstm.SCALES[gate] for gate in "ifgo"), "gru": gru.SCALES}


def model(
    id: str, purpose: str, *ids: str, leading: tuple[int, ...] = (2,), s: int = 7, d: int = 3, e: int = 4, h: int = 4,
    t: int = 5, y: int = 2, v: int = 6, encoder: str = "lstm", direction: str = FORWARD, decoder: str = "lstm",
    start: str = "encoderState", attention: str = BEFORE, score: str = TANH_OF_LINEAR, combined: int = 3,
    lengths: tuple[int, ...] = (), biased: bool = True, feedback: str | None = None, attempt: int = 0,
    scale: float = 1.0, **attributes: Any,
) -> Case:
    """Returns a model with a drawn source …×s×d, and inputs …×t×y, or a start …×y if there is feedback.

    e is the width of each of the encoder's networks. Drawn models may be undecided: `attempt` names a draw in which
    every token is ahead of the others.
    """
    draw = Draw(f"{id}-{attempt}")
    inputs: Tensors = {"source": draw.normal(*leading, s, d)}
    if lengths:
        inputs["lengths"] = np.array(lengths, dtype=np.int64).reshape(leading)
        for place in np.ndindex(leading):
            inputs["source"][place][inputs["lengths"][place] :] = np.nan

    def drawn_network(prefix: str, kind: str, read: int, width: int) -> None:
        parameters = {"InputWeight": (read,), "RecurrentWeight": (width,)}
        if biased:
            parameters |= {"InputBias": (), "RecurrentBias": ()}
        for name, extents in parameters.items():
            gates = [draw.normal(width, *extents, scale=size) for size in SCALES[kind]]
            inputs[prefix + name] = np.concatenate(gates)

    def drawn_map(name: str, outputs: int, read: int, scale: float = 0.7, shift: float = 0.7) -> None:
        inputs[f"{name}Weight"] = draw.normal(outputs, read, scale=scale)
        if biased:
            inputs[f"{name}Bias"] = draw.normal(outputs, scale=shift)

    for prefix in ("encoder", "reverse") if direction == BOTH else ("encoder",):
        drawn_network(prefix, encoder, d, e)
    width = 2 * e if direction == BOTH else e
    if start == "mapped":
        drawn_map("start", h, e)
    drawn_network("decoder", decoder, y + width if attention == BEFORE else y, h)
    if attention != NONE and score == TANH_OF_LINEAR:
        drawn_map("score", 1, h + width, scale, scale)
    elif attention != NONE:
        parameters = scoring_functions.parameters(draw, score, h, width, 5)
        inputs |= {f"score{name[0].upper()}{name[1:]}": x * np.float32(scale) for name, x in parameters.items()}
    if attention == AFTER:
        drawn_map("combination", combined, width + h)
    # Tokens that depend on the state more than on the bias.
    drawn_map("output", v, combined if attention == AFTER else h, *((3.0, 0.2) if feedback else ()))
    function, given = "seq2Seq", {"encoder": encoder, "direction": direction, "decoder": decoder}
    given |= {"start": start, "attention": attention}
    if attention != NONE:
        given["score"] = score
    if feedback is None:
        inputs["inputs"] = draw.normal(*leading, t, y)
    else:
        function, given["steps"], given["feedback"] = "greedySeq2Seq", t, feedback
        inputs["start"] = draw.normal(*leading, y)
        if feedback == "table":
            inputs["table"] = draw.normal(v, y)
    return Case(id, function, purpose, inputs, ids, given | attributes)


DOCUMENT_000 = ("S2S-1", "S2S-2", "CLM-53", "ERR-08", "ERR-11")
BAHDANAU: dict[str, Any] = {
    "encoder": "gru", "direction": BOTH, "decoder": "gru", "start": "mapped", "attention": BEFORE, "score": "additive",
    "e": 3, "h": 5, "form": SWAPPED,
}
LUONG: dict[str, Any] = {"attention": AFTER, "score": "dot", "h": 4, "e": 4}
PLAIN: dict[str, Any] = {"attention": NONE}


def cases() -> list[Case]:
    """Returns every case of the topic."""
    poisoned = model("nonfinite", "NaN in one source reaches every result of its sequence after it, and nothing of the others.", "S2S-2", leading=(3,), s=4, t=3)
    poisoned.inputs["source"][1, 2, 0] = np.nan
    square: dict[str, Any] = {"leading": (4,), "s": 4, "d": 4, "e": 4, "h": 4, "t": 4, "y": 4, "v": 4}
    loop = ("S2S-3", "DECODE-2", "ERR-09", "ERR-10")
    return [
        model("document-000", "Document 000, corrected: the previous state asks, tanh stands around the score, the context is behind the input; no two extents alike but the states'.", *DOCUMENT_000),
        model("document-000-square", "Every extent is 4: [c; y] for [y; c] and [e; h] for [h; e] have the right shape here.", *DOCUMENT_000, **square),
        model("document-000-large-score", "Scores of ±1 nearly: no weight is more than e² times another.", *DOCUMENT_000, s=11, scale=30.0),
        model("document-000-lengths", "Sources of their own lengths: NaN beyond is not read, and no attention goes there.", *DOCUMENT_000, leading=(3,), lengths=(4, 7, 1)),
        model("document-000-length-zero", "A source without positions: weights and context are 0.", *DOCUMENT_000, leading=(3,), lengths=(7, 0, 2)),
        model("bahdanau", "Additive scores of the previous state, two GRUs that read, a mapped first state.", "S2S-4", **BAHDANAU),
        model("bahdanau-lengths", "The last state of the network that reads backwards is that at the first position.", "S2S-4", leading=(3,), lengths=(3, 7, 5), **BAHDANAU),
        model("bahdanau-long", "50 positions, read both ways, and 50 steps; one source is shorter.", "S2S-4", **BAHDANAU | {"s": 50, "t": 50, "d": 2, "e": 3, "h": 3, "v": 3, "lengths": (50, 37)}),
        model("bahdanau-square", "As many positions as steps, widths alike where they can be.", "S2S-4", **BAHDANAU | {"s": 6, "t": 6, "d": 6, "y": 6, "h": 6, "e": 3}),
        model("bahdanau-one-way", "A mapped first state of the encoder's width: left out, it would fit.", "S2S-4", **BAHDANAU | {"direction": FORWARD, "e": 4, "h": 4}),
        model("luong", "The new state asks, by dot products.", "S2S-5", **LUONG),
        model("luong-square", "[h; c] for [c; h] and the previous state for the new one have the right shape here.", "S2S-5", **LUONG | square | {"combined": 4}),
        model("luong-general", "Bilinear scores, GRUs with the reset after the map, sources of their own lengths.", "S2S-5", **LUONG | {"score": "bilinear", "encoder": "gru", "decoder": "gru", "form": gru.AFTER, "lengths": (5, 7)}),
        model("luong-concat", "Scores of the concatenation, Elman's networks.", "S2S-5", **LUONG | {"score": "concat", "encoder": "elmanRNN", "decoder": "elmanRNN"}),
        model("luong-both-ways", "The new state asks what two networks have read.", "S2S-5", **LUONG | {"score": "additive", "encoder": "gru", "direction": BOTH, "decoder": "gru", "start": "mapped", "e": 3, "h": 5, "form": gru.BEFORE}),
        model("luong-document-000-score", "Document 000's score for the new state.", "S2S-5", **LUONG | {"score": TANH_OF_LINEAR}),
        model("plain", "Without attention: state and cell of the encoder are all that the decoder has of the source.", "S2S-6", **PLAIN),
        model("plain-reverse", "The source is read backwards (Sutskever et al. 2014).", "S2S-6", direction=REVERSE, **PLAIN),
        model("plain-gru-lengths", "The state at each source's own length begins the decoder.", "S2S-6", encoder="gru", decoder="gru", form=gru.AFTER, leading=(3,), lengths=(2, 7, 5), **PLAIN),
        model("scaled-dot", "Scaled dot products before the step.", "S2S-2", score="scaledDot", encoder="elmanRNN", decoder="elmanRNN"),
        model("without-biases", "No biases anywhere.", *DOCUMENT_000, biased=False),
        model("one-sequence", "A sequence without leading dimensions.", *DOCUMENT_000, leading=()),
        model("two-leading", "Two leading dimensions, each sequence by itself.", *DOCUMENT_000, leading=(2, 3), s=4, t=3),
        poisoned,
        model("no-positions", "Over a source of no positions weights are empty and contexts 0.", "S2S-2", s=0),
        model("no-sequences", "No sequences in, none out.", "S2S-2", leading=(0,)),
        model("greedy-document-000", "Document 000's loop: each step gets the one-hot vector of the likeliest token before.", *DOCUMENT_000, *loop, leading=(3,), s=5, t=6, y=6, v=6, feedback="oneHot", attempt=315),
        model("greedy-bahdanau", "A table's row for each token, sources of their own lengths.", *loop, "S2S-4", **BAHDANAU | {"leading": (3,), "lengths": (4, 6, 2), "s": 6, "t": 6, "v": 7, "feedback": "table", "attempt": 61}),
        model("greedy-luong", "Feedback where the new state asks.", *loop, "S2S-5", **LUONG | {"t": 6, "y": 7, "v": 7, "feedback": "oneHot", "combined": 5, "attempt": 17}),
        model("greedy-plain", "Feedback without attention.", *loop, "S2S-6", **PLAIN | {"t": 6, "v": 7, "feedback": "table", "attempt": 344}),
        model("greedy-single-step", "One step knows the start alone.", *loop, t=1, y=6, v=6, feedback="oneHot"),
    ]
