import Equations
import Notation

extension Function {
  static let transformer: [String: Function] = feedForward

  private static let feedForward: [String: Function] = [
    "feedForward": Function(
      1, ["inner", "innerBias", "outer", "outerBias", "activation", "probability", "seed"]
    ) { (a) throws(Fault) in
      let p = FeedForward(
        inner: try a.affineMap(named: "inner"), outer: try a.affineMap(named: "outer"),
        activation: try a.option("activation", Activation.relu))
      let drop =
        try a.has("probability")
        ? Dropout(probability: a.number("probability"), seed: UInt64(a.integer("seed")))
        : .none
      return .numbers(Equations.feedForward(try a.numbers(0), p, dropout: drop))
    }
  ]
}
