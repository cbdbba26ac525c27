import Notation
import TestSupport

/// Reads layers and models from tensors that are named as PyTorch's modules name their parameters.
struct TransformerParameters {
  private let tensors: [String: Tensor<Double>]
  private let attributes: GoldenCase.Attributes

  /// The parameters of a golden case, and its dialects.
  init(_ vector: GoldenCase) throws {
    let names = vector.inputNames.filter { $0.contains(".") }
    tensors = Dictionary(
      uniqueKeysWithValues: try names.map { ($0, try vector.input($0)!) })
    attributes = vector.attributes
  }

  /// The parameters of `nn.TransformerEncoderLayer`.
  func encoderLayer(_ prefix: String = "") -> EncoderLayer<Double> {
    EncoderLayer(
      attention: attention(prefix + "self_attn."), attentionNorm: norm(prefix + "norm1.")!,
      feedForward: feedForward(prefix), feedForwardNorm: norm(prefix + "norm2.")!,
      placement: placement)
  }

  /// The parameters of `nn.TransformerDecoderLayer`.
  func decoderLayer(_ prefix: String = "") -> DecoderLayer<Double> {
    DecoderLayer(
      selfAttention: attention(prefix + "self_attn."), selfAttentionNorm: norm(prefix + "norm1.")!,
      crossAttention: attention(prefix + "multihead_attn."),
      crossAttentionNorm: norm(prefix + "norm2.")!, feedForward: feedForward(prefix),
      feedForwardNorm: norm(prefix + "norm3.")!, placement: placement)
  }

  /// The layers of `nn.TransformerEncoder`.
  func encoderLayers(_ prefix: String = "") -> [EncoderLayer<Double>] {
    (0..<attributes.integer("layers")!).map { encoderLayer("\(prefix)layers.\($0).") }
  }

  /// The layers of `nn.TransformerDecoder`.
  func decoderLayers(
    _ prefix: String = "", count name: String = "layers"
  ) -> [DecoderLayer<Double>] {
    (0..<attributes.integer(name)!).map { decoderLayer("\(prefix)layers.\($0).") }
  }

  /// The parameters of `nn.LayerNorm`, `nil` if there are none.
  func norm(_ prefix: String) -> LayerNorm<Double>? {
    tensors[prefix + "weight"].map {
      LayerNorm(gain: $0, bias: tensors[prefix + "bias"], epsilon: attributes.number("epsilon")!)
    }
  }

  /// The parameters of `nn.Transformer` between two embeddings and an output map.
  func transformer(
    positionTable: Tensor<Double>?, fill: MaskFill
  ) -> Transformer<Double> {
    let form = named("form", in: SinusoidForm.allCases)
    return Transformer(
      sourceTable: tensors["source_embedding.weight"]!,
      targetTable: tensors["target_embedding.weight"]!,
      positions: positionTable.map { .learned($0) } ?? .sinusoidal(form),
      embeddingScale: named("embeddingScale", in: EmbeddingScale.allCases),
      stacks: TransformerStacks(
        encoderLayers: encoderLayers("encoder."), encoderNorm: norm("encoder.norm."),
        decoderLayers: decoderLayers("decoder.", count: "decoderLayers"),
        decoderNorm: norm("decoder.norm.")),
      output: affineMap("output."), sourcePadding: attributes.integer("sourcePadding"),
      targetPadding: attributes.integer("targetPadding"),
      queryPadding: named("queryPadding", in: QueryPadding.allCases), fill: fill)
  }

  private func attention(_ prefix: String) -> MultiHeadAttention<Double> {
    let (weight, bias) = (tensors[prefix + "in_proj_weight"]!, tensors[prefix + "in_proj_bias"]!)
    let d = weight.shape[1]
    func map(_ i: Int) -> AffineMap<Double> {
      AffineMap(
        weight: weight.reshaped([3, d, d]).slice(i), bias: bias.reshaped([3, d]).slice(i))
    }
    return MultiHeadAttention(
      query: map(0), key: map(1), value: map(2), output: affineMap(prefix + "out_proj."),
      heads: attributes.integer("heads")!)
  }

  private func feedForward(_ prefix: String) -> FeedForward<Double> {
    FeedForward(
      inner: affineMap(prefix + "linear1."), outer: affineMap(prefix + "linear2."),
      activation: named("activation", in: Activation.allCases))
  }

  private func affineMap(_ prefix: String) -> AffineMap<Double> {
    AffineMap(weight: tensors[prefix + "weight"]!, bias: tensors[prefix + "bias"])
  }

  private var placement: NormPlacement { named("placement", in: NormPlacement.allCases) }

  private func named<Dialect>(_ attribute: String, in dialects: [Dialect]) -> Dialect {
    dialects.first { "\($0)" == attributes.string(attribute) }!
  }
}

/// Draws the parameters of small layers of one size and dialect: generic numbers without a pattern,
/// each of which a `Float` holds.
struct LayerMaker {
  /// dModel.
  static let width = 6
  private static let inner = 8
  /// How many different tokens a source has.
  static let sourceWords = 5
  /// How many different tokens a target has.
  static let targetWords = 6
  private var stream: RandomStream
  private let heads: Int
  private let placement: NormPlacement
  private let activation: Activation
  private let epsilon: Double

  /// Draws size and dialect.
  init(_ draw: Draw) {
    heads = draw.element("heads", of: [2, 3, 1])
    placement = draw.element("placement", of: [.postNorm, .preNorm])
    activation = draw.element("activation", of: [.relu, .gelu])
    epsilon = draw.element("epsilon", of: [0x1p-10, 1])
    stream = RandomStream(seed: UInt64(draw.integer("parameters", in: 0...0xFFFF)))
  }

  /// Makes layers with two heads and ReLU, in one experiment.
  init(seed: UInt64, placement: NormPlacement) {
    (heads, activation, epsilon) = (2, .relu, 1e-5)
    self.placement = placement
    stream = RandomStream(seed: seed)
  }

  /// Numbers of mean 0 and the deviation given.
  mutating func numbers(_ shape: [Int], deviation: Float = 1) -> Tensor<Double> {
    Tensor<Float>.normal(shape, from: &stream).map { $0 * deviation }.converted()
  }

  mutating func affineMap(_ outputs: Int, _ inputs: Int = width) -> AffineMap<Double> {
    AffineMap(
      weight: numbers([outputs, inputs], deviation: 0.5), bias: numbers([outputs], deviation: 0.25))
  }

  mutating func norm() -> LayerNorm<Double> {
    LayerNorm(
      gain: Tensor<Float>.normal([Self.width], from: &stream).map { 1 + $0 / 4 }.converted(),
      bias: numbers([Self.width], deviation: 0.25), epsilon: epsilon)
  }

  mutating func encoderLayer() -> EncoderLayer<Double> {
    EncoderLayer(
      attention: attention(), attentionNorm: norm(), feedForward: feedForward(),
      feedForwardNorm: norm(), placement: placement)
  }

  mutating func decoderLayer() -> DecoderLayer<Double> {
    DecoderLayer(
      selfAttention: attention(), selfAttentionNorm: norm(), crossAttention: attention(),
      crossAttentionNorm: norm(), feedForward: feedForward(), feedForwardNorm: norm(),
      placement: placement)
  }

  /// A model with so many layers, and norms behind them or not.
  mutating func transformer(
    encoderLayers: Int, decoderLayers: Int, norms: Bool
  ) -> Transformer<Double> {
    let stacks = TransformerStacks(
      encoderLayers: (0..<encoderLayers).map { _ in encoderLayer() },
      encoderNorm: norms ? norm() : nil,
      decoderLayers: (0..<decoderLayers).map { _ in decoderLayer() },
      decoderNorm: norms ? norm() : nil)
    return Transformer(
      sourceTable: numbers([Self.sourceWords, Self.width]),
      targetTable: numbers([Self.targetWords, Self.width]), stacks: stacks,
      output: affineMap(Self.targetWords))
  }

  private mutating func attention() -> MultiHeadAttention<Double> {
    let d = Self.width
    return MultiHeadAttention(
      query: affineMap(d), key: affineMap(d), value: affineMap(d), output: affineMap(d),
      heads: heads)
  }

  private mutating func feedForward() -> FeedForward<Double> {
    FeedForward(
      inner: affineMap(Self.inner), outer: affineMap(Self.width, Self.inner),
      activation: activation)
  }
}

extension Draw {
  /// What is dropped in training, at the places of one of the documents or of PyTorch.
  func layerDropout() -> LayerDropout {
    LayerDropout(
      Dropout(
        probability: element("probability", of: [0, 0.5, 0.25]),
        seed: UInt64(integer("seed", in: 0...1000))),
      at: element("sites", of: [.pyTorch, .document000, .document002]))
  }

  /// A small model of any dialect, as it is used after training.
  func transformer() -> Transformer<Double> {
    var maker = LayerMaker(self)
    var p = maker.transformer(
      encoderLayers: integer("layers", in: 1...2), decoderLayers: integer("layers", in: 1...2),
      norms: bool("norms"))
    p.positions = element(
      "positions",
      of: [
        .sinusoidal(.power), .sinusoidal(.exponential),
        .learned(maker.numbers([12, LayerMaker.width])),
      ])
    p.embeddingScale = element("scale", of: [.none, .rootModelWidth])
    p.sourcePadding = element("sourcePadding", of: [0, 3, nil])
    p.targetPadding = element("targetPadding", of: [1, 0, nil])
    p.queryPadding = element("queryPadding", of: [.visible, .hidden])
    p.fill = layerFill()
    return p
  }

  /// Sentences of any tokens, padding among them: b × t.
  func sentences(_ name: String, _ b: Int, _ t: Int, words: Int) -> Tensor<Int> {
    Tensor(shape: [b, t], storage: (0..<b * t).map { _ in integer(name, in: 0...words - 1) })
  }

  /// Which keys of each sentence are no padding: b × 1 × 1 × m, in any place, perhaps none.
  func keep(_ name: String, _ b: Int, _ m: Int) -> Tensor<Bool> {
    integerTensor(name, [b, 1, 1, m], magnitude: 1).map { $0 == 0 }
  }

  /// Padding in any place, and perhaps a causal rule.
  func ownMask(_ b: Int, _ t: Int) -> AttentionMask<Double> {
    AttentionMask(causalOffset: bool("causal") ? 0 : nil, keep: keep("keep", b, t))
  }

  /// The fill of this specification, or of document 002.
  func layerFill() -> MaskFill { element("fill", of: [.excluded, .replaced(by: -10000)]) }

  /// What padding may hold where it is excluded.
  func poison() -> Double { element("poison", of: [0, 1e30, .nan, .infinity]) }
}

/// A map of the same shape that gives zeros.
func zeros(like map: AffineMap<Double>) -> AffineMap<Double> {
  AffineMap(weight: map.weight.map { _ in 0 })
}

/// A mask that keeps the first so many keys of every sentence.
func keeping(_ words: Int, of m: Int) -> Tensor<Bool> {
  Tensor(shape: [1, 1, 1, m], storage: (0..<m).map { $0 < words })
}

extension Tensor<Double> {
  /// The same b × t × d with another number in all positions from one on.
  func poisoned(from first: Int, with poison: Double) -> Tensor {
    let (t, d) = (shape[1], shape[2])
    return Tensor(
      shape: shape, storage: storage.indices.map { $0 / d % t < first ? storage[$0] : poison })
  }
}
