import Notation

/// Multi-head attention to keys and values that are there already.
///
/// Differs from the equation as its parts do: `affineMap` and `scaledDotProductAttention`, whose keys and
/// values are read where the cache has them, room between the heads included.
///
/// Error: see `ErrorBounds`. Equation: `multiHeadAttentionSteps` of a cache, in
/// `Equations/Attention/MultiHeadAttention.swift`.
///
/// - Parameters:
///   - x: What asks, … × n × its width.
///   - cache: The keys and values of every head.
///   - p: The maps, of which those of keys and values are not used.
///   - mask: Which positions of the cache a position of x may see, of rank … × h × n × m.
///   - fill: What becomes of the score of a position that may not be seen.
///   - scale: What the scores are multiplied by.
/// - Returns: … × n × the output map's width.
public func multiHeadAttention(
  queries x: Tensor<Float>, _ cache: KeyValueCache<Float>, _ p: MultiHeadAttention<Float>,
  mask: AttentionMask<Float> = .none, fill: MaskFill = .excluded,
  scale: ScoreScale = .rootKeyWidth
) -> Tensor<Float> {
  let shape = AttentionShape(queries: x.shape, cache, through: p, mask)
  let output = x.leadingShape + [shape.n, p.output.outputs]
  let elements = [Float].written(output.reduce(1, *)) { output in
    x.storage.withMemory { x in
      multiHeadAttention(
        queries: x, cache, shape, p, mask: mask, fill: fill, scale: scale, into: output)
    }
  }
  return Tensor(shape: output, storage: elements)
}

/// The keys and values of every head, which do not depend on what asks.
///
/// Differs from the equation as `affineMap` does.
///
/// Error: see `ErrorBounds`. Equation: `Equations/Attention/MultiHeadAttention.swift`.
///
/// - Parameters:
///   - y: What is asked for keys, … × m × its width.
///   - z: What is asked for values, … × m × its width.
///   - p: The maps, of which those of queries and output are not used.
public func keyValueCache(
  keys y: Tensor<Float>, values z: Tensor<Float>, _ p: MultiHeadAttention<Float>
) -> KeyValueCache<Float> {
  var cache = KeyValueCache(for: p, keys: y.shape, values: z.shape)
  cache.append(keys: y, values: z, p)
  return cache
}

extension KeyValueCache<Float> {
  /// Adds what the maps of keys and values make of later positions, in place.
  ///
  /// - Parameters:
  ///   - y: What is asked for keys, … × n × its width.
  ///   - z: What is asked for values, … × n × its width.
  ///   - p: The maps, of which those of queries and output are not used.
  public mutating func append(
    keys y: Tensor<Float>, values z: Tensor<Float>, _ p: MultiHeadAttention<Float>
  ) {
    let keys = keyRows.extend(by: p.headShape(y.shape, p.key))
    let values = valueRows.extend(by: p.headShape(z.shape, p.value))
    let sequences = keyRows.stacks / p.heads
    let (n, m) = (sequences * keys.count, sequences * values.count)
    y.storage.withMemory { y in
      z.storage.withMemory { z in
        Workspace.with([p.key.outputs * n, p.value.outputs * m]) { parts in
          p.key.withProduct(y, rows: n, into: parts[0]) { key in
            p.value.withProduct(z, rows: m, into: parts[1]) { Product.compute([key, $0]) }
          }
          keyRows.write(parts[0], heads: p.heads, to: keys)
          valueRows.write(parts[1], heads: p.heads, to: values)
        }
      }
    }
  }

  /// A cache without positions, for what the maps make of inputs of these shapes.
  init(for p: MultiHeadAttention<Float>, keys y: [Int], values z: [Int]) {
    func empty(_ x: [Int], _ map: AffineMap<Float>) -> Tensor<Float> {
      let shape = p.headShape(x, map)
      return Tensor(shape: shape.dropLast(2) + [0, shape[shape.count - 1]], storage: [])
    }
    self.init(keys: empty(y, p.key), values: empty(z, p.value))
  }
}

extension AttentionShape {
  /// Reads the extents of all heads' attention to a cache, and stops unless they fit each other.
  init(
    queries x: [Int], _ cache: KeyValueCache<Float>, through p: MultiHeadAttention<Float>,
    _ mask: AttentionMask<Float>
  ) {
    self.init(
      queries: p.headShape(x, p.query), keys: cache.keyRows.shape, values: cache.valueRows.shape,
      mask: mask)
  }
}

/// Multi-head attention to a cache, from memory to memory; `addend`, if there is one, is added to the
/// output.
func multiHeadAttention(
  queries x: Memory<Float>, _ cache: KeyValueCache<Float>, _ shape: AttentionShape,
  _ p: MultiHeadAttention<Float>, mask: AttentionMask<Float>, fill: MaskFill,
  scale: ScoreScale = .rootKeyWidth, adding addend: Memory<Float>? = nil,
  into output: Memory<Float>
) {
  let n = shape.groups / p.heads * shape.n
  Workspace.with([p.query.outputs * n, p.value.outputs * n]) { parts in
    p.query.withProduct(x, rows: n, into: parts[0]) { Product.compute([$0]) }
    attend(
      parts[0], cache, shape, p, mask: mask, fill: fill, scale: scale, through: parts[1],
      adding: addend, into: output)
  }
}

/// Self-attention of the newest positions to those of a cache and to themselves, whose keys and values
/// are written to it.
///
/// - Parameters:
///   - x: The newest positions.
///   - cache: Extended by as many.
///   - shape: The extents, the newest positions counted among the keys.
///   - p: The maps.
///   - mask: Which positions so far they may see.
///   - fill: What becomes of the score of a position that may not be seen.
///   - addend: What is added to the output.
///   - output: As many rows as x.
func selfAttention(
  _ x: Memory<Float>, keptIn cache: inout KeyValueCache<Float>, _ shape: AttentionShape,
  _ p: MultiHeadAttention<Float>, mask: AttentionMask<Float>, fill: MaskFill,
  adding addend: Memory<Float>, into output: Memory<Float>
) {
  let n = shape.groups / p.heads * shape.n
  let newest = shape.m - shape.n..<shape.m
  Workspace.with([p.query.outputs * n, p.key.outputs * n, p.value.outputs * n, p.value.outputs * n])
  { parts in
    p.query.withProduct(x, rows: n, into: parts[0]) { query in
      p.key.withProduct(x, rows: n, into: parts[1]) { key in
        p.value.withProduct(x, rows: n, into: parts[2]) { value in
          Product.compute([query, key, value])
        }
      }
    }
    cache.keyRows.write(parts[1], heads: p.heads, to: newest)
    cache.valueRows.write(parts[2], heads: p.heads, to: newest)
    attend(
      parts[0], cache, shape, p, mask: mask, fill: fill, scale: .rootKeyWidth, through: parts[3],
      adding: addend, into: output)
  }
}

/// The attention of all heads and the output map, of queries that lie side by side.
private func attend(
  _ q: Memory<Float>, _ cache: KeyValueCache<Float>, _ shape: AttentionShape,
  _ p: MultiHeadAttention<Float>, mask: AttentionMask<Float>, fill: MaskFill, scale: ScoreScale,
  through concatenated: Memory<Float>, adding addend: Memory<Float>?, into output: Memory<Float>
) {
  let (keys, values) = (cache.keyRows, cache.valueRows)
  keys.storage.withMemory { k in
    values.storage.withMemory { v in
      attend(
        shape, queries: HeadRows(q, rows: shape.n, heads: p.heads, width: shape.dk),
        keys: HeadRows(k, rows: keys.capacity, width: shape.dk),
        values: HeadRows(v, rows: values.capacity, width: shape.dv),
        into: HeadRows(concatenated, rows: shape.n, heads: p.heads, width: shape.dv),
        mask: mask, fill: fill, factor: Float(scale.factor(keyWidth: shape.dk)))
    }
  }
  p.output.withProduct(
    concatenated, rows: shape.groups / p.heads * shape.n, adding: addend, into: output
  ) { Product.compute([$0]) }
}

extension GrowingRows<Float> {
  /// Makes place for … × h × n × width more, and returns the numbers of these rows.
  mutating func extend(by added: [Int]) -> Range<Int> {
    require(
      added.dropLast(2) == leading[...] && added.last == width,
      "what is added to a cache of \(described(shape)) must differ in its length only: "
        + "got \(described(added))")
    let start = length
    extend(by: added[added.count - 2])
    return start..<length
  }

  /// Writes rows in which the heads lie side by side: … × n × h·width.
  mutating func write(_ x: Memory<Float>, heads h: Int, to rows: Range<Int>) {
    let (capacity, width, stacks) = (capacity, width, stacks)
    storage.withMutableMemory { storage in
      for g in 0..<stacks {
        for i in 0..<rows.count {
          let from = ((g / h * rows.count + i) * h + g % h) * width
          let to = (g * capacity + rows.lowerBound + i) * width
          storage.part(to, width).copy(x.part(from, width))
        }
      }
    }
  }
}
