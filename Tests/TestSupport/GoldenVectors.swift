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

  /// Throws unless all results that the case stores are within `share` of their largest number.
  ///
  /// What is stored agrees with PyTorch in float64 to 1e-13.
  public func check(
    _ results: [String: Tensor<Double>], withinShareOfLargest share: Double
  ) throws {
    for name in gaugedNames {
      let expected = try expected(name)!
      let largest = expected.storage.filter(\.isFinite).map(abs).max() ?? 0
      try ErrorGauge(
        got: results[name]!, expected: expected, bound: expected.map { _ in share * largest })
    }
  }
}

extension GoldenCase.Attributes {
  /// The dialect that an attribute names as Swift does.
  public func dialect<Dialect>(_ name: String, of dialects: [Dialect]) -> Dialect {
    let word = string(needed: name)
    guard let dialect = dialects.first(where: { "\($0)" == word }) else {
      fatalError("there is no \(name) \(word)")
    }
    return dialect
  }
}
