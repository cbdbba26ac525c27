import Equations
import Notation

extension Function {
  static let bleu: [String: Function] = [
    "bleu": Function(0, ["candidates", "references", "maximumOrder"]) { (a) throws(Fault) in
      let steps = bleuSteps(
        candidates: try a.sentences("candidates"), references: try a.references("references"),
        maximumOrder: try a.has("maximumOrder") ? a.integer("maximumOrder") : 4)
      let (c, r) = (Double(steps.candidateLength), Double(steps.referenceLength))
      return .record(
        output: number(steps.score),
        parts: [
          "matches": steps.matches.map { Double($0) }, "totals": steps.totals.map { Double($0) },
          "precisions": steps.precisions, "candidateLength": number(c),
          "referenceLength": number(r), "brevityPenalty": number(steps.brevityPenalty),
          "score": number(steps.score),
        ])
    },
    "document002BLEU": Function(0, ["hypothesis", "reference"]) { (a) throws(Fault) in
      let (hypothesis, reference) = (try a.words("hypothesis"), try a.words("reference"))
      return .numbers(number(document002BLEU(hypothesis: hypothesis, reference: reference)))
    },
  ]

  private static func number(_ x: Double) -> Tensor<Double> { Tensor(shape: [], storage: [x]) }
}

extension Arguments {
  /// The words of one text.
  fileprivate func words(_ label: String) throws(Fault) -> [String] {
    tokens(of: try option(label))
  }

  /// The words of several texts.
  fileprivate func sentences(_ label: String) throws(Fault) -> [[String]] {
    try options(label).map(tokens)
  }

  /// The words of several lists of texts.
  fileprivate func references(_ label: String) throws(Fault) -> [[[String]]] {
    let lists: [[String]] = try options(label)
    return lists.map { $0.map(tokens) }
  }

  private func tokens(of text: String) -> [String] {
    text.split(separator: " ").map(String.init)
  }
}
