import Notation

/// How many numbers an affine map has to learn: outputs · inputs, and outputs more for a bias.
public func parameterCount<S: Scalar>(_ p: AffineMap<S>) -> Int {
  p.weight.count + (p.bias?.count ?? 0)
}

/// How many numbers layer normalisation has to learn: 2d, or d without a bias.
public func parameterCount<S: Scalar>(_ p: LayerNorm<S>) -> Int {
  p.gain.count + (p.bias?.count ?? 0)
}

/// How many numbers multi-head attention has to learn: 4d² + 4d where all widths are d.
public func parameterCount<S: Scalar>(_ p: MultiHeadAttention<S>) -> Int {
  parameterCount(p.query) + parameterCount(p.key) + parameterCount(p.value)
    + parameterCount(p.output)
}

/// How many numbers a feed-forward network has to learn: 2 dModel dFF + dFF + dModel.
public func parameterCount<S: Scalar>(_ p: FeedForward<S>) -> Int {
  parameterCount(p.inner) + parameterCount(p.outer)
}

/// How many numbers a layer of an encoder has to learn.
public func parameterCount<S: Scalar>(_ p: EncoderLayer<S>) -> Int {
  parameterCount(p.attention) + parameterCount(p.attentionNorm) + parameterCount(p.feedForward)
    + parameterCount(p.feedForwardNorm)
}

/// How many numbers a layer of a decoder has to learn.
public func parameterCount<S: Scalar>(_ p: DecoderLayer<S>) -> Int {
  parameterCount(p.selfAttention) + parameterCount(p.selfAttentionNorm)
    + parameterCount(p.crossAttention) + parameterCount(p.crossAttentionNorm)
    + parameterCount(p.feedForward) + parameterCount(p.feedForwardNorm)
}

/// How many numbers a whole Transformer has to learn.
///
/// Sinusoids are computed, learned positions count. Tables count as often as they are held: one that is
/// shared by source and target is held twice here, and counted once by PyTorch.
///
/// TRN-4. Document 002, `count_parameters`. SPEC.md, Training loop.
public func parameterCount<S: Scalar>(_ p: Transformer<S>) -> Int {
  let tables = p.sourceTable.count + p.targetTable.count
  let positions = if case .learned(let table) = p.positions { table.count } else { 0 }
  let norms = [p.stacks.encoderNorm, p.stacks.decoderNorm].compactMap { $0 }
  return tables + positions + p.stacks.encoderLayers.reduce(0) { $0 + parameterCount($1) }
    + p.stacks.decoderLayers.reduce(0) { $0 + parameterCount($1) }
    + norms.reduce(0) { $0 + parameterCount($1) } + parameterCount(p.output)
}
