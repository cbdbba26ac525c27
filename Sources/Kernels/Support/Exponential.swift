/// 2 to the power `t`, for t ≤ 127; at most 1.95 ulp or 2.7 · 2⁻²⁴ off while the result is normal.
///
/// Below −126.5 the result is exactly 0, NaN stays NaN. t splits into its nearest integer n and f in
/// −½ … ½: adding 1.5 · 2²³ rounds t to n and leaves n + 127 in the low bits, which shifted by 23 are
/// the bits of 2ⁿ. The polynomial is the best relative approximation of degree 5 with constant term 1
/// (9.3e-8).
@inline(always)
func exponential2(_ t: Vector) -> Vector {
  let clamped = larger(t, Vector(repeating: -127))
  let shifted = clamped + Vector(repeating: 0x1.8p23 + 127)
  return exponential2(clamped - (shifted - Vector(repeating: 0x1.8p23 + 127)), timesPower: shifted)
}

/// 2 to the power of each lane.
@inline(always)
func exponential2(_ t: VectorPair) -> VectorPair {
  VectorPair(exponential2(t.low), exponential2(t.high))
}

/// e to the power `x`, for x ≤ 88; at most (13 + |x|) / 4 · 2⁻²⁴ off while the result is normal.
///
/// Below −87.7 the result is exactly 0, NaN stays NaN. As `exponential2`, with f = x log₂ e − n rounded
/// once, which moves the result by 0.35u, and log₂ e, off by u/4 of its size. A sum of exponentials takes a
/// seventh less time than with `exponential`.
@inline(always)
func fastExponential(_ x: Vector) -> Vector {
  let clamped = larger(x, Vector(repeating: -88))
  let shifted = Vector(repeating: 0x1.8p23 + 127).addingProduct(clamped, Vector(repeating: log2OfE))
  let f = (Vector(repeating: 0x1.8p23 + 127) - shifted)
    .addingProduct(clamped, Vector(repeating: log2OfE))
  return exponential2(f, timesPower: shifted)
}

/// 2ᶠ⁺ⁿ for f in −½ … ½, from n + 127 in the low bits of `shifted`.
@inline(always)
private func exponential2(_ f: Vector, timesPower shifted: Vector) -> Vector {
  var p = Vector(repeating: 0x1.5bd97cp-10)
  p = Vector(repeating: 0x1.3ce8b2p-7).addingProduct(p, f)
  p = Vector(repeating: 0x1.c6b6dap-5).addingProduct(p, f)
  p = Vector(repeating: 0x1.ebf9c2p-3).addingProduct(p, f)
  p = Vector(repeating: 0x1.62e42ap-1).addingProduct(p, f)
  p = Vector(repeating: 1).addingProduct(p, f)
  return p * powerOfTwo(shifted)
}

/// e to the power `x`, for x ≤ 88; at most 0.9 ulp or 1.3 · 2⁻²⁴ off while the result is normal.
///
/// Below −87.7 the result is exactly 0, NaN stays NaN. Polynomial of degree 6 (3.1e-9) for e^r, see
/// `reduced`.
@inline(always)
func exponential(_ x: Vector) -> Vector {
  let (shifted, r) = reduced(larger(x, Vector(repeating: -88)))
  var p = Vector(repeating: 0x1.6a5228p-10)
  p = Vector(repeating: 0x1.12396cp-7).addingProduct(p, r)
  p = Vector(repeating: 0x1.5558aap-5).addingProduct(p, r)
  p = Vector(repeating: 0x1.555492p-3).addingProduct(p, r)
  p = Vector(repeating: 0x1.fffffcp-2).addingProduct(p, r)
  p = Vector(repeating: 1).addingProduct(p, r)
  p = Vector(repeating: 1).addingProduct(p, r)
  return p * powerOfTwo(shifted)
}

/// e to the power `x`, less 1, for x in 0 … 88; at most 1.5 ulp off.
///
/// NaN stays NaN. As `exponential`, with r + r² times a polynomial of degree 5 (3.8e-9) for e^r − 1.
@inline(always)
func exponentialMinusOne(_ x: Vector) -> Vector {
  let (shifted, r) = reduced(x)
  var p = Vector(repeating: 0x1.8f081ep-13)
  p = Vector(repeating: 0x1.6cc764p-10).addingProduct(p, r)
  p = Vector(repeating: 0x1.1119acp-7).addingProduct(p, r)
  p = Vector(repeating: 0x1.55556cp-5).addingProduct(p, r)
  p = Vector(repeating: 0x1.555556p-3).addingProduct(p, r)
  p = Vector(repeating: 0.5).addingProduct(p, r)
  let scale = powerOfTwo(shifted)
  return (scale - 1).addingProduct(scale, r.addingProduct(r * r, p))
}

/// x as n ln 2 + r with |r| ≤ ½ ln 2, and n + 127 in the low bits of the first vector.
///
/// ln 2 is in two parts, so that r is as good as exact.
@inline(always)
private func reduced(_ x: Vector) -> (shifted: Vector, rest: Vector) {
  let shifted = Vector(repeating: 0x1.8p23 + 127).addingProduct(x, Vector(repeating: log2OfE))
  let n = shifted - Vector(repeating: 0x1.8p23 + 127)
  let r = x.addingProduct(n, Vector(repeating: -0x1.62e4p-1))  // ln 2, first 17 bits
  return (shifted, r.addingProduct(n, Vector(repeating: -0x1.7f7d1cp-20)))  // the rest
}

let log2OfE: Float = 0x1.715476p+0  // 1 / ln 2, nearest Float

/// 2ⁿ, from n + 127 in the low bits; n = −127 gives 0.
@inline(always)
private func powerOfTwo(_ shifted: Vector) -> Vector {
  unsafe unsafeBitCast(unsafe unsafeBitCast(shifted, to: VectorBits.self) &<< 23, to: Vector.self)
}
