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

  /// Queries left over that cost less on their own than as a strip, of which one takes a third.
  static let alone = 3

  /// Keys whose scores such a query keeps: no lane adds up more than a block's weights.
  static let keysAlone = keys * 8

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
  private var isSeen: Memory<Float> { rulesScratch }  // 1 or 0, for a query on its own

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
      // Inlined for sure, as the sums below: called, they made the whole attention 8 % slower.
      @inline(always) func keep(_ key: Int, _ score: VectorPair) {
        scores.store(score, key * width)
        grown = larger(grown, score)
      }
      multiplyPanel(
        rows: keys.count, k.row(j0), rowStride: k.stride, stepStride: 1,
        packed, yStride: width, steps: shape.dk,
        begin: { _ in VectorPair(repeating: 0) }, end: keep)
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
      @inline(always) func corrected(_ column: Int) -> VectorPair {
        sums.pair(column * width) * correction
      }
      @inline(always) func keepSum(_ column: Int, _ sum: VectorPair) {
        sums.store(sum, column * width)
      }
      multiplyPanel(
        rows: shape.dv, v.row(j0), rowStride: 1, stepStride: v.stride,
        scores, yStride: width, steps: keys.count, begin: corrected, end: keepSum)
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
    var poison = VectorPair(repeating: 0)  // 0 times what is not finite is NaN
    for column in 0..<shape.dv {
      let result = sums.pair(column * width) * inverse
      poison = poison + result * VectorPair(repeating: 0)
      sums.store(result, column * width)
    }
    transpose(
      sums, stride: width, rows: shape.dv, columns: queries.count, times: 1,
      into: output.row(queries.lowerBound), stride: output.stride)
    if rules.isEmpty && shape.m > 0 { return }
    for lane in 0..<queries.count where poison[lane].isNaN {
      let i = queries.lowerBound + lane
      attendAlone(i, into: output.row(i).part(0, shape.dv))
    }
  }

  /// One query on its own: exact in what it leaves out.
  ///
  /// The lanes are those of keys and values in the products, and keys in the exponentials. Scores are
  /// computed twice if there are more keys than their memory holds.
  func attendAlone(_ i: Int, into row: Memory<Float>) {
    row.fill(0)
    let firsts = stride(from: 0, to: shape.m, by: Strip.keysAlone)
    var maximum: Float?
    for j0 in firsts {
      if let largest = writeScores(ofQuery: i, from: j0) {
        maximum = max(maximum ?? largest, largest)
      }
    }
    guard let maximum else { return }
    var total: Float = 0
    for j0 in firsts {
      if shape.m > Strip.keysAlone { _ = writeScores(ofQuery: i, from: j0) }
      let count = min(Strip.keysAlone, shape.m - j0)
      var ofBlock = Vector.zero
      forEachVector(count) { at, length in
        let weights = exponential(scores.vector(at, first: length, filler: -.infinity) - maximum)
        scores.store(weights, at, first: length)
        ofBlock += weights
      }
      total += ofBlock.sum()
      for at in 0..<count where isSeen[at] == 1 {
        add(Vector(repeating: scores[at]), times: v.row(j0 + at), to: row)
      }
    }
    for column in 0..<shape.dv { row[column] /= total }
  }

  /// Writes the masked scores of one query's next keys, and which of them it sees.
  ///
  /// - Returns: The largest of what it sees, NaN passed over; `nil` if it sees no key.
  private func writeScores(ofQuery i: Int, from j0: Int) -> Float? {
    let (query, rules) = (q.row(i).part(0, shape.dk), rules.row(group: group, query: i))
    let (scores, isSeen) = (scores, isSeen)
    var largest: Float?
    for at in 0..<min(Strip.keysAlone, shape.m - j0) {
      let score = rules.masked(dotProduct(query, k.row(j0 + at)) * factor, key: j0 + at)
      scores[at] = score ?? -.infinity
      isSeen[at] = score == nil ? 0 : 1
      guard let score else { continue }
      let before = largest ?? -.infinity
      largest = before < score ? score : before
    }
    return largest
  }
}

/// Σ x_p y_p, in vectors whose lanes are added at the end.
@inline(__always)
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
@inline(__always)
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
