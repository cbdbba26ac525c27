"""BLEU: how many n-grams of translations stand in their references."""

from collections.abc import Callable, Sequence

import numpy as np
from sacrebleu import __version__ as sacrebleu_version
from sacrebleu.metrics import BLEU
from sacrebleu.metrics.bleu import BLEUScore

import exact
from agreement import MPMATH
from cases import Case, Draw, Tensors, defined
from exact import Number

TOPIC = "BLEU"

ORACLES = (f"sacreBLEU {sacrebleu_version}, float64", MPMATH)

Sentence = list[int]


def sentence(row: np.ndarray, length: int) -> Sentence:
    """Returns the tokens of a row before its padding."""
    return [int(token) for token in row[:length]]


def corpus(case: Case) -> tuple[list[Sentence], list[list[Sentence]]]:
    """Returns the candidates, and the references of each."""
    x = case.inputs
    candidates = [sentence(row, length) for row, length in zip(x["candidates"], x["candidateLengths"], strict=True)]
    references = [
        [sentence(row, length) for row, length in zip(rows, lengths, strict=True) if length >= 0]
        for rows, lengths in zip(x["references"], x["referenceLengths"], strict=True)
    ]
    return candidates, references


def words(case: Case) -> tuple[list[Sentence], list[list[Sentence]]]:
    """Returns the characters of hypothesis and reference, word by word, up to the end of the shorter list."""
    x = case.inputs
    both = [
        [sentence(row, length) for row, length in zip(x[name], x[f"{name}Lengths"], strict=True)]
        for name in ("hypothesis", "reference")
    ]
    pairs = list(zip(*both))
    return [hypothesis for hypothesis, _ in pairs], [[reference] for _, reference in pairs]


# First source: sacreBLEU, its tokenizer and its smoothing switched off.


def scored(candidates: list[Sentence], references: list[list[Sentence]], order: int) -> BLEUScore:
    """Returns what sacreBLEU makes of sentences, given as text without a reference that is missing."""
    texts = [[" ".join(map(str, reference)) for reference in some] for some in references]
    most = max(len(some) for some in texts)
    streams = [[some[i] if i < len(some) else None for some in texts] for i in range(most)]
    metric = BLEU(tokenize="none", smooth_method="none", force=True, max_ngram_order=order)
    return metric.corpus_score([" ".join(map(str, candidate)) for candidate in candidates], streams)


def bleu_by_sacrebleu(case: Case) -> Tensors:
    """Returns the counts, what follows from them, and BLEU from 0 to 1."""
    score = scored(*corpus(case), case.attributes["maximumOrder"])
    matches, totals = np.array(score.counts, dtype=np.int64), np.array(score.totals, dtype=np.int64)
    return {
        "matches": matches,
        "totals": totals,
        "precisions": matches / np.maximum(totals, 1),
        "candidateLength": np.array(score.sys_len, dtype=np.int64),
        "referenceLength": np.array(score.ref_len, dtype=np.int64),
        "brevityPenalty": np.array(score.bp, dtype=np.float64),
        "score": np.array(score.score / 100, dtype=np.float64),
    }


def document_002_by_sacrebleu(case: Case) -> Tensors:
    """Returns BLEU of characters, from 0 to 100."""
    return {"score": np.array(scored(*words(case), 4).score, dtype=np.float64)}


# Second source: the definition, n-gram by n-gram.


def n_grams(tokens: Sentence, n: int) -> list[tuple[int, ...]]:
    """Returns every n-gram of a sentence, as often as it stands there."""
    return [tuple(tokens[i : i + n]) for i in range(len(tokens) - n + 1)]


def counts(
    candidates: list[Sentence], references: list[list[Sentence]], order: int
) -> tuple[list[int], list[int], int, int]:
    """Returns matches and totals of each order, and the lengths of candidates and references."""
    matches, totals = [0] * order, [0] * order
    reference_length = 0
    for candidate, several in zip(candidates, references, strict=True):
        # Sorted, so that the shorter one of two equally near comes first.
        reference_length += min(sorted(map(len, several)), key=lambda length: abs(length - len(candidate)))
        for n in range(1, order + 1):
            found = n_grams(candidate, n)
            totals[n - 1] += len(found)
            for gram in set(found):
                matches[n - 1] += min(found.count(gram), max(n_grams(reference, n).count(gram) for reference in several))
    return matches, totals, sum(map(len, candidates)), reference_length


def mean_of_logarithms(precisions: Sequence[Number]) -> Number:
    """Returns Σ log p_n / N."""
    return exact.total([exact.log(p) for p in precisions]) / len(precisions)


def bleu(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns the counts, what follows from them, and BLEU from 0 to 1."""
    candidates, references = corpus(case)
    matches, totals, c, r = counts(candidates, references, case.attributes["maximumOrder"])

    def number(x: int) -> Number:
        return lift(np.array(x))[()]

    precisions = [number(match) / number(max(total, 1)) for match, total in zip(matches, totals, strict=True)]
    penalty = number(1) if c >= r else exact.exp(1 - number(r) / number(c)) if c > 0 else number(0)
    score = number(0) if 0 in matches else penalty * exact.exp(mean_of_logarithms(precisions))
    return {
        "matches": np.array(matches, dtype=np.int64),
        "totals": np.array(totals, dtype=np.int64),
        "precisions": np.array(precisions, dtype=object),
        "candidateLength": np.array(c, dtype=np.int64),
        "referenceLength": np.array(r, dtype=np.int64),
        "brevityPenalty": np.array(penalty, dtype=object),
        "score": np.array(score, dtype=object),
    }


def document_002(case: Case, lift: Callable[[np.ndarray], np.ndarray]) -> Tensors:
    """Returns BLEU of characters, from 0 to 100."""
    inner = Case(case.id, "bleu", case.purpose, corpus_inputs(*words(case)), case.ids, {"maximumOrder": 4})
    return {"score": np.array(100 * bleu(inner, lift)["score"][()], dtype=object)}


FUNCTIONS = {
    "bleu": defined(bleu_by_sacrebleu, bleu, ORACLES),
    "document002BLEU": defined(document_002_by_sacrebleu, document_002, ORACLES),
}


# The cases.


def padded(sentences: list[Sentence], width: int) -> np.ndarray:
    """Returns sentences as rows of a width, −1 behind their ends."""
    return np.array([tokens + [-1] * (width - len(tokens)) for tokens in sentences], dtype=np.int64).reshape(len(sentences), width)


def lengths(sentences: list[Sentence]) -> np.ndarray:
    """Returns how many tokens each sentence has."""
    return np.array([len(tokens) for tokens in sentences], dtype=np.int64)


def corpus_inputs(candidates: list[Sentence], references: list[list[Sentence]]) -> Tensors:
    """Returns candidates s×t, references s×k×t', and their lengths; a reference of length −1 is none."""
    most, longest = max(map(len, references)), max(len(tokens) for several in references for tokens in several)
    rows = [several + [[]] * (most - len(several)) for several in references]
    return {
        "candidates": padded(candidates, max(map(len, candidates))),
        "candidateLengths": lengths(candidates),
        "references": np.stack([padded(several, longest) for several in rows]),
        "referenceLengths": np.array([
            [len(several[i]) if i < len(several) else -1 for i in range(most)] for several in references
        ], dtype=np.int64),
    }


def case(
    id: str, purpose: str, candidates: list[Sentence], references: list[list[Sentence]], order: int = 4
) -> Case:
    """Returns BLEU of given sentences."""
    return Case(id, "bleu", purpose, corpus_inputs(candidates, references), ("BLEU-1",), {"maximumOrder": order})


def drawn(
    id: str, purpose: str, shapes: list[tuple[int, list[int]]], order: int = 4, changed: int = 4
) -> Case:
    """Returns BLEU of drawn sentences: of each its length, and the lengths of its references.

    A candidate begins as its first reference does; one token in `changed` is another then.
    """
    draw = Draw(id)
    candidates, references = [], []
    for length, reference_lengths in shapes:
        several = [draw.tokens(n, low=0, high=4).tolist() for n in reference_lengths]
        tokens = (several[0] + draw.tokens(length, low=0, high=4).tolist())[:length]
        others, places = draw.tokens(length, low=0, high=4), draw.tokens(length, low=1, high=changed)
        candidates.append([int(other) if place == 1 else token for token, other, place in zip(tokens, others, places, strict=True)])
        references.append(several)
    return case(id, purpose, candidates, references, order)


def text(*sentences: str) -> list[Sentence]:
    """Returns sentences of words as sentences of numbers: a word's number is where it first stood in the alphabet."""
    known = ["a", "cat", "is", "mat", "on", "sat", "the", "there"]
    return [[known.index(word) for word in words.split()] for words in sentences]


def document_002_case(id: str, purpose: str, hypothesis: str, reference: str) -> Case:
    """Returns the BLEU of two texts as document 002 has it, characters by their code points."""
    lists = {"hypothesis": hypothesis.split(), "reference": reference.split()}
    spelled = {name: [[ord(character) for character in word] for word in some] for name, some in lists.items()}
    inputs: Tensors = {}
    for name, some in spelled.items():
        inputs |= {name: padded(some, max(map(len, some))), f"{name}Lengths": lengths(some)}
    return Case(id, "document002BLEU", purpose, inputs, ("BLEU-2", "ERR-38"), {})


def cases() -> list[Case]:
    """Returns every case of the topic."""
    several = [(9, [10, 7]), (12, [11, 13, 9]), (6, [7]), (5, [5, 5])]
    mat = text("the cat is on the mat", "there is a cat on the mat")
    (again,) = text("the cat is on the mat")
    return [
        drawn("corpus", "Counts and lengths are summed over all sentences before anything is divided.", several),
        drawn("corpus-long", "Forty sentences with one reference each.", [(11 + i % 7, [12 + i % 5]) for i in range(40)]),
        drawn("short", "The candidates are shorter than their references and pay for it.", [(9, [13, 11]), (7, [9])], changed=9),
        drawn("long", "Longer candidates pay nothing, and gain nothing.", [(15, [11, 12]), (9, [8])], changed=9),
        drawn("order-1", "Only words.", several, order=1),
        drawn("order-2", "The mean over two orders.", several, order=2),
        drawn("order-6", "The mean over six orders.", [(19, [19]), (17, [18, 16])], order=6, changed=12),
        drawn("different", "Few n-grams stand in a reference.", [(23, [22, 29, 21]), (31, [30, 33])], changed=2),
        case("clipped", "A word counts as often as one reference has it: 2 of 7.", text("the the the the the the the"), [mat], order=1),
        case("clipped-by-the-largest", "The larger of two counts, not their sum, and not the first.", [[1, 1, 1, 1, 2, 2]], [[[1, 2, 2, 3], [1, 1, 3, 3]]], order=1),
        case("clipped-by-sentence", "What one sentence has too often does not count for another.", [[1, 1, 1, 1], [2, 2, 2, 2]], [[[1, 2, 2, 2]], [[2, 1, 1, 1]]], order=1),
        case("mat", "One wrong word in the middle.", text("the cat is on a mat"), [[again]]),
        case("mat-two-references", "The second reference has what the first has not.", text("the cat is on a mat"), [mat]),
        case("no-four", "No four words in order stand in the reference: 0, since nothing is smoothed.", text("the cat sat on the mat"), [[again]]),
        case("identical", "A translation that is its reference has 1.", [[3, 1, 4, 1, 5], [9, 2, 6, 5, 3, 5]], [[[3, 1, 4, 1, 5]], [[9, 2, 6, 5, 3, 5]]]),
        case("identical-too-short", "Three words have no four in order: 0.", [[1, 2, 3]], [[[1, 2, 3]]]),
        case("one-too-short", "A sentence without four words adds to the other orders.", [[1, 2, 3], [4, 5, 6, 7, 8]], [[[1, 2, 3]], [[4, 5, 6, 7, 8]]]),
        case("nearest", "The reference nearest in length, neither the shortest nor the longest.", [[1, 2, 3, 4, 5, 6, 7]], [[[1, 2, 3, 4], [1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2]]]),
        case("nearest-of-two", "The shorter of two references equally near: no penalty.", [[1, 2, 3, 4, 5]], [[[1, 2, 3, 4, 5, 6], [1, 2, 3, 4]]]),
        case("nearest-of-each", "Near for each sentence, not for their sum.", [[1, 2, 3, 4, 5], [1, 2, 3, 4, 5, 6, 7, 8, 9]], [[[1, 2, 3, 4, 5, 6, 7, 8], [9, 2, 3]], [[1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9], [1, 2, 3, 4]]]),
        case("across", "No n-gram begins in one sentence and ends in the next.", [[1, 2, 3, 4], [5, 6, 7, 8, 9]], [[[1, 2, 3, 4]], [[5, 6, 7, 8, 9]]], order=2),
        case("order-of-words", "The words of the reference in another order.", [[5, 4, 3, 2, 1]], [[[1, 2, 3, 4, 5]]], order=2),
        case("nothing", "Not one word stands in the reference.", [[1, 2, 3, 4, 5]], [[[6, 7, 8, 9, 0]]]),
        case("empty-candidate", "A candidate without words adds to the references' length alone.", [[], [1, 2, 3, 4, 5, 6]], [[[1, 2]], [[1, 2, 3, 4, 5, 6, 7]]]),
        case("only-empty", "No words at all: 0.", [[]], [[[1, 2, 3]]]),
        document_002_case("document-002-short-words", "Words of three letters have no four in order: identical sentences have 0.", "the cat is on the mat", "the cat is on the mat"),
        document_002_case("document-002", "Identical sentences with longer words have 100.", "hello world again", "hello world again"),
        document_002_case("document-002-shifted", "The right words one place further have 0.", "oh hello world again", "hello world again today"),
        document_002_case("document-002-near", "Two words lack a letter, and the words at the end have no counterpart.", "another translation end is here", "another translations ends"),
        document_002_case("document-002-accents", "A letter and its accent are two code points, and so two characters.", "e\u0301e\u0301", "e\u0301e\u0301"),
    ]
