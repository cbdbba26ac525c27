/// The parameters of a whole Transformer, from tokens to logits, and its dialect.
public struct Transformer<S: Scalar>: Sendable {
  /// The vectors of the source's tokens: source vocabulary × dModel.
  public var sourceTable: Tensor<S>
  /// The vectors of the target's tokens: v × dModel.
  public var targetTable: Tensor<S>
  /// What tells positions apart, in source and target.
  public var positions: PositionalEncoding<S>
  /// What a token's vector is multiplied by.
  public var embeddingScale: EmbeddingScale
  /// The layers of encoder and decoder.
  public var stacks: TransformerStacks<S>
  /// From the decoder's output to logits: v × dModel.
  public var output: AffineMap<S>
  /// The token that fills up source sentences; `nil` if there is none.
  public var sourcePadding: Int?
  /// The token that fills up target sentences; `nil` if there is none.
  public var targetPadding: Int?
  /// What padding positions see themselves.
  public var queryPadding: QueryPadding
  /// What becomes of the score of a key that a query may not see.
  public var fill: MaskFill

  /// Creates the parameters.
  public init(
    sourceTable: Tensor<S>, targetTable: Tensor<S>,
    positions: PositionalEncoding<S> = .sinusoidal(), embeddingScale: EmbeddingScale = .none,
    stacks: TransformerStacks<S>, output: AffineMap<S>, sourcePadding: Int? = nil,
    targetPadding: Int? = nil, queryPadding: QueryPadding = .visible, fill: MaskFill = .excluded
  ) {
    self.sourceTable = sourceTable
    self.targetTable = targetTable
    self.positions = positions
    self.embeddingScale = embeddingScale
    self.stacks = stacks
    self.output = output
    self.sourcePadding = sourcePadding
    self.targetPadding = targetPadding
    self.queryPadding = queryPadding
    self.fill = fill
  }

  /// The same Transformer in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> Transformer<T> {
    Transformer<T>(
      sourceTable: sourceTable.converted(), targetTable: targetTable.converted(),
      positions: positions.converted(), embeddingScale: embeddingScale,
      stacks: stacks.converted(), output: output.converted(), sourcePadding: sourcePadding,
      targetPadding: targetPadding, queryPadding: queryPadding, fill: fill)
  }
}

/// The layers of encoder and decoder: what PyTorch's `nn.Transformer` has.
public struct TransformerStacks<S: Scalar>: Sendable {
  /// The encoder's layers, first to last.
  public var encoderLayers: [EncoderLayer<S>]
  /// The normalisation of the encoder's output; `nil` in the documents.
  public var encoderNorm: LayerNorm<S>?
  /// The decoder's layers, first to last.
  public var decoderLayers: [DecoderLayer<S>]
  /// The normalisation of the decoder's output; `nil` in the documents.
  public var decoderNorm: LayerNorm<S>?

  /// Creates the layers.
  public init(
    encoderLayers: [EncoderLayer<S>], encoderNorm: LayerNorm<S>? = nil,
    decoderLayers: [DecoderLayer<S>], decoderNorm: LayerNorm<S>? = nil
  ) {
    self.encoderLayers = encoderLayers
    self.encoderNorm = encoderNorm
    self.decoderLayers = decoderLayers
    self.decoderNorm = decoderNorm
  }

  /// The same layers in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> TransformerStacks<T> {
    TransformerStacks<T>(
      encoderLayers: encoderLayers.map { $0.converted() }, encoderNorm: encoderNorm?.converted(),
      decoderLayers: decoderLayers.map { $0.converted() }, decoderNorm: decoderNorm?.converted())
  }
}

/// What a Transformer computes on the way.
public struct TransformerSteps<S: Scalar>: Sendable {
  /// The encoder's output: b × s × dModel.
  public var memory: Tensor<S>
  /// The decoder's output: b × t × dModel.
  public var decoded: Tensor<S>
  /// A score for every token of the vocabulary to come next: b × t × v.
  public var logits: Tensor<S>

  /// Creates the record of one pass.
  public init(memory: Tensor<S>, decoded: Tensor<S>, logits: Tensor<S>) {
    self.memory = memory
    self.decoded = decoded
    self.logits = logits
  }
}

/// How the decoder goes on from the tokens that it has given so far.
public enum GenerationMethod: Hashable, Sendable, CaseIterable {
  /// The whole prefix goes through the decoder at every step.
  case fullPrefix
  /// Only the newest token does; keys and values of the others are kept.
  case cached
}
