import Foundation
@testable import Kernels
import Testing

@Suite("Vector functions")
struct ElementaryFunctionsTests {
  @Test("sigmoid is within 2.2 ulp")
  func sigmoids() {
    let error = largestErrors(
      of: { sigmoid($0) }, against: { 1 / (1 + exp(-$0)) }, from: -87.3, to: 100)
    #expect(error.ulps <= 2.2 && error.ulps > 0.5)
    #expect(sigmoid(Vector(repeating: -200)) == .zero)
    #expect(sigmoid(Vector(repeating: -.infinity)) == .zero)
    #expect(sigmoid(Vector(repeating: .infinity)) == Vector(repeating: 1))
    #expect(sigmoid(Vector(repeating: .nan))[0].isNaN)
  }

  @Test("e to the power x, less 1, is within 1.5 ulp")
  func exponentialsMinusOne() {
    let error = largestErrors(
      of: { exponentialMinusOne($0) }, against: { expm1($0) }, from: 0, to: 88)
    #expect(error.ulps <= 1.5 && error.ulps > 0.5)
    #expect(exponentialMinusOne(.zero) == .zero)
    #expect(exponentialMinusOne(Vector(repeating: .nan))[0].isNaN)
  }

  @Test("tanh is within 2.5 ulp")
  func tangents() {
    let error = largestErrors(of: { tanh($0) }, against: { Foundation.tanh($0) }, from: -12, to: 12)
    #expect(error.ulps <= 2.5 && error.ulps > 0.5)
    for sign: Float in [1, -1] {
      #expect(tanh(Vector(repeating: sign * 1e30)) == Vector(repeating: sign))
      #expect(tanh(Vector(repeating: sign * .infinity)) == Vector(repeating: sign))
    }
    #expect(tanh(Vector(repeating: .nan))[0].isNaN)
  }

  @Test("the normal distribution's tail is within 4.5 ulp")
  func tails() {
    let error = largestErrors(
      of: { normalTail($0) }, against: { erfc($0 / 2.0.squareRoot()) / 2 }, from: 0, to: 13.3)
    #expect(error.ulps <= 4.5 && error.ulps > 0.5)
    #expect(normalTail(.zero) == Vector(repeating: 0.5))
    #expect(normalTail(Vector(repeating: .infinity)) == .zero)
    #expect(normalTail(Vector(repeating: .nan))[0].isNaN)
  }

  @Test("the logarithm of 1 + e is within 1.9 ulp")
  func logarithms() {
    let error = largestErrors(of: { logOnePlus($0) }, against: { log1p($0) }, from: 0, to: 1)
    #expect(error.ulps <= 1.9 && error.ulps > 0.5)
    #expect(logOnePlus(.zero) == .zero)
    #expect(logOnePlus(Vector(repeating: .nan))[0].isNaN)
  }

  @Test("−log σ is within 3 ulp")
  func logarithmsOfSigmoids() {
    let error = largestErrors(
      of: { minusLogSigmoid($0) }, against: { max(-$0, 0) + log1p(exp(-abs($0))) }, from: -1e30,
      to: 87.3)
    #expect(error.ulps <= 3 && error.ulps > 0.5)
    #expect(minusLogSigmoid(Vector(repeating: .infinity)) == .zero)
    #expect(minusLogSigmoid(Vector(repeating: -.infinity))[0] == .infinity)
    #expect(minusLogSigmoid(Vector(repeating: .nan))[0].isNaN)
  }

  @Test("sine and cosine are within 0.9 ulp up to π/4")
  func sinesAndCosines() {
    let sine = largestErrors(
      of: { sineAndCosine($0).sine }, against: { sin($0) }, from: -.pi / 4, to: .pi / 4)
    let cosine = largestErrors(
      of: { sineAndCosine($0).cosine }, against: { cos($0) }, from: -.pi / 4, to: .pi / 4)
    #expect(sine.ulps <= 0.9 && sine.ulps > 0.5)
    #expect(cosine.ulps <= 0.9 && cosine.ulps > 0.5)
  }

  @Test("sine and cosine of an angle in Double are within 2.8 u, wherever it lies")
  func sinesAndCosinesOfAnyAngle() {
    var (sine, cosine) = (0.0, 0.0)
    for step in 0..<100_000 {
      // By a ratio that visits all quarters, to 10⁹ and below 0.
      let angle = (step % 2 == 0 ? 1.0 : -1.0) * exp(Double(step) * 2e-4) * 1.234567
      let got = sineAndCosine(WideVector(repeating: angle))
      sine = max(sine, abs(Double(got.sine[0]) / sin(angle) - 1) * 0x1p24)
      cosine = max(cosine, abs(Double(got.cosine[0]) / cos(angle) - 1) * 0x1p24)
    }
    #expect(sine <= 2.8 && sine > 1)
    #expect(cosine <= 2.8 && cosine > 1)
  }
}
