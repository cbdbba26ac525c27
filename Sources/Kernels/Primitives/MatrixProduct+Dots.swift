extension ProductBlock {
  /// Rows up to which an unpacked weight of k columns is multiplied as it lies: packing it would take longer.
  ///
  /// Measured for 64 and 512 columns; the shorter they are, the more the sums of lanes weigh.
  static func rowsOfDots(k: Int) -> Int { min(k / 64, 16) }
}

/// Writes Σ_p a[i · k + p] · b[j · k + p] to c[i · stride + j], for all rows i of a and j of b.
///
/// The lanes hold sums of every eighth or sixteenth term, which are added up at the end. Twelve sums at a
/// time keep the multiply-adds busy and need seven loads a step.
func multiplyRows(
  _ a: Memory<Float>, rows n: Int, _ b: Memory<Float>, rows m: Int, k: Int,
  into c: Memory<Float>, stride: Int
) {
  @inline(always) func run<let rows: Int, let columns: Int>(
    _ dots: consuming Dots<rows, columns>, _ i: Int, _ j: Int
  ) {
    dots.add(a.part(i * k, rows * k), b.part(j * k, columns * k), k: k)
    dots.finish(into: c.from(i * stride + j), stride: stride)
  }
  var j = 0
  while j + 4 <= m {
    var i = 0
    while i + 3 <= n && i + 4 != n {
      run(Dots<3, 4>(), i, j)
      i += 3
    }
    while i + 2 <= n {
      run(Dots<2, 4>(), i, j)
      i += 2
    }
    if i < n { run(Dots<1, 4>(), i, j) }
    j += 4
  }
  while j < m {
    for i in 0..<n { run(Dots<1, 1>(), i, j) }
    j += 1
  }
}

/// Dot products of some rows with some others, in registers.
private struct Dots<let rows: Int, let columns: Int>: ~Copyable {
  private var sums = InlineArray<rows, InlineArray<columns, Vector>>(
    repeating: InlineArray(repeating: .zero))

  @inline(always) init() {}

  @inline(always) mutating func add(_ a: Memory<Float>, _ b: Memory<Float>, k: Int) {
    var p = 0
    while p + lanes <= k {
      for column in 0..<columns {
        let y = b.vector(column &* k &+ p)
        for row in 0..<rows {
          sums[row][column] = sums[row][column].addingProduct(a.vector(row &* k &+ p), y)
        }
      }
      p &+= lanes
    }
    if p == k { return }
    for column in 0..<columns {
      let y = b.vector(column * k + p, first: k - p)
      for row in 0..<rows {
        sums[row][column] = sums[row][column].addingProduct(a.vector(row * k + p, first: k - p), y)
      }
    }
  }

  @inline(always) func finish(into c: Memory<Float>, stride: Int) {
    for row in 0..<rows {
      if columns == 4 {
        let four = sumsOfLanes(sums[row][0], sums[row][1], sums[row][2], sums[row][3])
        for column in 0..<columns { c[row * stride + column] = four[column] }
      } else {
        for column in 0..<columns { c[row * stride + column] = sums[row][column].sum() }
      }
    }
  }
}

/// The sum of the lanes of each of four vectors.
@inline(always)
private func sumsOfLanes(_ a: Vector, _ b: Vector, _ c: Vector, _ d: Vector) -> SIMD4<Float> {
  let (a, b, c, d) = (quarter(a), quarter(b), quarter(c), quarter(d))
  let ab = SIMD4(lowHalf: a.evenHalf + a.oddHalf, highHalf: b.evenHalf + b.oddHalf)
  let cd = SIMD4(lowHalf: c.evenHalf + c.oddHalf, highHalf: d.evenHalf + d.oddHalf)
  return SIMD4(lowHalf: ab.evenHalf + ab.oddHalf, highHalf: cd.evenHalf + cd.oddHalf)
}

/// Four numbers with the sum of all lanes.
@inline(always)
private func quarter(_ x: Vector) -> SIMD4<Float> {
  #if SIXTEEN_LANES
    let eight = x.lowHalf + x.highHalf
  #else
    let eight = x
  #endif
  return eight.lowHalf + eight.highHalf
}
