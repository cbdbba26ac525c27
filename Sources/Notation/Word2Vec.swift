/// The vectors of words: one for a word that is given, one for a word that is predicted.
public struct Word2Vec<S: Scalar>: Sendable {
  /// V, the vectors of words that are given: v × d.
  public var input: Tensor<S>
  /// U, the vectors of words that are predicted: v × d.
  public var output: Tensor<S> { didSet { packed = nil } }
  /// U once more, for the kernels; `nil` unless they were asked for it.
  package var packed: PackedWeight?

  /// Creates the parameters from two tables.
  public init(input: Tensor<S>, output: Tensor<S>) {
    require(input.rank == 2, "a table of words must be v × d: got \(described(input.shape))")
    require(
      output.shape == input.shape,
      "the words that are predicted must have a table of \(described(input.shape)), too: "
        + "got \(described(output.shape))")
    self.input = input
    self.output = output
  }

  /// Creates the parameters from one table, U = V: document 004.
  public init(shared table: Tensor<S>) { self.init(input: table, output: table) }

  /// v, how many different words there are.
  public var vocabulary: Int { input.shape[0] }

  /// The same parameters in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> Word2Vec<T> {
    Word2Vec<T>(input: input.converted(), output: output.converted())
  }
}

/// What CBOW makes of the vectors of a context.
public enum ContextCombination: Hashable, Sendable, CaseIterable {
  /// v̂ = Σ v_w / n: document 004.
  case mean
  /// v̂ = Σ v_w: the option `-cbow_mean 0` of word2vec.
  case sum
}

/// From which words negative samples are drawn: a power of how often each occurs.
public struct UnigramSampler: Hashable, Sendable {
  /// How often each word occurs: v.
  public let counts: Tensor<Int>
  /// What the counts are raised to.
  public let power: Double

  /// Creates the sampler; ¾ is the power of Mikolov et al.
  public init(counts: Tensor<Int>, power: Double = 0.75) {
    require(counts.rank == 1, "counts must be a vector: got \(described(counts.shape))")
    require(
      counts.storage.allSatisfy { $0 >= 0 },
      "no word occurs less than 0 times: got \(counts.storage)")
    require(power.isFinite, "counts are raised to a finite power: got \(power)")
    self.counts = counts
    self.power = power
  }
}

// MARK: - What does not fit

/// Stops unless every context has a word.
public func checkContexts(_ contexts: [Int]) {
  require(
    contexts.last ?? 0 > 0, "a context needs a word: got \(described(contexts))")
}

/// Stops unless a window reaches beyond its word.
public func checkWindow(_ window: Int) {
  require(window >= 1, "a window must reach a word at least: got \(window)")
}

/// Stops unless there is a word to draw, from the sum of all words' powers.
public func checkDrawable(_ sum: Double) {
  require(sum > 0, "a sample needs a word that occurs and is not excluded")
}

/// Stops unless there are a vector of so many numbers, and negative samples, for each word.
public func checkSamples(
  hidden: [Int], words: [Int], negatives: [Int], width d: Int
) {
  require(
    hidden == words + [d],
    "each word is predicted from one vector: got \(described(words)) words and "
      + "\(described(hidden)) numbers")
  require(
    negatives.dropLast() == words[...] && negatives.count > words.count,
    "each word has its own negative samples: got \(described(words)) words and "
      + "\(described(negatives)) samples")
}
