extension ProductBlock {
  /// Rows up to which an unpacked weight is multiplied as it lies: packing it would take longer.
  static let rowsOfDots = 16
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
    while i + 3 <= n {
      run(Dots<3, 4>(), i, j)
      i += 3
    }
    while i < n {
      run(Dots<1, 4>(), i, j)
      i += 1
    }
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
      for column in 0..<columns { c[row * stride + column] = sums[row][column].sum() }
    }
  }
}
