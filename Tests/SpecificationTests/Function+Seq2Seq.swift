import Equations
import Notation

extension Function {
  static let seq2Seq: [String: Function] = [
    "tanhOfLinear": Function(0, ["weight", "bias"]) { (a) throws(Fault) in
      .option(DecoderScore.tanhOfLinear(try a.affineMap()))
    },
    "beforeStep": Function(1) { (a) throws(Fault) in
      .option(DecoderAttention.beforeStep(try a.score()))
    },
    "afterStep": Function(1, ["combination", "combinationBias"]) { (a) throws(Fault) in
      .option(
        DecoderAttention.afterStep(
          try a.score(), combination: try a.affineMap(named: "combination")))
    },
    "seq2SeqParameters": Function(
      0,
      [
        "encoder", "direction", "reverse", "start", "startBias", "attention", "decoder", "output",
        "outputBias",
      ]
    ) { (a) throws(Fault) in
      .option(
        Seq2Seq<Double>(
          encoder: try a.has("reverse")
            ? .bothWays(forward: a.cell("encoder"), reverse: a.cell("reverse"))
            : .oneWay(a.cell("encoder"), a.option("direction", Direction.forward)),
          start: try a.has("start") ? .mapped(a.affineMap(named: "start")) : .encoderState,
          attention: try a.option("attention", DecoderAttention<Double>.none),
          decoder: try a.cell("decoder"), output: try a.affineMap(named: "output")))
    },
    "seq2Seq": Function(1, ["source", "inputs", "lengths"]) { (a) throws(Fault) in
      .steps(
        seq2SeqSteps(
          source: try a.numbers("source"), inputs: try a.numbers("inputs"), try a.option(0),
          lengths: try a.has("lengths") ? a.integers("lengths") : nil))
    },
    "greedySeq2Seq": Function(1, ["source", "start", "steps", "table", "lengths"]) {
      (a) throws(Fault) in
      .steps(
        greedySeq2Seq(
          source: try a.numbers("source"), start: try a.numbers("start"),
          steps: try a.integer("steps"), try a.option(0),
          feedback: try a.has("table") ? .table(a.numbers("table")) : .oneHot,
          lengths: try a.has("lengths") ? a.integers("lengths") : nil))
    },
  ]
}

extension Value {
  /// Everything that encoder and decoder compute.
  fileprivate static func steps(_ steps: Seq2SeqSteps<Double>) -> Value {
    var parts = [
      "encoded": steps.encoding.outputs, "first": steps.first.hidden, "hidden": steps.hidden,
      "combined": steps.combined, "logits": steps.logits,
      "tokens": steps.tokens.map { Double($0) },
    ]
    parts["scores"] = steps.attention?.scores
    parts["weights"] = steps.attention?.weights
    parts["contexts"] = steps.attention?.output
    return .record(output: steps.logits, parts: parts)
  }
}

extension Arguments {
  /// What scores a position: a scoring function, or document 000's.
  fileprivate func score() throws(Fault) -> DecoderScore<Double> {
    if let score = try? option(0) as DecoderScore<Double> { return score }
    return .function(try option(0))
  }

  /// The network of `elmanParameters`, `lstmParameters` or `gruParameters`.
  fileprivate func cell(_ label: String) throws(Fault) -> RecurrentCell<Double> {
    if let p = try? option(label) as ElmanRNN<Double> { return .elmanRNN(p) }
    if let p = try? option(label) as LSTM<Double> { return .lstm(p) }
    return .gru(try option(label))
  }
}
