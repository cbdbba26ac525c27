import Foundation
@testable import Kernels

/// The largest error in ulps of the result, and relative to it in units of u = 2⁻²⁴.
///
/// Over about half a million floats in the range; `TRANSFORMERSPEC_SWEEP=1` takes every one of them,
/// some 2³¹, in about two minutes. Numbers nearer to 0 than `least` are left out.
func largestErrors(
  of approximation: (Vector) -> Vector, against exact: (Double) -> Double, from low: Float,
  to high: Float, beyond least: Float = 0
) -> (ulps: Double, roundoffs: Double) {
  let sweepsAll = ProcessInfo.processInfo.environment["TRANSFORMERSPEC_SWEEP"] != nil
  let stride: UInt32 = sweepsAll ? 1 : 4099  // a prime, so that all low bits occur
  var (ulps, relative) = (0.0, 0.0)
  for (sign, limit) in [(UInt32(1) << 31, 0 - low), (0, high)] {
    var bits = least.bitPattern
    while bits <= limit.bitPattern {
      var x = Vector.zero
      for lane in 0..<lanes {
        x[lane] = Float(bitPattern: sign | min(bits, limit.bitPattern))
        bits += stride
      }
      let y = approximation(x)
      for lane in 0..<lanes {
        let expected = exact(Double(x[lane]))
        // Below the smallest normal number results may be 0.
        if abs(expected) < 0x1p-126 && abs(y[lane]) < 0x1p-126 { continue }
        let error = abs(Double(y[lane]) - expected)
        ulps = max(ulps, error / Double(Float(expected).ulp))
        relative = max(relative, error / abs(expected))
      }
    }
  }
  return (ulps, relative * 0x1p24)
}
