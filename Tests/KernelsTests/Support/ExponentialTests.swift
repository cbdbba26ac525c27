import Foundation
@testable import Kernels
import Notation
import Testing

@Suite("Vector exponentials")
struct ExponentialTests {
  @Test("2 to a power is within 1.95 ulp and 2.7 u, from −126 to 127")
  func exponentialOf2() {
    let error = largestErrors(of: { exponential2($0) }, against: exp2, from: -126, to: 127)
    #expect(error.ulps <= 1.95 && error.roundoffs <= 2.7)
    #expect(error.ulps > 0.5, "no approximation is that good: the sweep measures nothing")
  }

  @Test("e to a power is within 0.9 ulp and 1.3 u, from −87.3 to 88")
  func exponentialOfE() {
    let error = largestErrors(of: { exponential($0) }, against: exp, from: -87.3, to: 88)
    #expect(error.ulps <= 0.9 && error.roundoffs <= 1.3)
    #expect(error.ulps > 0.5, "no approximation is that good: the sweep measures nothing")
  }

  @Test("e to a power, fast, is within (13 + |x|) / 4 u, from −87.3 to 87.3")
  func fastExponentialOfE() {
    let limits: [Float] = [0, 0.25, 1, 4, 16, 87.3]
    for (least, limit) in zip(limits, limits.dropFirst()) {
      let error = largestErrors(
        of: { fastExponential($0) }, against: exp, from: -limit, to: limit, beyond: least)
      #expect(error.roundoffs <= (13 + Double(limit)) / 4)
      #expect(error.roundoffs > 1, "no approximation is that good: the sweep measures nothing")
    }
  }

  @Test("far below, all are exactly zero; NaN stays NaN, and e⁰ is 1")
  func special() {
    for x: Float in [-127, -200, -1e30, -.infinity] {
      #expect(exponential2(Vector(repeating: x)) == .zero)
      #expect(exponential(Vector(repeating: x)) == .zero)
      #expect(fastExponential(Vector(repeating: x)) == .zero)
    }
    #expect(exponential2(Vector(repeating: .nan))[0].isNaN)
    #expect(exponential(Vector(repeating: .nan))[0].isNaN)
    #expect(fastExponential(Vector(repeating: .nan))[0].isNaN)
    #expect(exponential2(.zero) == Vector(repeating: 1))
    #expect(exponential(.zero) == Vector(repeating: 1))
    #expect(fastExponential(.zero) == Vector(repeating: 1))
  }
}
