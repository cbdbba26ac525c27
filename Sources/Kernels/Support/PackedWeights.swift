import Notation

extension PackedWeight {
  /// So many panels, as `pack` writes them, from the beginning of a cache line on.
  ///
  /// An array begins in the middle of one: each vector of sixteen lanes would be read from two.
  init(panels count: Int, stride: Int, _ pack: (Memory<Float>) -> Void) {
    var start = 0
    let storage = [Float].written(count * stride + VectorPair.width) { memory in
      start = memory.countToCacheLine
      memory.fill(0)
      pack(memory.part(start, count * stride))
    }
    self.init(storage: storage, start: start, panelStride: stride)
  }
}

extension AffineMap<Float> {
  /// The same map, its weight packed once for all calls of the kernels; equations do not look at it.
  ///
  /// It takes twice the memory. A new weight drops what was packed of the old one. The bits of a row's
  /// result do not depend on the other rows; they are those of the map that is not packed, but where
  /// that one gets few rows, see `affineMap`.
  public func packed() -> AffineMap {
    guard outputs > 1 else { return self }  // see `Product.computeTransposed`
    var map = self
    map.packed = PackedWeight(panels: panelCount, stride: panelStride) { pack(into: $0) }
    return map
  }

  /// The number of panels, and of the floats of one.
  var panelCount: Int { (outputs + VectorPair.width - 1) / VectorPair.width }
  var panelStride: Int { inputs * VectorPair.width }

  /// Writes all panels, zeros beyond the last output.
  func pack(into memory: Memory<Float>) {
    let width = VectorPair.width
    weight.storage.withMemory { weight in
      Threads.share(tasks: panelCount, atMost: weight.count >= 1 << 16 ? .max : 1) { panel, _ in
        let columns = panel * width..<min((panel + 1) * width, outputs)
        let target = memory.part(panel * panelStride, panelStride)
        if columns.count < width { target.fill(0) }
        Kernels::pack(
          .columns(weight), steps: 0..<inputs, columns: columns, k: inputs, m: outputs,
          into: target)
      }
    }
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

extension Gate<Float> {
  /// The same gate, its maps packed.
  public func packed() -> Gate { Gate(input: input.packed(), recurrent: recurrent.packed()) }
}

extension ElmanRNN<Float> {
  /// The same network, its maps packed.
  public func packed() -> ElmanRNN {
    var network = self
    network.gate = gate.packed()
    return network
  }
}

extension LSTM<Float> {
  /// The same network, its maps packed.
  public func packed() -> LSTM {
    LSTM(
      inputGate: inputGate.packed(), forgetGate: forgetGate?.packed(),
      candidate: candidate.packed(), outputGate: outputGate.packed())
  }
}

extension GRU<Float> {
  /// The same network, its maps packed.
  public func packed() -> GRU {
    GRU(
      reset: reset.packed(), update: update.packed(), candidate: candidate.packed(), form: form)
  }
}

extension RecurrentCell<Float> {
  /// The same network, its maps packed.
  public func packed() -> RecurrentCell {
    switch self {
    case .elmanRNN(let p): .elmanRNN(p.packed())
    case .lstm(let p): .lstm(p.packed())
    case .gru(let p): .gru(p.packed())
    }
  }
}

extension Seq2Seq<Float> {
  /// The same model, the maps of its networks and those after a step packed.
  public func packed() -> Seq2Seq {
    var model = self
    switch encoder {
    case .oneWay(let cell, let direction): model.encoder = .oneWay(cell.packed(), direction)
    case .bothWays(let forward, let reverse):
      model.encoder = .bothWays(forward: forward.packed(), reverse: reverse.packed())
    }
    if case .afterStep(let score, let combination) = attention {
      model.attention = .afterStep(score, combination: combination.packed())
    }
    model.decoder = decoder.packed()
    model.output = output.packed()
    return model
  }
}
