/// The settings of Adam.
///
/// They are Double, also beside Float, and so is what follows from them alone.
public struct Adam: Hashable, Sendable {
  /// The length of a step, where gradients agree.
  public var learningRate: Double
  /// β₁, how much of the mean of gradients stays.
  public var beta1: Double
  /// β₂, how much of the mean of squared gradients stays.
  public var beta2: Double
  /// ε, which keeps the divisor away from 0.
  public var epsilon: Double
  /// Where ε stands.
  public var epsilonPlace: EpsilonPlace
  /// λ, what draws parameters towards 0.
  public var weightDecay: Double
  /// How λ does so.
  public var decay: WeightDecay

  /// Creates the settings; the defaults are those of Kingma and Ba, and PyTorch's.
  public init(
    learningRate: Double, beta1: Double = 0.9, beta2: Double = 0.999, epsilon: Double = 1e-8,
    epsilonPlace: EpsilonPlace = .besideCorrectedRoot, weightDecay: Double = 0,
    decay: WeightDecay = .coupled
  ) {
    require(learningRate >= 0, "a learning rate must not be negative: got \(learningRate)")
    require(
      (0..<1).contains(beta1) && (0..<1).contains(beta2),
      "β₁ and β₂ must be at least 0 and below 1: got \(beta1) and \(beta2)")
    require(epsilon >= 0, "ε must not be negative: got \(epsilon)")
    require(weightDecay >= 0, "a weight decay must not be negative: got \(weightDecay)")
    (self.learningRate, self.beta1, self.beta2) = (learningRate, beta1, beta2)
    (self.epsilon, self.epsilonPlace) = (epsilon, epsilonPlace)
    (self.weightDecay, self.decay) = (weightDecay, decay)
  }

  /// The settings of the Transformer's authors, whose learning rate follows a schedule.
  ///
  /// Source: A. Vaswani et al. 2017, section 5.3.
  public static func vaswani(learningRate: Double) -> Adam {
    Adam(learningRate: learningRate, beta1: 0.9, beta2: 0.98, epsilon: 1e-9)
  }
}

/// The two ways in which a weight decay acts.
public enum WeightDecay: Hashable, Sendable, CaseIterable {
  /// λ θ is part of the gradient, and so of both moments: 002, PyTorch's Adam.
  case coupled
  /// θ loses the share learningRate · λ of itself before the step: AdamW.
  case decoupled
}

/// The two places of Adam's ε.
public enum EpsilonPlace: Hashable, Sendable, CaseIterable {
  /// √v̂ + ε, with the second moment corrected: Kingma and Ba's algorithm, 002, PyTorch.
  case besideCorrectedRoot
  /// √v + ε, the corrections being part of the step's length: their faster form, TensorFlow.
  case besideRoot
}

/// What Adam keeps of the gradients so far.
public struct AdamState<S: Scalar>: Sendable {
  /// m, a mean of the gradients: the parameters' shape.
  public var firstMoment: Tensor<S>
  /// v, a mean of their squares: the parameters' shape.
  public var secondMoment: Tensor<S>
  /// How many steps have been taken.
  public var step: Int

  /// Creates the state after so many steps.
  @inlinable public init(firstMoment: Tensor<S>, secondMoment: Tensor<S>, step: Int) {
    require(
      firstMoment.shape == secondMoment.shape,
      "the moments must have one shape: got \(described(firstMoment.shape)) "
        + "and \(described(secondMoment.shape))")
    require(step >= 0, "no number of steps is negative: got \(step)")
    (self.firstMoment, self.secondMoment, self.step) = (firstMoment, secondMoment, step)
  }

  /// The state before the first step.
  public init(shape: [Int]) {
    let zeros = Tensor<S>(shape: shape, repeating: 0)
    self.init(firstMoment: zeros, secondMoment: zeros, step: 0)
  }

  /// The same state in another type.
  public func converted<T: Scalar>(to type: T.Type = T.self) -> AdamState<T> {
    AdamState<T>(
      firstMoment: firstMoment.converted(), secondMoment: secondMoment.converted(), step: step)
  }
}

/// The settings of stochastic gradient descent, Double also beside Float.
public struct SGD: Hashable, Sendable {
  /// The length of a step, in gradients.
  public var learningRate: Double
  /// μ, how much of the velocity stays; 0 in the plain form.
  public var momentum: Double

  /// Creates the settings.
  public init(learningRate: Double, momentum: Double = 0) {
    require(learningRate >= 0, "a learning rate must not be negative: got \(learningRate)")
    require(momentum >= 0, "a momentum must not be negative: got \(momentum)")
    (self.learningRate, self.momentum) = (learningRate, momentum)
  }
}

// MARK: - What does not fit

/// Stops unless a gradient has the shape of its parameters.
public func checkGradient(_ gradient: [Int], of parameters: [Int]) {
  require(
    gradient == parameters,
    "a gradient must have the shape of the parameters: "
      + "got \(described(gradient)) for \(described(parameters))")
}

extension AdamState {
  /// Stops unless the moments have the shape of the parameters.
  @inlinable public func check(shapeOf parameters: [Int]) {
    require(
      firstMoment.shape == parameters,
      "the moments must have the shape of the parameters: "
        + "got \(described(firstMoment.shape)) for \(described(parameters))")
  }
}

/// Stops unless a velocity has the shape of its parameters.
public func checkVelocity(_ velocity: [Int], of parameters: [Int]) {
  require(
    velocity == parameters,
    "the velocity must have the shape of the parameters: "
      + "got \(described(velocity)) for \(described(parameters))")
}

/// Stops unless gradients can be clipped to a norm.
public func checkClipping(maximumNorm: Double, epsilon: Double) {
  require(maximumNorm >= 0, "a norm cannot be negative: got \(maximumNorm) for the largest")
  require(epsilon >= 0, "ε must not be negative: got \(epsilon)")
}
