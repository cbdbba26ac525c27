/// The parameters of a position-wise feed-forward network.
public struct FeedForward<S: Scalar>: Sendable {
  /// W₁ and b₁: dFF × dModel.
  public var inner: AffineMap<S>
  /// W₂ and b₂: dModel × dFF.
  public var outer: AffineMap<S>
  /// What stands between the two maps.
  public var activation: Activation

  /// Creates the parameters.
  public init(inner: AffineMap<S>, outer: AffineMap<S>, activation: Activation = .relu) {
    require(
      outer.inputs == inner.outputs,
      "the outer map must take the \(inner.outputs) numbers that the inner one gives: "
        + "got \(described(outer.weight.shape))")
    self.inner = inner
    self.outer = outer
    self.activation = activation
  }

  /// The same parameters in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> FeedForward<T> {
    FeedForward<T>(
      inner: inner.converted(), outer: outer.converted(), activation: activation)
  }
}

/// The parameters of one layer of an encoder.
public struct EncoderLayer<S: Scalar>: Sendable {
  /// The self-attention.
  public var attention: MultiHeadAttention<S>
  /// The normalisation of the self-attention's sublayer.
  public var attentionNorm: LayerNorm<S>
  /// The feed-forward network.
  public var feedForward: FeedForward<S>
  /// The normalisation of the feed-forward network's sublayer.
  public var feedForwardNorm: LayerNorm<S>
  /// Whether sublayers normalise before or after.
  public var placement: NormPlacement

  /// Creates the parameters.
  public init(
    attention: MultiHeadAttention<S>, attentionNorm: LayerNorm<S>, feedForward: FeedForward<S>,
    feedForwardNorm: LayerNorm<S>, placement: NormPlacement
  ) {
    self.attention = attention
    self.attentionNorm = attentionNorm
    self.feedForward = feedForward
    self.feedForwardNorm = feedForwardNorm
    self.placement = placement
  }

  /// The same parameters in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> EncoderLayer<T> {
    EncoderLayer<T>(
      attention: attention.converted(), attentionNorm: attentionNorm.converted(),
      feedForward: feedForward.converted(), feedForwardNorm: feedForwardNorm.converted(),
      placement: placement)
  }
}

/// What the layers of an encoder compute on the way.
public struct EncoderLayerSteps<S: Scalar>: Sendable {
  /// What the attention gives, before the sum: … × t × dModel.
  public var attention: Tensor<S>
  /// After the first sublayer: … × t × dModel.
  public var afterAttention: Tensor<S>
  /// What the feed-forward network gives, before the sum: … × t × dModel.
  public var feedForward: Tensor<S>
  /// The result: … × t × dModel.
  public var output: Tensor<S>

  /// Creates the record of one layer.
  public init(
    attention: Tensor<S>, afterAttention: Tensor<S>, feedForward: Tensor<S>, output: Tensor<S>
  ) {
    self.attention = attention
    self.afterAttention = afterAttention
    self.feedForward = feedForward
    self.output = output
  }
}

/// The parameters of one layer of a decoder.
public struct DecoderLayer<S: Scalar>: Sendable {
  /// The self-attention.
  public var selfAttention: MultiHeadAttention<S>
  /// The normalisation of the self-attention's sublayer.
  public var selfAttentionNorm: LayerNorm<S>
  /// The attention to the encoder's output.
  public var crossAttention: MultiHeadAttention<S>
  /// The normalisation of the cross-attention's sublayer.
  public var crossAttentionNorm: LayerNorm<S>
  /// The feed-forward network.
  public var feedForward: FeedForward<S>
  /// The normalisation of the feed-forward network's sublayer.
  public var feedForwardNorm: LayerNorm<S>
  /// Whether sublayers normalise before or after.
  public var placement: NormPlacement

  /// Creates the parameters.
  public init(
    selfAttention: MultiHeadAttention<S>, selfAttentionNorm: LayerNorm<S>,
    crossAttention: MultiHeadAttention<S>, crossAttentionNorm: LayerNorm<S>,
    feedForward: FeedForward<S>, feedForwardNorm: LayerNorm<S>, placement: NormPlacement
  ) {
    self.selfAttention = selfAttention
    self.selfAttentionNorm = selfAttentionNorm
    self.crossAttention = crossAttention
    self.crossAttentionNorm = crossAttentionNorm
    self.feedForward = feedForward
    self.feedForwardNorm = feedForwardNorm
    self.placement = placement
  }

  /// The same parameters in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> DecoderLayer<T> {
    DecoderLayer<T>(
      selfAttention: selfAttention.converted(), selfAttentionNorm: selfAttentionNorm.converted(),
      crossAttention: crossAttention.converted(),
      crossAttentionNorm: crossAttentionNorm.converted(), feedForward: feedForward.converted(),
      feedForwardNorm: feedForwardNorm.converted(), placement: placement)
  }
}

/// What a layer of a decoder computes on the way.
public struct DecoderLayerSteps<S: Scalar>: Sendable {
  /// What the self-attention gives, before the sum: … × t × dModel.
  public var selfAttention: Tensor<S>
  /// After the first sublayer: … × t × dModel.
  public var afterSelfAttention: Tensor<S>
  /// What the cross-attention gives, before the sum; `nil` without a memory.
  public var crossAttention: Tensor<S>?
  /// After the second sublayer; without a memory the same as after the first.
  public var afterCrossAttention: Tensor<S>
  /// What the feed-forward network gives, before the sum: … × t × dModel.
  public var feedForward: Tensor<S>
  /// The result: … × t × dModel.
  public var output: Tensor<S>

  /// Creates the record of one layer.
  public init(
    selfAttention: Tensor<S>, afterSelfAttention: Tensor<S>, crossAttention: Tensor<S>?,
    afterCrossAttention: Tensor<S>, feedForward: Tensor<S>, output: Tensor<S>
  ) {
    self.selfAttention = selfAttention
    self.afterSelfAttention = afterSelfAttention
    self.crossAttention = crossAttention
    self.afterCrossAttention = afterCrossAttention
    self.feedForward = feedForward
    self.output = output
  }
}
