import Notation
import Specification
import Testing

extension GoldenCase: CustomTestStringConvertible {
  /// The name that test reports show.
  public var testDescription: String { id }
}

extension GoldenCase {
  /// Throws unless every number that the case stores is among the results and within its bound.
  public func check(_ results: [String: Tensor<Double>], unit u: Double = 0x1p-53) throws {
    for name in gaugedNames {
      guard let got = results[name] else { fatalError("case \(id) needs \(name)") }
      try ErrorGauge(
        got: got, expected: try expected(name)!, bound: try bound(name, unit: u))
    }
  }
}
