/// The parameters of a convolution over positions.
public struct Convolution<S: Scalar>: Sendable {
  /// W: outputs × inputs × k, as PyTorch's `nn.Conv1d` stores it.
  public var weight: Tensor<S> { didSet { packed = nil } }
  /// b: outputs; `nil` adds nothing.
  public var bias: Tensor<S>?
  /// How many positions further on the next result begins.
  public let stride: Int
  /// How far apart the positions are that one result sees.
  public let dilation: Int
  /// The zeros around a sequence.
  public let padding: ConvolutionPadding
  /// W once more, for the kernels; `nil` unless they were asked for it.
  package var packed: PackedWeight?

  /// Creates the parameters.
  public init(
    weight: Tensor<S>, bias: Tensor<S>? = nil, stride: Int = 1, dilation: Int = 1,
    padding: ConvolutionPadding = .none
  ) {
    require(
      weight.rank == 3 && weight.shape[2] >= 1,
      "a convolution's weight must be outputs × inputs × k with k ≥ 1: "
        + "got \(described(weight.shape))")
    require(
      bias == nil || bias!.shape == [weight.shape[0]],
      "a bias must have \(weight.shape[0]) elements, one for each output: "
        + "got \(described(bias?.shape ?? []))")
    require(
      stride >= 1 && dilation >= 1,
      "stride and dilation must be 1 at least: got \(stride) and \(dilation)")
    if case .zeros(let left, let right) = padding {
      require(left >= 0 && right >= 0, "no padding may be negative: got \(left) and \(right)")
    }
    self.weight = weight
    self.bias = bias
    self.stride = stride
    self.dilation = dilation
    self.padding = padding
  }

  /// The width of x.
  public var inputs: Int { weight.shape[1] }
  /// The width of y.
  public var outputs: Int { weight.shape[0] }
  /// k, how many positions one result sees.
  public var kernel: Int { weight.shape[2] }
  /// From the first position that a result sees to the last one: dilation · (k − 1) + 1.
  public var span: Int { dilation * (kernel - 1) + 1 }

  /// How many zeros stand before the first position and after the last one.
  public var zeros: (left: Int, right: Int) {
    switch padding {
    case .zeros(let left, let right): (left, right)
    case .causal: (span - 1, 0)
    case .same: ((span - 1) / 2, span / 2)
    }
  }

  /// The same parameters in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> Convolution<T> {
    Convolution<T>(
      weight: weight.converted(), bias: bias?.converted(), stride: stride, dilation: dilation,
      padding: padding)
  }
}

/// How many zeros a convolution adds around a sequence.
public enum ConvolutionPadding: Hashable, Sendable {
  /// So many before the first position, and so many after the last one.
  case zeros(left: Int, right: Int)
  /// As many before the first position as the kernel reaches back: a result sees no later position.
  case causal
  /// Half of the kernel's reach on each side, an odd zero after the last position: with stride 1 there
  /// are as many results as positions. PyTorch's `padding="same"`.
  case same

  /// No zeros: the kernel stays within the sequence.
  public static var none: ConvolutionPadding { .zeros(left: 0, right: 0) }
}

/// The extents of a convolution, checked: both modules refuse wrong shapes with these sentences.
public struct ConvolutionShape: Hashable, Sendable {
  /// The dimensions before the last two.
  public let leading: [Int]
  /// How many positions a sequence has.
  public let t: Int
  /// How many zeros stand before it.
  public let left: Int
  /// t′, how many results it has.
  public let results: Int
  /// The shape of the result: … × t′ × outputs.
  public let output: [Int]

  /// The number of sequences that the leading dimensions hold.
  public var groups: Int { leading.reduce(1, *) }

  /// Reads the extents off x: … × t × inputs and the parameters, and stops unless they fit each other.
  @specialized(where S == Float)
  @specialized(where S == Double)
  public init<S: Scalar>(_ x: Tensor<S>, _ p: Convolution<S>) {
    require(
      x.rank >= 2 && x.shape[x.rank - 1] == p.inputs,
      "x must be … × t × \(p.inputs): got \(described(x.shape)), "
        + "the weight is \(described(p.weight.shape))")
    leading = x.leadingShape
    t = x.shape[x.rank - 2]
    left = p.zeros.left
    let padding = left + p.zeros.right
    require(
      t + padding >= p.span,
      "a kernel that spans \(p.span) positions needs as many: got \(t) and \(padding) of padding")
    results = (t + padding - p.span) / p.stride + 1
    output = leading + [results, p.outputs]
  }
}
