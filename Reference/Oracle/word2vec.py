"""Word2vec: CBOW and skip-gram with the softmax over all words, their losses, and negative sampling."""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np
import torch

import exact
from agreement import DEFINITION, MPMATH, PYTORCH_FLOAT64, double
from attention_mask import EXACTLY, no_tolerance
from cases import Case, Definition, Draw, Function, Tensors, defined, tensor
from exact import Number
from random_stream import uniform_numbers, uniform_numbers_by_index

TOPIC = "Word2Vec"

Lift = Callable[[np.ndarray], np.ndarray]

# First source: PyTorch's own embeddings and losses.


def tables_by_torch(case: Case) -> tuple[torch.Tensor, torch.Tensor]:
    """Returns V and U: v×d; one table is both."""
    table = double(case.inputs["inputTable"])
    return table, double(case.inputs["outputTable"]) if "outputTable" in case.inputs else table


def hidden_by_torch(contexts: torch.Tensor, table: torch.Tensor, combination: str) -> torch.Tensor:
    """Returns v̂: …×d of contexts: …×n."""
    bags = torch.nn.functional.embedding_bag(contexts.reshape(-1, contexts.shape[-1]), table, mode=combination)
    return bags.reshape(*contexts.shape[:-1], table.shape[1])


def cbow_by_torch(case: Case) -> Tensors:
    """Returns v̂: …×d, logits …×v and probabilities of contexts: …×n."""
    v, u = tables_by_torch(case)
    hidden = hidden_by_torch(torch.from_numpy(case.inputs["contexts"]), v, case.attributes["combination"])
    logits = torch.nn.functional.linear(hidden, u)
    return {"hidden": hidden.numpy(), "logits": logits.numpy(), "probabilities": logits.softmax(dim=-1).numpy()}


def skip_gram_by_torch(case: Case) -> Tensors:
    """Returns logits …×v and probabilities around centers: …."""
    v, u = tables_by_torch(case)
    centers = torch.from_numpy(case.inputs["centers"])
    logits = torch.nn.functional.linear(torch.nn.functional.embedding(centers, v), u)
    return {"logits": logits.numpy(), "probabilities": logits.softmax(dim=-1).numpy()}


def sentence_losses(case: Case, loss: Callable[[torch.Tensor], torch.Tensor]) -> Tensors:
    """Returns the loss of each sentence of tokens: …×t."""
    tokens = torch.from_numpy(case.inputs["tokens"])
    losses = [loss(sentence).item() for sentence in tokens.reshape(tokens.shape[:-1].numel(), tokens.shape[-1])]
    return {"loss": np.array(losses, dtype=np.float64).reshape(tokens.shape[:-1])}


def cbow_loss_by_torch(case: Case) -> Tensors:
    """Returns the summed cross-entropy of the words of each sentence."""
    v, u = tables_by_torch(case)
    window = case.attributes["window"]

    def loss(sentence: torch.Tensor) -> torch.Tensor:
        total = torch.zeros((), dtype=torch.float64)
        for i in range(len(sentence)):
            context = torch.cat([sentence[max(i - window, 0) : i], sentence[i + 1 : i + 1 + window]])
            if len(context) > 0:
                logits = torch.nn.functional.linear(hidden_by_torch(context, v, case.attributes["combination"]), u)
                total += torch.nn.functional.cross_entropy(logits, sentence[i])
        return total

    return sentence_losses(case, loss)


def skip_gram_loss_by_torch(case: Case) -> Tensors:
    """Returns the summed cross-entropy of the pairs of each sentence, all pairs of a distance at a time."""
    v, u = tables_by_torch(case)

    def loss(sentence: torch.Tensor) -> torch.Tensor:
        total = torch.zeros((), dtype=torch.float64)
        for distance in range(1, min(case.attributes["window"], len(sentence) - 1) + 1):
            for centers, words in ((sentence[:-distance], sentence[distance:]), (sentence[distance:], sentence[:-distance])):
                total += torch.nn.functional.cross_entropy(v[centers] @ u.T, words, reduction="sum")
        return total

    return sentence_losses(case, loss)


def negative_sampling_by_torch(case: Case) -> Tensors:
    """Returns the loss of each pair: …."""
    v, u = tables_by_torch(case)
    given = {name: torch.from_numpy(x) for name, x in case.inputs.items()}
    hidden = given["hidden"].double() if "hidden" in given else v[given["centers"]]
    there = (u[given["words"]] * hidden).sum(dim=-1)
    absent = (u[given["negatives"]] @ hidden.unsqueeze(-1)).squeeze(-1)
    log_sigmoid = torch.nn.functional.logsigmoid
    return {"loss": (-log_sigmoid(there) - log_sigmoid(-absent).sum(dim=-1)).numpy()}


def unigram_by_torch(case: Case) -> Tensors:
    """Returns the probability of each word: v."""
    return {"output": probabilities_by_torch(case)}


def probabilities_by_torch(case: Case) -> np.ndarray:
    """Returns the probability of each word: v."""
    counts = case.inputs["counts"].copy()
    counts[case.inputs["excluded"]] = 0
    weights = torch.where(
        torch.from_numpy(counts > 0), torch.from_numpy(counts).double().pow(case.attributes["power"]), 0.0
    )
    return (weights / weights.sum()).numpy()


def samples_by_torch(case: Case) -> Tensors:
    """Returns the words drawn, all at once."""
    shape = tuple(int(extent) for extent in case.inputs["shape"])
    uniform = uniform_numbers_by_index(case.attributes["seed"], int(np.prod(shape)))
    words = np.searchsorted(np.cumsum(probabilities_by_torch(case)), uniform, side="right")
    return {"output": words.astype(np.int64).reshape(shape)}


def pairs_by_numpy(case: Case) -> Tensors:
    """Returns center and context of each pair: pairs×2."""
    tokens, window = case.inputs["tokens"], case.attributes["window"]
    t = tokens.shape[-1]
    distance = np.abs(np.arange(t)[:, np.newaxis] - np.arange(t))
    i, j = np.nonzero((distance > 0) & (distance <= window))
    pairs = [np.stack([sentence[i], sentence[j]], axis=-1) for sentence in tokens.reshape(int(np.prod(tokens.shape[:-1])), t)]
    return {"output": np.concatenate([np.empty((0, 2), dtype=np.int64), *pairs])}


# Second source: the definitions, word by word.


def tables(case: Case, lift: Lift) -> tuple[np.ndarray, np.ndarray]:
    """Returns V and U: v×d; one table is both."""
    table = lift(case.inputs["inputTable"])
    return table, lift(case.inputs["outputTable"]) if "outputTable" in case.inputs else table


def hidden_of(context: list[int], table: np.ndarray, combination: str) -> np.ndarray:
    """Returns v̂: d of the words of a context."""
    sums = [exact.total([table[word, c] for word in context]) for c in range(table.shape[1])]
    return np.array([x / len(context) if combination == "mean" else x for x in sums], dtype=object)


def logits_of(hidden: np.ndarray, u: np.ndarray) -> list[Number]:
    """Returns the logit of every word."""
    return [exact.dot(row, hidden) for row in u]


def filled(leading: tuple[int, ...], width: int, row: Callable[[tuple[int, ...]], Any]) -> np.ndarray:
    """Returns the tensor leading×width of a function from place to row."""
    result = np.empty((*leading, width), dtype=object)
    for place in np.ndindex(leading):
        result[place] = row(place)
    return result


def cbow(case: Case, lift: Lift) -> Tensors:
    """Returns v̂: …×d, logits …×v and probabilities of contexts: …×n."""
    v, u = tables(case, lift)
    contexts, leading = case.inputs["contexts"], case.inputs["contexts"].shape[:-1]
    hidden = filled(leading, v.shape[1], lambda place: hidden_of(list(contexts[place]), v, case.attributes["combination"]))
    logits = filled(leading, len(u), lambda place: logits_of(hidden[place], u))
    return {
        "hidden": hidden, "logits": logits,
        "probabilities": filled(leading, len(u), lambda place: exact.softmax(logits[place])),
    }


def skip_gram(case: Case, lift: Lift) -> Tensors:
    """Returns logits …×v and probabilities around centers: …."""
    v, u = tables(case, lift)
    centers = case.inputs["centers"]
    logits = filled(centers.shape, len(u), lambda place: logits_of(v[centers[place]], u))
    return {"logits": logits, "probabilities": filled(centers.shape, len(u), lambda place: exact.softmax(logits[place]))}


def neighbours(sentence: np.ndarray, window: int) -> Iterator[tuple[int, list[int]]]:
    """Yields each word of a sentence with the words near it."""
    for i, word in enumerate(sentence):
        near = [int(sentence[j]) for j in range(len(sentence)) if 0 < abs(i - j) <= window]
        yield int(word), near


def each_sentence(case: Case, loss: Callable[[np.ndarray], Number]) -> Tensors:
    """Returns the loss of each sentence of tokens: …×t."""
    tokens = case.inputs["tokens"]
    result = np.empty(tokens.shape[:-1], dtype=object)
    for place in np.ndindex(result.shape):
        result[place] = loss(tokens[place])
    return {"loss": result}


def cbow_loss(case: Case, lift: Lift) -> Tensors:
    """Returns −Σ log P(word | its context) of each sentence."""
    v, u = tables(case, lift)

    def loss(sentence: np.ndarray) -> Number:
        return exact.total([
            -exact.log_softmax(logits_of(hidden_of(near, v, case.attributes["combination"]), u))[word]
            for word, near in neighbours(sentence, case.attributes["window"])
            if near
        ])

    return each_sentence(case, loss)


def skip_gram_loss(case: Case, lift: Lift) -> Tensors:
    """Returns −Σ log P(word near it | word) of each sentence."""
    v, u = tables(case, lift)

    def loss(sentence: np.ndarray) -> Number:
        return exact.total([
            -exact.log_softmax(logits_of(v[word], u))[other]
            for word, near in neighbours(sentence, case.attributes["window"])
            for other in near
        ])

    return each_sentence(case, loss)


def minus_log_sigmoid(x: Number) -> Number:
    """Returns −log σ(x); the power never overflows."""
    return exact.log(1 + exact.exp(x)) - x if x < 0 else exact.log(1 + exact.exp(-x))


def negative_sampling(case: Case, lift: Lift) -> Tensors:
    """Returns −log σ(u_o · h) − Σ log σ(−u_n · h) of each pair: …."""
    v, u = tables(case, lift)
    words, negatives = case.inputs["words"], case.inputs["negatives"]
    hidden = lift(case.inputs["hidden"]) if "hidden" in case.inputs else v[case.inputs["centers"]]
    result = np.empty(words.shape, dtype=object)
    for place in np.ndindex(words.shape):
        there = minus_log_sigmoid(exact.dot(u[words[place]], hidden[place]))
        absent = [minus_log_sigmoid(-exact.dot(u[word], hidden[place])) for word in negatives[place]]
        result[place] = exact.total([there, *absent])
    return {"loss": result}


def unigram(case: Case, lift: Lift) -> Tensors:
    """Returns the probability of each word: v."""
    counts, excluded = lift(case.inputs["counts"]), set(case.inputs["excluded"].tolist())
    power = Number(case.attributes["power"])
    weights = [
        exact.exp(power * exact.log(count)) if count > 0 and word not in excluded else exact.of_kind(Number(0), count)
        for word, count in enumerate(counts)
    ]
    whole = exact.total(weights)
    return {"output": np.array([weight / whole for weight in weights], dtype=object)}


# What a uniform number is from the end of a word's share by, at least: no rounding may draw another word.
MARGIN = 1e-6


def samples(case: Case) -> Tensors:
    """Returns the words drawn, one after the other."""
    shape = tuple(int(extent) for extent in case.inputs["shape"])
    probabilities = unigram(case, exact.exact)["output"]
    words = []
    for u in uniform_numbers(case.attributes["seed"], int(np.prod(shape))):
        ends = [exact.total(probabilities[: word + 1]) for word in range(len(probabilities))]
        if any(0 < probabilities[word] and abs(end - u) < MARGIN for word, end in enumerate(ends)):
            raise ValueError(f"{TOPIC}/{case.id}: {u} is at the end of a word's share")
        words.append(next(word for word, end in enumerate(ends) if end > u))
    return {"output": np.array(words, dtype=np.int64).reshape(shape)}


def pairs(case: Case) -> Tensors:
    """Returns center and context of each pair: pairs×2."""
    tokens = case.inputs["tokens"]
    found = [
        [word, other]
        for place in np.ndindex(tokens.shape[:-1])
        for word, near in neighbours(tokens[place], case.attributes["window"])
        for other in near
    ]
    return {"output": np.array(found, dtype=np.int64).reshape(len(found), 2)}


def by_torch(first: Callable[[Case], Tensors], definition: Definition) -> Function:
    """Returns a function of floating-point numbers."""
    return defined(first, definition, (PYTORCH_FLOAT64, MPMATH))


def of_integers(first: Callable[[Case], Tensors], second: Callable[[Case], Tensors], source: str) -> Function:
    """Returns a function whose results are integers, and so exact."""
    return Function(first, second, no_tolerance, (source, DEFINITION), EXACTLY)


FUNCTIONS = {
    "cbowLogits": by_torch(cbow_by_torch, cbow),
    "skipGramLogits": by_torch(skip_gram_by_torch, skip_gram),
    "cbowLoss": by_torch(cbow_loss_by_torch, cbow_loss),
    "skipGramLoss": by_torch(skip_gram_loss_by_torch, skip_gram_loss),
    "negativeSamplingLoss": by_torch(negative_sampling_by_torch, negative_sampling),
    "contextPairs": of_integers(pairs_by_numpy, pairs, "NumPy, all pairs of positions at once"),
    "unigramProbabilities": by_torch(unigram_by_torch, unigram),
    "negativeSamples": of_integers(samples_by_torch, samples, "NumPy, float64, each sample from its index"),
}


# The cases.


def drawn_tables(draw: Draw, v: int, d: int, shared: bool = False, scale: float = 1.0) -> Tensors:
    """Returns drawn tables: v×d, each at a scale of its own, or one for both."""
    inputs = {"inputTable": draw.normal(v, d, scale=scale)}
    return inputs if shared else inputs | {"outputTable": draw.normal(v, d, scale=0.7 * scale)}


# The table that the document prints.
DOCUMENT = tensor([[0.2, 0.4, 0.1, 0.3], [0.6, 0.8, 0.5, 0.9], [0.7, 0.2, 0.9, 0.1]])


def cases() -> list[Case]:
    """Returns every case of the topic."""
    return prediction_cases() + loss_cases() + negative_cases() + pair_cases() + sample_cases()


def cbow_case(
    id: str, purpose: str, contexts: tuple[int, ...] = (3, 4), v: int = 11, d: int = 5, combination: str = "mean",
    shared: bool = False,
) -> Case:
    """Returns drawn contexts under drawn tables."""
    draw = Draw(id)
    inputs = {"contexts": draw.tokens(*contexts, low=0, high=v - 1)} | drawn_tables(draw, v, d, shared)
    return Case(id, "cbowLogits", purpose, inputs, ("W2V-1", "W2V-2", "CLM-48"), {"combination": combination})


def skip_gram_case(
    id: str, purpose: str, centers: tuple[int, ...] = (2, 3), v: int = 11, d: int = 5, shared: bool = False
) -> Case:
    """Returns drawn centers under drawn tables."""
    draw = Draw(id)
    inputs = {"centers": draw.tokens(*centers, low=0, high=v - 1)} | drawn_tables(draw, v, d, shared)
    return Case(id, "skipGramLogits", purpose, inputs, ("W2V-4", "ERR-50"), {})


def prediction_cases() -> list[Case]:
    """Returns the predictions of CBOW and of skip-gram."""
    repeated = cbow_case("cbow-repeated", "A word that stands twice in a context counts twice.")
    repeated.inputs["contexts"] = np.array([[3, 3, 5, 7], [2, 9, 9, 9], [4, 4, 4, 4]])
    poisoned = cbow_case("cbow-nonfinite", "NaN in a row of V reaches the contexts with its word, and no other.", (3, 2), v=5)
    poisoned.inputs["contexts"] = np.array([[0, 2], [2, 3], [4, 0]])
    poisoned.inputs["inputTable"][3, 1] = np.nan
    poisoned_output = skip_gram_case("skip-gram-nonfinite", "A logit of −∞ is a probability of 0, and NaN makes a row of NaN.", (4,), v=5)
    poisoned_output.inputs["centers"] = np.array([0, 1, 2, 3])
    poisoned_output.inputs["inputTable"][:3] = np.abs(poisoned_output.inputs["inputTable"][:3])
    poisoned_output.inputs["inputTable"][2, 3] = np.nan
    poisoned_output.inputs["outputTable"][4] = -np.inf
    words = np.array([[0, 2], [1, 0]])
    return [
        cbow_case("cbow-mean", "The mean of four vectors, and the logits of all words; the tables differ."),
        cbow_case("cbow-sum", "The sum of four vectors: the probabilities are others than with the mean.", combination="sum"),
        cbow_case("cbow-one-word", "A context of one word: mean and sum are its vector.", (5, 1)),
        cbow_case("cbow-vector", "One context without leading dimensions.", (3,), v=13),
        cbow_case("cbow-three-dimensions", "Contexts in three dimensions.", (2, 3, 5), v=7, d=3),
        cbow_case("cbow-square", "As many words as dimensions: a transposed table has the right shape here.", v=7, d=7),
        cbow_case("cbow-shared", "One table for given and predicted words.", shared=True),
        cbow_case("cbow-shared-sum", "One table, and the sum.", combination="sum", shared=True),
        cbow_case("cbow-no-contexts", "No contexts in, no predictions out.", (0, 3)),
        repeated,
        poisoned,
        Case("cbow-document", "cbowLogits", "The table that the document prints: what stands between 我 and 小狗, 喜欢 and 我.", {"contexts": words, "inputTable": DOCUMENT}, ("W2V-1", "W2V-2", "W2V-8", "EMB-3"), {"combination": "mean"}),
        skip_gram_case("skip-gram", "The logits of all words around each center; exchanged tables give others."),
        skip_gram_case("skip-gram-one", "One center without dimensions.", ()),
        skip_gram_case("skip-gram-square", "As many words as dimensions.", v=7, d=7),
        skip_gram_case("skip-gram-shared", "One table: the matrix of logits of all words is symmetric.", (11,), shared=True),
        poisoned_output,
        Case("skip-gram-document", "skipGramLogits", "The table that the document prints, around 喜欢 and the others.", {"centers": np.array([1, 0, 2]), "inputTable": DOCUMENT}, ("W2V-4", "W2V-8", "EMB-3", "ERR-49"), {}),
    ]


def loss_case(
    id: str, purpose: str, model: str, tokens: tuple[int, ...] = (3, 7), window: int = 2, v: int = 11, d: int = 5,
    shared: bool = False, scale: float = 1.0, combination: str = "mean",
) -> Case:
    """Returns the losses of drawn sentences under drawn tables."""
    draw = Draw(id)
    inputs = {"tokens": draw.tokens(*tokens, low=0, high=v - 1)} | drawn_tables(draw, v, d, shared, scale)
    attributes: dict[str, Any] = {"window": window} | ({"combination": combination} if model == "cbowLoss" else {})
    ids = ("W2V-3", "CLM-46", "CLM-48") if model == "cbowLoss" else ("W2V-5", "CLM-43", "CLM-46")
    return Case(id, model, purpose, inputs, ids, attributes)


def loss_cases() -> list[Case]:
    """Returns the losses of whole sentences, once for each model."""
    found = []
    for model, name in (("cbowLoss", "cbow-loss"), ("skipGramLoss", "skip-gram-loss")):
        repeated = loss_case(f"{name}-repeated", "A word that stands near itself is predicted like any other.", model)
        repeated.inputs["tokens"] = np.array([[3, 3, 3, 5, 3, 5, 5], [1, 2, 1, 2, 1, 2, 1], [4, 4, 4, 4, 4, 4, 4]])
        document = {"tokens": np.array([0, 1, 2]), "inputTable": DOCUMENT}
        combination = {"combination": "mean"} if model == "cbowLoss" else {}
        found += [
            loss_case(name, "Sentences by themselves, words at their ends with smaller contexts, and sums, not means.", model),
            loss_case(f"{name}-window-1", "Only the next word to either side.", model, window=1),
            loss_case(f"{name}-wide-window", "A window that reaches beyond both ends of every sentence.", model, (2, 5), window=9),
            loss_case(f"{name}-one-sentence", "A sentence without leading dimensions has one loss.", model, (9,), window=3, v=5),
            loss_case(f"{name}-one-word", "A word without another near it is not predicted: the loss is 0.", model, (3, 1)),
            loss_case(f"{name}-two-words", "The least sentence with a prediction.", model, (4, 2)),
            loss_case(f"{name}-no-words", "Sentences without words have a loss of 0.", model, (2, 0)),
            loss_case(f"{name}-no-sentences", "No sentences, no losses.", model, (0, 4)),
            loss_case(f"{name}-shared", "One table for given and predicted words.", model, shared=True),
            loss_case(f"{name}-large", "Logits of some thousands: without the shift by the maximum the exponentials overflow.", model, (2, 6), scale=30.0),
            repeated,
            Case(f"{name}-document", model, "The three words and the one table of the document.", document, ("W2V-3" if combination else "W2V-5", "W2V-8", "EMB-3"), {"window": 1, **combination}),
        ]
    return found + [
        loss_case("cbow-loss-sum", "The sum of a context's vectors, not their mean.", "cbowLoss", combination="sum"),
        loss_case("cbow-loss-sum-shared", "The sum, and one table.", "cbowLoss", combination="sum", shared=True),
    ]


def negative_case(
    id: str, purpose: str, words: tuple[int, ...] = (2, 3), k: int = 4, v: int = 11, d: int = 5, shared: bool = False,
    scale: float = 1.0, hidden: bool = False,
) -> Case:
    """Returns the losses of drawn pairs and drawn negative samples under drawn tables."""
    draw = Draw(id)
    given = {"hidden": draw.normal(*words, d)} if hidden else {"centers": draw.tokens(*words, low=0, high=v - 1)}
    drawn = {name: draw.tokens(*shape, low=0, high=v - 1) for name, shape in (("words", words), ("negatives", (*words, k)))}
    inputs = given | drawn | drawn_tables(draw, v, d, shared, scale)
    return Case(id, "negativeSamplingLoss", purpose, inputs, ("W2V-6", "CLM-47"), {})


def negative_cases() -> list[Case]:
    """Returns the losses with negative sampling."""
    poisoned = negative_case("negative-nonfinite", "Rows of other words may hold anything: only k + 2 rows are touched.", v=13)
    touched = {name: set(poisoned.inputs[name].ravel().tolist()) for name in ("centers", "words", "negatives")}
    for table, names in (("inputTable", ("centers",)), ("outputTable", ("words", "negatives"))):
        for row in set(range(13)).difference(*(touched[name] for name in names)):
            poisoned.inputs[table][row] = [np.nan, np.inf, -np.inf, np.nan, 1]
    same = negative_case("negative-same", "A negative sample may be the word itself, and be drawn twice.", (3,), 3)
    same.inputs["negatives"] = np.stack([same.inputs["words"], same.inputs["words"], np.array([1, 1, 1])], axis=-1)
    document = {"centers": np.array([1, 1]), "words": np.array([0, 2]), "negatives": np.array([[2], [1]]), "inputTable": DOCUMENT}
    return [
        negative_case("negative", "One loss for each pair: samples with the opposite sign, and summed."),
        negative_case("negative-shared", "One table for given and predicted words.", shared=True),
        negative_case("negative-square", "As many words as dimensions: transposed tables have the right shape.", v=7, d=7),
        negative_case("negative-one", "One sample for each pair.", (5,), 1),
        negative_case("negative-none", "Without samples only the word itself is left.", (5,), 0),
        negative_case("negative-single", "One pair without dimensions.", (), 3),
        negative_case("negative-no-pairs", "No pairs, no losses.", (0,), 3),
        negative_case("negative-large", "Products up to some hundreds: the exponential of a large one overflows, of a small one vanishes.", (3, 5), 4, scale=16.0),
        negative_case("negative-hidden", "From vectors that are in no table, as CBOW has them.", hidden=True),
        poisoned,
        same,
        Case("negative-document", "negativeSamplingLoss", "喜欢 beside 我 and beside 小狗, with a word of the table as sample.", document, ("W2V-6", "W2V-8", "EMB-3"), {}),
    ]


def pair_cases() -> list[Case]:
    """Returns the pairs of sentences."""

    def case(id: str, purpose: str, tokens: tuple[int, ...], window: int) -> Case:
        inputs = {"tokens": Draw(id).tokens(*tokens, low=0, high=8)}
        return Case(id, "contextPairs", purpose, inputs, ("W2V-5", "CLM-46"), {"window": window})

    return [
        case("pairs", "Center first; by sentence, by center, and from left to right.", (2, 5), 2),
        case("pairs-window-1", "Only the next word to either side.", (7,), 1),
        case("pairs-wide-window", "Every word beside every other.", (3, 4), 7),
        case("pairs-three-dimensions", "No pair crosses from one sentence to another.", (2, 2, 3), 2),
        case("pairs-one-word", "A word alone has no pair.", (3, 1), 2),
        case("pairs-no-words", "No words, no pairs.", (2, 0), 2),
    ]


def sample_cases() -> list[Case]:
    """Returns the probabilities of words as samples, and samples."""

    def inputs(counts: list[int], excluded: tuple[int, ...]) -> Tensors:
        return {"counts": np.array(counts, dtype=np.int64), "excluded": np.array(excluded, dtype=np.int64)}

    def unigram_case(id: str, purpose: str, counts: list[int], power: float, *excluded: int) -> Case:
        return Case(f"unigram-{id}", "unigramProbabilities", purpose, inputs(counts, excluded), ("W2V-6",), {"power": power})

    def sample_case(id: str, purpose: str, counts: list[int], power: float, shape: tuple[int, ...], seed: int, *excluded: int) -> Case:
        drawn = inputs(counts, excluded) | {"shape": np.array(shape, dtype=np.int64)}
        return Case(f"samples{id}", "negativeSamples", purpose, drawn, ("W2V-6",), {"power": power, "seed": seed})

    counts = [17, 3, 0, 256, 1, 40]
    return [
        unigram_case("three-quarters", "Counts to the power ¾, divided by their sum.", counts, 0.75),
        unigram_case("plain", "The power 1: the shares of the words.", counts, 1.0),
        unigram_case("uniform", "The power 0: all words alike, but for one that does not occur.", counts, 0.0),
        unigram_case("excluded", "Words that are excluded leave their shares to the others.", counts, 0.75, 3, 0),
        unigram_case("large", "Counts up to thousands of millions.", [3_000_000_000, 1, 12_345_678, 77], 0.75),
        unigram_case("one-word", "One word that occurs has all of it.", [0, 0, 9], 0.75),
        sample_case("", "Sample i takes word i of the stream, in row-major order.", counts, 0.75, (3, 5), 11),
        sample_case("-uniform", "Words that do not occur are not drawn at the power 0 either.", [0, 4, 0, 9, 1, 0], 0.0, (17,), 5),
        sample_case("-plain", "Other shares, other words.", counts, 1.0, (3, 5), 11),
        sample_case("-excluded", "The same stream without the most frequent word.", counts, 0.75, (3, 5), 11, 3),
        sample_case("-largest-seed", "A seed of 31 bits.", counts, 0.75, (2, 3, 2), 2**31 - 1, 0),
        sample_case("-none", "No samples.", counts, 0.75, (2, 0), 1),
    ]
