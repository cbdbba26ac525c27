/// A seeded stream of random bits: xoshiro256**, its state filled by SplitMix64.
///
/// Both are a few integer operations that any language can repeat to the bit, so a port can draw the
/// same test cases. The known answers are in `RandomStreamTests` and in `Reference/PORTING.md`.
/// Source: D. Blackman and S. Vigna, "Scrambled linear pseudorandom number generators", 2021.
public struct RandomStream: RandomNumberGenerator, Sendable {
  private var state: (UInt64, UInt64, UInt64, UInt64)

  /// Creates the stream of a seed.
  public init(seed: UInt64) {
    var seeder = SplitMix64(seed: seed)
    state = (seeder.next(), seeder.next(), seeder.next(), seeder.next())
  }

  /// Creates a stream from its four words of state, which must not all be zero.
  public init(state: (UInt64, UInt64, UInt64, UInt64)) {
    require(state != (0, 0, 0, 0), "a xoshiro256** state of zeros yields only zeros")
    self.state = state
  }

  /// The next 64 bits.
  public mutating func next() -> UInt64 {
    let result = rotated(state.1 &* 5, by: 7) &* 9
    let shifted = state.1 << 17
    state.2 ^= state.0
    state.3 ^= state.1
    state.1 ^= state.2
    state.0 ^= state.3
    state.2 ^= shifted
    state.3 = rotated(state.3, by: 45)
    return result
  }

  /// The next number in 0 ..< 1, a multiple of 2⁻²⁴ and so the same in `Float` and `Double`.
  public mutating func uniform<S: Scalar>() -> S { S(Double(next() >> 40) * 0x1p-24) }

  /// The next number of mean 0 and variance 1: the sum of twelve uniform ones, minus 6.
  ///
  /// Sums of multiples of 2⁻²⁴ below 16 need 28 bits: exact in `Double`, rounded once in `Float`,
  /// and free of any library's logarithm. Its tails end at ±6.
  public mutating func normal<S: Scalar>() -> S {
    var sum = -6.0
    for _ in 0..<12 { sum += uniform() as Double }
    return S(sum)
  }

  private func rotated(_ x: UInt64, by bits: UInt64) -> UInt64 { x << bits | x >> (64 - bits) }
}

/// The generator that turns one seed into well-mixed words: SplitMix64.
///
/// Source: G. Steele, D. Lea and C. Flood, "Fast splittable pseudorandom number generators", 2014.
public struct SplitMix64: RandomNumberGenerator, Sendable {
  private var state: UInt64

  /// Creates the stream of a seed.
  public init(seed: UInt64) { state = seed }

  /// The next 64 bits.
  public mutating func next() -> UInt64 {
    state &+= SplitMix64.increment
    return SplitMix64.mixed(state)
  }

  /// Word `index` of a seed's stream, counted from 0, without those before it.
  @inlinable public static func word(_ index: Int, seed: UInt64) -> UInt64 {
    mixed(seed &+ (UInt64(bitPattern: Int64(index)) &+ 1) &* increment)
  }

  /// The number in 0 ..< 1 of word `index`, a multiple of 2⁻²⁴: uᵢ = (wordᵢ >> 40) · 2⁻²⁴.
  @inlinable public static func uniform(_ index: Int, seed: UInt64) -> Double {
    Double(word(index, seed: seed) >> 40) * 0x1p-24
  }

  @usableFromInline static let increment: UInt64 = 0x9E37_79B9_7F4A_7C15

  @inlinable static func mixed(_ state: UInt64) -> UInt64 {
    var z = state
    z = (z ^ z >> 30) &* 0xBF58_476D_1CE4_E5B9
    z = (z ^ z >> 27) &* 0x94D0_49BB_1331_11EB
    return z ^ z >> 31
  }
}

extension Tensor where Element: Scalar {
  /// A tensor of random numbers with mean 0 and variance 1.
  @specialized(where Element == Float)
  @specialized(where Element == Double)
  public static func normal(_ shape: [Int], from stream: inout RandomStream) -> Tensor {
    Tensor(shape: shape, storage: (0..<shape.reduce(1, *)).map { _ in stream.normal() })
  }

  /// A tensor of random numbers in 0 ..< 1.
  @specialized(where Element == Float)
  @specialized(where Element == Double)
  public static func uniform(_ shape: [Int], from stream: inout RandomStream) -> Tensor {
    Tensor(shape: shape, storage: (0..<shape.reduce(1, *)).map { _ in stream.uniform() })
  }
}
