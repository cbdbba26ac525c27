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
  private let keep: Broadcast<UInt8>?  // 1 where a key is seen
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
    self.keep = mask.keep.map {
      Broadcast(keep.numbers, strides: $0.broadcastStrides, groups: shape.leading)
    }
    self.bias = mask.bias.map {
      Broadcast(bias, strides: $0.broadcastStrides, groups: shape.leading)
    }
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
      let seen = keep.count(group: group, queries: queries, keys: keys)
      if seen == 0 { sight = .none } else if seen < queries.count * keys.count { sight = .some }
    }
    if let bias, sight != .none {
      // A bias of −∞ on every pair hides the block; any other bias has to be added.
      let isHidden = bias.isEverywhere(-.infinity, group: group, queries: queries, keys: keys)
      sight = isHidden ? .none : .some
    }
    return sight == .none && fill != .excluded ? .some : sight
  }

  /// Floats that `apply` needs: a block of a tensor as it lies, and the same turned.
  static let scratch = 2 * Strip.keys * Strip.queries

  /// Adds the bias to a block of scores, keys × lanes, and fills in what is hidden.
  ///
  /// Tensors are turned as a block first, so that a key's numbers for all queries are one vector;
  /// pair by pair, a bias took longer than the scores themselves. Under `.excluded` a bias of −∞ hides
  /// by being added: where the sum is NaN the query is computed again on its own.
  func apply(
    to scores: Memory<Float>, group: Int, queries: Range<Int>, keys: Range<Int>,
    scratch: Memory<Float>
  ) {
    let width = VectorPair.width
    if let bias {
      let biases = bias.turned(group: group, queries: queries, keys: keys, into: scratch) {
        $0 * log2OfE
      }
      for key in 0..<keys.count {
        scores.store(scores.pair(key * width) + biases[key], key * width)
      }
    }
    if causalOffset == nil && keep == nil { return }
    let kept = keep?.turned(group: group, queries: queries, keys: keys, into: scratch) { Float($0) }
    // Below the diagonal a causal mask alone hides nothing.
    let first = queries.lowerBound + (causalOffset ?? 0) + 1
    let concerned = keep == nil ? keys.clamped(to: max(0, first)..<max(first, m)) : keys
    for j in concerned {
      let key = j - keys.lowerBound
      let score = scores.pair(key * width)
      let hidden = filled(score)
      var masked = score
      if let kept {
        masked = masked.replacing(with: hidden, where: kept[key], isBelow: VectorPair(repeating: 1))
      }
      if let causalOffset {
        let firstSeeing = VectorPair(repeating: Float(j - causalOffset - queries.lowerBound))
        masked = masked.replacing(with: hidden, where: .laneNumbers, isBelow: firstSeeing)
      }
      scores.store(masked, key * width)
    }
  }

  /// The rules for one query.
  func row(group: Int, query i: Int) -> Row {
    Row(
      keysBefore: causalOffset.map { i + $0 + 1 } ?? m, keep: keep?.row(group: group, query: i),
      bias: bias?.row(group: group, query: i), excludes: fill == .excluded,
      replacement: replacement, addend: addend)
  }

  /// What stands in hidden places instead of scores, in units of log₂ e.
  @inline(__always)
  private func filled(_ scores: VectorPair) -> VectorPair {
    replacement.map { VectorPair(repeating: $0 * log2OfE) }
      ?? scores + VectorPair(repeating: addend * log2OfE)
  }

  /// What stands in a hidden place, whatever its score is; `nil` if something is added to it.
  private var replacement: Float? {
    switch fill {
    case .excluded: -.infinity
    case .replaced(let value): Float(value)
    case .replacedBeforeScaling(let value): Float(value) * factor
    case .added: nil
    }
  }

  /// What is added to a hidden score.
  private var addend: Float { if case .added(let value) = fill { Float(value) } else { 0 } }
}

extension MaskRules {
  /// What a mask says about the keys of one query.
  struct Row {
    fileprivate let keysBefore: Int
    fileprivate let keep: Broadcast<UInt8>.Row?
    fileprivate let bias: Broadcast<Float>.Row?
    fileprivate let excludes: Bool
    fileprivate let replacement: Float?
    fileprivate let addend: Float

    /// A scaled score with the mask applied; `nil` if the key takes no part.
    @inline(__always)
    func masked(_ score: Float, key j: Int) -> Float? {
      let score = score + (bias?[j] ?? 0)
      if !isHidden(j) { return score }
      return excludes ? nil : (replacement ?? score) + addend
    }

    @inline(__always)
    private func isHidden(_ j: Int) -> Bool {
      if j >= keysBefore { return true }
      if let keep, keep[j] == 0 { return true }
      if let bias, excludes, bias[j] == -.infinity { return true }
      return false
    }
  }
}

/// A tensor of … × n × m, some of its extents 1, read by group, query and key.
private struct Broadcast<Element: Sendable>: Sendable {
  let memory: Memory<Element>
  let groupOffsets: [Int]
  let queryStride: Int
  let keyStride: Int

  init(_ memory: Memory<Element>, strides: [Int], groups leading: [Int]) {
    self.memory = memory
    groupOffsets = zip(leading, strides).reduce([0]) { offsets, dimension in
      offsets.flatMap { offset in (0..<dimension.0).map { offset + $0 * dimension.1 } }
    }
    (queryStride, keyStride) = (strides[leading.count], strides[leading.count + 1])
  }

  /// The elements of one query.
  struct Row {
    fileprivate let memory: Memory<Element>
    fileprivate let stride: Int

    @inline(__always) subscript(j: Int) -> Element { memory[j * stride] }
  }

  @inline(__always) func row(group: Int, query i: Int) -> Row {
    Row(memory: memory.from(groupOffsets[group] + i * queryStride), stride: keyStride)
  }

  /// A block with the queries in the lanes: what several queries or keys have in common is there once.
  struct Turned {
    fileprivate let memory: Memory<Float>
    fileprivate let isSharedByQueries: Bool
    fileprivate let keyStride: Int

    /// The numbers of a key for all queries.
    @inline(__always) subscript(key: Int) -> VectorPair {
      let at = key * keyStride
      return isSharedByQueries ? VectorPair(repeating: memory[at]) : memory.pair(at)
    }
  }

  /// Writes the numbers of a block's pairs, turned, into scratch memory.
  @inline(__always)
  func turned(
    group: Int, queries: Range<Int>, keys: Range<Int>, into scratch: Memory<Float>,
    _ number: (Element) -> Float
  ) -> Turned {
    let (rows, columns) = distinct(queries, keys)
    let block = scratch.part(0, Strip.keys * Strip.queries)
    let turned = scratch.from(Strip.keys * Strip.queries)
    for i in rows {
      let from = row(group: group, query: i).memory.from(columns.lowerBound)
      let numbers = block.from((i - rows.lowerBound) * Strip.keys)
      for j in 0..<columns.count { numbers[j] = number(from[j]) }
    }
    transpose(
      block, stride: Strip.keys, rows: rows.count, columns: columns.count, times: 1, into: turned,
      stride: Strip.queries)
    return Turned(
      memory: turned, isSharedByQueries: queryStride == 0,
      keyStride: keyStride == 0 ? 0 : Strip.queries)
  }

  /// Whether all pairs of a block have one element.
  func isEverywhere(
    _ element: Element, group: Int, queries: Range<Int>, keys: Range<Int>
  ) -> Bool where Element: Equatable {
    let (rows, columns) = distinct(queries, keys)
    return rows.allSatisfy { i in
      let row = row(group: group, query: i)
      return columns.allSatisfy { row[$0] == element }
    }
  }

  /// Queries and keys without those that read the same elements again.
  fileprivate func distinct(
    _ queries: Range<Int>, _ keys: Range<Int>
  ) -> (rows: Range<Int>, columns: Range<Int>) {
    (queryStride == 0 ? 0..<1 : queries, keyStride == 0 ? 0..<1 : keys)
  }
}

extension Broadcast<UInt8> {
  /// How many pairs of the block are 1.
  func count(group: Int, queries: Range<Int>, keys: Range<Int>) -> Int {
    let (rows, columns) = distinct(queries, keys)
    var count = 0
    for i in rows {
      let from = row(group: group, query: i).memory.from(columns.lowerBound)
      var inRow: UInt8 = 0  // below 256, and 32 of them in a vector
      for j in 0..<columns.count { inRow &+= from[j] }
      count += Int(inRow)
    }
    return count * (queries.count / rows.count) * (keys.count / columns.count)
  }
}
