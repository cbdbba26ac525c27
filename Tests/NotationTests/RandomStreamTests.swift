import Notation
import TestSupport
import Testing

@Suite("Random streams repeat to the bit")
struct RandomStreamTests {
  @Test("SplitMix64 has the published answers")
  func splitMix64() {
    var stream = SplitMix64(seed: 1_234_567)
    let published: [UInt64] = [
      6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
      4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
    ]
    #expect(published.map { _ in stream.next() } == published)
  }

  @Test("xoshiro256** has the published answers")
  func xoshiro() {
    var stream = RandomStream(state: (1, 2, 3, 4))
    let published: [UInt64] = [
      11520, 0, 1_509_978_240, 1_215_971_899_390_074_240, 1_216_172_134_540_287_360,
      607_988_272_756_665_600, 16_172_922_978_634_559_625, 8_476_171_486_693_032_832,
      10_595_114_339_597_558_777, 2_904_607_092_377_533_576,
    ]
    #expect(published.map { _ in stream.next() } == published)
  }

  // The answers of seed 42 come from the definitions, computed with Python's integers.
  @Test("a seed fills the state by SplitMix64")
  func seeding() {
    var stream = RandomStream(seed: 42)
    let expected: [UInt64] = [
      1_546_998_764_402_558_742, 6_990_951_692_964_543_102, 12_544_586_762_248_559_009,
    ]
    #expect(expected.map { _ in stream.next() } == expected)
  }

  @Test("uniform numbers are the upper 24 bits, the same in Float and Double")
  func uniform() {
    let expected: Tensor<Double> = [
      0x15780Bp-24, 0x6104D9p-24, 0xAE1753p-24, 0xECB8ADp-24,
    ]
    var (single, double) = (RandomStream(seed: 42), RandomStream(seed: 42))
    #expect(Tensor<Double>.uniform([4], from: &double) == expected)
    #expect(Tensor<Float>.uniform([4], from: &single).converted(to: Double.self) == expected)
  }

  @Test("a normal number is the sum of twelve uniform ones minus 6, rounded once in Float")
  func normal() {
    let expected: [Double] = [28_793_797 * 0x1p-24, 15_182_845 * 0x1p-24]
    var (single, double) = (RandomStream(seed: 42), RandomStream(seed: 42))
    #expect(Tensor<Double>.normal([2, 1], from: &double).storage == expected)
    #expect(Tensor<Float>.normal([2, 1], from: &single).storage == expected.map { Float($0) })
  }

  @Test("uniform numbers have mean 1/2 and variance 1/12, and stay in 0 ..< 1")
  func uniformMoments() {
    var stream = RandomStream(seed: 1)
    let x = Tensor<Double>.uniform([100_000], from: &stream).storage
    expect(mean(x), near: 1 / 2, deviation: 0.289)
    expect(mean(x.map { ($0 - 0.5) * ($0 - 0.5) }), near: 1 / 12, deviation: 0.0746)
    #expect(x.allSatisfy { (0..<1).contains($0) })
  }

  @Test("normal numbers have mean 0, variance 1, no skew and a fourth moment of 2.9")
  func normalMoments() {
    var stream = RandomStream(seed: 2)
    let x = Tensor<Double>.normal([100_000], from: &stream).storage
    expect(mean(x), near: 0, deviation: 1)
    expect(mean(x.map { $0 * $0 }), near: 1, deviation: 1.38)
    expect(mean(x.map { $0 * $0 * $0 }), near: 0, deviation: 3.75)
    // A normal distribution has 3; a sum of n uniform numbers has 3 − 6 / 5n.
    expect(mean(x.map { $0 * $0 * $0 * $0 }), near: 2.9, deviation: 8.8)
    #expect(x.allSatisfy { abs($0) <= 6 })
  }

  private func mean(_ x: [Double]) -> Double { x.reduce(0, +) / Double(x.count) }

  /// With 100 000 numbers a mean is off by their deviation ÷ 316; six times that is allowed.
  private func expect(
    _ mean: Double, near expected: Double, deviation: Double,
    sourceLocation: SourceLocation = #_sourceLocation
  ) {
    let error = abs(mean - expected)
    #expect(error < 6 * deviation / 316, sourceLocation: sourceLocation)
  }

  @Test("a state of zeros is refused")
  func zeros() async {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = RandomStream(state: (0, 0, 0, 0))
    }
    expectSentence("a xoshiro256** state of zeros yields only zeros", from: result)
  }
}
