import Equations
import Foundation
import Notation

/// The largest error that the vector of a context may have, element by element.
///
///     γ_n Σ |v_w| / n + η
///
/// n − 1 sums and the quotient; without a division as for a product with 1.
///
/// - Parameters:
///   - contexts: … × n.
///   - p: The vectors.
///   - combination: Whether the sum is divided by n.
/// - Returns: … × d.
public func cbowHiddenBound(
  _ contexts: Tensor<Int>, _ p: Word2Vec<Double>,
  combining combination: ContextCombination = .mean
) -> Tensor<Double> {
  hidden(contexts, p, combination).errors
}

/// The largest error that CBOW's logits may have, element by element: that of an affine map of what may
/// be off.
///
/// - Parameters:
///   - contexts: … × n.
///   - p: The vectors.
///   - combination: Whether the sum is divided by n.
/// - Returns: … × v.
public func cbowLogitsBound(
  _ contexts: Tensor<Int>, _ p: Word2Vec<Double>,
  combining combination: ContextCombination = .mean
) -> Tensor<Double> {
  logits(hidden(contexts, p, combination), p).errors
}

/// The largest error that skip-gram's logits may have, element by element: that of an affine map.
///
/// - Parameters:
///   - centers: The words c, … .
///   - p: The vectors.
/// - Returns: … × v.
public func skipGramLogitsBound(
  _ centers: Tensor<Int>, _ p: Word2Vec<Double>
) -> Tensor<Double> {
  logits(Enclosure(tokenEmbedding(centers, table: p.input)), p).errors
}

/// The largest errors that CBOW's losses may have, one for each sentence.
///
/// A prediction's is that of a cross-entropy whose logits are off by `cbowLogitsBound`. Each position's
/// loss, and their sum, is rounded once.
///
/// - Parameters:
///   - tokens: Sentences, … × t.
///   - window: How far a context reaches to either side.
///   - p: The vectors.
///   - combination: Whether v̂ is mean or sum.
/// - Returns: … .
public func cbowLossBound(
  _ tokens: Tensor<Int>, window: Int, _ p: Word2Vec<Double>,
  combining combination: ContextCombination = .mean
) -> Tensor<Double> {
  boundOfEachSentence(tokens, window) { sentence, i, context in
    let words = Tensor(shape: [context.count], storage: context.map { sentence[$0] })
    return (logits(hidden(words, p, combination), p), [sentence[i]])
  }
}

/// The largest errors that skip-gram's losses may have, one for each sentence, as in `cbowLossBound`.
///
/// - Parameters:
///   - tokens: Sentences, … × t.
///   - window: How far a context reaches to either side.
///   - p: The vectors.
/// - Returns: … .
public func skipGramLossBound(
  _ tokens: Tensor<Int>, window: Int, _ p: Word2Vec<Double>
) -> Tensor<Double> {
  boundOfEachSentence(tokens, window) { sentence, i, context in
    (
      logits(Enclosure(tokenEmbedding(sentence.slice(i), table: p.input)), p),
      context.map { sentence[$0] }
    )
  }
}

/// The largest errors that losses under negative sampling may have.
///
///     Σ_j (e_j + 6u l_j + η) + γ_D Σ_j (l_j + e_j)        over the word and its samples
///     e_j = γ_(D_d + 1) |u_j| · |h| + d η,  D_n = ⌈n / 16⌉ + 5,  D = D_(k + 1)
///
/// The product x_j, off by e_j, has a slope below 1 in l_j = −log σ(±x_j), whose own function is off by
/// 3 ulp.
///
/// - Parameters:
///   - hidden: h, … × d, known exactly.
///   - words: The words o that are there, … .
///   - negatives: The words n that are not, … × k.
///   - p: The vectors, of which only U is used.
/// - Returns: One for each h; of no meaning where the loss is not finite.
public func negativeSamplingLossBound(
  hidden: Tensor<Double>, words: Tensor<Int>, negatives: Tensor<Int>, _ p: Word2Vec<Double>
) -> Tensor<Double> {
  let kernel = Arithmetic.kernel
  let (k, d) = (negatives.shape[words.rank], p.output.shape[1])
  let sum = kernel.gamma(kernel.sumDepth(k + 1))
  let bounds = words.storage.indices.map { i in
    let h = hidden.storage[i * d..<(i + 1) * d]
    let samples = [words.storage[i]] + negatives.storage[i * k..<(i + 1) * k]
    return samples.enumerated().reduce(0) { bound, sample in
      let row = p.output.storage[sample.element * d..<(sample.element + 1) * d]
      let products = zip(row, h).map { $0 * $1 }
      let error =
        kernel.gamma(kernel.sumDepth(d) + 1) * products.reduce(0) { $0 + abs($1) }
        + Double(d) * kernel.smallestNormal
      let x = products.reduce(0, +) * (sample.offset == 0 ? 1 : -1)
      let loss = max(-x, 0) + log1p(exp(-abs(x)))
      let own = 6 * kernel.unitRoundoff * (loss + error) + kernel.smallestNormal
      return bound + error + own + sum * (loss + error + own)
    }
  }
  return Tensor(shape: words.shape, storage: bounds)
}

/// The same where each word is predicted from a center.
///
/// - Parameters:
///   - centers: The words c, … .
///   - words: The words o near them, … .
///   - negatives: The words n that are not, … × k.
///   - p: The vectors.
public func negativeSamplingLossBound(
  centers: Tensor<Int>, words: Tensor<Int>, negatives: Tensor<Int>, _ p: Word2Vec<Double>
) -> Tensor<Double> {
  negativeSamplingLossBound(
    hidden: tokenEmbedding(centers, table: p.input), words: words, negatives: negatives, p)
}

/// The largest errors that the shares of words may have: they are computed in Double and rounded once.
///
/// - Parameters:
///   - sampler: The counts, and the power that they are raised to.
///   - excluded: Words that must not be drawn.
public func unigramProbabilitiesBound(
  _ sampler: UnigramSampler, excluding excluded: Set<Int> = []
) -> Tensor<Double> {
  let shares: Tensor<Double> = unigramProbabilities(sampler, excluding: excluded)
  return shares.map { roundedOnce($0) }
}

// MARK: - What the bounds share

private func hidden(
  _ contexts: Tensor<Int>, _ p: Word2Vec<Double>, _ combination: ContextCombination
) -> Enclosure {
  let absolute = Word2Vec(input: p.input.map(abs), output: p.output)
  let gamma = Arithmetic.kernel.gamma(contexts.shape[contexts.rank - 1])
  return Enclosure(
    cbowHidden(contexts, p, combining: combination),
    errors: cbowHidden(contexts, absolute, combining: combination).map {
      gamma * $0 + Arithmetic.kernel.smallestNormal
    })
}

private func logits(_ hidden: Enclosure, _ p: Word2Vec<Double>) -> Enclosure {
  affineMap(hidden, AffineMap(weight: p.output), in: .kernel)
}

/// The bounds of all sentences, from each position's logits and the words that are predicted there.
private func boundOfEachSentence(
  _ tokens: Tensor<Int>, _ window: Int,
  _ prediction: (_ sentence: Tensor<Int>, _ i: Int, _ context: [Int]) -> (Enclosure, [Int])
) -> Tensor<Double> {
  let (sentences, t) = (tokens.rows.shape[0], tokens.rows.shape[1])
  let bounds = (0..<sentences).map { s in
    var (sum, error) = (0.0, 0.0)
    for i in 0..<(t < 2 ? 0 : t) {
      let reach = min(window, t)
      let context = (max(0, i - reach)...min(t - 1, i + reach)).filter { $0 != i }
      let (logits, words) = prediction(tokens.rows.slice(s), i, context)
      let logP = logSoftmax(logits.values)
      let loss = words.reduce(0) { $0 - logP[$1] }
      let ofLoss = words.reduce(0) {
        $0 + lossBound(logits.values.storage, offBy: logits.errors.storage, label: $1)
      }
      sum += loss
      error += roundedOnce(loss, offBy: ofLoss)
    }
    return roundedOnce(sum, offBy: error)
  }
  return Tensor(shape: tokens.shape.dropLast(), storage: bounds)
}
