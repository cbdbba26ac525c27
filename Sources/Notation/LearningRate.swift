/// The settings of a learning rate that falls where the loss no longer does.
public struct ReduceOnPlateau: Hashable, Sendable {
  /// What the rate is multiplied by, below 1.
  public var factor: Double
  /// How many epochs in a row may be no better before the rate falls.
  public var patience: Int
  /// By what share of the best loss so far a loss must be below it to be better.
  public var threshold: Double
  /// For how many epochs after a fall none counts as bad.
  public var cooldown: Int
  /// What the rate does not fall below.
  public var minimum: Double
  /// A change no larger than this is not made.
  public var smallestChange: Double

  /// Creates the settings; the defaults are PyTorch's.
  public init(
    factor: Double = 0.1, patience: Int = 10, threshold: Double = 1e-4, cooldown: Int = 0,
    minimum: Double = 0, smallestChange: Double = 1e-8
  ) {
    require((0..<1).contains(factor), "a factor must be at least 0 and below 1: got \(factor)")
    require(patience >= 0, "a patience must not be negative: got \(patience)")
    require((0..<1).contains(threshold), "a threshold is a share below 1: got \(threshold)")
    require(cooldown >= 0, "a cooldown must not be negative: got \(cooldown)")
    require(minimum >= 0, "a learning rate must not be negative: got \(minimum) for the smallest")
    (self.factor, self.patience, self.threshold) = (factor, patience, threshold)
    (self.cooldown, self.minimum, self.smallestChange) = (cooldown, minimum, smallestChange)
  }
}

/// A learning rate, and what is kept of the losses so far.
public struct PlateauState: Hashable, Sendable {
  /// The rate of the next epoch.
  public var learningRate: Double
  /// The best loss so far.
  public var best: Double
  /// How many epochs in a row have been no better.
  public var badEpochs: Int
  /// For how many epochs to come none counts as bad.
  public var cooldownLeft: Int

  /// The state before the first loss.
  public init(learningRate: Double) {
    require(learningRate >= 0, "a learning rate must not be negative: got \(learningRate)")
    self.learningRate = learningRate
    (best, badEpochs, cooldownLeft) = (.infinity, 0, 0)
  }
}
