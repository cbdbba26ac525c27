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

  @Test("far below, both are exactly zero; NaN stays NaN, and e⁰ is 1")
  func special() {
    for x: Float in [-127, -200, -1e30, -.infinity] {
      #expect(exponential2(Vector(repeating: x)) == .zero)
      #expect(exponential(Vector(repeating: x)) == .zero)
    }
    #expect(exponential2(Vector(repeating: .nan))[0].isNaN)
    #expect(exponential(Vector(repeating: .nan))[0].isNaN)
    #expect(exponential2(.zero) == Vector(repeating: 1))
    #expect(exponential(.zero) == Vector(repeating: 1))
  }

  /// The largest error in ulps of the result, and relative to it in units of u = 2⁻²⁴.
  ///
  /// Over about half a million floats in the range; `TRANSFORMERSPEC_SWEEP=1` takes every one of them,
  /// some 2³¹, in about two minutes.
  private func largestErrors(
    of approximation: (Vector) -> Vector, against exact: (Double) -> Double, from low: Float,
    to high: Float
  ) -> (ulps: Double, roundoffs: Double) {
    let sweepsAll = ProcessInfo.processInfo.environment["TRANSFORMERSPEC_SWEEP"] != nil
    let stride: UInt32 = sweepsAll ? 1 : 4099  // a prime, so that all low bits occur
    var (ulps, relative) = (0.0, 0.0)
    for (sign, limit) in [(UInt32(1) << 31, -low), (0, high)] {
      var bits: UInt32 = 0
      while bits <= limit.bitPattern {
        var x = Vector.zero
        for lane in 0..<lanes {
          x[lane] = Float(bitPattern: sign | min(bits, limit.bitPattern))
          bits += stride
        }
        let y = approximation(x)
        for lane in 0..<lanes {
          let expected = exact(Double(x[lane]))
          let error = abs(Double(y[lane]) - expected)
          ulps = max(ulps, error / Double(Float(expected).ulp))
          relative = max(relative, error / expected)
        }
      }
    }
    return (ulps, relative * 0x1p24)
  }
}
