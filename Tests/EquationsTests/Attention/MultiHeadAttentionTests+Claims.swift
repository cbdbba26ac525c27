import Equations
import ErrorBounds
import Notation
import TestSupport
import Testing

/// The documents' claims that are about one experiment and not about every input.
@Suite("Claims about multi-head attention")
struct MultiHeadAttentionClaimTests {
  @Test("heads with maps of their own have weights of their own")
  func differentHeads() {
    var stream = RandomStream(seed: 31)
    let p = MultiHeadAttention<Double>.normal(width: 12, heads: 4, from: &stream)
    let x = Tensor<Double>.normal([5, 12], from: &stream)
    let steps = multiHeadAttentionSteps(queries: x, keys: x, values: x, p).attention
    #expect(Set((0..<4).map { steps.weights.head($0) }).count == 4)
    #expect(Set((0..<4).map { steps.output.head($0) }).count == 4)
  }

  @Test("heads stand side by side, layers one after the other")
  func sideBySide() {
    var stream = RandomStream(seed: 32)
    let first = MultiHeadAttention<Double>.normal(width: 6, heads: 2, from: &stream)
    let second = MultiHeadAttention<Double>.normal(width: 6, heads: 2, from: &stream)
    let x = Tensor<Double>.normal([4, 6], from: &stream)
    func layer(
      _ p: MultiHeadAttention<Double>, _ x: Tensor<Double>
    ) -> MultiHeadAttentionSteps<Double> {
      multiHeadAttentionSteps(queries: x, keys: x, values: x, p)
    }
    // Rows 0, 1 and 2 of the weights belong to the first head.
    var changed = first
    for i in 0..<3 { changed.query.weight[i, 0] += 1 }
    for i in 0..<3 { changed.value.weight[i, 0] += 1 }
    let (before, after) = (layer(first, x), layer(changed, x))
    #expect(before.attention.output.head(0) != after.attention.output.head(0))
    #expect(before.attention.output.head(1) == after.attention.output.head(1))
    // A layer on top sees the change in all its heads.
    let (above, aboveChanged) = (layer(second, before.output), layer(second, after.output))
    for i in 0..<2 {
      #expect(above.attention.output.head(i) != aboveChanged.attention.output.head(i))
    }
  }

  @Test("the parameters are the four maps, as many for any number of heads, and no scale")
  func parameters() {
    func attention(_ d: Int, _ heads: Int) -> MultiHeadAttention<Double> {
      let map = AffineMap(
        weight: Tensor(shape: [d, d], repeating: 0.0), bias: Tensor(shape: [d], repeating: 0))
      return MultiHeadAttention(query: map, key: map, value: map, output: map, heads: heads)
    }
    for heads in [1, 8, 512] { #expect(parameterCount(of: attention(512, heads)) == 1_050_624) }
    #expect(parameterCount(of: attention(256, 8)) == 263_168)
    let block = Tensor<Double>(shape: [32, 32], repeating: 0)
    let shared = SharedHeadAttention(
      query: block, key: block, value: block, output: attention(256, 8).output, heads: 8)
    #expect(parameterCount(of: shared) == 68_864)
  }

  @Test("a change of the last position changes the last row of every head, and nothing else")
  func heads() {
    // Cut by a view alone, it is rows 2 and 3 of head 1 that change.
    let x = Tensor(shape: [4, 8], storage: (0..<32).map { Double($0) })
    var changed = x
    for c in 0..<8 { changed[3, c] += 100 }
    func changedRows(_ split: (Tensor<Double>) -> Tensor<Double>) -> [[Int]] {
      let (before, after) = (split(x), split(changed))
      return (0..<2).map { i in
        (0..<4).filter { before.head(i).slice($0) != after.head(i).slice($0) }
      }
    }
    #expect(changedRows { splitHeads($0, heads: 2) } == [[3], [3]])
    #expect(changedRows { $0.reshaped([2, 4, 4]) } == [[], [2, 3]])
  }

  @Test("the output has the width of W^O, whatever the heads' widths are", arguments: [1, 6, 11])
  func outputWidth(outputs: Int) {
    var stream = RandomStream(seed: 33)
    func map(_ outputs: Int, _ inputs: Int) -> AffineMap<Double> {
      AffineMap(weight: .normal([outputs, inputs], from: &stream))
    }
    let p = MultiHeadAttention(
      query: map(6, 5), key: map(6, 4), value: map(9, 3), output: map(outputs, 9), heads: 3)
    let x = Tensor<Double>.normal([2, 4, 5], from: &stream)
    let y = Tensor<Double>.normal([2, 7, 4], from: &stream)
    let z = Tensor<Double>.normal([2, 7, 3], from: &stream)
    #expect(multiHeadAttention(queries: x, keys: y, values: z, p).shape == [2, 4, outputs])
  }

  @Test("without maps of keys and values an output lies among the values, with them it need not")
  func maps() {
    var stream = RandomStream(seed: 34)
    let z = Tensor<Double>.normal([5, 4], from: &stream)
    let x = Tensor<Double>.normal([3, 4], from: &stream)
    let identity = AffineMap<Double>(
      weight: [[1, 0, 0, 0], [0, 1, 0, 0], [0, 0, 1, 0], [0, 0, 0, 1]])
    var p = MultiHeadAttention(
      query: identity, key: identity, value: identity, output: identity, heads: 2)
    func lieAmongValues(_ y: Tensor<Double>) -> Bool {
      (0..<4).allSatisfy { c in
        let values = (0..<5).map { z[$0, c] }
        return (0..<3).allSatisfy { (values.min()!...values.max()!).contains(y[$0, c]) }
      }
    }
    #expect(lieAmongValues(multiHeadAttention(queries: x, keys: z, values: z, p)))
    p.value.weight = .normal([4, 4], from: &stream)
    #expect(!lieAmongValues(multiHeadAttention(queries: x, keys: z, values: z, p)))
  }

  @Test("keys and values that are kept give the bits of those computed at once")
  func cache() {
    var stream = RandomStream(seed: 35)
    let p = MultiHeadAttention<Double>.normal(width: 6, heads: 3, from: &stream)
    let (x, y) = (
      Tensor<Double>.normal([2, 6], from: &stream), Tensor<Double>.normal([5, 6], from: &stream)
    )
    for kept in 0...5 {
      func rows(_ range: Range<Int>) -> Tensor<Double> {
        Tensor(
          shape: [range.count, 6],
          storage: Array(y.storage[6 * range.lowerBound..<6 * range.upperBound]))
      }
      var cache = keyValueCache(keys: rows(0..<kept), values: rows(0..<kept), p)
      cache.append(keyValueCache(keys: rows(kept..<5), values: rows(kept..<5), p))
      #expect(cache.length == 5)
      #expect(
        multiHeadAttentionSteps(queries: x, cache, p).output
          == multiHeadAttention(queries: x, keys: y, values: y, p))
    }
  }

  @Test("dropout falls on the weights of every head")
  func dropped() throws {
    var stream = RandomStream(seed: 36)
    let p = MultiHeadAttention<Double>.normal(width: 6, heads: 3, from: &stream)
    let x = Tensor<Double>.normal([2, 4, 6], from: &stream)
    let drop = Dropout(probability: 0.5, seed: 36)
    let steps = multiHeadAttentionSteps(queries: x, keys: x, values: x, p, dropout: drop)
    let plain = multiHeadAttentionSteps(queries: x, keys: x, values: x, p)
    #expect(steps.attention.weights == plain.attention.weights)
    #expect(
      steps.attention.output
        == matrixProduct(dropout(plain.attention.weights, drop), plain.valueHeads))
  }
}

@Suite("What does not fit multi-head attention stops the program with a sentence")
struct MultiHeadAttentionRefusalTests {
  @Test("heads must divide the widths")
  func heads() async {
    let none = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = attention(query: [4, 4], key: [4, 4], value: [4, 4], output: [4, 4], heads: 0) }
    expectSentence("attention needs a head: got 0", from: none)
    let noMaps = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = MultiHeadAttention<Double>(heads: [], output: AffineMap(weight: [[1]])) }
    expectSentence("attention needs a head: got 0", from: noMaps)
    let queries = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = attention(query: [10, 10], key: [10, 10], value: [9, 10], output: [10, 9], heads: 3)
    }
    expectSentence(
      "the width of queries must be a multiple of the heads: got 10 and 3 heads", from: queries)
    let values = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      _ = attention(query: [9, 10], key: [9, 10], value: [10, 10], output: [10, 10], heads: 3)
    }
    expectSentence(
      "the width of values must be a multiple of the heads: got 10 and 3 heads", from: values)
    let split = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = splitHeads([[1, 2, 3, 4]] as Tensor<Double>, heads: 3) }
    expectSentence("a width that 3 heads divide is needed: got 1 × 4", from: split)
  }

  @Test("the widths of the maps must fit each other")
  func widths() async {
    let keys = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = attention(query: [4, 4], key: [6, 4], value: [4, 4], output: [4, 4], heads: 2) }
    expectSentence("queries and keys must have one width: got 4 and 6", from: keys)
    let output = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = attention(query: [4, 4], key: [4, 4], value: [6, 4], output: [6, 4], heads: 2) }
    expectSentence("the output map must take 6 numbers, all heads' values: got 6 × 4", from: output)
    let perHead = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      func head(_ dk: Int) -> AttentionProjections<Double> {
        let map = AffineMap(weight: Tensor(shape: [dk, 4], repeating: 0.0))
        return AttentionProjections(query: map, key: map, value: map)
      }
      _ = MultiHeadAttention(
        heads: [head(2), head(3)],
        output: AffineMap(weight: Tensor(shape: [4, 5], repeating: 0)))
    }
    expectSentence("the maps of all heads must have one shape: got", from: perHead)
    let shared = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      let block: Tensor<Double> = [[1, 0], [0, 1]]
      _ = SharedHeadAttention(
        query: [[1, 0, 0], [0, 1, 0]], key: block, value: block,
        output: AffineMap(weight: Tensor(shape: [4, 4], repeating: 0)), heads: 2)
    }
    expectSentence(
      "the shared query map must be dk × dk with 2 · dk = 4: got 2 × 3", from: shared)
  }

  @Test("heads to be joined need their dimension, and what is added to a cache its widths")
  func tensors() async {
    let heads = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) { _ = concatenateHeads([[1, 2], [3, 4]] as Tensor<Double>) }
    expectSentence("heads must be … × h × t × width: got 2 × 2", from: heads)
    let cache = await #expect(
      processExitsWith: .failure, observing: [\.standardErrorContent]
    ) {
      var cache = KeyValueCache<Double>(keys: [[[1, 2]]], values: [[[1]]])
      cache.append(KeyValueCache(keys: [[[1, 2, 3]]], values: [[[1]]]))
    }
    expectSentence(
      "what is added to a cache of 1 × 1 × 2 must differ in its length only: got 1 × 1 × 3",
      from: cache)
  }
}

/// Zeros of the shapes given, outputs × inputs.
private func attention(
  query: [Int], key: [Int], value: [Int], output: [Int], heads: Int
) -> MultiHeadAttention<Double> {
  func map(_ shape: [Int]) -> AffineMap<Double> {
    AffineMap(weight: Tensor(shape: shape, repeating: 0))
  }
  return MultiHeadAttention(
    query: map(query), key: map(key), value: map(value), output: map(output), heads: heads)
}
