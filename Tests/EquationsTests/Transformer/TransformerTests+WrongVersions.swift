import Equations
import Notation
import TestSupport

let wrongTransformers: [WrongVersion<TransformerFunction<Double>>] =
  wrongModelEmbeddings + wrongMasks + wrongStacks + wrongOutputs

private let wrongModelEmbeddings: [WrongVersion<TransformerFunction<Double>>] = [
  wrong("positions are not added") { model in
    model.sourceVectors = model.vectors(model.source, model.p.sourceTable, at: nil)
    model.targetVectors = model.vectors(model.target, model.p.targetTable, at: nil)
  },
  wrong("positions are not added to the target") { model in
    model.targetVectors = model.vectors(model.target, model.p.targetTable, at: nil)
  },
  wrong("positions begin at 1") { model in
    model.sourceVectors = model.vectors(model.source, model.p.sourceTable, at: 1)
    model.targetVectors = model.vectors(model.target, model.p.targetTable, at: 1)
  },
  wrong("positions of the target go on where those of the source end") { model in
    guard case .sinusoidal = model.p.positions else { return }
    model.targetVectors = model.vectors(
      model.target, model.p.targetTable, at: model.source.shape[1])
  },
  wrong("all tokens stand at position 0") { model in
    let first = addPositions(
      Tensor(shape: [1, model.p.sourceTable.shape[1]], repeating: 0), model.p.positions
    ).slice(0)
    func placed(_ x: Tensor<Double>) -> Tensor<Double> {
      Tensor(
        shape: x.shape, storage: x.storage.indices.map { x.storage[$0] + first[$0 % first.count] })
    }
    model.sourceVectors = placed(model.vectors(model.source, model.p.sourceTable, at: nil))
    model.targetVectors = placed(model.vectors(model.target, model.p.targetTable, at: nil))
  },
  wrong("target tokens have the vectors of the source's") { model in
    let table = model.p.sourceTable
    model.targetVectors = model.vectors(model.target.map { $0 % table.shape[0] }, table, at: 0)
  },
  changed("vectors are not scaled by √dModel") { $0.embeddingScale = .none },
  changed("vectors are always scaled by √dModel") { $0.embeddingScale = .rootModelWidth },
  wrong("positions are scaled with the vectors") { model in
    guard model.p.embeddingScale == .rootModelWidth else { return }
    let factor = Double(model.p.sourceTable.shape[1]).squareRoot()
    var p = model.p
    p.embeddingScale = .none
    let unscaled = TransformerAssembly(
      TransformerCase(source: model.source, target: model.target, p: p))
    model.sourceVectors = unscaled.sourceVectors.map { $0 * factor }
    model.targetVectors = unscaled.targetVectors.map { $0 * factor }
  },
]

private let wrongMasks: [WrongVersion<TransformerFunction<Double>>] = [
  changed("the source's padding is that of the target") { $0.sourcePadding = $0.targetPadding },
  changed("the target's padding is that of the source") { $0.targetPadding = $0.sourcePadding },
  wrong("the encoder sees padding") { $0.encoderMask = .none },
  wrong("the encoder is causal") { $0.encoderMask.causalOffset = 0 },
  wrong("the decoder sees later tokens") { model in
    model.targetMask = AttentionMask(
      keep: model.p.targetPadding.map { paddingMask(tokens: model.target, padding: $0) })
  },
  wrong("the decoder sees one token too many") { model in
    let keep = model.p.targetPadding.map { paddingMask(tokens: model.target, padding: $0) }
    model.targetMask = AttentionMask(causalOffset: 1, keep: keep)
  },
  wrong("the decoder sees its own padding") { $0.targetMask = .causal },
  wrong("the decoder sees padding of the source") { $0.memoryMask = .none },
  wrong("the decoder sees padding of the source and of the target") { model in
    (model.targetMask, model.memoryMask) = (.causal, .none)
  },
  wrong("the target's padding hides the memory") { model in
    guard let padding = model.p.targetPadding,
      model.source.shape[1] <= model.target.shape[1]
    else { return model.memoryMask = .none }
    let first = model.target.columns(Array(0..<model.source.shape[1]))
    model.memoryMask = .keep(paddingMask(tokens: first, padding: padding))
  },
  wrong("the decoder attends to the memory causally") { $0.memoryMask.causalOffset = 0 },
  changed("padding sees nothing itself") { $0.queryPadding = .hidden },
  changed("padding sees what any position sees") { $0.queryPadding = .visible },
  wrong("padding of the target sees the source") { model in
    model.memoryMask = AttentionMask(
      keep: model.p.sourcePadding.map { paddingMask(tokens: model.source, padding: $0) })
  },
  wrong("padding of the source sees the source") { model in
    model.encoderMask = AttentionMask(
      keep: model.p.sourcePadding.map { paddingMask(tokens: model.source, padding: $0) })
  },
  changed("−10000 for the score of what is excluded") { p in
    if p.fill == .excluded { p.fill = .replaced(by: -10000) }
  },
  changed("hidden scores are excluded where −10000 replaces them") { p in
    if p.fill == .replaced(by: -10000) { p.fill = .excluded }
  },
  WrongVersion("dropout goes on in evaluation") { input in
    var input = input
    input.drop = LayerDropout(Dropout(probability: 0.1, seed: 1), at: .pyTorch)
    return transformerEquation(input)
  },
]

private let wrongStacks: [WrongVersion<TransformerFunction<Double>>] = [
  changed("the encoder's layers share their parameters") { p in
    p.stacks.encoderLayers = p.stacks.encoderLayers.map { [p] _ in p.stacks.encoderLayers[0] }
  },
  changed("the decoder's layers share their parameters") { p in
    p.stacks.decoderLayers = p.stacks.decoderLayers.map { [p] _ in p.stacks.decoderLayers[0] }
  },
  changed("the decoder has as many layers as the encoder") { p in
    p.stacks.decoderLayers = Array(p.stacks.decoderLayers.prefix(p.stacks.encoderLayers.count))
  },
  changed("the norm behind the encoder is forgotten") { $0.stacks.encoderNorm = nil },
  changed("the norm behind the decoder is forgotten") { $0.stacks.decoderNorm = nil },
  changed("the norms behind the stacks are exchanged") { p in
    (p.stacks.encoderNorm, p.stacks.decoderNorm) = (p.stacks.decoderNorm, p.stacks.encoderNorm)
  },
  changed("there is always a norm behind the encoder") { p in
    p.stacks.encoderNorm = p.stacks.encoderNorm ?? p.stacks.encoderLayers.last?.feedForwardNorm
  },
  changed("there is always a norm behind the decoder") { p in
    p.stacks.decoderNorm = p.stacks.decoderNorm ?? p.stacks.decoderLayers.last?.feedForwardNorm
  },
  WrongVersion("a decoder's layer reads the encoder's layer of its number") { input in
    let model = TransformerAssembly(input)
    let (stacks, count) = (input.p.stacks, input.p.stacks.encoderLayers.count)
    var x = model.targetVectors
    for (l, layer) in stacks.decoderLayers.enumerated() {
      let memory = encoder(
        model.sourceVectors, layers: Array(stacks.encoderLayers.prefix(min(l + 1, count))),
        norm: stacks.encoderNorm, mask: model.encoderMask, fill: input.p.fill)
      x = decoderLayer(
        x, memory: memory, layer, mask: model.targetMask, memoryMask: model.memoryMask,
        fill: input.p.fill)
    }
    if let norm = stacks.decoderNorm { x = layerNorm(x, norm) }
    return TransformerSteps(
      memory: model.steps.memory, decoded: x, logits: affineMap(x, input.p.output))
  },
  WrongVersion("the decoder reads the source's vectors") { input in
    let model = TransformerAssembly(input)
    let decoded = model.decoded(model.sourceVectors)
    return TransformerSteps(
      memory: model.steps.memory, decoded: decoded, logits: affineMap(decoded, input.p.output))
  },
]

private let wrongOutputs: [WrongVersion<TransformerFunction<Double>>] = [
  wrongLogits("the output is probabilities") { steps, _ in softmax(steps.logits) },
  wrongLogits("the output is logarithms of probabilities") { steps, _ in logSoftmax(steps.logits) },
  wrongLogits("the scores have no bias") { steps, p in
    affineMap(steps.decoded, AffineMap(weight: p.output.weight))
  },
  wrongLogits("the target's vectors are the output map") { steps, p in
    affineMap(steps.decoded, AffineMap(weight: p.targetTable, bias: p.output.bias))
  },
  wrongLogits("the scores are divided by √dModel") { steps, p in
    steps.logits.map { $0 / Double(p.output.inputs).squareRoot() }
  },
  wrongLogits("the scores go through ReLU") { steps, _ in activate(steps.logits, .relu) },
  wrongLogits("a position has the scores of the one before it") { steps, _ in
    let t = steps.logits.shape[1]
    return steps.logits.rows((0..<t).map { max(0, $0 - 1) })
  },
  wrongLogits("the last position's scores stand everywhere") { steps, _ in
    let t = steps.logits.shape[1]
    return steps.logits.rows((0..<t).map { _ in t - 1 })
  },
  wrongLogits("the scores are of the memory") { steps, p in
    let (t, s) = (steps.decoded.shape[1], steps.memory.shape[1])
    return affineMap(steps.memory.rows((0..<t).map { min($0, s - 1) }), p.output)
  },
]

/// The golden vectors drop nothing.
let wrongTransformerDrops: [WrongVersion<TransformerFunction<Double>>] = [
  dropped("nothing is dropped") { _ in .none },
  dropped("embeddings are always dropped") { drop in
    LayerDropout(drop.dropout, at: drop.sites.union(.embedding))
  },
  dropped("embeddings are never dropped") { drop in
    LayerDropout(drop.dropout, at: drop.sites.subtracting(.embedding))
  },
  dropped("the seed is that of the encoder") { $0.layer(0) },
  WrongVersion("encoder and decoder drop by the same words") { input in
    let drop = input.drop.layer(0)
    let memory = encode(input.source, input.p, dropout: drop)
    let decoded = decode(
      input.target, memory: memory, source: input.source, input.p, dropout: drop)
    return TransformerSteps(
      memory: memory, decoded: decoded, logits: affineMap(decoded, input.p.output))
  },
]

// MARK: - Parts

/// The Transformer put together again, for versions that change one part of it.
struct TransformerAssembly {
  let source: Tensor<Int>
  let target: Tensor<Int>
  let p: Transformer<Double>
  var sourceVectors = Tensor<Double>(shape: [], repeating: 0)
  var targetVectors = Tensor<Double>(shape: [], repeating: 0)
  var encoderMask: AttentionMask<Double>
  var targetMask: AttentionMask<Double>
  var memoryMask: AttentionMask<Double>

  init(_ input: TransformerCase<Double>) {
    (source, target, p) = (input.source, input.target, input.p)
    encoderMask = Equations.encoderMask(source: source, p)
    targetMask = Equations.targetMask(target: target, p)
    memoryMask = Equations.memoryMask(target: target, source: source, p)
    sourceVectors = vectors(source, p.sourceTable, at: 0)
    targetVectors = vectors(target, p.targetTable, at: 0)
  }

  /// The vectors of tokens, the first at a position, or without positions.
  func vectors(_ tokens: Tensor<Int>, _ table: Tensor<Double>, at offset: Int?) -> Tensor<Double> {
    guard let offset else { return tokenEmbedding(tokens, table: table, scale: p.embeddingScale) }
    return transformerEmbedding(
      tokens, table: table, positions: p.positions, offset: offset, scale: p.embeddingScale)
  }

  func decoded(_ memory: Tensor<Double>) -> Tensor<Double> {
    decoder(
      targetVectors, memory: memory, layers: p.stacks.decoderLayers, norm: p.stacks.decoderNorm,
      mask: targetMask, memoryMask: memoryMask, fill: p.fill)
  }

  var steps: TransformerSteps<Double> {
    let memory = encoder(
      sourceVectors, layers: p.stacks.encoderLayers, norm: p.stacks.encoderNorm,
      mask: encoderMask, fill: p.fill)
    let decoded = decoded(memory)
    return TransformerSteps(
      memory: memory, decoded: decoded, logits: affineMap(decoded, p.output))
  }
}

private func wrong(
  _ name: String, _ change: @escaping @Sendable (inout TransformerAssembly) -> Void
) -> WrongVersion<TransformerFunction<Double>> {
  WrongVersion(name) { input in
    var model = TransformerAssembly(input)
    change(&model)
    return model.steps
  }
}

private func changed(
  _ name: String, _ change: @escaping @Sendable (inout Transformer<Double>) -> Void
) -> WrongVersion<TransformerFunction<Double>> {
  WrongVersion(name) { input in
    var input = input
    change(&input.p)
    return transformerEquation(input)
  }
}

private func wrongLogits(
  _ name: String,
  _ logits:
    @escaping @Sendable (TransformerSteps<Double>, Transformer<Double>) -> Tensor<Double>
) -> WrongVersion<TransformerFunction<Double>> {
  WrongVersion(name) { input in
    var steps = transformerEquation(input)
    steps.logits = logits(steps, input.p)
    return steps
  }
}

private func dropped(
  _ name: String, _ drop: @escaping @Sendable (LayerDropout) -> LayerDropout
) -> WrongVersion<TransformerFunction<Double>> {
  WrongVersion(name) { input in
    var input = input
    input.drop = drop(input.drop)
    return transformerEquation(input)
  }
}
