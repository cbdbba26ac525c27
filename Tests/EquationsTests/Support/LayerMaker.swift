import Notation
import Specification
import TestSupport

extension GoldenCase {
  /// What a case drops in its layers: nothing, or the places of a source.
  var layerDropout: LayerDropout {
    guard let source = attributes.string("dropoutSites") else { return .none }
    let sites: [String: DropoutSites] = [
      "document000": .document000, "document002": .document002, "pyTorch": .pyTorch,
    ]
    let dropout = Dropout(
      probability: attributes.number(needed: "probability"),
      seed: UInt64(attributes.integer(needed: "seed")))
    return LayerDropout(dropout, at: sites[source]!)
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

  mutating func norm(_ d: Int = width) -> LayerNorm<Double> {
    LayerNorm(
      gain: Tensor<Float>.normal([d], from: &stream).map { 1 + $0 / 4 }.converted(),
      bias: numbers([d], deviation: 0.25), epsilon: epsilon)
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

  mutating func attention(_ d: Int = width) -> MultiHeadAttention<Double> {
    MultiHeadAttention(
      query: affineMap(d, d), key: affineMap(d, d), value: affineMap(d, d),
      output: affineMap(d, d), heads: heads)
  }

  mutating func feedForward(_ d: Int = width) -> FeedForward<Double> {
    FeedForward(
      inner: affineMap(Self.inner, d), outer: affineMap(d, Self.inner), activation: activation)
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
