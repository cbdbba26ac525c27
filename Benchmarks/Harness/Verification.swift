import Notation

/// How far a kernel is from the equation.
struct Verification {
  /// The largest error ÷ bound; infinite where there is no such number, as for NaN, and where the bound
  /// is no bound.
  let largestRatio: Double
  /// How many rows of how many were compared.
  let rows: (checked: Int, of: Int)

  var agrees: Bool { largestRatio <= 1 }

  /// What a bound may be of the largest number: a larger one would allow almost anything.
  ///
  /// Attention to 16,384 keys takes 1.6 %, its output being far smaller than the values that it averages;
  /// all others stay below 1 %.
  static let largestShare = 0.1

  /// Compares rows of the kernel's result with the oracle's.
  init(
    rows indices: [Int], of got: Tensor<Float>, expected: Tensor<Double>, bound: Tensor<Double>
  ) {
    let (got, expected, bound) = (got.rows, expected.rows, bound.rows)
    var largest = 0.0
    for (row, i) in indices.enumerated() {
      for j in 0..<got.shape[1] {
        let (error, bound) = (abs(Double(got[i, j]) - expected[row, j]), bound[row, j])
        let ratio = error == 0 && bound >= 0 ? 0 : error / bound
        // Kept as infinity: every comparison with NaN is false, so the next ratio would replace it.
        largest = ratio.isNaN ? .infinity : max(largest, ratio)
      }
    }
    let size = expected.storage.map(abs).max() ?? 0
    // Nothing is large beside nothing but zeros.
    let limit = size == 0 ? .greatestFiniteMagnitude : Verification.largestShare * size
    let saysSomething = bound.storage.allSatisfy { $0 <= limit }
    largestRatio = saysSomething ? largest : .infinity
    rows = (indices.count, got.shape[0])
  }
}

/// Which rows of a result are compared: all of them, or some drawn anew for each benchmark.
func sampledRows(_ count: Int, atMost most: Int) -> [Int] {
  if count <= most { return Array(0..<count) }
  var stream = RandomStream(seed: UInt64(count))
  return Array((0..<count).shuffled(using: &stream).prefix(most)).sorted()
}

extension Tensor {
  /// The matrix of some of the rows.
  func rows(_ indices: [Int]) -> Tensor {
    let width = shape[rank - 1]
    return Tensor(
      shape: [indices.count, width],
      storage: indices.flatMap { storage[$0 * width..<($0 + 1) * width] })
  }
}
