/// 1 / (1 + e^−x), at most 2.2 ulp off while the result is normal; below −87.7 it is 0.
///
/// e^−|x| does not overflow; for x < 0 it stands above the line, too. NaN stays NaN.
@inline(always)
func sigmoid(_ x: Vector) -> Vector {
  let one = Vector(repeating: 1)
  let e = exponential(-magnitude(x))
  return one.replacing(with: e, where: x .< Vector.zero) / (one + e)
}

/// tanh x = E / (E + 2) with E = e^2|x| − 1, at most 2.5 ulp off.
///
/// From 10 on it is 1. NaN stays NaN.
@inline(always)
func tanh(_ x: Vector) -> Vector {
  let clamped = smaller(magnitude(x), Vector(repeating: 10))
  let e = exponentialMinusOne(clamped + clamped)
  return signed(e / (e + 2), as: x)
}

/// erfc(a / √2) / 2 for a ≥ 0, the share of the normal distribution beyond a.
///
/// At most 4.5 ulp off while the result is normal; from 13.3 on it is 0. NaN stays NaN.
/// e^(−a²/2) times a polynomial of degree 9 in (a − 3) / (a + 3), over 1 + a (2.5e-8). The square's own
/// rounding, which the exponential would enlarge up to 88 times, is taken back to first order.
@inline(always)
func normalTail(_ a: Vector) -> Vector {
  let clamped = smaller(a, Vector(repeating: 14))
  let t = (clamped - 3) / (clamped + 3)
  var p = Vector(repeating: -0x1.1ebc44p-14)
  p = Vector(repeating: -0x1.dd322ep-12).addingProduct(p, t)
  p = Vector(repeating: -0x1.142d9ep-12).addingProduct(p, t)
  p = Vector(repeating: 0x1.8958aap-9).addingProduct(p, t)
  p = Vector(repeating: 0x1.281aeap-10).addingProduct(p, t)
  p = Vector(repeating: -0x1.746c3p-6).addingProduct(p, t)
  p = Vector(repeating: 0x1.720412p-5).addingProduct(p, t)
  p = Vector(repeating: -0x1.0d38bap-6).addingProduct(p, t)
  p = Vector(repeating: -0x1.8b5fccp-4).addingProduct(p, t)
  p = Vector(repeating: 0x1.f1b89cp-2).addingProduct(p, t)
  let square = clamped * clamped
  let lost = (-square).addingProduct(clamped, clamped)  // a² − fl(a²)
  let e = exponential(square * -0.5)
  return e.addingProduct(e, lost * -0.5) * p / (clamped + 1)
}

/// log(1 + e) for e in 0 … 1, at most 1.9 ulp off.
///
/// NaN stays NaN.
/// 2 artanh(w) with w = e / (2 + e), which is at most 1/3; polynomial of degree 5 in w² (1.1e-10).
@inline(always)
func logOnePlus(_ e: Vector) -> Vector {
  let twice = (e + e) / (e + 2)
  let s = twice * twice * 0.25
  var p = Vector(repeating: 0x1.f08e7ep-4)
  p = Vector(repeating: 0x1.b72b38p-4).addingProduct(p, s)
  p = Vector(repeating: 0x1.250512p-3).addingProduct(p, s)
  p = Vector(repeating: 0x1.9996d8p-3).addingProduct(p, s)
  p = Vector(repeating: 0x1.555558p-2).addingProduct(p, s)
  return twice.addingProduct(twice * s, p)
}

/// −log σ(x) = max(−x, 0) + log(1 + e^−|x|), at most 3 ulp off while the result is normal.
///
/// From 87.7 on it is 0, at −∞ it is ∞. NaN stays NaN.
@inline(always)
func minusLogSigmoid(_ x: Vector) -> Vector {
  larger(-x, Vector.zero) + logOnePlus(exponential(-magnitude(x)))
}

/// sin r and cos r for |r| ≤ π/4, at most 0.9 ulp off.
///
/// Polynomials of degree 3 and 4 in r² (4.0e-9, 1.2e-10).
@inline(always)
func sineAndCosine(_ r: Vector) -> (sine: Vector, cosine: Vector) {
  let s = r * r
  var p = Vector(repeating: -0x1.9953fp-13)
  p = Vector(repeating: 0x1.110778p-7).addingProduct(p, s)
  p = Vector(repeating: -0x1.555546p-3).addingProduct(p, s)
  var q = Vector(repeating: 0x1.99e80cp-16)
  q = Vector(repeating: -0x1.6c0c28p-10).addingProduct(q, s)
  q = Vector(repeating: 0x1.55554ap-5).addingProduct(q, s)
  q = Vector(repeating: -0.5).addingProduct(q, s)
  return (r.addingProduct(r * s, p), Vector(repeating: 1).addingProduct(q, s))
}

/// sin a and cos a for |a| < 2⁵⁰, off by at most 2.8 · 2⁻²⁴ of themselves.
///
/// a is taken to −π/4 … π/4 in Double: adding 1.5 · 2⁵² rounds a / (π/2) to its nearest integer n and
/// leaves n, modulo 4, in the low bits; π/2 is in two parts, so that a − n π/2 is off by 2⁻⁵³ of itself.
/// Rounding it to Float adds 2⁻²⁴ to the 1.8 · 2⁻²⁴ of the polynomials.
@inline(always)
func sineAndCosine(_ a: WideVector) -> (sine: Vector, cosine: Vector) {
  let shifted = WideVector(repeating: 0x1.8p52)
    .addingProduct(a, WideVector(repeating: 0x1.45f306dc9c883p-1))  // 2 / π
  let n = shifted - 0x1.8p52
  var r = a.addingProduct(n, WideVector(repeating: -0x1.921fb54442d18p+0))  // π/2, first 53 bits
  r = r.addingProduct(n, WideVector(repeating: -0x1.1a62633145c07p-54))  // π/2, the rest
  let (s, c) = sineAndCosine(narrowed(r))
  let quarter = lowHalves(shifted)
  let isOdd = quarter & 1 .> VectorBits.zero
  return (
    negated(s.replacing(with: c, where: isOdd), where: quarter & 2),
    negated(c.replacing(with: s, where: isOdd), where: (quarter &+ 1) & 2)
  )
}

/// |x| in every lane.
@inline(always)
private func magnitude(_ x: Vector) -> Vector { larger(x, -x) }

/// The magnitude of a number that is not negative, with the sign of another.
@inline(always)
private func signed(_ a: Vector, as x: Vector) -> Vector {
  let sign = VectorBits(repeating: 0x8000_0000)
  return unsafe unsafeBitCast(
    unsafeBitCast(a, to: VectorBits.self) | (unsafeBitCast(x, to: VectorBits.self) & sign),
    to: Vector.self)
}

/// The smaller of each pair of lanes; where either is NaN, the lane of `a`.
@inline(always)
private func smaller(_ a: Vector, _ b: Vector) -> Vector { a.replacing(with: b, where: a .> b) }
