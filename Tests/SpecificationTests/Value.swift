import Notation

/// What an expression of an example stands for.
enum Value {
  case numbers(Tensor<Double>, halfUnits: Tensor<Double>)
  case booleans(Tensor<Bool>)
  case mask(AttentionMask<Double>)
  case fill(MaskFill)
  case scale(ScoreScale)
  case activation(Activation)
  case queryPadding(QueryPadding)
  case steps(AttentionSteps<Double>)

  /// Numbers that are exact.
  static func numbers(_ tensor: Tensor<Double>) -> Value {
    .numbers(tensor, halfUnits: tensor.map { _ in 0 })
  }

  /// The words that stand for a value without arguments.
  static let constants: [String: Value] = [
    "true": .booleans(true), "false": .booleans(false), "inf": .numbers(Tensor(.infinity)),
    "nan": .numbers(Tensor(.nan)), "none": .mask(.none), "causal": .mask(.causal),
    "excluded": .fill(.excluded), "rootKeyWidth": .scale(.rootKeyWidth),
    "identity": .activation(.identity), "relu": .activation(.relu),
    "visible": .queryPadding(.visible), "hidden": .queryPadding(.hidden),
  ]
}

extension Tensor {
  /// A tensor of one element.
  fileprivate init(_ element: Element) { self.init(shape: [], storage: [element]) }
}
