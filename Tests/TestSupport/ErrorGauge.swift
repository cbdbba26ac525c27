import Notation

/// The largest error of a computed tensor, in units of what is allowed.
///
///     let gauge = try ErrorGauge(got: kernel, expected: oracle, bound: bound)
///     gauge.ratio  // 0.31: the worst element used 31 % of its bound
///     gauge.index  // [4, 17]
///
/// NaN agrees with NaN only and an infinity with itself only, however wide the bound.
public struct ErrorGauge: Sendable {
  /// The largest error ÷ bound; 0 where both are 0, and for a tensor without elements.
  public let ratio: Double
  /// The index of the element with that error.
  public let index: [Int]

  /// Compares element by element, and throws the worst element unless each is within its bound.
  @discardableResult
  public init(got: Tensor<Double>, expected: Tensor<Double>, bound: Tensor<Double>) throws {
    try expectSameShape(got.shape, expected.shape)
    try expectSameShape(bound.shape, expected.shape)
    var (worst, largest, mismatches) = (0, -1.0, 0)
    for i in expected.storage.indices {
      let (y, t, bound) = (got.storage[i], expected.storage[i], bound.storage[i])
      var ratio = 0.0
      if y.isFinite && t.isFinite {
        let error = abs(y - t)
        // Not `error > bound`, which a bound that is NaN would pass.
        let isOutside = !(error <= bound)
        if isOutside { mismatches += 1 }
        if isOutside && !(bound > 0) {
          ratio = .infinity
        } else if error > 0 {
          ratio = error / bound
        }
      } else if !(y == t || y.isNaN && t.isNaN) {
        mismatches += 1
        ratio = .infinity
      }
      if ratio > largest { (worst, largest) = (i, ratio) }
    }
    index = expected.count == 0 ? [] : expected.index(at: worst)
    ratio = max(largest, 0)
    if mismatches > 0 {
      throw ElementMismatch(
        index: index, got: got.storage[worst], expected: expected.storage[worst],
        bound: bound.storage[worst], mismatches: mismatches, count: expected.count)
    }
  }

  /// Compares a kernel's result with its oracle's, as the initialiser of two `Double` tensors does.
  @discardableResult
  public init(got: Tensor<Float>, expected: Tensor<Double>, bound: Tensor<Double>) throws {
    try self.init(got: got.converted(to: Double.self), expected: expected, bound: bound)
  }
}

/// The worst of the elements that are outside of their bounds.
public struct ElementMismatch: Error, CustomStringConvertible {
  /// Where it stands.
  public let index: [Int]
  /// What was computed.
  public let got: Double
  /// What is right.
  public let expected: Double
  /// How far apart the two may be.
  public let bound: Double
  /// How many elements are outside of their bounds.
  public let mismatches: Int
  /// How many elements there are.
  public let count: Int

  /// The error, NaN if one of the two is.
  public var error: Double { abs(got - expected) }

  /// The element with everything that was compared.
  public var description: String {
    "element \(index) is \(got) instead of \(expected): error \(error), bound \(bound); "
      + "\(mismatches) of \(count) elements are wrong"
  }
}

/// Throws unless both tensors hold the same bits, as results must that depend on no thread count.
public func expectSameBits(_ got: Tensor<Float>, _ expected: Tensor<Float>) throws {
  try expectSameShape(got.shape, expected.shape)
  for i in expected.storage.indices {
    let (y, t) = (got.storage[i], expected.storage[i])
    try expect(
      y.bitPattern == t.bitPattern,
      "element \(expected.index(at: i)) is \(y), bits \(String(y.bitPattern, radix: 16)), "
        + "instead of \(t), bits \(String(t.bitPattern, radix: 16))")
  }
}

private func expectSameShape(_ got: [Int], _ expected: [Int]) throws {
  try expect(got == expected, "the shape is \(described(got)) instead of \(described(expected))")
}

extension Tensor {
  /// The index of an element from its place in storage.
  fileprivate func index(at position: Int) -> [Int] {
    var (index, rest) = (shape, position)
    for dimension in shape.indices.reversed() {
      index[dimension] = rest % shape[dimension]
      rest /= shape[dimension]
    }
    return index
  }
}
