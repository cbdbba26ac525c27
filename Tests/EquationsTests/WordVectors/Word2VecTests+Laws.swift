import Equations
import ErrorBounds
import Notation
import TestSupport

let predictionLaws: [Law<Predict<Double>>] = [
  Law("a logit is the product of a word's vector with the mean, or the sum, of the context's") {
    predict, draw in
    let input = draw.prediction()
    try expectLogits(predict(input), input, by: input)
  },
  Law("the order of a context does not matter") { predict, draw in
    let input = draw.prediction(of: [.mean, .sum])
    let n = input.words.shape[1]
    let order = draw.permutation("order", count: n)
    var permuted = input
    permuted.words.storage = input.words.storage.indices.map {
      input.words.storage[$0 / n * n + order[$0 % n]]
    }
    try expectLogits(predict(permuted), permuted, by: input)
  },
  Law("the vectors of words that are not given may be anything") { predict, draw in
    let input = draw.prediction()
    let poison = draw.element("poison", of: [0, 1e30, Double.nan, .infinity])
    var poisoned = input
    for word in 0..<input.p.vocabulary where !input.words.storage.contains(word) {
      for c in 0..<input.p.input.shape[1] { poisoned.p.input[word, c] = poison }
    }
    try expect(predict(poisoned) == predict(input), "another word reaches the logits")
  },
  Law("with one table, a word predicts another as strongly as that one predicts it") {
    predict, draw in
    var input = draw.prediction(of: [nil])
    input.p = Word2Vec(shared: input.p.input)
    let v = input.p.vocabulary
    input.words = Tensor(shape: [v], storage: Array(0..<v))
    let logits = predict(input)
    try expectSame(
      logits, logits.transposed, bounds: bounds(input), bounds(input), "the two directions")
  },
]

let corpusLaws: [Law<CorpusLoss<Double>>] = [
  Law("the loss of a sentence is that of its predictions, one by one") { loss, draw in
    let input = draw.corpus()
    let tracked = input.converted(to: RunningError.self)
    let byHand = Tensor(
      shape: [input.tokens.shape[0]],
      storage: (0..<input.tokens.shape[0]).map { lossByHand(of: $0, tracked) })
    try ErrorGauge(
      got: loss(input), expected: byHand.map(\.value),
      bound: byHand.bounds + corpusLoss(tracked).bounds)
  },
  Law("every sentence has its loss for itself") { loss, draw in
    let input = draw.corpus()
    let losses = loss(input)
    for sentence in 0..<input.tokens.shape[0] {
      var alone = input
      alone.tokens = input.tokens.slice(sentence)
      try expect(loss(alone) == losses.slice(sentence), "sentence \(sentence)")
    }
  },
  Law("a sentence read backwards has the same loss") { loss, draw in
    let input = draw.corpus()
    var backwards = input
    let t = input.tokens.shape[1]
    backwards.tokens.storage = input.tokens.storage.indices.map {
      input.tokens.storage[$0 / t * t + t - 1 - $0 % t]
    }
    let bound = corpusLoss(input.converted(to: RunningError.self)).bounds
    try expectSame(loss(backwards), loss(input), bounds: bound, bound)
  },
  Law("where all words are alike, every prediction costs log v") { loss, draw in
    var input = draw.corpus()
    input.p.output = input.p.output.map { _ in 0 }
    let (t, c) = (input.tokens.shape[1], min(input.window, input.tokens.shape[1] - 1))
    // CBOW predicts every word that has another, skip-gram every pair.
    let predictions = input.combination != nil ? (t > 1 ? t : 0) : 2 * c * t - c * (c + 1)
    let logV = RunningError.log(RunningError(Double(input.p.vocabulary)))
    let cost = RunningError(Double(predictions)) * logV
    let losses = loss(input)
    try ErrorGauge(
      got: losses, expected: losses.map { _ in cost.value },
      bound: corpusLoss(input.converted(to: RunningError.self)).bounds.map { $0 + cost.bound })
  },
]

let negativeLaws: [Law<NegativeLoss<Double>>] = [
  Law("the loss is −log σ of the word's product and of the samples' negative ones") { loss, draw in
    let input = draw.negative()
    let tracked = input.converted(to: RunningError.self)
    let byHand = negativeLossByHand(tracked)
    try ErrorGauge(
      got: loss(input), expected: byHand.map(\.value),
      bound: byHand.bounds + negativeLoss(tracked).bounds)
  },
  Law("the order of the samples does not matter") { loss, draw in
    let input = draw.negative()
    let k = input.negatives.shape[1]
    let order = draw.permutation("order", count: k)
    var permuted = input
    permuted.negatives.storage = input.negatives.storage.indices.map {
      input.negatives.storage[$0 / k * k + order[$0 % k]]
    }
    let bound = negativeLoss(input.converted(to: RunningError.self)).bounds
    try expectSame(loss(permuted), loss(input), bounds: bound, bound)
  },
  Law("only k + 2 rows are touched: those of other words may be anything") { loss, draw in
    let input = draw.negative()
    let poison = draw.element("poison", of: [0, 1e30, Double.nan, .infinity])
    var poisoned = input
    let predicted = input.words.storage + input.negatives.storage
    for word in 0..<input.p.vocabulary {
      for c in 0..<input.p.output.shape[1] {
        if !predicted.contains(word) { poisoned.p.output[word, c] = poison }
        if case .centers(let centers) = input.given, !centers.storage.contains(word) {
          poisoned.p.input[word, c] = poison
        }
      }
    }
    try expect(loss(poisoned) == loss(input), "another word reaches the loss")
  },
  Law("a pair has its loss for itself") { loss, draw in
    let input = draw.negative()
    let losses = loss(input)
    for i in 0..<input.words.count {
      let alone = NegativeCase(
        given: .hidden(input.hidden.slice(i)), words: input.words.slice(i),
        negatives: input.negatives.slice(i), p: input.p)
      try expect(loss(alone) == losses.slice(i), "pair \(i)")
    }
  },
]

let pairLaws: [Law<Pairs>] = [
  Law("a word is paired with each other one of its sentence within the window, in their order") {
    pairs, draw in
    let (tokens, window) = (draw.words("sentences", upTo: 9, words: 4), draw.window())
    var expected: [Int] = []
    for sentence in 0..<tokens.shape[0] {
      for i in 0..<tokens.shape[1] {
        for j in 0..<tokens.shape[1] where i != j && abs(i - j) <= window {
          expected += [tokens[sentence, i], tokens[sentence, j]]
        }
      }
    }
    let got = pairs(tokens, window)
    try expect(got.storage == expected && got.shape == [expected.count / 2, 2], "\(got.storage)")
  }
]

let unigramLaws: [Law<Unigram>] = [
  Law("a word's share is a power of its count among those of all words that may be drawn") {
    unigram, draw in
    let (sampler, excluded) = draw.sampler()
    let shares = sharesByHand(sampler, excluded)
    let own: Tensor<RunningError> = unigramProbabilities(sampler, excluding: excluded)
    try ErrorGauge(
      got: unigram(sampler, excluded), expected: shares.map(\.value),
      bound: shares.bounds + own.bounds)
  }
]

let sampleLaws: [Law<Sample>] = [
  Law("a sample is the word in whose share its number lies") { sample, draw in
    let input = draw.samples()
    let shares = sharesByHand(input.sampler, input.excluded).map(\.value)
    let numbers = uniform(input.shape.reduce(1, *), input.seed)
    for (word, u) in zip(sample(input).storage, numbers) {
      let below = shares.storage[..<word].reduce(0, +)
      // Shares by hand are rounded otherwise.
      try expect(
        below - 1e-12 <= u && u < below + shares[word] + 1e-12 && shares[word] > 0,
        "word \(word) at \(u)")
    }
  },
  Law("a sample depends on its index alone") { sample, draw in
    var input = draw.samples()
    let samples = sample(input)
    try expect(samples.shape == input.shape, "the shape is \(samples.shape)")
    input.shape = [samples.count / 2]
    try expect(
      sample(input).storage == Array(samples.storage.prefix(samples.count / 2)), "on the shape")
  },
]

// MARK: - By hand

/// The logits of every word, as sums over words and coordinates: rows × v.
private func logitsByHand(_ input: PredictionCase<RunningError>) -> Tensor<RunningError> {
  let (v, d) = (input.p.vocabulary, input.p.input.shape[1])
  let n = input.combination == nil ? 1 : input.words.shape[1]
  let divisor = input.combination == .mean ? RunningError(Double(n)) : 1
  let logits = (0..<input.words.count / n).flatMap { row in
    (0..<v).map { w in
      (0..<n).reduce(0 as RunningError) { sum, j in
        (0..<d).reduce(sum) {
          $0 + input.p.output[w, $1] * input.p.input[input.words.storage[row * n + j], $1]
        }
      } / divisor
    }
  }
  return Tensor(shape: [input.words.count / n, v], storage: logits)
}

/// Throws unless logits are those of an input, which in exact arithmetic has the same as another.
private func expectLogits(
  _ got: Tensor<Double>, _ input: PredictionCase<Double>, by other: PredictionCase<Double>
) throws {
  let byHand = logitsByHand(other.converted(to: RunningError.self))
  try ErrorGauge(
    got: got, expected: byHand.map(\.value), bound: byHand.bounds + bounds(input))
}

private func bounds(_ input: PredictionCase<Double>) -> Tensor<Double> {
  predict(input.converted(to: RunningError.self)).bounds
}

/// The loss of one sentence: −z_target + log Σ exp(z) for each prediction.
private func lossByHand(
  of sentence: Int, _ input: CorpusCase<RunningError>
) -> RunningError {
  let words = input.tokens.slice(sentence).storage
  func cost(of target: Int, from given: [Int]) -> RunningError {
    let logits = logitsByHand(
      PredictionCase(
        words: Tensor(shape: [1, given.count], storage: given), p: input.p,
        combination: input.combination ?? .sum))
    let largest = RunningError(logits.storage.map(\.value).max()!)
    let sum = logits.storage.reduce(0) { $0 + RunningError.exp($1 - largest) }
    return RunningError.log(sum) + largest - logits[0, target]
  }
  var loss: RunningError = 0
  for i in words.indices {
    let near = words.indices.filter { $0 != i && abs($0 - i) <= input.window }.map { words[$0] }
    if near.isEmpty { continue }
    if input.combination != nil {
      loss += cost(of: words[i], from: near)
    } else {
      for other in near { loss += cost(of: other, from: [words[i]]) }
    }
  }
  return loss
}

/// The losses of pairs, the logarithm taken of 1 + exp(−x), or of exp(x) + 1 with x taken off.
private func negativeLossByHand(_ input: NegativeCase<RunningError>) -> Tensor<RunningError> {
  let d = input.p.output.shape[1]
  func cost(_ word: Int, _ pair: Int, sign: RunningError) -> RunningError {
    let x = sign * (0..<d).reduce(0) { $0 + input.p.output[word, $1] * input.hidden[pair, $1] }
    return x < 0
      ? RunningError.log(RunningError.exp(x) + 1) - x : RunningError.log(1 + RunningError.exp(-x))
  }
  let losses = input.words.storage.indices.map { i in
    input.negatives.slice(i).storage.reduce(cost(input.words[i], i, sign: 1)) {
      $0 + cost($1, i, sign: -1)
    }
  }
  return Tensor(shape: [losses.count], storage: losses)
}

/// The share of each word that may be drawn, its power as an exponential.
private func sharesByHand(
  _ sampler: UnigramSampler, _ excluded: Set<Int>
) -> Tensor<RunningError> {
  let powers = sampler.counts.storage.enumerated().map { word, count -> RunningError in
    if count == 0 || excluded.contains(word) { return 0 }
    return RunningError.exp(
      RunningError(sampler.power) * RunningError.log(RunningError(Double(count))))
  }
  let sum = powers.reduce(0, +)
  return Tensor(shape: [powers.count], storage: powers.map { $0 / sum })
}

// MARK: - Draws

extension Draw {
  fileprivate func words(_ name: String, upTo most: Int, words: Int) -> Tensor<Int> {
    let shape = [integer("g", in: 1...3), size(name, from: 1, upTo: most)]
    return integerTensor(name, shape, magnitude: words).map { abs(Int($0)) % words }
  }

  fileprivate func window() -> Int { integer("window", in: 1...4) }

  private func word2Vec(scale: Double = 1) -> Word2Vec<Double> {
    let shape = [4, size("d", from: 1, upTo: 4)]
    let input = tensor("V", shape, .ordinary).converted(to: Double.self).map { $0 * scale }
    if bool("shared", probability: 0.2) { return Word2Vec(shared: input) }
    return Word2Vec(input: input, output: tensor("U", shape, .ordinary).converted())
  }

  fileprivate func prediction(
    of combinations: [ContextCombination?] = [.mean, .sum, nil]
  ) -> PredictionCase<Double> {
    let combination = element("combination", of: combinations)
    let words = words("n", upTo: 5, words: 4)
    return PredictionCase(
      words: combination == nil ? words.reshaped([words.count]) : words, p: word2Vec(),
      combination: combination)
  }

  fileprivate func corpus() -> CorpusCase<Double> {
    CorpusCase(
      tokens: words("t", upTo: 6, words: 4), window: window(),
      p: word2Vec(scale: element("scale", of: [1, 64])),
      combination: element("combination", of: [.mean, .sum, nil]))
  }

  fileprivate func negative() -> NegativeCase<Double> {
    let (n, k) = (size("pairs", from: 1, upTo: 4), size("k", upTo: 4))
    func words(_ name: String, _ shape: [Int]) -> Tensor<Int> {
      integerTensor(name, shape, magnitude: 4).map { abs(Int($0)) % 4 }
    }
    let p = word2Vec(scale: element("scale", of: [1, 64]))
    let hidden = tensor("hidden", [n, p.input.shape[1]], .ordinary).converted(to: Double.self)
    return NegativeCase(
      given: bool("skip-gram") ? .centers(words("centers", [n])) : .hidden(hidden),
      words: words("words", [n]), negatives: words("negatives", [n, k]), p: p)
  }

  fileprivate func sampler() -> (UnigramSampler, excluded: Set<Int>) {
    var counts = (0..<size("v", from: 2, upTo: 7)).map { _ in integer("count", in: 0...20) }
    // Words 0 and 1 occur, and at most one of them is excluded.
    counts[0] += 1
    counts[1] += 1
    let excluded = element("excluded", of: [[], [0], [1, counts.count - 1]] as [Set<Int>])
    let power = element("power", of: [0.75, 1, 0, 0.5])
    return (
      UnigramSampler(counts: Tensor(shape: [counts.count], storage: counts), power: power), excluded
    )
  }

  fileprivate func samples() -> SampleCase {
    let (sampler, excluded) = sampler()
    return SampleCase(
      sampler: sampler, excluded: excluded, shape: [integer("g", in: 1...3), size("n", upTo: 9)],
      seed: UInt64(integer("seed", in: 0...1000)))
  }
}
