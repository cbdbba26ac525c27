import Notation

/// One attention of as many queries as a pair of vectors has lanes.
struct Strip {
  let group: Int
  let queries: Range<Int>
  let shape: AttentionShape
  let q: HeadRows.Group  // n × dk
  let k: HeadRows.Group  // m × dk
  let v: HeadRows.Group  // m × dv
  let rules: MaskRules
  let factor: Float
  let scratch: Memory<Float>

  static var queries: Int { VectorPair.width }

  /// Keys in a block: a multiple of a tile's six rows; 192 × 16 scores are 12 KiB of L1.
  ///
  /// 126 to 510 keys are within 2 % of each other.
  static let keys = 192

  /// Queries left over that cost less on their own than as a strip.
  static let alone = 4

  static func scratch(_ shape: AttentionShape) -> Int {
    (shape.dk + shape.dv + keys) * queries + MaskRules.scratch
  }

  private var width: Int { VectorPair.width }
  private var packed: Memory<Float> { scratch.part(0, shape.dk * width) }  // dk × width
  private var sums: Memory<Float> {  // dv × width
    scratch.part(shape.dk * width, shape.dv * width)
  }
  private var scores: Memory<Float> {  // keys × width
    scratch.part((shape.dk + shape.dv) * width, Strip.keys * width)
  }

  private var rulesScratch: Memory<Float> {
    scratch.from((shape.dk + shape.dv + Strip.keys) * width)
  }

  /// Writes the output of the strip's queries into n × dv.
  func attend(into output: HeadRows.Group) {
    if queries.count <= Strip.alone {
      for i in queries { attendAlone(i, into: output.row(i).part(0, shape.dv)) }
      return
    }
    transpose(
      q.row(queries.lowerBound), stride: q.stride, rows: queries.count,
      columns: shape.dk, times: factor * log2OfE, into: packed, stride: width)
    sums.fill(0)

    // Finite, so that a query whose keys so far are all hidden subtracts no −∞ from −∞.
    var maximum = VectorPair(repeating: -Float.greatestFiniteMagnitude)
    var total = VectorPair(repeating: 0)
    let end = rules.keysSeen(byQueriesUpTo: queries.upperBound - 1)
    for j0 in stride(from: 0, to: end, by: Strip.keys) {
      let keys = j0..<min(j0 + Strip.keys, end)
      let sight = rules.sight(group: group, queries: queries, keys: keys)
      if sight == .none { continue }
      var grown = maximum
      multiplyPanel(
        rows: keys.count, k.row(j0), rowStride: k.stride, stepStride: 1,
        packed, yStride: width, steps: shape.dk,
        begin: { _ in VectorPair(repeating: 0) },
        end: { key, score in
          scores.store(score, key * width)
          grown = larger(grown, score)
        })
      if sight == .some {
        rules.apply(
          to: scores, group: group, queries: queries, keys: keys, scratch: rulesScratch)
        grown = maximum
        for key in 0..<keys.count {
          grown = larger(grown, scores.pair(key * width))
        }
      }
      let correction = exponential2(maximum - grown)
      maximum = grown
      total = total * correction + weigh(keys.count, against: maximum)
      multiplyPanel(
        rows: shape.dv, v.row(j0), rowStride: 1, stepStride: v.stride,
        scores, yStride: width, steps: keys.count,
        begin: { sums.pair($0 * width) * correction },
        end: { sums.store($1, $0 * width) })
    }
    finish(total, into: output)
  }

  /// Turns scores into weights before division by their sum, and returns this sum.
  @inline(__always)
  private func weigh(_ keys: Int, against maximum: VectorPair) -> VectorPair {
    var total = VectorPair(repeating: 0)
    for key in 0..<keys {
      let weight = exponential2(scores.pair(key * width) - maximum)
      scores.store(weight, key * width)
      total = total + weight
    }
    return total
  }

  /// Divides by the sum of the weights and writes the queries' rows.
  ///
  /// A query that saw no key has a sum of 0 and comes out as 0 · ∞, NaN.
  private func finish(_ total: VectorPair, into output: HeadRows.Group) {
    let inverse = VectorPair(repeating: 1) / total
    for column in 0..<shape.dv {
      sums.store(sums.pair(column * width) * inverse, column * width)
    }
    transpose(
      sums, stride: width, rows: shape.dv, columns: queries.count, times: 1,
      into: output.row(queries.lowerBound), stride: output.stride)
    if rules.isEmpty && shape.m > 0 { return }
    for lane in 0..<queries.count {
      let row = output.row(queries.lowerBound + lane).part(0, shape.dv)
      if row.isFinite { continue }
      attendAlone(queries.lowerBound + lane, into: row)
    }
  }

  /// One query, one key after the other, scores computed twice: exact in what it leaves out.
  ///
  /// The lanes are those of keys and values, and the weights are summed in blocks of keys as a strip's.
  private func attendAlone(_ i: Int, into row: Memory<Float>) {
    let query = q.row(i).part(0, shape.dk)
    func masked(_ j: Int) -> Float? {
      rules.masked(
        dotProduct(query, k.row(j)) * factor, group: group, query: i, key: j)
    }
    row.fill(0)
    var maximum = -Float.infinity
    var seesKeys = false
    for j in 0..<shape.m {
      guard let score = masked(j) else { continue }
      if maximum < score { maximum = score }
      seesKeys = true
    }
    guard seesKeys else { return }
    var total: Float = 0
    for j0 in stride(from: 0, to: shape.m, by: Strip.keys) {
      var ofBlock: Float = 0
      for j in j0..<min(j0 + Strip.keys, shape.m) {
        guard let score = masked(j) else { continue }
        let weight = exponential(Vector(repeating: score - maximum))
        ofBlock += weight[0]
        add(weight, times: v.row(j), to: row)
      }
      total += ofBlock
    }
    for column in 0..<shape.dv { row[column] /= total }
  }
}

/// Σ x_p y_p, in vectors whose lanes are added at the end.
private func dotProduct(_ x: Memory<Float>, _ y: Memory<Float>) -> Float {
  var sum = Vector.zero
  var p = 0
  while p + lanes <= x.count {
    sum = sum.addingProduct(x.vector(p), y.vector(p))
    p += lanes
  }
  let rest = x.count - p
  if rest > 0 { sum = sum.addingProduct(x.vector(p, first: rest), y.vector(p, first: rest)) }
  return sum.sum()
}

/// Adds a row, each number times the weight, to another.
private func add(_ weight: Vector, times row: Memory<Float>, to sums: Memory<Float>) {
  var c = 0
  while c + lanes <= sums.count {
    sums.store(sums.vector(c).addingProduct(weight, row.vector(c)), c)
    c += lanes
  }
  let rest = sums.count - c
  sums.store(
    sums.vector(c, first: rest).addingProduct(weight, row.vector(c, first: rest)), c, first: rest)
}
