import Notation

/// Dropout of a vector at a time, by the words of its lanes' numbers.
///
/// The words of even and of odd lanes are computed side by side in lanes of 64 bits. Only the upper
/// halves are looked at, which SplitMix64's last step, an exclusive or with the word shifted by 31 bits,
/// does not reach as far down as bit 40. Halves of even and of odd lanes go together without a shuffle.
///
/// Source of the words: `Notation/RandomStream.swift`.
struct DroppedLanes: Sendable {
  private let even: Words
  private let limit: UInt32
  private let rest: Float

  /// Prepares a dropout whose probability is not 0.
  init(_ drop: Dropout) {
    var states = Words(repeating: drop.seed &+ increment)
    for k in 0..<Words.scalarCount { states[k] &+= UInt64(2 * k) &* increment }
    even = states
    // Kept if word / 2⁴⁰ ≥ p 2²⁴, that is if the upper half is above ⌈p 2²⁴⌉ 2⁸ − 1.
    limit = UInt32(UInt64((drop.probability * 0x1p24).rounded(.up)) << 8 - 1)
    rest = Float(1 - drop.probability)
  }

  /// x / (1 − p) in the lanes that are kept, 0 in the others; lane 0 is element `index`.
  @inline(__always)
  func callAsFunction(_ x: Vector, at index: Int) -> Vector {
    let state = even &+ UInt64(truncatingIfNeeded: index) &* increment
    let words = (mixed(state) &>> 32) | (mixed(state &+ increment) & 0xFFFF_FFFF_0000_0000)
    let upper = unsafe unsafeBitCast(words, to: VectorBits.self)
    return Vector.zero.replacing(
      with: x / Vector(repeating: rest), where: upper .> VectorBits(repeating: limit))
  }
}

#if SIXTEEN_LANES
  private typealias Words = SIMD8<UInt64>
#else
  private typealias Words = SIMD4<UInt64>
#endif

private let increment: UInt64 = 0x9E37_79B9_7F4A_7C15

/// SplitMix64 without its last step.
@inline(__always)
private func mixed(_ state: Words) -> Words {
  var z = state
  z = (z ^ (z &>> 30)) &* 0xBF58_476D_1CE4_E5B9
  return (z ^ (z &>> 27)) &* 0x94D0_49BB_1331_11EB
}
