import Equations
import Notation

extension Function {
  static let wordVectors: [String: Function] = [
    "word2Vec": Function(0, ["shared", "input", "output"]) { (a) throws(Fault) in
      .option(
        a.has("shared")
          ? Word2Vec<Double>(shared: try a.numbers("shared"))
          : Word2Vec<Double>(input: try a.numbers("input"), output: try a.numbers("output")))
    },
    "cbowHidden": Function(2, ["combining"]) { (a) throws(Fault) in
      .numbers(cbowHidden(try a.integers(0), try a.word2Vec(1), combining: try a.combination()))
    },
    "cbowLogits": Function(2, ["combining"]) { (a) throws(Fault) in
      predictions(
        cbowLogits(try a.integers(0), try a.word2Vec(1), combining: try a.combination()))
    },
    "skipGramLogits": Function(2) { (a) throws(Fault) in
      predictions(skipGramLogits(try a.integers(0), try a.word2Vec(1)))
    },
    "cbowLoss": Function(2, ["window", "combining"]) { (a) throws(Fault) in
      .numbers(
        cbowLoss(
          try a.integers(0), window: try a.integer("window"), try a.word2Vec(1),
          combining: try a.combination()))
    },
    "skipGramLoss": Function(2, ["window"]) { (a) throws(Fault) in
      .numbers(
        skipGramLoss(try a.integers(0), window: try a.integer("window"), try a.word2Vec(1)))
    },
    "negativeSamplingLoss": Function(1, ["centers", "hidden", "words", "negatives"]) {
      (a) throws(Fault) in
      let (words, negatives) = (try a.integers("words"), try a.integers("negatives"))
      return .numbers(
        a.has("hidden")
          ? negativeSamplingLoss(
            hidden: try a.numbers("hidden"), words: words, negatives: negatives, try a.word2Vec(0))
          : negativeSamplingLoss(
            centers: try a.integers("centers"), words: words, negatives: negatives,
            try a.word2Vec(0)))
    },
    "contextPairs": Function(0, ["of", "window"]) { (a) throws(Fault) in
      .integers(contextPairs(of: try a.integers("of"), window: try a.integer("window")))
    },
    "unigramProbabilities": Function(0, ["counts", "power", "excluding"]) { (a) throws(Fault) in
      .numbers(unigramProbabilities(try a.sampler(), excluding: try a.excluded()))
    },
    "negativeSamples": Function(0, ["shape", "counts", "power", "seed", "excluding"]) {
      (a) throws(Fault) in
      .integers(
        negativeSamples(
          shape: try a.integers("shape").storage, try a.sampler(), seed: try a.seed(),
          excluding: try a.excluded()))
    },
  ]

  private static func predictions(_ logits: Tensor<Double>) -> Value {
    .record(
      output: logits,
      parts: ["probabilities": softmax(logits), "logProbabilities": logSoftmax(logits)])
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
