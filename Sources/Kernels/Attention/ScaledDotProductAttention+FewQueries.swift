import Notation

extension Strip {
  /// From so many queries on they are the lanes of a strip.
  static let manyQueries = 8

  /// Multiply-adds below which a second thread costs more than it brings; of few queries, which wait for
  /// memory, a quarter as many.
  static func worthSharing(queries n: Int) -> Int {
    ProductBlock.worthSharing / (n < manyQueries ? 4 : 1)
  }

  private var packedRows: Memory<Float> { scratch.part(0, shape.n * shape.dk) }
  private var maxima: Memory<Float> { scratch.part(shape.n * shape.dk, shape.n) }
  private var totals: Memory<Float> { scratch.part(shape.n * (shape.dk + 1), shape.n) }
  private var rowOfScores: Memory<Float> { scratch.part(shape.n * (shape.dk + 2), Strip.keys) }

  /// Writes the output of a few queries, which would leave most lanes of a strip empty.
  ///
  /// Each block of keys is read for one query after the other, with keys in the lanes of scores and
  /// columns in those of sums; the output's rows are the sums.
  func attendFew(into output: HeadRows.Group) {
    let n = queries.count
    for i in 0..<n {
      let (query, packed) = (q.row(i), packedRows.part(i * shape.dk, shape.dk))
      for p in 0..<shape.dk { packed[p] = query[p] * factor }
      output.row(i).part(0, shape.dv).fill(0)
    }
    maxima.fill(-Float.greatestFiniteMagnitude)
    totals.fill(0)
    let end = rules.keysSeen(byQueriesUpTo: n - 1)
    for j0 in stride(from: 0, to: end, by: Strip.keys) {
      let keys = j0..<min(j0 + Strip.keys, end)
      let sight = rules.sight(group: group, queries: queries, keys: keys)
      if sight == .none { continue }
      for i in 0..<n {
        score(packedRows.part(i * shape.dk, shape.dk), keys)
        if sight == .some {
          let rules = rules.row(group: group, query: i)
          for j in keys {
            let at = j - keys.lowerBound
            rowOfScores[at] = rules.masked(rowOfScores[at], key: j) ?? -.infinity
          }
        }
        let maximum = max(maxima[i], largest(rowOfScores.part(0, keys.count)))
        let correction = exponential(Vector(repeating: maxima[i] - maximum))[0]
        maxima[i] = maximum
        totals[i] = totals[i] * correction + weigh(keys.count, against: maximum)
        add(keys, times: correction, to: output.row(i).part(0, shape.dv))
      }
    }
    for i in 0..<n {
      let row = output.row(i).part(0, shape.dv)
      scale(row, by: 1 / totals[i], into: row)
    }
    if rules.isEmpty && shape.m > 0 { return }
    for i in 0..<n {
      let row = output.row(i).part(0, shape.dv)
      if !(0..<shape.dv).allSatisfy({ row[$0].isFinite }) { attendAlone(i, into: row) }
    }
  }

  /// Writes the query's scores with the keys, and −∞ behind them up to a whole vector.
  private func score(_ query: Memory<Float>, _ keys: Range<Int>) {
    var j = 0
    while j + lanes <= keys.count {
      let block = k.row(keys.lowerBound + j)
      var sums = VectorSquare(repeating: .zero)
      var p = 0
      while p + lanes <= shape.dk {
        let x = query.vector(p)
        for key in 0..<lanes {
          sums[key] = sums[key].addingProduct(x, block.vector(key * k.stride + p))
        }
        p += lanes
      }
      if p < shape.dk {
        let x = query.vector(p, first: shape.dk - p)
        for key in 0..<lanes {
          sums[key] = sums[key].addingProduct(
            x, block.vector(key * k.stride + p, first: shape.dk - p))
        }
      }
      rowOfScores.store(laneSums(sums), j)
      j += lanes
    }
    if j == keys.count { return }
    rowOfScores.store(Vector(repeating: -.infinity), j)
    while j < keys.count {
      let key = k.row(keys.lowerBound + j)
      var sum = Vector.zero
      forEachVector(shape.dk) { p, length in
        sum = sum.addingProduct(query.vector(p, first: length), key.vector(p, first: length))
      }
      rowOfScores[j] = sum.sum()
      j += 1
    }
  }

  /// Turns scores into weights before division by their sum, and returns this sum.
  private func weigh(_ keys: Int, against maximum: Float) -> Float {
    let maximum = Vector(repeating: maximum)
    var total = Vector.zero
    var j = 0
    while j < keys {
      let weight = exponential(rowOfScores.vector(j) - maximum)
      rowOfScores.store(weight, j)
      total += weight
      j += lanes
    }
    return total.sum()
  }

  /// Multiplies a row by the correction and adds the values of the keys, each times its weight.
  private func add(_ keys: Range<Int>, times correction: Float, to row: Memory<Float>) {
    let values = v.row(keys.lowerBound)
    @inline(__always) func run<let vectors: Int>(_ columns: consuming Columns<vectors>, at c: Int) {
      columns.add(rowOfScores, values.from(c), stride: v.stride, rows: keys.count)
      columns.store(row, c)
    }
    var c = 0
    while c + 8 * lanes <= row.count {
      run(Columns<8>(row, c, times: correction), at: c)
      c += 8 * lanes
    }
    if c + 4 * lanes <= row.count {
      run(Columns<4>(row, c, times: correction), at: c)
      c += 4 * lanes
    }
    while c + lanes <= row.count {
      run(Columns<1>(row, c, times: correction), at: c)
      c += lanes
    }
    while c < row.count {
      var sum = row[c] * correction
      for j in 0..<keys.count { sum = sum.addingProduct(rowOfScores[j], values[j * v.stride + c]) }
      row[c] = sum
      c += 1
    }
  }
}

/// A weighted sum of rows, some vectors wide, in registers.
private struct Columns<let vectors: Int>: ~Copyable {
  private var sums = InlineArray<vectors, Vector>(repeating: .zero)

  @inline(__always) init(_ row: Memory<Float>, _ start: Int, times factor: Float) {
    for i in 0..<vectors { sums[i] = row.vector(start + i * lanes) * factor }
  }

  @inline(__always) mutating func add(
    _ weights: Memory<Float>, _ rows: Memory<Float>, stride: Int, rows count: Int
  ) {
    for j in 0..<count {
      let weight = Vector(repeating: weights[j])
      for i in 0..<vectors {
        sums[i] = sums[i].addingProduct(weight, rows.vector(j * stride + i * lanes))
      }
    }
  }

  @inline(__always) func store(_ row: Memory<Float>, _ start: Int) {
    for i in 0..<vectors { row.store(sums[i], start + i * lanes) }
  }
}

/// The sums of all vectors' lanes: lane i is that of vector i.
///
/// As in `transpose`, vectors i and i + half are interleaved, and here the two results are added.
@inline(__always)
private func laneSums(_ square: VectorSquare) -> Vector {
  var square = square
  for round in 1...lanes.trailingZeroBitCount {
    let half = lanes >> round
    for i in 0..<half {
      let (a, b) = (square[i], square[i + half])
      var (low, high) = (Vector.zero, Vector.zero)
      low.evenHalf = a.lowHalf
      low.oddHalf = b.lowHalf
      high.evenHalf = a.highHalf
      high.oddHalf = b.highHalf
      square[i] = low + high
    }
  }
  return square[0]
}
