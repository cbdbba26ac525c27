import Notation

/// What the queries of a strip see of a block of keys.
enum Sight {
  case all
  case some
  case none
}

/// A mask as the kernel reads it: tensors by their strides, scores in units of log₂ e.
struct MaskRules: Sendable {
  private let causalOffset: Int?
  private let keep: Broadcast<Bool>?
  private let bias: Broadcast<Float>?
  private let fill: MaskFill
  private let factor: Float
  private let m: Int

  let isEmpty: Bool

  init(
    _ mask: AttentionMask<Float>, keep: Memory<Bool>, bias: Memory<Float>, fill: MaskFill,
    factor: Float, shape: AttentionShape
  ) {
    causalOffset = mask.causalOffset
    self.keep = mask.keep.map { Broadcast($0, in: keep, groups: shape.leading) }
    self.bias = mask.bias.map { Broadcast($0, in: bias, groups: shape.leading) }
    self.fill = fill
    self.factor = factor
    m = shape.m
    isEmpty = mask.isEmpty
  }

  /// The number of leading keys outside of which the queries 0 … i see nothing.
  func keysSeen(byQueriesUpTo i: Int) -> Int {
    guard let causalOffset, fill == .excluded else { return m }
    return min(m, max(0, i + causalOffset + 1))
  }

  /// What the queries see of the keys; a literal fill leaves no key out.
  func sight(group: Int, queries: Range<Int>, keys: Range<Int>) -> Sight {
    var sight = Sight.all
    if let causalOffset, keys.upperBound - 1 > queries.lowerBound + causalOffset {
      sight = keys.lowerBound > queries.upperBound - 1 + causalOffset ? .none : .some
    }
    if let keep, sight != .none {
      let seen = keep.count(group: group, queries: queries, keys: keys) { $0 }
      if seen == 0 { sight = .none } else if seen < queries.count * keys.count { sight = .some }
    }
    if let bias, sight != .none {
      // A bias of −∞ on every pair hides the block; any other bias has to be added.
      let seen = bias.count(group: group, queries: queries, keys: keys) { $0 != -.infinity }
      sight = seen == 0 ? .none : .some
    }
    return sight == .none && fill != .excluded ? .some : sight
  }

  /// Adds the bias to a block of scores, keys × queries, and fills in what is hidden.
  func apply(
    to scores: Memory<Float>, group: Int, queries: Range<Int>, keys: Range<Int>, keyStride: Int
  ) {
    // Below the diagonal a causal mask alone hides nothing.
    let first = queries.lowerBound + (causalOffset ?? 0) + 1
    let concerned =
      keep == nil && bias == nil ? keys.clamped(to: max(0, first)..<max(first, m)) : keys
    for i in queries {
      for j in concerned {
        let at = (j - keys.lowerBound) * keyStride + i - queries.lowerBound
        if let bias { scores[at] += bias[group, i, j] * log2OfE }
        if isHidden(group: group, query: i, key: j) { scores[at] = filled(scores[at], log2OfE) }
      }
    }
  }

  /// The scaled score of one pair with the mask applied; `nil` if the key takes no part.
  func masked(_ score: Float, group: Int, query i: Int, key j: Int) -> Float? {
    let score = score + (bias?[group, i, j] ?? 0)
    guard isHidden(group: group, query: i, key: j) else { return score }
    return fill == .excluded ? nil : filled(score, 1)
  }

  private func isHidden(group: Int, query i: Int, key j: Int) -> Bool {
    if let causalOffset, j > i + causalOffset { return true }
    if let keep, !keep[group, i, j] { return true }
    if let bias, fill == .excluded, bias[group, i, j] == -.infinity { return true }
    return false
  }

  /// What stands in a hidden place instead of `score`, in units of `unit`.
  private func filled(_ score: Float, _ unit: Float) -> Float {
    switch fill {
    case .excluded: -.infinity
    case .replaced(let value): Float(value) * unit
    case .replacedBeforeScaling(let value): Float(value) * factor * unit
    case .added(let value): score + Float(value) * unit
    }
  }
}

/// A tensor of … × n × m, some of its extents 1, read by group, query and key.
private struct Broadcast<Element: Sendable>: Sendable {
  let memory: Memory<Element>
  let groupOffsets: [Int]
  let queryStride: Int
  let keyStride: Int

  init(_ tensor: Tensor<Element>, in memory: Memory<Element>, groups leading: [Int]) {
    self.memory = memory
    let strides = tensor.broadcastStrides
    groupOffsets = zip(leading, strides).reduce([0]) { offsets, dimension in
      offsets.flatMap { offset in (0..<dimension.0).map { offset + $0 * dimension.1 } }
    }
    (queryStride, keyStride) = (strides[leading.count], strides[leading.count + 1])
  }

  subscript(group: Int, i: Int, j: Int) -> Element {
    memory[groupOffsets[group] + i * queryStride + j * keyStride]
  }

  /// How many pairs of the block hold; rows that are one row in memory are counted once for all.
  func count(
    group: Int, queries: Range<Int>, keys: Range<Int>, where holds: (Element) -> Bool
  ) -> Int {
    let rows = queryStride == 0 ? queries.lowerBound..<queries.lowerBound + 1 : queries
    var count = 0
    for i in rows {
      for j in keys where holds(self[group, i, j]) { count += 1 }
    }
    return count * (queries.count / rows.count)
  }
}
