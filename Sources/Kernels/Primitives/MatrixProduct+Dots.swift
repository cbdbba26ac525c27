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
  @inline(__always) func dots<let rows: Int, let columns: Int>(
    _ sums: consuming InlineArray<rows, InlineArray<columns, Vector>>, _ i: Int, _ j: Int
  ) {
    let (a, b) = (a.part(i * k, rows * k), b.part(j * k, columns * k))
    forEachVector(k) { p, length in
      var x = InlineArray<rows, Vector>(repeating: .zero)
      for row in 0..<rows { x[row] = a.vector(row * k + p, first: length) }
      for column in 0..<columns {
        let y = b.vector(column * k + p, first: length)
        for row in 0..<rows { sums[row][column] = sums[row][column].addingProduct(x[row], y) }
      }
    }
    for row in 0..<rows {
      for column in 0..<columns { c[(i + row) * stride + j + column] = sums[row][column].sum() }
    }
  }
  @inline(__always) func allRows<let columns: Int>(_ zeros: InlineArray<columns, Vector>, _ j: Int)
  {
    var i = 0
    while i + 3 <= n {
      dots(InlineArray<3, InlineArray<columns, Vector>>(repeating: zeros), i, j)
      i += 3
    }
    while i < n {
      dots(InlineArray<1, InlineArray<columns, Vector>>(repeating: zeros), i, j)
      i += 1
    }
  }
  var j = 0
  while j + 4 <= m {
    allRows(InlineArray<4, Vector>(repeating: .zero), j)
    j += 4
  }
  while j < m {
    allRows(InlineArray<1, Vector>(repeating: .zero), j)
    j += 1
  }
}
