/// What a bound has to know of the arithmetic that it bounds.
public struct Arithmetic: Sendable {
  /// What one rounding may change, relative to the result.
  public let unitRoundoff: Double
  /// The smallest normal number; a smaller result may be flushed to zero.
  public let smallestNormal: Double
  /// Whether sums run in blocks and lanes, as the kernels' do, or from the first term to the last.
  let isBlocked: Bool

  /// The kernels: `Float`, in blocks.
  public static let kernel = Arithmetic(
    unitRoundoff: 0x1p-24, smallestNormal: 0x1p-126, isBlocked: true)
  /// Kernels whose sums run in any order: no term of a sum of m goes through more than m roundings.
  static let kernelInAnyOrder = Arithmetic(
    unitRoundoff: 0x1p-24, smallestNormal: 0x1p-126, isBlocked: false)
  /// The equations in `Double`.
  public static let equationInDouble = Arithmetic(
    unitRoundoff: 0x1p-53, smallestNormal: 0x1p-1022, isBlocked: false)

  /// The relative error that n roundings in a row can add up to: n u / (1 − n u).
  ///
  /// Source: N. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, lemma 3.1.
  public func gamma(_ n: Int) -> Double {
    let nu = Double(n) * unitRoundoff
    return nu < 1 ? nu / (1 - nu) : .infinity
  }

  /// The roundings that one term of a product with `k` steps goes through.
  ///
  /// A kernel's block of 256 or 512 steps is one chain of fused multiply-adds, each rounding once, and
  /// the blocks are added one after the other; of few rows, eight lanes or more are chains, which are
  /// added up. What blocks of 256 take is never the most.
  func productDepth(_ k: Int) -> Int {
    isBlocked ? max(min(k, 512) + (k + 511) / 512, (k + 7) / 8 + 3) : k
  }

  /// The roundings that one term of a softmax's sum over `m` goes through.
  ///
  /// A kernel sums in two vectors of at least eight lanes, and then adds up vectors and lanes.
  func sumDepth(_ m: Int) -> Int { isBlocked ? (m + 15) / 16 + 5 : m }
}
