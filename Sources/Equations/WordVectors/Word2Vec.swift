import Notation

// MARK: - Predictions

/// What CBOW predicts from: the vectors of a context, as one.
///
///     v̂ = Σ_w∈C v_w / n        … × d
///
/// - Parameters:
///   - contexts: The words of C, … × n, with n ≥ 1.
///   - p: The vectors.
///   - combination: Whether the sum is divided by n.
///
/// W2V-1. Mikolov et al. 2013. SPEC.md, Word2Vec.
@specialized(where S == Float)
@specialized(where S == Double)
public func cbowHidden<S: Scalar>(
  _ contexts: Tensor<Int>, _ p: Word2Vec<S>, combining combination: ContextCombination = .mean
) -> Tensor<S> {
  checkContexts(contexts.shape)
  let vectors = tokenEmbedding(contexts, table: p.input).matrices
  let (n, d) = (vectors.shape[1], vectors.shape[2])
  let divisor = combination == .mean ? S(Double(n)) : 1
  let means = (0..<vectors.shape[0]).flatMap { g in
    (0..<d).map { c in (0..<n).reduce(0) { $0 + vectors[g, $1, c] } / divisor }
  }
  return Tensor(shape: contexts.shape.dropLast() + [d], storage: means)
}

/// The logits of every word between the words of a context.
///
///     z_w = u_w · v̂,  P(w | C) = softmax(z)_w        … × v
///
/// - Parameters:
///   - contexts: The words of C, … × n, with n ≥ 1.
///   - p: The vectors.
///   - combination: Whether v̂ is mean or sum.
///
/// W2V-2. SPEC.md, Word2Vec.
@specialized(where S == Float)
@specialized(where S == Double)
public func cbowLogits<S: Scalar>(
  _ contexts: Tensor<Int>, _ p: Word2Vec<S>, combining combination: ContextCombination = .mean
) -> Tensor<S> {
  affineMap(cbowHidden(contexts, p, combining: combination), AffineMap(weight: p.output))
}

/// The logits of every word around a word.
///
///     z_w = u_w · v_c,  P(w | c) = softmax(z)_w        … × v
///
/// - Parameters:
///   - centers: The words c, … .
///   - p: The vectors.
///
/// W2V-4; W2V-8, the example of document 004. SPEC.md, Word2Vec.
@specialized(where S == Float)
@specialized(where S == Double)
public func skipGramLogits<S: Scalar>(_ centers: Tensor<Int>, _ p: Word2Vec<S>) -> Tensor<S> {
  affineMap(tokenEmbedding(centers, table: p.input), AffineMap(weight: p.output))
}

// MARK: - Losses

/// How badly CBOW predicts each word of a sentence from those around it.
///
///     L = −Σ_i log P(w_i | w_j with 0 < |i − j| ≤ window)        …
///
/// - Parameters:
///   - tokens: Sentences, … × t. A word without another near it is not predicted.
///   - window: How far a context reaches to either side, at least 1.
///   - p: The vectors.
///   - combination: Whether v̂ is mean or sum.
/// - Returns: One sum for each sentence.
///
/// W2V-3. SPEC.md, Word2Vec.
@specialized(where S == Float)
@specialized(where S == Double)
public func cbowLoss<S: Scalar>(
  _ tokens: Tensor<Int>, window: Int, _ p: Word2Vec<S>,
  combining combination: ContextCombination = .mean
) -> Tensor<S> {
  lossOfEachSentence(tokens, window, p) { sentence, contexts in
    var loss: S = 0
    for (i, context) in contexts.enumerated() where !context.isEmpty {
      let words = Tensor(shape: [context.count], storage: context.map { sentence[$0] })
      loss -= logSoftmax(cbowLogits(words, p, combining: combination))[sentence[i]]
    }
    return loss
  }
}

/// How badly skip-gram predicts the words around each word of a sentence.
///
///     L = −Σ_i Σ_j log P(w_j | w_i),  0 < |i − j| ≤ window        …
///
/// - Parameters:
///   - tokens: Sentences, … × t.
///   - window: How far a context reaches to either side, at least 1.
///   - p: The vectors.
/// - Returns: One sum for each sentence.
///
/// W2V-5. SPEC.md, Word2Vec.
@specialized(where S == Float)
@specialized(where S == Double)
public func skipGramLoss<S: Scalar>(
  _ tokens: Tensor<Int>, window: Int, _ p: Word2Vec<S>
) -> Tensor<S> {
  lossOfEachSentence(tokens, window, p) { sentence, contexts in
    let logP = logSoftmax(skipGramLogits(sentence, p))
    var loss: S = 0
    for (i, context) in contexts.enumerated() {
      for j in context { loss -= logP[i, sentence[j]] }
    }
    return loss
  }
}

/// How badly a word is told from others that are not there.
///
///     L = −log σ(u_o · h) − Σ_k log σ(−u_n_k · h)        …
///     −log σ(x) = max(−x, 0) + log(1 + exp(−|x|))
///
/// The second line is how it is computed: exp(−x) overflows.
///
/// - Parameters:
///   - hidden: h, … × d: v_c in skip-gram, v̂ in CBOW.
///   - words: The words o that are there, … .
///   - negatives: The words n that are not, … × k.
///   - p: The vectors, of which only U is used.
/// - Returns: One loss for each h.
///
/// W2V-6. Mikolov et al. 2013b, equation 4. SPEC.md, Word2Vec.
@specialized(where S == Float)
@specialized(where S == Double)
public func negativeSamplingLoss<S: Scalar>(
  hidden: Tensor<S>, words: Tensor<Int>, negatives: Tensor<Int>, _ p: Word2Vec<S>
) -> Tensor<S> {
  checkSamples(
    hidden: hidden.shape, words: words.shape, negatives: negatives.shape,
    width: p.output.shape[1])
  let k = negatives.shape[words.rank]
  let h = hidden.rows
  let (there, absent) = (
    tokenEmbedding(words, table: p.output).rows, tokenEmbedding(negatives, table: p.output).rows
  )
  let losses = (0..<h.shape[0]).map { i in
    (0..<k).reduce(minusLogSigmoid(dot(there, i, h, i))) { loss, n in
      loss + minusLogSigmoid(-dot(absent, i * k + n, h, i))
    }
  }
  return Tensor(shape: words.shape, storage: losses)
}

/// How badly skip-gram tells a word near another from words that are not.
///
///     L = −log σ(u_o · v_c) − Σ_k log σ(−u_n_k · v_c)        …
///
/// - Parameters:
///   - centers: The words c, … .
///   - words: The words o near them, … .
///   - negatives: The words n that are not, … × k.
///   - p: The vectors.
/// - Returns: One loss for each pair.
///
/// W2V-6. SPEC.md, Word2Vec.
@specialized(where S == Float)
@specialized(where S == Double)
public func negativeSamplingLoss<S: Scalar>(
  centers: Tensor<Int>, words: Tensor<Int>, negatives: Tensor<Int>, _ p: Word2Vec<S>
) -> Tensor<S> {
  negativeSamplingLoss(
    hidden: tokenEmbedding(centers, table: p.input), words: words, negatives: negatives, p)
}

// MARK: - Pairs and samples

/// The pairs from which skip-gram learns: each word, and each word near it.
///
///     (w_i, w_j) with 0 < |i − j| ≤ window, ordered by i, then by j        pairs × 2
///
/// - Parameters:
///   - tokens: Sentences, … × t; no pair crosses from one to another.
///   - window: How far a context reaches to either side, at least 1.
///
/// W2V-5. SPEC.md, Word2Vec.
public func contextPairs(of tokens: Tensor<Int>, window: Int) -> Tensor<Int> {
  let sentences = tokens.rows
  let contexts = contexts(in: sentences.shape[1], window: window)
  let pairs = (0..<sentences.shape[0]).flatMap { s in
    contexts.enumerated().flatMap { i, context in
      context.flatMap { [sentences[s, i], sentences[s, $0]] }
    }
  }
  return Tensor(shape: [pairs.count / 2, 2], storage: pairs)
}

/// The probabilities with which words are drawn as negative samples.
///
///     P(w) = c_w^power / Σ c^power where c_w > 0 and w is not excluded, 0 elsewhere        v
///
/// - Parameters:
///   - sampler: The counts, and the power that they are raised to.
///   - excluded: Words that must not be drawn, such as those that are there.
///
/// W2V-6. Mikolov et al. 2013b. SPEC.md, Word2Vec.
@specialized(where S == Float)
@specialized(where S == Double)
public func unigramProbabilities<S: Scalar>(
  _ sampler: UnigramSampler, excluding excluded: Set<Int> = []
) -> Tensor<S> {
  let weights = sampler.counts.storage.indices.map { word -> S in
    let count = sampler.counts[word]
    return count > 0 && !excluded.contains(word)
      ? S.pow(S(Double(count)), S(sampler.power)) : 0
  }
  let sum = weights.reduce(0, +)
  checkDrawable(sum.double)
  return Tensor(shape: sampler.counts.shape, storage: weights.map { $0 / sum })
}

/// Words drawn as negative samples.
///
///     n_i = the first w with P(0) + … + P(w) > u_i,  u_i = (word_i >> 40) · 2⁻²⁴
///
/// - Parameters:
///   - shape: The shape of the samples; i counts them in row-major order.
///   - sampler: The counts, and the power that they are raised to.
///   - seed: The seed of SplitMix64's words (see `Dropout`).
///   - excluded: Words that must not be drawn.
///
/// W2V-6. SPEC.md, Word2Vec.
public func negativeSamples(
  shape: [Int], _ sampler: UnigramSampler, seed: UInt64, excluding excluded: Set<Int> = []
) -> Tensor<Int> {
  let probabilities: Tensor<Double> = unigramProbabilities(sampler, excluding: excluded)
  return Tensor(
    shape: shape,
    storage: (0..<shape.reduce(1, *)).map { i in
      let u = SplitMix64.uniform(i, seed: seed)
      var (word, sum) = (0, probabilities[0])
      // The sum comes to 1 up to rounding, and u is at most 1 − 2⁻²⁴.
      while sum <= u {
        word += 1
        sum += probabilities[word]
      }
      return word
    })
}

// MARK: - What the functions share

/// For each of t positions, the others within the window.
private func contexts(in t: Int, window: Int) -> [[Int]] {
  checkWindow(window)
  let reach = min(window, t)
  return (0..<t).map { i in (max(0, i - reach)...min(t - 1, i + reach)).filter { $0 != i } }
}

/// The losses of all sentences, each from its words and the positions around each: … .
@inline(__always)
private func lossOfEachSentence<S: Scalar>(
  _ tokens: Tensor<Int>, _ window: Int, _ p: Word2Vec<S>,
  _ loss: (_ sentence: Tensor<Int>, _ contexts: [[Int]]) -> S
) -> Tensor<S> {
  for (position, token) in tokens.storage.enumerated() {
    require(
      token >= 0 && token < p.vocabulary,
      "token \(token), number \(position) in order, is outside of the vocabulary "
        + "0 ..< \(p.vocabulary)")
  }
  let sentences = tokens.rows
  let contexts = contexts(in: sentences.shape[1], window: window)
  return Tensor(
    shape: tokens.shape.dropLast(),
    storage: (0..<sentences.shape[0]).map { loss(sentences.slice($0), contexts) })
}

/// The dot product of two rows.
@inline(__always)
private func dot<S: Scalar>(_ a: Tensor<S>, _ i: Int, _ b: Tensor<S>, _ j: Int) -> S {
  var sum: S = 0
  for c in 0..<a.shape[1] { sum += a[i, c] * b[j, c] }
  return sum
}

/// −log σ(x), from the exponential that cannot overflow.
@inline(__always)
private func minusLogSigmoid<S: Scalar>(_ x: S) -> S {
  S.max(-x, 0) + S.log(1 + S.exp(x < 0 ? x : -x))
}
