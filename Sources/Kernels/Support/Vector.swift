/// The vector that every kernel computes with, as wide as one register of the machine compiled for.
#if SIXTEEN_LANES
  typealias Vector = SIMD16<Float>
  typealias VectorBits = SIMD16<UInt32>
  typealias WideVector = SIMD16<Double>
  private typealias WideHalves = SIMD32<UInt32>
  typealias VectorSquare = InlineArray<16, Vector>
#else
  typealias Vector = SIMD8<Float>
  typealias VectorBits = SIMD8<UInt32>
  typealias WideVector = SIMD8<Double>
  private typealias WideHalves = SIMD16<UInt32>
  typealias VectorSquare = InlineArray<8, Vector>
#endif

/// The lower 32 bits of every lane.
@inline(__always)
func lowHalves(_ x: WideVector) -> VectorBits {
  unsafe unsafeBitCast(x, to: WideHalves.self).evenHalf
}

/// Every lane rounded to Float.
///
/// Lane by lane it is one instruction for eight; `Vector(x)` is a call, whose result comes in registers of
/// four lanes.
@inline(always)
func narrowed(_ x: WideVector) -> Vector {
  var y = Vector.zero
  for lane in 0..<lanes { y[lane] = Float(x[lane]) }
  return y
}

/// −x in the lanes whose bit 1 is set, x in those where no bit is.
@inline(__always)
func negated(_ x: Vector, where bit1: VectorBits) -> Vector {
  let bits = unsafe unsafeBitCast(x, to: VectorBits.self)
  return unsafe unsafeBitCast(bits ^ (bit1 &<< 30), to: Vector.self)
}

/// The number of floats in a `Vector`.
let lanes = Vector.scalarCount

/// The larger of each pair of lanes; where either is NaN, the lane of `a`.
///
/// One instruction. `pointwiseMax` treats NaN otherwise and is scalar code: it halved the speed of a
/// whole attention.
@inline(always)
func larger(_ a: Vector, _ b: Vector) -> Vector { a.replacing(with: b, where: a .< b) }

/// The largest lane of a vector that holds no NaN.
@inline(__always)
func largestLane(_ x: Vector) -> Float { x.folded { $0 < $1 ? $1 : $0 } }

extension Vector {
  /// The sum of the lanes, none of which goes through more than log₂ lanes additions.
  ///
  /// The standard library's, in place of which it stands, is a call that adds one lane after the other: of
  /// sixteen in 8 ns, here in 4.
  @inline(__always) func sum() -> Float { folded(+) }

  /// What is left when halves are put together, lane by lane, until one lane is left.
  ///
  /// Lanes, since `replacing(with:where:)` on halves took 9 ns for a maximum that takes 6 this way.
  @inline(__always) fileprivate func folded(_ combine: (Float, Float) -> Float) -> Float {
    var (x, width) = (self, lanes / 2)
    while width > 0 {
      for lane in 0..<width { x[lane] = combine(x[lane], x[lane + width]) }
      width /= 2
    }
    return x[0]
  }
}

/// Two vectors side by side: the columns of one tile.
struct VectorPair {
  var low: Vector
  var high: Vector

  static var width: Int { 2 * lanes }

  @inline(__always) init(_ low: Vector, _ high: Vector) { (self.low, self.high) = (low, high) }
  @inline(__always) init(repeating value: Float) {
    self.init(Vector(repeating: value), Vector(repeating: value))
  }
  @inline(__always) subscript(lane: Int) -> Float {
    get { lane < lanes ? low[lane] : high[lane - lanes] }
    set { if lane < lanes { low[lane] = newValue } else { high[lane - lanes] = newValue } }
  }
}

extension VectorPair {
  @inline(__always) static func + (a: VectorPair, b: VectorPair) -> VectorPair {
    VectorPair(a.low + b.low, a.high + b.high)
  }
  @inline(__always) static func - (a: VectorPair, b: VectorPair) -> VectorPair {
    VectorPair(a.low - b.low, a.high - b.high)
  }
  @inline(__always) static func * (a: VectorPair, b: VectorPair) -> VectorPair {
    VectorPair(a.low * b.low, a.high * b.high)
  }
  @inline(__always) static func / (a: VectorPair, b: VectorPair) -> VectorPair {
    VectorPair(a.low / b.low, a.high / b.high)
  }
}

extension VectorPair {
  /// 0, 1, 2 and so on.
  @inline(__always) static var laneNumbers: VectorPair {
    var numbers = VectorPair(repeating: 0)
    for lane in 0..<width { numbers[lane] = Float(lane) }
    return numbers
  }

  /// The lane of `other` where that of `a` is below that of `b`.
  @inline(__always)
  func replacing(
    with other: VectorPair, where a: VectorPair, isBelow b: VectorPair
  ) -> VectorPair {
    VectorPair(
      low.replacing(with: other.low, where: a.low .< b.low),
      high.replacing(with: other.high, where: a.high .< b.high))
  }
}

/// The larger of each pair of lanes; where either is NaN, the lane of `a`.
@inline(always)
func larger(_ a: VectorPair, _ b: VectorPair) -> VectorPair {
  VectorPair(larger(a.low, b.low), larger(a.high, b.high))
}

/// Calls `body` with the start of every vector in `count` floats and how many of its lanes are used.
@inline(__always)
func forEachVector(_ count: Int, _ body: (Int, Int) -> Void) { forEachVector(0..<count, body) }

/// Calls `body` with the start of every vector in a range of floats and how many of its lanes are used.
@inline(__always)
func forEachVector(_ floats: Range<Int>, _ body: (Int, Int) -> Void) {
  var i = floats.lowerBound
  while i + lanes <= floats.upperBound {
    body(i, lanes)
    i += lanes
  }
  if i < floats.upperBound { body(i, floats.upperBound - i) }
}
