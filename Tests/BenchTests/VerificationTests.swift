import Notation
import Testing

@testable import bench

@Suite("Verification can fail")
struct VerificationTests {
  private func verified(_ got: Tensor<Float>, bound: Double) -> Verification {
    let expected: Tensor<Double> = [[4, -8]]
    return Verification(
      rows: [0], of: got, expected: expected, bound: expected.map { _ in bound })
  }

  @Test("the worst element counts")
  func worst() {
    #expect(verified([[4, -7.96875]], bound: 0.0625).largestRatio == 0.5)
    #expect(verified([[4.125, -8]], bound: 0.0625).largestRatio == 2)
    #expect(!verified([[4.125, -8]], bound: 0.0625).agrees)
    #expect(verified([[4, -8]], bound: 0).agrees)
  }

  @Test("NaN agrees with nothing, and nothing with a bound that is as large as the numbers")
  func refused() {
    let notANumber = Tensor<Float>(shape: [1, 2], storage: [4, .nan])
    #expect(!verified(notANumber, bound: 0.0625).agrees)
    for bound in [Double.infinity, .nan, 8, 1] {
      #expect(!verified([[4, -8]], bound: bound).agrees)
    }
  }
}
