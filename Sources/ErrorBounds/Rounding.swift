import Foundation
import Notation

/// What one rounding to `Float` may change: half of the distance between 1 and the next number.
public let unitRoundoff = 0x1p-24

/// The smallest normal `Float`: what a kernel may flush to zero, and the scale of underflow.
public let smallestNormal = 0x1p-126

/// The relative error that n roundings in a row can add up to: n u / (1 − n u).
///
/// Source: N. Higham, "Accuracy and Stability of Numerical Algorithms", 2nd edition, lemma 3.1.
public func gamma(_ n: Int) -> Double {
  let nu = Double(n) * unitRoundoff
  return nu < 1 ? nu / (1 - nu) : .infinity
}

/// The relative error of a product of factors each off by e^±ε, ε summed over the factors.
func relativeError(ofExponent epsilon: Double) -> Double { expm1(epsilon) }
