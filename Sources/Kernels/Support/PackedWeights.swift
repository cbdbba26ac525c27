import Notation

extension AffineMap<Float> {
  /// The same map, its weight packed once for all calls of the kernels; equations do not look at it.
  ///
  /// It takes twice the memory. A new weight drops what was packed of the old one. Results have the same
  /// bits, packed or not.
  public func packed() -> AffineMap {
    let width = VectorPair.width
    let (panels, stride) = ((outputs + width - 1) / width, inputs * width)
    guard outputs > 1 else { return self }  // see `Product.computeTransposed`
    let storage = [Float].written(panels * stride) { memory in
      weight.storage.withMemory { weight in
        Threads.share(tasks: panels) { panel, _ in
          let columns = panel * width..<min((panel + 1) * width, outputs)
          let target = memory.part(panel * stride, stride)
          if columns.count < width { target.fill(0) }
          pack(
            .columns(weight), steps: 0..<inputs, columns: columns, k: inputs, m: outputs,
            into: target)
        }
      }
    }
    var map = self
    map.packed = PackedWeight(storage: storage, start: 0, panelStride: stride)
    return map
  }
}

extension AttentionProjections<Float> {
  /// The same maps, packed.
  public func packed() -> AttentionProjections {
    AttentionProjections(query: query.packed(), key: key.packed(), value: value.packed())
  }
}

extension MultiHeadAttention<Float> {
  /// The same attention, its maps packed.
  public func packed() -> MultiHeadAttention {
    MultiHeadAttention(
      query: query.packed(), key: key.packed(), value: value.packed(), output: output.packed(),
      heads: heads)
  }
}

extension FeedForward<Float> {
  /// The same network, its maps packed.
  public func packed() -> FeedForward {
    FeedForward(inner: inner.packed(), outer: outer.packed(), activation: activation)
  }
}

extension EncoderLayer<Float> {
  /// The same layer, its maps packed.
  public func packed() -> EncoderLayer {
    var layer = self
    layer.attention = attention.packed()
    layer.feedForward = feedForward.packed()
    return layer
  }
}

extension Transformer<Float> {
  /// The same Transformer, the maps of all layers and of the output packed.
  public func packed() -> Transformer {
    var model = self
    model.stacks.encoderLayers = stacks.encoderLayers.map { $0.packed() }
    model.stacks.decoderLayers = stacks.decoderLayers.map { $0.packed() }
    model.output = output.packed()
    return model
  }
}

extension DecoderLayer<Float> {
  /// The same layer, its maps packed.
  public func packed() -> DecoderLayer {
    var layer = self
    layer.selfAttention = selfAttention.packed()
    layer.crossAttention = crossAttention.packed()
    layer.feedForward = feedForward.packed()
    return layer
  }
}
