import Notation

extension Tensor<Double> {
  /// The same numbers with 0 for NaN and infinities, whose results are compared by class.
  public var finite: Tensor { map { $0.isFinite ? $0 : 0 } }
}

/// How many numbers the tensors hold that a value is made of: what there is to be trained.
public func parameterCount(of value: Any) -> Int {
  if let tensor = value as? Tensor<Double> { return tensor.count }
  return Mirror(reflecting: value).children.reduce(0) { $0 + parameterCount(of: $1.value) }
}
