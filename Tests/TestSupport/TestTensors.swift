import Notation

extension Tensor<Double> {
  /// The same numbers with 0 for NaN and infinities, whose results are compared by class.
  public var finite: Tensor { map { $0.isFinite ? $0 : 0 } }
}
