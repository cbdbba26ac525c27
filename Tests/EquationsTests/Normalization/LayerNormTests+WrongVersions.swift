import Equations
import Foundation
import Notation
import TestSupport

let wrongNormalizations: [WrongVersion<Normalization<Double>>] = [
  wrong("the variance over N − 1 where N is meant") { recipe, p in
    if p.form == .epsilonInsideRoot { recipe.variance = { squares($0) / Double($0.count - 1) } }
  },
  wrong("the variance over N where N − 1 is meant") { recipe, p in
    if p.form == .epsilonOutsideRoot { recipe.variance = { squares($0) / Double($0.count) } }
  },
  wrong("ε outside of the root where it stands inside") { recipe, p in
    if p.form == .epsilonInsideRoot { recipe.divisor = { sqrt($0) + $1 } }
  },
  wrong("ε inside the root where it stands outside") { recipe, p in
    if p.form == .epsilonOutsideRoot { recipe.divisor = { sqrt($0 + $1) } }
  },
  wrong("ε left out") { recipe, _ in recipe.divisor = { v, _ in sqrt(v) } },
  wrong("the square of ε in the root") { recipe, p in
    if p.form == .epsilonInsideRoot { recipe.divisor = { sqrt($0 + $1 * $1) } }
  },
  wrong("always 1e-5 for ε") { recipe, p in p.epsilon = 1e-5 },
  wrong("always 1e-12 for ε") { recipe, p in p.epsilon = 1e-12 },
  wrong("divided by the variance, not by its root") { recipe, _ in recipe.divisor = { $0 + $1 } },
  wrong("the mean is not subtracted") { recipe, _ in recipe.deviations = { $0 } },
  wrong("the mean of the absolute deviations for their root mean square") { recipe, _ in
    recipe.variance = { pow($0.reduce(0) { $0 + abs($1) } / Double($0.count), 2) }
  },
  wrong("the gain is forgotten") { _, p in p.gain = p.gain.map { _ in 1 } },
  wrong("1 is added to the gain") { _, p in p.gain = p.gain.map { 1 + $0 } },
  wrong("the bias is forgotten") { _, p in p.bias = nil },
  wrong("the gain multiplies the bias, too") { _, p in
    p.bias = p.bias.map { Tensor(shape: $0.shape, storage: zip($0.storage, p.gain.storage).map(*)) }
  },
  wrong("gain and bias are exchanged") { _, p in
    if let bias = p.bias { (p.gain, p.bias) = (bias, p.gain) }
  },
  WrongVersion("gain and bias by row instead of by column") { x, p in
    var steps = layerNormSteps(x, p)
    guard p.width > 0 else { return steps }
    steps.output = scaled(steps.normalized) { i, _ in
      (p.gain[i % p.width], p.bias?[i % p.width] ?? 0)
    }
    return steps
  },
  WrongVersion("over the rows instead of the columns") { x, p in
    var steps = layerNormSteps(x, p)
    let columns = x.rows.transposed
    let unit = LayerNorm<Double>(width: columns.shape[1], epsilon: p.epsilon, form: p.form)
    steps.normalized = layerNorm(columns, unit).transposed.reshaped(x.shape)
    steps.output = scaled(steps.normalized) { _, j in (p.gain[j], p.bias?[j] ?? 0) }
    return steps
  },
  WrongVersion("one mean and variance for all rows") { x, p in
    var steps = layerNormSteps(x, p)
    let unit = LayerNorm<Double>(width: x.count, epsilon: p.epsilon, form: p.form)
    steps.normalized = layerNorm(x.reshaped([x.count]), unit).reshaped(x.shape)
    steps.output = scaled(steps.normalized) { _, j in (p.gain[j], p.bias?[j] ?? 0) }
    return steps
  },
  WrongVersion("the normalised rows for the output") { x, p in
    var steps = layerNormSteps(x, p)
    steps.output = steps.normalized
    return steps
  },
  WrongVersion("the deviation for the variance") { x, p in
    var steps = layerNormSteps(x, p)
    steps.variance = steps.variance.map { $0.squareRoot() }
    return steps
  },
]

/// Forms that are equal to the definition in exact arithmetic.
let naiveNormalizations: [WrongVersion<Normalization<Float>>] = [
  WrongVersion("a rounded mean is subtracted") { x, p in layerNormAsDefined(x, p) },
  WrongVersion("a rounded mean, summed in eight lanes, is subtracted") { x, p in
    layerNormAsDefined(x, p, lanes: 8)
  },
  WrongVersion("the mean of the squares less the square of the mean") { x, p in
    var steps = layerNormSteps(x, p)
    let (rows, d) = (x.rows, Float(p.width))
    for i in 0..<rows.shape[0] {
      let row = rows.slice(i).storage
      let mean = row.reduce(0, +) / d
      let variance = max(row.reduce(0) { $0 + $1 * $1 } / d - mean * mean, 0)
      let epsilon = Float(p.epsilon)
      for j in row.indices {
        let y =
          (row[j] - mean)
          / (p.form == .epsilonInsideRoot
            ? (variance + epsilon).squareRoot() : (variance * d / (d - 1)).squareRoot() + epsilon)
        steps.normalized.storage[i * p.width + j] = y
        steps.output.storage[i * p.width + j] = p.gain[j] * y + (p.bias?[j] ?? 0)
      }
    }
    return steps
  },
]

/// How a row is normalised, for changing one step of it.
private struct Recipe {
  var deviations: ([Double]) -> [Double] = { row in
    let e = row.map { $0 - row[0] }
    let shift = e.reduce(0, +) / Double(row.count)
    return e.map { $0 - shift }
  }
  /// From the deviations.
  var variance: ([Double]) -> Double
  /// From the variance and ε.
  var divisor: (Double, Double) -> Double

  init(_ form: LayerNormForm) {
    switch form {
    case .epsilonInsideRoot:
      variance = { squares($0) / Double($0.count) }
      divisor = { sqrt($0 + $1) }
    case .epsilonOutsideRoot:
      variance = { squares($0) / Double($0.count - 1) }
      divisor = { sqrt($0) + $1 }
    }
  }
}

private func wrong(
  _ name: String, _ change: @escaping @Sendable (inout Recipe, inout LayerNorm<Double>) -> Void
) -> WrongVersion<Normalization<Double>> {
  WrongVersion(name) { x, p in
    var (recipe, p, steps) = (Recipe(p.form), p, layerNormSteps(x, p))
    change(&recipe, &p)
    let rows = x.rows
    for i in 0..<rows.shape[0] where p.width > 0 {
      let deviations = recipe.deviations(rows.slice(i).storage)
      let variance = recipe.variance(deviations)
      steps.variance.storage[i] = variance
      for (j, c) in deviations.enumerated() {
        steps.normalized.storage[i * p.width + j] = c / recipe.divisor(variance, p.epsilon)
      }
    }
    steps.output = scaled(steps.normalized) { _, j in (p.gain[j], p.bias?[j] ?? 0) }
    return steps
  }
}

/// Each number times a gain, plus a bias.
private func scaled(
  _ x: Tensor<Double>, by parameters: (Int, Int) -> (gain: Double, bias: Double)
) -> Tensor<Double> {
  var y = x.rows
  for i in 0..<y.shape[0] {
    for j in 0..<y.shape[1] {
      let (gain, bias) = parameters(i, j)
      y[i, j] = gain * y[i, j] + bias
    }
  }
  return y.reshaped(x.shape)
}

private func squares(_ x: [Double]) -> Double { x.reduce(0) { $0 + $1 * $1 } }
