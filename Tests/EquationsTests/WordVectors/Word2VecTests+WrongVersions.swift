import Equations
import Foundation
import Notation
import TestSupport

let wrongPredictions: [WrongVersion<Predict<Double>>] = [
  prediction("the sum for the mean") { if $0.combination == .mean { $0.combination = .sum } },
  prediction("the mean for the sum") { if $0.combination == .sum { $0.combination = .mean } },
  prediction("the tables are exchanged") { input in
    input.p = Word2Vec(input: input.p.output, output: input.p.input)
  },
  prediction("one table for both: the input's (ERR-50)") { $0.p = Word2Vec(shared: $0.p.input) },
  prediction("one table for both: the output's (ERR-50)") { $0.p = Word2Vec(shared: $0.p.output) },
  prediction("the input's table is read by columns where it is square") { input in
    let table = input.p.input
    if table.shape[0] == table.shape[1] { input.p.input = table.transposed }
  },
  prediction("the output's table is read by columns where it is square") { input in
    let table = input.p.output
    if table.shape[0] == table.shape[1] { input.p.output = table.transposed }
  },
  prediction("words are counted from 1") { input in
    let v = input.p.vocabulary
    input.words = input.words.map { ($0 + v - 1) % v }
  },
  prediction("the last word of a context is left out") { input in
    guard input.combination != nil, input.words.shape.last! > 1 else { return }
    let rows = input.words.rows
    let (n, shape) = (rows.shape[1], input.words.shape)
    input.words = Tensor(
      shape: shape.dropLast() + [n - 1],
      storage: rows.storage.indices.filter { $0 % n < n - 1 }.map { rows.storage[$0] })
  },
  WrongVersion("a word that stands twice in a context counts once") { input in
    guard let combination = input.combination else { return predict(input) }
    let rows = input.words.rows
    let logits = (0..<rows.shape[0]).flatMap { i in
      let words = Array(Set(rows.slice(i).storage)).sorted()
      return cbowLogits(
        Tensor(shape: [words.count], storage: words), input.p, combining: combination
      ).storage
    }
    return Tensor(shape: input.words.shape.dropLast() + [input.p.vocabulary], storage: logits)
  },
  WrongVersion("divided by √d, as attention's scores are") { input in
    predict(input).map { $0 / Double(input.p.input.shape[1]).squareRoot() }
  },
  WrongVersion("divided by the lengths of the vectors, as a cosine is") { input in
    func unit(_ table: Tensor<Double>) -> Tensor<Double> {
      let d = table.shape[1]
      let lengths = (0..<table.shape[0]).map { w in
        (0..<d).reduce(0) { $0 + table[w, $1] * table[w, $1] }.squareRoot()
      }
      return Tensor(
        shape: table.shape,
        storage: table.storage.indices.map { table.storage[$0] / lengths[$0 / d] })
    }
    var units = input
    units.p = Word2Vec(input: unit(input.p.input), output: unit(input.p.output))
    return predict(units)
  },
  WrongVersion("with one-hot vectors: NaN reaches every word") { input in
    var spread = input
    let nothing = input.p.input.storage.reduce(0) { $0 + $1 * 0 }  // 0, or NaN
    spread.p.input = input.p.input.map { $0 + nothing }
    return predict(spread)
  },
]

private func prediction(
  _ name: String, _ change: @escaping @Sendable (inout PredictionCase<Double>) -> Void
) -> WrongVersion<Predict<Double>> {
  WrongVersion(name, of: predict, given: change)
}

// MARK: - Losses

let wrongCorpusLosses: [WrongVersion<CorpusLoss<Double>>] = [
  corpus("the window reaches a word further") { $0.window += 1 },
  corpus("the window has so many words on both sides together") { input in
    input.window = max(1, input.window / 2)
  },
  corpus("the sum for the mean") { if $0.combination == .mean { $0.combination = .sum } },
  corpus("the mean for the sum") { if $0.combination == .sum { $0.combination = .mean } },
  corpus("skip-gram for CBOW") { $0.combination = nil },
  corpus("CBOW for skip-gram") { $0.combination = $0.combination ?? .mean },
  corpus("the tables are exchanged") { input in
    input.p = Word2Vec(input: input.p.output, output: input.p.input)
  },
  corpus("one table for both (ERR-50)") { $0.p = Word2Vec(shared: $0.p.input) },
  WrongVersion("all sentences are one") { input in
    var one = input
    one.tokens = input.tokens.reshaped([input.tokens.count])
    let loss = corpusLoss(one).storage[0]
    let losses = corpusLoss(input)
    let sum = losses.storage.reduce(0, +)
    return sum == 0 ? losses : losses.map { $0 * loss / sum }
  },
  WrongVersion("the mean over a sentence") { input in
    corpusLoss(input).map { $0 / Double(max(1, input.tokens.shape.last!)) }
  },
  WrongVersion("logarithms to the base 2") { corpusLoss($0).map { $0 / log(2) } },
  WrongVersion("a perplexity") { corpusLoss($0).map { exp($0) } },
  WrongVersion("the sign is missing") { corpusLoss($0).map { -$0 } },
  eachPrediction("the words before alone") { i, j, window, _ in j < i && i - j <= window },
  eachPrediction("the words behind alone") { i, j, window, _ in j > i && j - i <= window },
  eachPrediction("a word belongs to its own context") { i, j, window, _ in abs(i - j) <= window },
  eachPrediction("the ends of a sentence are next to each other") { i, j, window, t in
    i != j && min(abs(i - j), t - abs(i - j)) <= window
  },
  eachPrediction("only words with a whole window are predicted") { i, j, window, t in
    i != j && abs(i - j) <= window && i >= window && i + window < t
  },
  eachPrediction("the words at the window's edge alone") { i, j, window, _ in
    abs(i - j) == window
  },
  WrongVersion("without the shift by the maximum") { input in
    byPrediction(
      input, isNear: { i, j, window, _ in i != j && abs(i - j) <= window },
      logSoftmax: { z in
        let sum = z.storage.reduce(0) { $0 + exp($1) }
        return z.map { $0 - log(sum) }
      })
  },
]

private func corpus(
  _ name: String, _ change: @escaping @Sendable (inout CorpusCase<Double>) -> Void
) -> WrongVersion<CorpusLoss<Double>> {
  WrongVersion(name, of: corpusLoss, given: change)
}

/// Losses with other contexts: whether place j is in that of place i, among t.
private func eachPrediction(
  _ name: String,
  isNear: @escaping @Sendable (_ i: Int, _ j: Int, _ window: Int, _ t: Int) -> Bool
) -> WrongVersion<CorpusLoss<Double>> {
  WrongVersion(name) { byPrediction($0, isNear: isNear) { logSoftmax($0) } }
}

private func byPrediction(
  _ input: CorpusCase<Double>, isNear: (Int, Int, Int, Int) -> Bool,
  logSoftmax: (Tensor<Double>) -> Tensor<Double>
) -> Tensor<Double> {
  let sentences = input.tokens.rows
  let t = sentences.shape[1]
  let losses = (0..<sentences.shape[0]).map { s in
    (0..<t).reduce(0.0) { loss, i in
      let near = (0..<t).filter { isNear(i, $0, input.window, t) }.map { sentences[s, $0] }
      if near.isEmpty { return loss }
      let given = input.combination == nil ? [sentences[s, i]] : near
      let logits = predict(
        PredictionCase(
          words: Tensor(shape: [1, given.count], storage: given), p: input.p,
          combination: input.combination ?? .sum))
      let logP = logSoftmax(logits)
      let targets = input.combination == nil ? near : [sentences[s, i]]
      return targets.reduce(loss) { $0 - logP[0, $1] }
    }
  }
  return Tensor(shape: input.tokens.shape.dropLast(), storage: losses)
}

// MARK: - Negative sampling

let wrongNegativeLosses: [WrongVersion<NegativeLoss<Double>>] = [
  negative("the samples are left out") { input in
    input.negatives = Tensor(shape: input.words.shape + [0], storage: [])
  },
  negative("only the first sample counts") { input in
    let (n, k) = (input.words.count, input.negatives.shape.last!)
    if k == 0 { return }
    input.negatives = Tensor(
      shape: input.words.shape + [1], storage: (0..<n).map { input.negatives.storage[$0 * k] })
  },
  negative("the word is taken for a sample as well") { input in
    let (n, k) = (input.words.count, input.negatives.shape.last!)
    input.negatives = Tensor(
      shape: input.words.shape + [k + 1],
      storage: (0..<n).flatMap { i in
        let samples = input.negatives.storage[i * k..<(i + 1) * k]
        return [input.words.storage[i]] + samples
      })
  },
  negative("the samples' vectors are those of given words") { input in
    input.p.output = input.p.input
  },
  negative("centers and words are exchanged") { input in
    guard case .centers(let centers) = input.given else { return }
    (input.given, input.words) = (.centers(input.words), centers)
  },
  negative("the tables are exchanged") { input in
    input.p = Word2Vec(input: input.p.output, output: input.p.input)
  },
  terms("the samples have the sign of the word") { there, absent in
    cost(there) + absent.reduce(0) { $0 + cost($1) }
  },
  terms("the signs are exchanged") { there, absent in
    cost(-there) + absent.reduce(0) { $0 + cost($1) }
  },
  terms("the word is left out") { _, absent in absent.reduce(0) { $0 + cost(-$1) } },
  terms("the mean over the samples") { there, absent in
    cost(there) + absent.reduce(0) { $0 + cost(-$1) } / Double(max(1, absent.count))
  },
  terms("the sign is missing") { there, absent in
    -(cost(there) + absent.reduce(0) { $0 + cost(-$1) })
  },
  terms("σ without its logarithm") { there, absent in
    1 - exp(-cost(there)) + absent.reduce(0) { $0 + 1 - exp(-cost(-$1)) }
  },
  terms("a softmax over the word and the samples") { there, absent in
    let z = Tensor(shape: [absent.count + 1], storage: [there] + absent)
    return -logSoftmax(z)[0]
  },
  terms("σ as it is defined: the exponential overflows") { there, absent in
    func cost(_ x: Double) -> Double { -log(1 / (1 + exp(-x))) }
    return cost(there) + absent.reduce(0) { $0 + cost(-$1) }
  },
]

/// −log σ(x).
@Sendable private func cost(_ x: Double) -> Double { max(-x, 0) + log1p(exp(-abs(x))) }

private func negative(
  _ name: String, _ change: @escaping @Sendable (inout NegativeCase<Double>) -> Void
) -> WrongVersion<NegativeLoss<Double>> {
  WrongVersion(name, of: negativeLoss, given: change)
}

/// Losses that are made otherwise of the products.
private func terms(
  _ name: String,
  _ loss: @escaping @Sendable (_ there: Double, _ absent: [Double]) -> Double
) -> WrongVersion<NegativeLoss<Double>> {
  WrongVersion(name) { input in
    let (h, u, k) = (input.hidden.rows, input.p.output, input.negatives.shape.last!)
    func product(_ word: Int, _ i: Int) -> Double {
      (0..<u.shape[1]).reduce(0) { $0 + u[word, $1] * h[i, $1] }
    }
    return Tensor(
      shape: input.words.shape,
      storage: input.words.storage.indices.map { i in
        loss(
          product(input.words.storage[i], i),
          (0..<k).map { product(input.negatives.storage[i * k + $0], i) })
      })
  }
}

// MARK: - Pairs and samples

let wrongPairs: [WrongVersion<Pairs>] = [
  WrongVersion("the context stands first") { tokens, window in
    let pairs = correctPairs(tokens, window)
    return Tensor(
      shape: pairs.shape, storage: pairs.storage.indices.map { pairs.storage[$0 ^ 1] })
  },
  WrongVersion("the window reaches a word further") { correctPairs($0, $1 + 1) },
  WrongVersion("all sentences are one") { tokens, window in
    correctPairs(tokens.reshaped([tokens.count]), window)
  },
  WrongVersion("each two words make one pair") { tokens, window in
    pairs(tokens) { i, j in i < j && j - i <= window }
  },
  WrongVersion("a word is paired with itself") { tokens, window in
    pairs(tokens) { i, j in abs(i - j) <= window }
  },
  WrongVersion("only words with a whole window are centers") { tokens, window in
    let t = tokens.shape.last!
    return pairs(tokens) { i, j in
      i != j && abs(i - j) <= window && i >= window && i + window < t
    }
  },
  WrongVersion("from right to left") { tokens, window in
    let sentences = tokens.rows
    let backwards = Tensor(
      shape: sentences.shape,
      storage: (0..<sentences.shape[0]).flatMap { sentences.slice($0).storage.reversed() })
    return correctPairs(backwards, window)
  },
]

private func pairs(_ tokens: Tensor<Int>, _ isPair: (_ i: Int, _ j: Int) -> Bool) -> Tensor<Int> {
  let sentences = tokens.rows
  let t = sentences.shape[1]
  let pairs = (0..<sentences.shape[0]).flatMap { s in
    (0..<t).flatMap { i in
      (0..<t).filter { isPair(i, $0) }.flatMap { [sentences[s, i], sentences[s, $0]] }
    }
  }
  return Tensor(shape: [pairs.count / 2, 2], storage: pairs)
}

let wrongUnigrams: [WrongVersion<Unigram>] = [
  WrongVersion("the power is left out") { sampler, excluded in
    correctUnigram(UnigramSampler(counts: sampler.counts, power: 1), excluded)
  },
  WrongVersion("the power is always ¾") { sampler, excluded in
    correctUnigram(UnigramSampler(counts: sampler.counts), excluded)
  },
  WrongVersion("all words alike") { sampler, excluded in
    correctUnigram(UnigramSampler(counts: sampler.counts, power: 0), excluded)
  },
  WrongVersion("the power of the shares, not of the counts") { sampler, excluded in
    correctUnigram(UnigramSampler(counts: sampler.counts, power: 1), excluded).map {
      $0 == 0 ? 0 : pow($0, sampler.power)
    }
  },
  WrongVersion("nothing is excluded") { sampler, _ in correctUnigram(sampler, []) },
  WrongVersion("what is excluded leaves a gap") { sampler, excluded in
    var shares = correctUnigram(sampler, [])
    for word in excluded { shares[word] = 0 }
    return shares
  },
  WrongVersion("0 to the power 0 is 1") { sampler, excluded in
    let weights = sampler.counts.storage.enumerated().map { word, count in
      excluded.contains(word) ? 0 : pow(Double(count), sampler.power)
    }
    let sum = weights.reduce(0, +)
    return Tensor(shape: [weights.count], storage: weights.map { $0 / sum })
  },
  WrongVersion("a count too many for each word") { sampler, excluded in
    correctUnigram(
      UnigramSampler(counts: sampler.counts.map { $0 + 1 }, power: sampler.power), excluded)
  },
]

let wrongSamples: [WrongVersion<Sample>] = [
  sample("the power is left out") { input in
    input.sampler = UnigramSampler(counts: input.sampler.counts, power: 1)
  },
  sample("all words alike") { input in
    input.sampler = UnigramSampler(counts: input.sampler.counts, power: 0)
  },
  sample("nothing is excluded") { $0.excluded = [] },
  sample("the words of the next seed") { $0.seed += 1 },
  numbered("the words begin with the second") { i, seed, _ in
    SplitMix64.uniform(i + 1, seed: seed)
  },
  numbered("the words of xoshiro256**") { i, seed, _ in
    var stream = RandomStream(seed: seed)
    var u: Double = 0
    for _ in 0...i { u = stream.uniform() }
    return u
  },
  numbered("every sample is the same") { _, seed, _ in SplitMix64.uniform(0, seed: seed) },
  numbered("column by column") { i, seed, shape in
    guard shape.count == 2, shape[1] > 0 else { return SplitMix64.uniform(i, seed: seed) }
    return SplitMix64.uniform(i % shape[1] * shape[0] + i / shape[1], seed: seed)
  },
  numbered("from the last word on") { i, seed, _ in 1 - SplitMix64.uniform(i, seed: seed) },
  WrongVersion("the word behind") { input in
    correctSample(input).map { ($0 + 1) % input.sampler.counts.count }
  },
  WrongVersion("the likeliest word") { input in
    let best = argmax(correctUnigram(input.sampler, input.excluded)).storage[0]
    return Tensor(shape: input.shape, repeating: best)
  },
]

private func sample(
  _ name: String, _ change: @escaping @Sendable (inout SampleCase) -> Void
) -> WrongVersion<Sample> {
  WrongVersion(name, of: correctSample, given: change)
}

/// Samples by other numbers.
private func numbered(
  _ name: String,
  _ number: @escaping @Sendable (_ i: Int, _ seed: UInt64, _ shape: [Int]) -> Double
) -> WrongVersion<Sample> {
  WrongVersion(name) { input in
    let shares = correctUnigram(input.sampler, input.excluded).storage
    return Tensor(
      shape: input.shape,
      storage: (0..<input.shape.reduce(1, *)).map { i in
        let u = number(i, input.seed, input.shape)
        var sum = 0.0
        return shares.firstIndex {
          sum += $0
          return sum > u
        } ?? shares.count - 1
      })
  }
}
