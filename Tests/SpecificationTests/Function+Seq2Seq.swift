import Equations
import ErrorBounds
import Kernels
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
    "seq2Seq": Function(
      1, ["source", "inputs", "lengths"],
      equation: { (a) throws(Fault) in
        .steps(
          seq2SeqSteps(
            source: try a.numbers("source"), inputs: try a.numbers("inputs"), try a.option(0),
            lengths: try a.has("lengths") ? a.integers("lengths") : nil))
      },
      kernel: { (a) throws(Fault) in
        let (x, y) = (try a.numbers("source"), try a.numbers("inputs"))
        let p = try a.option(0) as Seq2Seq<Double>
        let lengths = try a.has("lengths") ? a.integers("lengths") : nil
        return KernelResult(
          value: Kernels::seq2Seq(
            source: try exactFloats(x), inputs: try exactFloats(y), p.converted(), lengths: lengths),
          bound: seq2SeqBounds(source: x.finite, inputs: y.finite, p, lengths: lengths).logits)
      }),
    "greedySeq2Seq": Function(
      1, ["source", "start", "steps", "table", "lengths"],
      equation: { (a) throws(Fault) in
        .steps(
          greedySeq2Seq(
            source: try a.numbers("source"), start: try a.numbers("start"),
            steps: try a.integer("steps"), try a.option(0), feedback: try a.feedback(),
            lengths: try a.has("lengths") ? a.integers("lengths") : nil))
      },
      kernel: { (a) throws(Fault) in
        let (x, start) = (try a.numbers("source"), try a.numbers("start"))
        let (p, feedback) = (try a.option(0) as Seq2Seq<Double>, try a.feedback())
        let lengths = try a.has("lengths") ? a.integers("lengths") : nil
        let got = greedySeq2Seq(
          source: try exactFloats(x), start: try exactFloats(start),
          steps: try a.integer("steps"), p.converted(), feedback: feedback.converted(),
          lengths: lengths)
        let inputs = start.followed(by: got.tokens, feedback)
        return KernelResult(
          value: got.logits,
          bound: seq2SeqBounds(source: x.finite, inputs: inputs, p, lengths: lengths).logits)
      }),
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

extension Tensor<Double> {
  /// The inputs of greedy steps that found these tokens, the first of them being these numbers.
  fileprivate func followed(by tokens: Tensor<Int>, _ feedback: Feedback<Double>) -> Tensor {
    let (first, t, width) = (rows, tokens.shape.last!, shape.last!)
    let inputs = (0..<first.shape[0]).flatMap { g in
      (0..<t).flatMap { i -> [Double] in
        if i == 0 { return first.slice(g).storage }
        let token = tokens.storage[g * t + i - 1]
        return switch feedback {
        case .oneHot: (0..<width).map { $0 == token ? 1 : 0 }
        case .table(let table): table.slice(token).storage
        }
      }
    }
    return Tensor(shape: shape.dropLast() + [t, width], storage: inputs)
  }
}

extension Arguments {
  /// What becomes of a token.
  fileprivate func feedback() throws(Fault) -> Feedback<Double> {
    try has("table") ? .table(numbers("table")) : .oneHot
  }

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
