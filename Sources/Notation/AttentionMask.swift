/// Which keys a query may see, and what is added to its scores.
///
/// Every rule that is present must hold: `.causal && .keep(padding)` is the decoder's mask.
/// Tensors have the rank of the scores, … × n × m, each extent equal to the scores' or 1; one of
/// another rank is refused, since aligning it by guess applies one sentence's mask to another's head
/// (SPEC.md, ERR-14).
public struct AttentionMask<S: Scalar>: Sendable {
  /// Query i sees key j only if j ≤ i + offset; 0 is the documents' rule, `nil` is no such rule.
  public var causalOffset: Int?
  /// Query i sees key j only where this is true.
  public var keep: Tensor<Bool>?
  /// Added to the scaled scores; −∞ hides a key as `false` in `keep` does.
  public var bias: Tensor<S>?

  /// Creates a mask of the rules given.
  public init(
    causalOffset: Int? = nil, keep: Tensor<Bool>? = nil, bias: Tensor<S>? = nil
  ) {
    self.causalOffset = causalOffset
    self.keep = keep
    self.bias = bias
  }

  /// Every query sees every key.
  public static var none: AttentionMask { AttentionMask() }
  /// Query i sees the keys 0 … i.
  public static var causal: AttentionMask { AttentionMask(causalOffset: 0) }
  /// Query i sees the keys 0 … i + offset: with `offset` keys already in a cache.
  public static func causal(offset: Int) -> AttentionMask { AttentionMask(causalOffset: offset) }
  /// A query sees the keys for which `keep` is true.
  public static func keep(_ keep: Tensor<Bool>) -> AttentionMask { AttentionMask(keep: keep) }
  /// `bias` is added to the scaled scores.
  public static func adding(_ bias: Tensor<S>) -> AttentionMask { AttentionMask(bias: bias) }

  /// Both masks at once; they must not both bring the same kind of rule.
  public static func && (a: AttentionMask, b: AttentionMask) -> AttentionMask {
    require(
      (a.causalOffset == nil || b.causalOffset == nil) && (a.keep == nil || b.keep == nil)
        && (a.bias == nil || b.bias == nil),
      "two masks of one kind cannot be joined: combine their tensors first")
    return AttentionMask(
      causalOffset: a.causalOffset ?? b.causalOffset, keep: a.keep ?? b.keep,
      bias: a.bias ?? b.bias)
  }

  /// The same rules with the bias in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> AttentionMask<T> {
    AttentionMask<T>(causalOffset: causalOffset, keep: keep, bias: bias?.converted())
  }

  /// Whether the mask changes nothing.
  public var isEmpty: Bool { causalOffset == nil && keep == nil && bias == nil }
}

/// What becomes of the score of a key that a query may not see.
///
/// The documents use three fills and today's frameworks a few more. They agree on rows that see a
/// key and have small scores, and differ everywhere else (SPEC.md, section on attention masks).
public enum MaskFill: Hashable, Sendable {
  /// The key takes no part: its weight is exactly 0, nothing of its key or value reaches the output,
  /// and a query that sees no key gets zeros. This specification's default.
  case excluded
  /// The scaled score is replaced: −∞ in document 000, −10000 in 002.
  case replaced(by: Double)
  /// The score is replaced before it is scaled: −1e20 in document 000's `SelfAttention`.
  case replacedBeforeScaling(by: Double)
  /// A number is added to the scaled score: −100 in Swin's code.
  case added(Double)
}

/// What the scores q·k are multiplied by.
public enum ScoreScale: Hashable, Sendable {
  /// 1 / √dk, the width of a key: Vaswani et al. 2017, equation 1.
  case rootKeyWidth
  /// 1 / √dModel, the width of the whole embedding: document 000's `SelfAttention`.
  case rootModelWidth(Int)
  /// The factor given; 1 leaves the dot products as they are.
  case factor(Double)

  /// The factor for keys of width `dk`; with width 0 every score is an empty sum, and stays 0.
  public func factor(keyWidth dk: Int) -> Double {
    switch self {
    case .rootKeyWidth: dk == 0 ? 1 : 1 / Double(dk).squareRoot()
    case .rootModelWidth(let dModel): dModel == 0 ? 1 : 1 / Double(dModel).squareRoot()
    case .factor(let factor): factor
    }
  }
}

/// What a decoder's padding positions see themselves.
public enum QueryPadding: Hashable, Sendable, CaseIterable {
  /// What any position sees: only keys are hidden.
  case visible
  /// Nothing: their rows are masked too, as in the code that document 002 takes its classes from.
  case hidden
}
