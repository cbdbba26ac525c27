/// How numbers are dropped at random in training, so that every port drops the same ones.
///
/// Element i, in row-major order, is kept if uᵢ ≥ probability, where uᵢ = (wordᵢ >> 40) · 2⁻²⁴ and
/// wordᵢ is word i of SplitMix64 with this seed. Words are computed one by one, in any order.
public struct Dropout: Hashable, Sendable {
  /// The probability that an element is dropped, in 0 … 1.
  public let probability: Double
  /// The seed of the words.
  public let seed: UInt64

  /// Drops with a probability, by the words of a seed.
  public init(probability: Double, seed: UInt64) {
    require(
      (0...1).contains(probability), "a probability must lie in 0 … 1: got \(probability)")
    self.probability = probability
    self.seed = seed
  }

  /// Nothing is dropped: evaluation.
  public static let none = Dropout(probability: 0, seed: 0)

  /// The dropout of one place among several that share a seed: the seed is word `index` of this one.
  public func site(_ index: Int) -> Dropout {
    Dropout(probability: probability, seed: SplitMix64.word(index, seed: seed))
  }

  /// Whether element `index` is kept.
  @inlinable public func keeps(_ index: Int) -> Bool {
    SplitMix64.uniform(index, seed: seed) >= probability
  }
}

/// Where a Transformer drops.
public struct DropoutSites: OptionSet, Hashable, Sendable {
  /// One bit for each place.
  public let rawValue: Int
  /// Creates a set of places from its bits.
  public init(rawValue: Int) { self.rawValue = rawValue }

  /// The weights of every attention, between softmax and values.
  public static let attentionWeights = DropoutSites(rawValue: 1)
  /// What each sublayer gives, before the residual sum.
  public static let sublayers = DropoutSites(rawValue: 2)
  /// Between the two maps of the feed-forward network.
  public static let feedForward = DropoutSites(rawValue: 4)
  /// The sum of tokens' vectors and positions.
  public static let embedding = DropoutSites(rawValue: 8)

  /// The places of document 000's layers.
  public static let document000: DropoutSites = [.attentionWeights, .feedForward]
  /// The places of document 002's layers.
  public static let document002: DropoutSites = [.sublayers, .feedForward, .embedding]
  /// The places of PyTorch's layers.
  public static let pyTorch: DropoutSites = [.attentionWeights, .sublayers, .feedForward]
}

/// The dropouts of one layer, or of a stack of layers.
///
/// Each place has a site of its own. In a layer, sublayer k (0 self-attention, then cross-attention if
/// there is one, then feed-forward) has the site 2k inside, on the weights or between the two maps,
/// and 2k + 1 behind it. In a stack, layer l has the site l, and the embedding before it the site
/// 2³² − 1. A Transformer's encoder has the site 0, its decoder the site 1.
public struct LayerDropout: Hashable, Sendable {
  /// The probability and the layer's seed.
  public var dropout: Dropout
  /// The places that drop.
  public var sites: DropoutSites

  /// Drops at the places given.
  public init(_ dropout: Dropout, at sites: DropoutSites) {
    self.dropout = dropout
    self.sites = sites
  }

  /// Nothing is dropped: evaluation.
  public static let none = LayerDropout(.none, at: [])

  /// The dropout on the weights of attention sublayer k.
  public func attentionWeights(_ k: Int) -> Dropout { at(.attentionWeights, 2 * k) }
  /// The dropout between the two maps of the feed-forward network, which is sublayer k.
  public func feedForward(_ k: Int) -> Dropout { at(.feedForward, 2 * k) }
  /// The dropout behind sublayer k.
  public func sublayer(_ k: Int) -> Dropout { at(.sublayers, 2 * k + 1) }
  /// The dropout behind the embedding.
  public var embedding: Dropout { at(.embedding, 0xFFFF_FFFF) }
  /// The dropouts of layer l in a stack of such layers.
  public func layer(_ l: Int) -> LayerDropout { LayerDropout(dropout.site(l), at: sites) }

  private func at(_ site: DropoutSites, _ index: Int) -> Dropout {
    sites.contains(site) ? dropout.site(index) : .none
  }
}
