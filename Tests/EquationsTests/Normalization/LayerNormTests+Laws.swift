import Equations
import ErrorBounds
import Notation
import TestSupport

let normalizationLaws: [Law<Normalization<Double>>] = [
  Law("every step is what the definition says") { normalize, draw in
    let (x, p) = draw.rowsToNormalize()
    let definition = layerNormAsDefined(x.tracked, p.converted()).byName
    for (name, got) in normalize(x, p).byName {
      try ErrorGauge(
        got: got, expected: definition[name]!.map(\.value),
        bound: definition[name]!.bounds + bounds(x, p)[name]!)
    }
  },
  Law("a constant row gives the bias") { normalize, draw in
    let (x, bias, p) = draw.constantRow()
    let y = normalize(x, p).output
    try expect(y == bias, "the row became \(y.storage)")
  },
  Law("before gain and bias a row has mean 0 and variance v / (v + ε)") { normalize, draw in
    let (x, p) = draw.rowsToNormalize(forms: [.epsilonInsideRoot])
    let (got, tracked) = (normalize(x, p), layerNormSteps(x.tracked, p.converted()))
    for i in 0..<x.shape[0] {
      let (row, bound) = (got.normalized.slice(i).storage, tracked.normalized.slice(i).storage)
      let mean = row.reduce(0, +) / Double(row.count)
      try expect(
        abs(mean) <= (bound.reduce(0, +) / RunningError(Double(row.count))).bound,
        "row \(i) has the mean \(mean)")
      let variance = meanSquare(row)
      let v = tracked.variance[i]
      let expected = v / (v + RunningError(p.epsilon))
      try expect(
        abs(variance - expected.value) <= meanSquare(bound).bound + expected.bound,
        "row \(i) has the variance \(variance), not \(expected.value)")
    }
  },
  Law("no row depends on another") { normalize, draw in
    let (x, p) = draw.rowsToNormalize()
    let y = normalize(x, p).output
    for i in 0..<x.shape[0] {
      try expectEqual(normalize(x.slice(i), p).output, y.slice(i))
    }
  },
  Law("a constant added to a row changes nothing") { normalize, draw in
    let (x, p) = draw.rowsToNormalize()
    // What is drawn has 10 binary places and stays below 2¹⁴ even then: a Float holds it.
    let c = Double(draw.integer("c", in: -6000...6000))
    let moved = x.map { $0 + c }
    try ErrorGauge(
      got: normalize(moved, p).output, expected: normalize(x, p).output,
      bound: bounds(moved, p)["output"]! + bounds(x, p)["output"]!)
  },
  Law("a factor on a row is a factor on the root of ε") { normalize, draw in
    let (x, p) = draw.rowsToNormalize()
    let c = draw.element("c", of: [2, -2, 0x1p-12, 0x1p+9])  // powers of two, which round nothing
    var ofScaled = p
    ofScaled.epsilon *= p.form == .epsilonInsideRoot ? c * c : abs(c)
    try expectEqual(
      normalize(x.map { c * $0 }, ofScaled).normalized,
      normalize(x, p).normalized.map { c < 0 ? -$0 : $0 })
  },
]

let floatNormalizationLaws: [Law<Normalization<Float>>] = [
  Law("a constant row gives the bias, in Float") { normalize, draw in
    let (x, bias, p) = draw.constantRow()
    let y = normalize(x.converted(), p.converted()).output.converted(to: Double.self)
    try expect(y == bias, "the row became \(y.storage)")
  },
  Law("a row keeps its digits, however large its mean is") { normalize, draw in
    let (x, p) = draw.rowsToNormalize()
    let got = normalize(x.converted(), p.converted())
    let inDouble = layerNormSteps(x, p).byName
    for (name, step) in got.byName {
      try ErrorGauge(
        got: step, expected: inDouble[name]!,
        bound: bounds(x, p)[name]!.map { 0x1p-24 / 0x1p-53 * $0 })
    }
  },
]

/// The definition as it stands, which subtracts the rounded mean; sums are taken in so many lanes.
func layerNormAsDefined<S: Scalar>(
  _ x: Tensor<S>, _ p: LayerNorm<S>, lanes: Int = 1
) -> LayerNormSteps<S> {
  let (rows, d) = (x.rows, S(Double(p.width)))
  func sum(_ x: [S]) -> S {
    (0..<lanes).reduce(0) { total, lane in
      stride(from: lane, to: x.count, by: lanes).reduce(0) { $0 + x[$1] } + total
    }
  }
  var (mean, variance): ([S], [S]) = ([], [])
  var (normalized, output): ([S], [S]) = ([], [])
  for i in 0..<rows.shape[0] {
    let row = rows.slice(i).storage
    mean.append(sum(row) / d)
    let deviations = row.map { $0 - mean[i] }
    let squares = sum(deviations.map { $0 * $0 })
    variance.append(p.form == .epsilonInsideRoot ? squares / d : squares / (d - 1))
    let divisor =
      p.form == .epsilonInsideRoot
      ? S.sqrt(variance[i] + S(p.epsilon)) : S.sqrt(variance[i]) + S(p.epsilon)
    for j in row.indices {
      normalized.append(deviations[j] / divisor)
      output.append(p.gain[j] * (deviations[j] / divisor) + (p.bias?[j] ?? 0))
    }
  }
  let leading = Array(x.shape.dropLast())
  return LayerNormSteps(
    mean: Tensor(shape: leading, storage: mean),
    variance: Tensor(shape: leading, storage: variance),
    normalized: Tensor(shape: x.shape, storage: normalized),
    output: Tensor(shape: x.shape, storage: output))
}

/// How far every step of the equation in Double may be from the exact one.
private func bounds(_ x: Tensor<Double>, _ p: LayerNorm<Double>) -> [String: Tensor<Double>] {
  layerNormSteps(x.tracked, p.converted()).byName.mapValues(\.bounds)
}

private func meanSquare<S: Scalar>(_ x: [S]) -> S {
  x.reduce(0) { $0 + $1 * $1 } / S(Double(x.count))
}

/// Throws unless all numbers are equal; NaN equals NaN.
private func expectEqual(_ got: Tensor<Double>, _ expected: Tensor<Double>) throws {
  try ErrorGauge(got: got, expected: expected, bound: expected.map { _ in 0 })
}

extension Draw {
  /// Rows around some number, and what normalises them.
  fileprivate func rowsToNormalize(
    forms: [LayerNormForm] = LayerNormForm.allCases
  ) -> (Tensor<Double>, LayerNorm<Double>) {
    let (n, d) = (size("n", from: 1, upTo: 4), size("d", from: 1, upTo: 19))
    let around = Double(integer("around", in: -10_000...10_000))
    // So that a Float holds the numbers around 10,000, too.
    let x = tensor("x", [n, d], .ordinary).map { (0x1p10 * $0).rounded() * 0x1p-10 }
    return (x.converted().map { $0 + around }, normalization(width: d, forms: forms))
  }

  /// One number throughout, the bias, and parameters under which it is the result.
  fileprivate func constantRow() -> (x: Tensor<Double>, bias: Tensor<Double>, LayerNorm<Double>) {
    let d = size("d", from: 2, upTo: 37)
    let p = normalization(width: d, forms: LayerNormForm.allCases)
    let x = Double(value("x", .ordinary) / 10)  // a tenth has no end in binary
    return (
      Tensor(shape: [d], repeating: x), p.bias ?? Tensor(shape: [d], repeating: 0), p
    )
  }

  private func normalization(width d: Int, forms: [LayerNormForm]) -> LayerNorm<Double> {
    LayerNorm(
      gain: tensor("gain", [d], .ordinary).converted(),
      bias: bool("biased") ? tensor("bias", [d], .ordinary).converted() : nil,
      epsilon: element("epsilon", of: [1e-5, 1e-12, 0.5]), form: element("form", of: forms))
  }
}
