/// Everything that attention computes on the way, for ports to compare one by one.
public struct AttentionSteps<S: Scalar>: Sendable {
  /// q kᵀ times the scale: … × n × m.
  public var scores: Tensor<S>
  /// The scores with the mask applied: … × n × m; −∞ where a key is excluded.
  public var maskedScores: Tensor<S>
  /// How much each query takes of each value: … × n × m.
  public var weights: Tensor<S>
  /// The values weighted and summed: … × n × dv.
  public var output: Tensor<S>

  /// Creates the record of one attention.
  public init(
    scores: Tensor<S>, maskedScores: Tensor<S>, weights: Tensor<S>, output: Tensor<S>
  ) {
    self.scores = scores
    self.maskedScores = maskedScores
    self.weights = weights
    self.output = output
  }
}
