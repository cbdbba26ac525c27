import Foundation
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

  /// Multiply-adds below which a second thread costs more than it brings: some 5 to 20 µs.
  static let worthSharing = 1 << 18

  static func scratch(_ shape: AttentionShape) -> Int { (shape.dk + shape.dv + keys) * queries }

  private var width: Int { VectorPair.width }
  private var packed: Memory<Float> { scratch.part(0, shape.dk * width) }  // dk × width
  private var sums: Memory<Float> {  // dv × width
    scratch.part(shape.dk * width, shape.dv * width)
  }
  private var scores: Memory<Float> {  // keys × width
    scratch.part((shape.dk + shape.dv) * width, Strip.keys * width)
  }

  /// Writes the output of the strip's queries into n × dv.
  func attend(into output: HeadRows.Group) {
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
          to: scores, group: group, queries: queries, keys: keys, keyStride: width)
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
  func attendAlone(_ i: Int, into row: Memory<Float>) {
    func forEachKey(_ body: (Int, Float) -> Void) {
      for j in 0..<shape.m {
        var score: Float = 0
        let (query, key) = (q.row(i), k.row(j))
        for p in 0..<shape.dk { score += query[p] * key[p] }
        if let masked = rules.masked(score * factor, group: group, query: i, key: j) {
          body(j, masked)
        }
      }
    }
    row.fill(0)
    var maximum = -Float.infinity
    var seesKeys = false
    forEachKey { _, score in
      if maximum < score { maximum = score }
      seesKeys = true
    }
    guard seesKeys else { return }
    var total: Float = 0
    forEachKey { j, score in
      let weight = exp(score - maximum)
      total += weight
      let value = v.row(j)
      for column in 0..<shape.dv { row[column] += weight * value[column] }
    }
    for column in 0..<shape.dv { row[column] /= total }
  }
}
