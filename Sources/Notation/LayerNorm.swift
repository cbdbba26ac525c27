/// The parameters of layer normalisation.
public struct LayerNorm<S: Scalar>: Sendable {
  /// γ: d.
  public var gain: Tensor<S>
  /// β: d; `nil` adds nothing.
  public var bias: Tensor<S>?
  /// ε, which keeps the divisor away from 0.
  public var epsilon: Double
  /// Where ε stands, and which variance is taken.
  public var form: LayerNormForm

  /// Creates the parameters.
  public init(
    gain: Tensor<S>, bias: Tensor<S>? = nil, epsilon: Double,
    form: LayerNormForm = .epsilonInsideRoot
  ) {
    require(gain.rank == 1, "a gain must be a vector: got \(described(gain.shape))")
    require(
      bias == nil || bias!.shape == gain.shape,
      "a bias must have \(gain.count) elements, as the gain: got \(described(bias?.shape ?? []))")
    require(epsilon >= 0, "ε must not be negative: got \(epsilon)")
    self.gain = gain
    self.bias = bias
    self.epsilon = epsilon
    self.form = form
  }

  /// The gain 1 and the bias 0, with which training begins.
  public init(width d: Int, epsilon: Double, form: LayerNormForm = .epsilonInsideRoot) {
    self.init(
      gain: Tensor(shape: [d], repeating: 1), bias: Tensor(shape: [d], repeating: 0),
      epsilon: epsilon, form: form)
  }

  /// d, the width of a row.
  public var width: Int { gain.count }

  /// Stops unless the rows of a tensor of this shape have the width of the gain: both modules refuse
  /// other shapes with this sentence.
  public func checkWidth(of shape: [Int]) {
    require(
      shape.last == width, "x must be … × \(width), the width of the gain: got \(described(shape))")
  }

  /// The same parameters in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> LayerNorm<T> {
    LayerNorm<T>(
      gain: gain.converted(), bias: bias?.converted(), epsilon: epsilon, form: form)
  }
}

/// The two places of ε, each with its own variance.
public enum LayerNormForm: Hashable, Sendable, CaseIterable {
  /// (x − μ) / √(v + ε), with v = Σ (x − μ)² / d: Ba et al. 2016 with ε, the documents, PyTorch.
  case epsilonInsideRoot
  /// (x − μ) / (s + ε), with s² = Σ (x − μ)² / (d − 1): the code that 000's last block comes from.
  case epsilonOutsideRoot
}

/// Everything that layer normalisation computes on the way.
public struct LayerNormSteps<S: Scalar>: Sendable {
  /// μ of every row: … .
  public var mean: Tensor<S>
  /// v, or s² under `.epsilonOutsideRoot`, of every row: … .
  public var variance: Tensor<S>
  /// The rows before gain and bias: … × d.
  public var normalized: Tensor<S>
  /// The result: … × d.
  public var output: Tensor<S>

  /// Creates the record of one normalisation.
  public init(
    mean: Tensor<S>, variance: Tensor<S>, normalized: Tensor<S>, output: Tensor<S>
  ) {
    self.mean = mean
    self.variance = variance
    self.normalized = normalized
    self.output = output
  }
}
