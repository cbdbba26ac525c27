import Equations
import ErrorBounds
import Kernels
import Notation
import TestSupport

extension Function {
  static let wordVectors: [String: Function] = [
    "word2Vec": Function(0, ["shared", "input", "output"]) { (a) throws(Fault) in
      .option(
        a.has("shared")
          ? Word2Vec<Double>(shared: try a.numbers("shared"))
          : Word2Vec<Double>(input: try a.numbers("input"), output: try a.numbers("output")))
    },
    "cbowHidden": Function(
      2, ["combining"],
      equation: { (a) throws(Fault) in
        .numbers(cbowHidden(try a.integers(0), try a.word2Vec(1), combining: try a.combination()))
      },
      kernel: { (a) throws(Fault) in
        let (contexts, p, combination) = (
          try a.integers(0), try a.word2Vec(1), try a.combination()
        )
        guard let floats = p.floats else { return nil }
        return KernelResult(
          value: cbowHidden(contexts, floats, combining: combination),
          bound: cbowHiddenBound(contexts, p, combining: combination))
      }),
    "cbowLogits": Function(
      2, ["combining"],
      equation: { (a) throws(Fault) in
        predictions(
          cbowLogits(try a.integers(0), try a.word2Vec(1), combining: try a.combination()))
      },
      kernel: { (a) throws(Fault) in
        let (contexts, p, combination) = (
          try a.integers(0), try a.word2Vec(1), try a.combination()
        )
        guard let floats = p.floats else { return nil }
        return KernelResult(
          value: cbowLogits(contexts, floats, combining: combination),
          bound: cbowLogitsBound(contexts, p, combining: combination))
      }),
    "skipGramLogits": Function(
      2,
      equation: { (a) throws(Fault) in
        predictions(skipGramLogits(try a.integers(0), try a.word2Vec(1)))
      },
      kernel: { (a) throws(Fault) in
        let (centers, p) = (try a.integers(0), try a.word2Vec(1))
        guard let floats = p.floats else { return nil }
        return KernelResult(
          value: skipGramLogits(centers, floats), bound: skipGramLogitsBound(centers, p))
      }),
    "cbowLoss": Function(
      2, ["window", "combining"],
      equation: { (a) throws(Fault) in
        .numbers(
          cbowLoss(
            try a.integers(0), window: try a.integer("window"), try a.word2Vec(1),
            combining: try a.combination()))
      },
      kernel: { (a) throws(Fault) in
        let (tokens, p, window) = (
          try a.integers(0), try a.word2Vec(1), try a.integer("window")
        )
        let combination = try a.combination()
        guard let floats = p.floats else { return nil }
        return KernelResult(
          value: cbowLoss(tokens, window: window, floats, combining: combination),
          bound: cbowLossBound(tokens, window: window, p, combining: combination))
      }),
    "skipGramLoss": Function(
      2, ["window"],
      equation: { (a) throws(Fault) in
        .numbers(
          skipGramLoss(try a.integers(0), window: try a.integer("window"), try a.word2Vec(1)))
      },
      kernel: { (a) throws(Fault) in
        let (tokens, p, window) = (
          try a.integers(0), try a.word2Vec(1), try a.integer("window")
        )
        guard let floats = p.floats else { return nil }
        return KernelResult(
          value: skipGramLoss(tokens, window: window, floats),
          bound: skipGramLossBound(tokens, window: window, p))
      }),
    "negativeSamplingLoss": Function(
      1, ["centers", "hidden", "words", "negatives"],
      equation: { (a) throws(Fault) in
        let (words, negatives) = (try a.integers("words"), try a.integers("negatives"))
        return .numbers(
          a.has("hidden")
            ? negativeSamplingLoss(
              hidden: try a.numbers("hidden"), words: words, negatives: negatives,
              try a.word2Vec(0))
            : negativeSamplingLoss(
              centers: try a.integers("centers"), words: words, negatives: negatives,
              try a.word2Vec(0)))
      },
      kernel: { (a) throws(Fault) in
        let (words, negatives) = (try a.integers("words"), try a.integers("negatives"))
        let p = try a.word2Vec(0)
        guard let floats = p.floats else { return nil }
        if a.has("hidden") {
          let hidden = try a.numbers("hidden")
          return KernelResult(
            value: negativeSamplingLoss(
              hidden: try exactFloats(hidden), words: words, negatives: negatives, floats),
            bound: negativeSamplingLossBound(
              hidden: hidden, words: words, negatives: negatives, p))
        }
        let centers = try a.integers("centers")
        return KernelResult(
          value: negativeSamplingLoss(
            centers: centers, words: words, negatives: negatives, floats),
          bound: negativeSamplingLossBound(
            centers: centers, words: words, negatives: negatives, p))
      }),
    "contextPairs": Function(0, ["of", "window"]) { (a) throws(Fault) in
      .integers(contextPairs(of: try a.integers("of"), window: try a.integer("window")))
    },
    "unigramProbabilities": Function(
      0, ["counts", "power", "excluding"],
      equation: { (a) throws(Fault) in
        .numbers(
          Equations::unigramProbabilities(try a.sampler(), excluding: try a.excluded()))
      },
      kernel: { (a) throws(Fault) in
        let (sampler, excluded) = (try a.sampler(), try a.excluded())
        return KernelResult(
          value: Kernels::unigramProbabilities(sampler, excluding: excluded),
          bound: unigramProbabilitiesBound(sampler, excluding: excluded))
      }),
    "negativeSamples": Function(
      0, ["shape", "counts", "power", "seed", "excluding"],
      equation: { (a) throws(Fault) in
        .integers(
          Equations::negativeSamples(
            shape: try a.integers("shape").storage, try a.sampler(), seed: try a.seed(),
            excluding: try a.excluded()))
      },
      kernel: { (a) throws(Fault) in
        let samples = Kernels::negativeSamples(
          shape: try a.integers("shape").storage, try a.sampler(), seed: try a.seed(),
          excluding: try a.excluded())
        return KernelResult(value: samples.map { Float($0) }, bound: samples.map { _ in 0 })
      }),
  ]

  private static func predictions(_ logits: Tensor<Double>) -> Value {
    .record(
      output: logits,
      parts: ["probabilities": softmax(logits), "logProbabilities": logSoftmax(logits)])
  }
}

extension Word2Vec<Double> {
  /// The same vectors as the kernels get them; `nil` if one is not exact in Float.
  fileprivate var floats: Word2Vec<Float>? {
    guard let input = try? exactFloats(input), let output = try? exactFloats(output) else {
      return nil
    }
    return Word2Vec<Float>(input: input, output: output)
  }
}

extension Arguments {
  fileprivate func word2Vec(_ place: Int) throws(Fault) -> Word2Vec<Double> { try option(place) }

  fileprivate func combination() throws(Fault) -> ContextCombination {
    try option("combining", .mean)
  }

  fileprivate func sampler() throws(Fault) -> UnigramSampler {
    UnigramSampler(
      counts: try integers("counts"), power: try has("power") ? number("power") : 0.75)
  }

  fileprivate func excluded() throws(Fault) -> Set<Int> {
    has("excluding") ? Set(try integers("excluding").storage) : []
  }
}
