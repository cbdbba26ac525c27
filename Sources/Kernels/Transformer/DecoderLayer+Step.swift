import Notation

/// One layer of a decoder for the newest positions alone, keys and values of the others kept.
///
/// Differs from the equation as its parts do. Keys and values are added to the cache in place, so that
/// with room in it a step allocates its output and nothing else.
///
/// Error: see `ErrorBounds`. Equation: `Equations/Transformer/DecoderLayer.swift`.
///
/// - Parameters:
///   - x: The newest positions, … × n × dModel; one, unless the mask hides the later ones of several.
///   - cache: Keys and values of the positions so far, `nil` at the first; those of x are added.
///   - memory: Keys and values of the encoder's output.
///   - p: The parameters, and where the layer normalises.
///   - mask: Which positions so far, x included, it may see, of rank … × h × n × t.
///   - memoryMask: Which positions of the memory it may see, of rank … × h × n × s.
///   - fill: What becomes of the score of a position that may not be seen.
/// - Returns: The last n rows of what `decoderLayer` gives for all positions under a causal mask.
public func decoderLayerStep(
  _ x: Tensor<Float>, cache: inout KeyValueCache<Float>?, memory: KeyValueCache<Float>,
  _ p: DecoderLayer<Float>, mask: AttentionMask<Float> = .none,
  memoryMask: AttentionMask<Float> = .none, fill: MaskFill = .excluded
) -> Tensor<Float> {
  if cache == nil { cache = KeyValueCache(for: p.selfAttention, keys: x.shape, values: x.shape) }
  _ = cache!.keyRows.extend(by: p.selfAttention.headShape(x.shape, p.selfAttention.key))
  _ = cache!.valueRows.extend(by: p.selfAttention.headShape(x.shape, p.selfAttention.value))
  let own = AttentionShape(queries: x.shape, cache!, through: p.selfAttention, mask)
  let cross = AttentionShape(queries: x.shape, memory, through: p.crossAttention, memoryMask)
  checkSublayer(x.shape, p.selfAttention.output.outputs, p.selfAttentionNorm)
  checkSublayer(x.shape, p.crossAttention.output.outputs, p.crossAttentionNorm)
  let rows = MatrixProductShape(x.shape, through: p.feedForward.inner).n
  checkSublayer(x.shape, p.feedForward.outer.outputs, p.feedForwardNorm)
  let elements = [Float].written(x.count) { y in
    x.storage.withMemory { x in
      Workspace.with([x.count, x.count]) { parts in
        let (a, c) = (parts[0], parts[1])
        sublayer(x, p.placement, p.selfAttentionNorm, into: a) { x, addend, y in
          selfAttention(
            x, keptIn: &cache!, own, p.selfAttention, mask: mask, fill: fill, adding: addend,
            into: y)
        }
        sublayer(a, p.placement, p.crossAttentionNorm, into: c) { a, addend, y in
          multiHeadAttention(
            queries: a, memory, cross, p.crossAttention, mask: memoryMask, fill: fill,
            adding: addend, into: y)
        }
        sublayer(c, p.placement, p.feedForwardNorm, into: y) { c, addend, y in
          feedForward(c, rows: rows, p.feedForward, adding: addend, into: y)
        }
      }
    }
  }
  return Tensor(shape: x.shape, storage: elements)
}
