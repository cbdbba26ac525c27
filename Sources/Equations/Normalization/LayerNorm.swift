import Notation

/// Layer normalisation: every row gets mean 0 and variance 1, then a gain and a bias of its own.
///
///     y = γ ⊙ (x − μ) / √(v + ε) + β,  μ = Σ x_i / d,  v = Σ (x_i − μ)² / d        … × d
///
/// - Parameters:
///   - x: … × d.
///   - p: γ, β, ε, and where ε stands.
/// - Returns: … × d. A row of one number repeated gives β, unless ε is 0. NaN or an infinity makes
///   its row NaN.
///
/// NRM-1, NRM-2. Ba et al. 2016, equation 4. SPEC.md, Layer norm.
@specialized(where S == Float)
@specialized(where S == Double)
public func layerNorm<S: Scalar>(_ x: Tensor<S>, _ p: LayerNorm<S>) -> Tensor<S> {
  layerNormSteps(x, p).output
}

/// Layer normalisation with everything that it computes on the way.
///
///     e_i = x_i − x_0,  c_i = e_i − Σ e / d = x_i − μ
///
/// The mean is taken of the differences to the row's first number: it is the same mean, and where all
/// numbers are equal or nearly so, no digits of their differences are lost. A width of 1 has no
/// variance under `.epsilonOutsideRoot`, 0 / 0.
@specialized(where S == Float)
@specialized(where S == Double)
public func layerNormSteps<S: Scalar>(_ x: Tensor<S>, _ p: LayerNorm<S>) -> LayerNormSteps<S> {
  let d = p.width
  p.checkWidth(of: x.shape)
  let rows = x.rows
  let n = rows.shape[0]
  var mean = Tensor<S>(shape: [n], repeating: 0)
  var variance = mean
  var normalized = rows
  var output = rows
  for i in 0..<n where d > 0 {
    let x = rows.slice(i).storage
    let e = x.map { $0 - x[0] }
    let shift = e.reduce(0, +) / S(Double(d))
    let c = e.map { $0 - shift }
    let squares = c.reduce(0) { $0 + $1 * $1 }
    mean[i] = x[0] + shift
    let divisor: S
    switch p.form {
    case .epsilonInsideRoot:
      variance[i] = squares / S(Double(d))
      divisor = S.sqrt(variance[i] + S(p.epsilon))
    case .epsilonOutsideRoot:
      variance[i] = squares / S(Double(d - 1))
      divisor = S.sqrt(variance[i]) + S(p.epsilon)
    }
    for j in 0..<d {
      normalized[i, j] = c[j] / divisor
      output[i, j] = p.gain[j] * normalized[i, j] + (p.bias?[j] ?? 0)
    }
  }
  let leading = Array(x.shape.dropLast())
  return LayerNormSteps(
    mean: mean.reshaped(leading), variance: variance.reshaped(leading),
    normalized: normalized.reshaped(x.shape), output: output.reshaped(x.shape))
}
