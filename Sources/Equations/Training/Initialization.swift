import Notation

/// Numbers drawn evenly from −bound to bound.
///
///     x_i = (2 u_i − 1) · bound,  u_i = (word_i >> 40) · 2⁻²⁴
///
/// - Parameters:
///   - shape: The shape of x; i counts its elements in row-major order.
///   - bound: Largest magnitude; −bound itself may be drawn, bound may not.
///   - seed: Of the words, those that dropout has, too.
///
/// INIT-1, INIT-2. SPEC.md, Initialization.
@specialized(where S == Float)
@specialized(where S == Double)
public func uniformNumbers<S: Scalar>(_ shape: [Int], bound: Double, seed: UInt64) -> Tensor<S> {
  require(
    bound >= 0 && bound < .infinity, "a bound must be finite and not negative: got \(bound)")
  return Tensor(
    shape: shape,
    storage: (0..<shape.reduce(1, *)).map {
      S(2 * SplitMix64.uniform($0, seed: seed) - 1) * S(bound)
    })
}

/// The bound of He et al., under which numbers of variance 1 keep their mean square through a map
/// and a ReLU.
///
///     bound = √(6 / ((1 + slope²) · fanIn))
///
/// - Parameters:
///   - fanIn: From how many numbers each output is summed.
///   - slope: Of the activation below 0; 0 is ReLU.
/// - Returns: 0 for a fanIn of 0, from which nothing is summed.
///
/// INIT-1. K. He et al. 2015. SPEC.md, Initialization.
public func kaimingBound(fanIn: Int, slope: Double = 0) -> Double {
  require(fanIn >= 0, "a sum cannot have fewer than 0 terms: got \(fanIn)")
  return fanIn == 0 ? 0 : (6 / ((1 + slope * slope) * Double(fanIn))).squareRoot()
}

/// A weight as `kaiming_uniform_` draws it.
///
///     fanIn = product of all extents but the first
///
/// - Parameters:
///   - shape: Two extents at least: outputs × inputs of a map, outputs × inputs × kernel of a
///     convolution, v × dModel of a table, whose fanIn then is dModel.
///   - slope: Of the activation below 0; 0 is ReLU.
///   - seed: Of the words.
///
/// INIT-1. SPEC.md, Initialization.
@specialized(where S == Float)
@specialized(where S == Double)
public func kaimingUniform<S: Scalar>(
  _ shape: [Int], slope: Double = 0, seed: UInt64
) -> Tensor<S> {
  require(
    shape.count >= 2, "a fan-in needs two extents at least: got \(described(shape))")
  return uniformNumbers(
    shape, bound: kaimingBound(fanIn: shape.dropFirst().reduce(1, *), slope: slope), seed: seed)
}

/// An affine map before training.
///
/// Weight and bias have the seeds that are words 0 and 1 of the seed given, as dropout's sites have.
///
/// - Parameters:
///   - outputs: Rows of the weight.
///   - inputs: Its columns, and the fan-in.
///   - weights: What the weight is drawn from; the bias always from U(±1 / √inputs).
///   - hasBias: Whether there is a bias.
///   - seed: Of weight and bias.
///
/// INIT-1, INIT-2. SPEC.md, Initialization.
@specialized(where S == Float)
@specialized(where S == Double)
public func initialAffineMap<S: Scalar>(
  outputs: Int, inputs: Int, weights: WeightInitialization = .pyTorch, hasBias: Bool = true,
  seed: UInt64
) -> AffineMap<S> {
  // √6 / √(1 + 5) = 1: PyTorch draws its default with the slope √5.
  let bound = inputs == 0 ? 0 : 1 / Double(inputs).squareRoot()
  return AffineMap(
    weight: uniformNumbers(
      [outputs, inputs], bound: weights == .kaiming ? kaimingBound(fanIn: inputs) : bound,
      seed: SplitMix64.word(0, seed: seed)),
    bias: hasBias
      ? uniformNumbers([outputs], bound: bound, seed: SplitMix64.word(1, seed: seed)) : nil)
}
