import Notation

/// Softmax over the last dimension.
///
///     p_i = exp(z_i) / Σ_j exp(z_j) = exp(z_i − max z) / Σ_j exp(z_j − max z)        … × m
///
/// The second form is the one computed: the first overflows from z = 710 in Double, 89 in Float.
///
/// - Parameter z: Logits, … × m.
/// - Returns: … × m. A row with NaN, with +∞, or of nothing but −∞ is NaN throughout; −∞ beside a
///   finite number gives 0; an empty row stays empty.
///
/// ATT-14. SPEC.md, Softmax. Kernel: `Kernels/Primitives/Softmax.swift`.
@specialized(where S == Float)
@specialized(where S == Double)
public func softmax<S: Scalar>(_ z: Tensor<S>) -> Tensor<S> {
  require(z.rank >= 1, "softmax needs a dimension to sum over: got a single element")
  let rows = z.rows
  var p = rows
  for i in 0..<rows.shape[0] {
    let (maximum, sum) = maximumAndSum(rows, row: i)
    for j in 0..<rows.shape[1] { p[i, j] = S.exp(rows[i, j] - maximum) / sum }
  }
  return p.reshaped(z.shape)
}

/// The logarithm of softmax over the last dimension.
///
///     log p_i = z_i − max z − log Σ_j exp(z_j − max z)        … × m
///
/// - Parameter z: Logits, … × m.
/// - Returns: … × m. A row with NaN, with +∞, or of nothing but −∞ is NaN throughout; −∞ beside a
///   finite number stays −∞.
///
/// SPEC.md, Softmax. Kernel: `Kernels/Primitives/Softmax.swift`.
@specialized(where S == Float)
@specialized(where S == Double)
public func logSoftmax<S: Scalar>(_ z: Tensor<S>) -> Tensor<S> {
  require(z.rank >= 1, "logSoftmax needs a dimension to sum over: got a single element")
  let rows = z.rows
  var logP = rows
  for i in 0..<rows.shape[0] {
    let (maximum, sum) = maximumAndSum(rows, row: i)
    for j in 0..<rows.shape[1] { logP[i, j] = rows[i, j] - maximum - S.log(sum) }
  }
  return logP.reshaped(z.shape)
}

/// The index of the largest element of every row, the first among equals.
///
/// - Parameter z: … × m, with m ≥ 1.
/// - Returns: … . NaN counts as larger than any number, as PyTorch has it.
///
/// OUT-1, ATT-9. SPEC.md, Softmax.
@specialized(where S == Float)
@specialized(where S == Double)
public func argmax<S: Scalar>(_ z: Tensor<S>) -> Tensor<Int> {
  require(
    z.rank >= 1 && z.shape[z.rank - 1] > 0,
    "argmax needs an element to choose: got \(described(z.shape))")
  let rows = z.rows
  return Tensor(
    shape: z.shape.dropLast(),
    storage: (0..<rows.shape[0]).map { i in
      var best = 0
      for j in 0..<rows.shape[1] where !rows[i, best].isNaN {
        if rows[i, j] > rows[i, best] || rows[i, j].isNaN { best = j }
      }
      return best
    })
}

/// max z and Σ_j exp(z_j − max z) of one row; the sum is NaN if any z_j is.
@inline(__always)
private func maximumAndSum<S: Scalar>(_ z: Tensor<S>, row i: Int) -> (S, S) {
  var maximum = -S.infinity
  for j in 0..<z.shape[1] where z[i, j] > maximum { maximum = z[i, j] }
  var sum: S = 0
  for j in 0..<z.shape[1] { sum += S.exp(z[i, j] - maximum) }
  return (maximum, sum)
}
