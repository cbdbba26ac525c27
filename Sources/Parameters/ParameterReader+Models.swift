import Notation

/// What the tensors of a layer do not tell: its extents, which are checked, and its dialect.
public struct LayerForm: Hashable, Sendable {
  /// The width of a position's vector.
  public var dModel: Int
  /// How many heads there are.
  public var heads: Int
  /// The inner width of the feed-forward network.
  public var dFF: Int
  /// Whether sublayers normalise before or after.
  public var placement: NormPlacement
  /// ε of every normalisation.
  public var epsilon: Double
  /// What stands between the two maps of the feed-forward network.
  public var activation: Activation

  /// Creates the form of a layer.
  public init(
    dModel: Int, heads: Int, dFF: Int, placement: NormPlacement, epsilon: Double,
    activation: Activation = .relu
  ) {
    self.dModel = dModel
    self.heads = heads
    self.dFF = dFF
    self.placement = placement
    self.epsilon = epsilon
    self.activation = activation
  }
}

// MARK: - Parts

extension ParameterReader {
  /// `name.weight`, outputs × inputs, and unless told otherwise `name.bias`.
  public func affineMap(
    _ name: String, inputs: Int, outputs: Int, hasBias: Bool = true
  ) -> AffineMap<S> {
    let map = scope(name)
    return AffineMap(
      weight: map.tensor("weight", [outputs, inputs]),
      bias: hasBias ? map.tensor("bias", [outputs]) : nil)
  }

  /// The gain and the bias of a normalisation.
  public func layerNorm(
    _ name: String, width: Int, epsilon: Double, naming: ParameterNaming
  ) -> LayerNorm<S> {
    let (norm, names) = (scope(name), naming.normParameters)
    return LayerNorm(
      gain: norm.tensor(names.gain, [width]), bias: norm.tensor(names.bias, [width]),
      epsilon: epsilon)
  }

  /// The four maps of an attention, at this reader's place.
  ///
  /// - Parameters:
  ///   - dModel: The width of what asks, of all heads together, and of the output.
  ///   - keyWidth: The width of what is asked for keys; `dModel` unless given.
  ///   - valueWidth: The width of what is asked for values; `dModel` unless given.
  ///   - heads: How many heads there are; it divides `dModel`.
  ///   - hasBias: Whether the maps have biases.
  ///   - naming: The names.
  public func multiHeadAttention(
    dModel: Int, keyWidth: Int? = nil, valueWidth: Int? = nil, heads: Int, hasBias: Bool = true,
    naming: ParameterNaming
  ) -> MultiHeadAttention<S> {
    let (names, d) = (naming.attentionMaps, dModel)
    let widths = [d, keyWidth ?? d, valueWidth ?? d]
    let maps: [AffineMap<S>]
    switch naming {
    case .pyTorch:
      let weights: [Tensor<S>]
      if widths == [d, d, d] {
        weights = thirds(tensor("in_proj_weight", [3 * d, d]))
      } else {
        weights = zip([names.query, names.key, names.value], widths).map { name, width in
          tensor(name + "_weight", [d, width])
        }
      }
      let biases = hasBias ? thirds(tensor("in_proj_bias", [3 * d])) : []
      maps = (0..<3).map { AffineMap(weight: weights[$0], bias: hasBias ? biases[$0] : nil) }
    case .document000, .document002:
      maps = zip([names.query, names.key, names.value], widths).map { name, width in
        affineMap(name, inputs: width, outputs: d, hasBias: hasBias)
      }
    }
    return MultiHeadAttention(
      query: maps[0], key: maps[1], value: maps[2],
      output: affineMap(names.output, inputs: d, outputs: d, hasBias: hasBias), heads: heads)
  }

  /// Three equal parts, first to last.
  private func thirds(_ packed: Tensor<S>) -> [Tensor<S>] {
    let parts = packed.reshaped([3, packed.shape[0] / 3] + packed.shape.dropFirst())
    return (0..<3).map { parts.slice($0) }
  }

  /// Document 000's `SelfAttention`: `queries`, `keys` and `values` without biases, and `fc_out`.
  public func sharedHeadAttention(dModel: Int, heads: Int) -> SharedHeadAttention<S> {
    require(
      heads >= 1 && dModel % heads == 0,
      "a width that \(heads) heads divide is needed: got \(dModel)")
    func weight(_ name: String) -> Tensor<S> {
      scope(name).tensor("weight", [dModel / heads, dModel / heads])
    }
    return SharedHeadAttention(
      query: weight("queries"), key: weight("keys"), value: weight("values"),
      output: affineMap("fc_out", inputs: dModel, outputs: dModel), heads: heads)
  }

  /// Document 000's `MaskedSelfAttention`: `query`, `key` and `value` with biases.
  public func maskedSelfAttention(dModel: Int) -> AttentionProjections<S> {
    func map(_ name: String) -> AffineMap<S> {
      affineMap(name, inputs: dModel, outputs: dModel)
    }
    return AttentionProjections(query: map("query"), key: map("key"), value: map("value"))
  }

  private func feedForward(_ form: LayerForm, naming: ParameterNaming) -> FeedForward<S> {
    let names = naming.feedForwardMaps
    return FeedForward(
      inner: affineMap(names.inner, inputs: form.dModel, outputs: form.dFF),
      outer: affineMap(names.outer, inputs: form.dFF, outputs: form.dModel),
      activation: form.activation)
  }

  private func attention(
    _ name: String, _ form: LayerForm, naming: ParameterNaming
  ) -> MultiHeadAttention<S> {
    scope(name).multiHeadAttention(dModel: form.dModel, heads: form.heads, naming: naming)
  }

  private func norm(_ number: Int, _ form: LayerForm, naming: ParameterNaming) -> LayerNorm<S> {
    layerNorm(
      naming.norm(number), width: form.dModel, epsilon: form.epsilon, naming: naming)
  }
}

// MARK: - Layers and models

extension ParameterReader {
  /// One layer of an encoder, at this reader's place.
  public func encoderLayer(_ form: LayerForm, naming: ParameterNaming) -> EncoderLayer<S> {
    EncoderLayer(
      attention: attention(naming.encoderAttention, form, naming: naming),
      attentionNorm: norm(1, form, naming: naming),
      feedForward: feedForward(form, naming: naming),
      feedForwardNorm: norm(2, form, naming: naming), placement: form.placement)
  }

  /// One layer of a decoder, at this reader's place.
  public func decoderLayer(_ form: LayerForm, naming: ParameterNaming) -> DecoderLayer<S> {
    let names = naming.decoderAttentions
    return DecoderLayer(
      selfAttention: attention(names.own, form, naming: naming),
      selfAttentionNorm: norm(1, form, naming: naming),
      crossAttention: attention(names.cross, form, naming: naming),
      crossAttentionNorm: norm(2, form, naming: naming),
      feedForward: feedForward(form, naming: naming),
      feedForwardNorm: norm(3, form, naming: naming), placement: form.placement)
  }

  /// The layers `layers.0`, `layers.1` and so on, as many as there are to be.
  public func layers<Layer>(_ count: Int, _ read: (ParameterReader) -> Layer) -> [Layer] {
    (0..<count).map { read(scope("layers").scope("\($0)")) }
  }

  /// The stacks `encoder` and `decoder`, each with its `norm` if `hasFinalNorms`, as
  /// `nn.Transformer` has them.
  public func transformerStacks(
    _ form: LayerForm, encoderLayers: Int, decoderLayers: Int, hasFinalNorms: Bool = true,
    naming: ParameterNaming = .pyTorch
  ) -> TransformerStacks<S> {
    let (encoder, decoder) = (scope("encoder"), scope("decoder"))
    func finalNorm(_ stack: ParameterReader) -> LayerNorm<S>? {
      guard hasFinalNorms else { return nil }
      return stack.layerNorm(
        "norm", width: form.dModel, epsilon: form.epsilon, naming: naming)
    }
    return TransformerStacks(
      encoderLayers: encoder.layers(encoderLayers) { $0.encoderLayer(form, naming: naming) },
      encoderNorm: finalNorm(encoder),
      decoderLayers: decoder.layers(decoderLayers) { $0.decoderLayer(form, naming: naming) },
      decoderNorm: finalNorm(decoder))
  }

  /// Document 002's Transformer: `encoder` and `decoder` with their embeddings, and the decoder's
  /// `linear`, without final normalisations, under its dialects.
  ///
  /// - Parameters:
  ///   - form: The layers; the document's are post-norm with ε = 1e-12.
  ///   - encoderLayers: How many layers the encoder has.
  ///   - decoderLayers: How many layers the decoder has.
  ///   - sourceVocabulary: How many tokens the source's language has.
  ///   - targetVocabulary: How many tokens the target's language has.
  ///   - sourcePadding: The token that fills up source sentences.
  ///   - targetPadding: The token that fills up target sentences.
  ///   - queryPadding: What padding positions see; the code that the document took its classes from
  ///     has `.hidden`.
  public func document002Transformer(
    _ form: LayerForm, encoderLayers: Int, decoderLayers: Int, sourceVocabulary: Int,
    targetVocabulary: Int, sourcePadding: Int, targetPadding: Int,
    queryPadding: QueryPadding = .visible
  ) -> Transformer<S> {
    let (encoder, decoder, d) = (scope("encoder"), scope("decoder"), form.dModel)
    func table(_ stack: ParameterReader, _ vocabulary: Int) -> Tensor<S> {
      stack.scope("emb").scope("tok_emb").tensor("weight", [vocabulary, d])
    }
    return Transformer(
      sourceTable: table(encoder, sourceVocabulary), targetTable: table(decoder, targetVocabulary),
      stacks: transformerStacks(
        form, encoderLayers: encoderLayers, decoderLayers: decoderLayers, hasFinalNorms: false,
        naming: .document002),
      output: decoder.affineMap("linear", inputs: d, outputs: targetVocabulary),
      sourcePadding: sourcePadding, targetPadding: targetPadding, queryPadding: queryPadding,
      fill: .replaced(by: -10000))
  }
}
