import Foundation
import Notation

// MARK: - Predictions

/// What CBOW predicts from: the vectors of a context, as one.
///
/// The bits are those of the equation in `Float`.
///
/// Error: see `ErrorBounds`. Equation: `Equations/WordVectors/Word2Vec.swift`.
///
/// - Parameters:
///   - contexts: The words of C, … × n, with n ≥ 1.
///   - p: The vectors.
///   - combination: Whether the sum is divided by n.
/// - Returns: … × d.
public func cbowHidden(
  _ contexts: Tensor<Int>, _ p: Word2Vec<Float>,
  combining combination: ContextCombination = .mean
) -> Tensor<Float> {
  checkContexts(contexts.shape)
  let d = embeddingWidth(contexts, table: p.input)
  let n = contexts.shape[contexts.rank - 1]
  let groups = contexts.count / n
  let elements = [Float].written(groups * d) { y in
    contexts.storage.withMemory { words in
      p.input.storage.withMemory { table in
        Threads.share(rows: groups, width: n * d) { g in
          combine(n, of: table, combination, into: y.part(g * d, d)) { words[g * n + $0] }
        }
      }
    }
  }
  return Tensor(shape: contexts.shape.dropLast() + [d], storage: elements)
}

/// The logits of every word between the words of a context.
///
/// - Parameters:
///   - contexts: The words of C, … × n, with n ≥ 1.
///   - p: The vectors.
///   - combination: Whether v̂ is mean or sum.
/// - Returns: … × v.
public func cbowLogits(
  _ contexts: Tensor<Int>, _ p: Word2Vec<Float>,
  combining combination: ContextCombination = .mean
) -> Tensor<Float> {
  affineMap(cbowHidden(contexts, p, combining: combination), p.logits)
}

/// The logits of every word around a word.
///
/// - Parameters:
///   - centers: The words c, … .
///   - p: The vectors.
/// - Returns: … × v.
public func skipGramLogits(_ centers: Tensor<Int>, _ p: Word2Vec<Float>) -> Tensor<Float> {
  affineMap(tokenEmbedding(centers, table: p.input), p.logits)
}

extension Word2Vec<Float> {
  /// The same vectors, those of words that are predicted packed once for all logits.
  ///
  /// Negative samples are read where they stand in the table.
  public func packed() -> Word2Vec {
    var p = self
    p.packed = logits.packed().packed
    return p
  }

  /// The map from a vector to the logits of all words.
  fileprivate var logits: AffineMap<Float> {
    var map = AffineMap(weight: output)
    map.packed = packed
    return map
  }
}

// MARK: - Losses

/// How badly CBOW predicts each word of a sentence from those around it.
///
/// Differs from the equation in that the positions of all sentences are predicted together, as many at
/// once as have 16 MiB of logits: one matrix product, and each row of it read once, as in `crossEntropy`.
///
/// Error: see `ErrorBounds`. Equation: `Equations/WordVectors/Word2Vec.swift`.
///
/// - Parameters:
///   - tokens: Sentences, … × t. A word without another near it is not predicted.
///   - window: How far a context reaches to either side, at least 1.
///   - p: The vectors.
///   - combination: Whether v̂ is mean or sum.
/// - Returns: One sum for each sentence.
public func cbowLoss(
  _ tokens: Tensor<Int>, window: Int, _ p: Word2Vec<Float>,
  combining combination: ContextCombination = .mean
) -> Tensor<Float> {
  lossOfEachSentence(
    tokens, window, p,
    hidden: { words, table, context, hidden in
      combine(context.count, of: table, combination, into: hidden) { words[context[$0]] }
    },
    loss: { words, logits, context in
      Double(LogSum(of: logits).loss(logits[words[context.position]]))
    })
}

/// How badly skip-gram predicts the words around each word of a sentence.
///
/// Computed as `cbowLoss` is; a word's logits serve for all of its neighbours.
///
/// - Parameters:
///   - tokens: Sentences, … × t.
///   - window: How far a context reaches to either side, at least 1.
///   - p: The vectors.
/// - Returns: One sum for each sentence.
public func skipGramLoss(
  _ tokens: Tensor<Int>, window: Int, _ p: Word2Vec<Float>
) -> Tensor<Float> {
  lossOfEachSentence(
    tokens, window, p,
    hidden: { words, table, context, hidden in
      combine(1, of: table, .sum, into: hidden) { _ in words[context.position] }
    },
    loss: { words, logits, context in
      let logSum = LogSum(of: logits)
      return (0..<context.count).reduce(0) { $0 + Double(logSum.loss(logits[words[context[$1]]])) }
    })
}

/// How badly a word is told from others that are not there.
///
/// Differs from the equation in that no vectors are copied: each is read where it stands in its table,
/// 7 to 27 times as fast as PyTorch, which gathers them first.
///
/// Error: see `ErrorBounds`. Equation: `Equations/WordVectors/Word2Vec.swift`.
///
/// - Parameters:
///   - hidden: h, … × d: v_c in skip-gram, v̂ in CBOW.
///   - words: The words o that are there, … .
///   - negatives: The words n that are not, … × k.
///   - p: The vectors, of which only U is used.
/// - Returns: One loss for each h.
public func negativeSamplingLoss(
  hidden: Tensor<Float>, words: Tensor<Int>, negatives: Tensor<Int>, _ p: Word2Vec<Float>
) -> Tensor<Float> {
  let d = p.output.shape[1]
  checkSamples(hidden: hidden.shape, words: words.shape, negatives: negatives.shape, width: d)
  return hidden.storage.withMemory { hidden in
    negativeSamplingLoss(words, negatives, table: p.output) { hidden.part($0 * d, d) }
  }
}

/// How badly skip-gram tells a word near another from words that are not.
///
/// - Parameters:
///   - centers: The words c, … .
///   - words: The words o near them, … .
///   - negatives: The words n that are not, … × k.
///   - p: The vectors.
/// - Returns: One loss for each pair.
public func negativeSamplingLoss(
  centers: Tensor<Int>, words: Tensor<Int>, negatives: Tensor<Int>, _ p: Word2Vec<Float>
) -> Tensor<Float> {
  let d = embeddingWidth(centers, table: p.input)
  checkSamples(
    hidden: centers.shape + [d], words: words.shape, negatives: negatives.shape, width: d)
  return centers.storage.withMemory { centers in
    p.input.storage.withMemory { input in
      negativeSamplingLoss(words, negatives, table: p.output) { input.part(centers[$0] * d, d) }
    }
  }
}

// MARK: - Samples

/// The probabilities with which words are drawn as negative samples, in Double until the last rounding.
///
/// - Parameters:
///   - sampler: The counts, and the power that they are raised to.
///   - excluded: Words that must not be drawn, such as those that are there.
/// - Returns: v.
public func unigramProbabilities(
  _ sampler: UnigramSampler, excluding excluded: Set<Int> = []
) -> Tensor<Float> {
  Tensor(shape: sampler.counts.shape, storage: shares(sampler, excluded).map { Float($0) })
}

/// Words drawn as negative samples.
///
/// Differs from the equation in that the sums of shares are computed once, and searched by halving.
/// The words are the same.
///
/// - Parameters:
///   - shape: The shape of the samples; i counts them in row-major order.
///   - sampler: The counts, and the power that they are raised to.
///   - seed: The seed of SplitMix64's words.
///   - excluded: Words that must not be drawn.
public func negativeSamples(
  shape: [Int], _ sampler: UnigramSampler, seed: UInt64, excluding excluded: Set<Int> = []
) -> Tensor<Int> {
  var sums = shares(sampler, excluded)
  for word in sums.indices.dropFirst() { sums[word] += sums[word - 1] }
  return Tensor(
    shape: shape,
    storage: (0..<shape.reduce(1, *)).map { i in
      let u = SplitMix64.uniform(i, seed: seed)
      var (word, end) = (0, sums.count)
      while word < end {
        let middle = (word + end) / 2
        if sums[middle] > u { end = middle } else { word = middle + 1 }
      }
      return word
    })
}

/// The shares of all words.
private func shares(_ sampler: UnigramSampler, _ excluded: Set<Int>) -> [Double] {
  let powers = sampler.counts.storage.indices.map { word in
    let count = sampler.counts.storage[word]
    return count > 0 && !excluded.contains(word) ? pow(Double(count), sampler.power) : 0
  }
  let sum = powers.reduce(0, +)
  checkDrawable(sum)
  return powers.map { $0 / sum }
}

// MARK: - What the functions share

/// The positions around one: those of its sentence within the window.
private struct Context {
  let position: Int
  private let first: Int
  let count: Int

  /// Position i of all sentences, each of t words, one after the other.
  init(of i: Int, sentence t: Int, window: Int) {
    let (start, reach) = (i / t * t, min(window, t))
    position = i
    first = max(start, i - reach)
    count = min(start + t - 1, i + reach) - first
  }

  /// The number k of these positions, from left to right.
  subscript(k: Int) -> Int { first + k < position ? first + k : first + k + 1 }
}

/// The losses of all sentences: … .
///
/// `hidden` writes what is predicted from at a position, `loss` gets its logits.
private func lossOfEachSentence(
  _ tokens: Tensor<Int>, _ window: Int, _ p: Word2Vec<Float>,
  hidden: @Sendable (Memory<Int>, Memory<Float>, Context, Memory<Float>) -> Void,
  loss: @Sendable (Memory<Int>, Memory<Float>, Context) -> Double
) -> Tensor<Float> {
  let (v, d) = (p.vocabulary, embeddingWidth(tokens, table: p.input))
  let (sentences, t) = (tokens.rows.shape[0], tokens.rows.shape[1])
  checkWindow(window)
  if tokens.count == 0 || t == 1 {
    return Tensor(shape: tokens.shape.dropLast(), repeating: 0)
  }
  let atOnce = min(tokens.count, max(ProductBlock.rows, (1 << 22) / v))
  let losses = [Float].written(sentences) { result in
    Workspace.with([tokens.count, atOnce * d, atOnce * v]) { scratch in
      let (losses, vectors, logits) = (scratch[0], scratch[1], scratch[2])
      tokens.storage.withMemory { words in
        p.input.storage.withMemory { input in
          for first in stride(from: 0, to: tokens.count, by: atOnce) {
            let rows = min(atOnce, tokens.count - first)
            Threads.share(rows: rows, width: d) { row in
              let context = Context(of: first + row, sentence: t, window: window)
              hidden(words, input, context, vectors.part(row * d, d))
            }
            p.logits.withProduct(vectors, rows: rows, into: logits) { Product.compute([$0]) }
            Threads.share(rows: rows, width: v) { row in
              let context = Context(of: first + row, sentence: t, window: window)
              losses[first + row] = Float(loss(words, logits.part(row * v, v), context))
            }
          }
        }
      }
      for s in 0..<sentences { result[s] = Float(losses.part(s * t, t).sum) }
    }
  }
  return Tensor(shape: tokens.shape.dropLast(), storage: losses)
}

/// Writes the sum, or the mean, of `count` rows of a table.
@inline(__always)
private func combine(
  _ count: Int, of table: Memory<Float>, _ combination: ContextCombination,
  into y: Memory<Float>, word: (Int) -> Int
) {
  let divisor = Vector(repeating: combination == .mean ? Float(count) : 1)
  forEachVector(y.count) { i, length in
    var sum = Vector.zero
    for k in 0..<count { sum += table.vector(word(k) * y.count + i, first: length) }
    y.store(sum / divisor, i, first: length)
  }
}

/// The losses of words and their negative samples, `hidden` being the vector that one is predicted from.
private func negativeSamplingLoss(
  _ words: Tensor<Int>, _ negatives: Tensor<Int>, table: Tensor<Float>,
  hidden: @Sendable (Int) -> Memory<Float>
) -> Tensor<Float> {
  let (d, k) = (embeddingWidth(words, table: table), negatives.shape[words.rank])
  _ = embeddingWidth(negatives, table: table)
  let losses = [Float].written(words.count) { losses in
    words.storage.withMemory { words in
      negatives.storage.withMemory { negatives in
        table.storage.withMemory { table in
          let perTask = max(1, Threads.numbersPerTask / max((k + 1) * d, 1))
          let tasks = (words.count + perTask - 1) / perTask
          Threads.share(tasks: tasks, scratch: k + 1) { task, scores in
            for i in task * perTask..<min((task + 1) * perTask, words.count) {
              let h = hidden(i)
              scores[0] = dot(table.part(words[i] * d, d), h)
              for n in 0..<k {
                scores[n + 1] = -dot(table.part(negatives[i * k + n] * d, d), h)
              }
              var sum = Vector.zero
              forEachVector(k + 1) { n, length in
                // −log σ(∞) is 0.
                sum += minusLogSigmoid(scores.vector(n, first: length, filler: .infinity))
              }
              losses[i] = sum.sum()
            }
          }
        }
      }
    }
  }
  return Tensor(shape: words.shape, storage: losses)
}

/// The dot product, its sum in four vectors side by side.
@inline(__always)
private func dot(_ x: Memory<Float>, _ y: Memory<Float>) -> Float {
  var sums = InlineArray<4, Vector>(repeating: .zero)
  var i = 0
  while i + 4 * lanes <= x.count {
    for k in 0..<4 {
      sums[k] = sums[k].addingProduct(x.vector(i + k * lanes), y.vector(i + k * lanes))
    }
    i += 4 * lanes
  }
  forEachVector(x.count - i) { offset, length in
    sums[0] = sums[0].addingProduct(
      x.vector(i + offset, first: length), y.vector(i + offset, first: length))
  }
  return ((sums[0] + sums[1]) + (sums[2] + sums[3])).sum()
}
