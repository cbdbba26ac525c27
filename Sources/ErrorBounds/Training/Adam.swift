import Equations
import Foundation
import Notation

/// The largest errors that a step of Adam may make, element by element.
///
/// The step is followed operation by operation. A factor that depends on the settings alone is rounded
/// once, c (1 + u); a product whose sum follows at once is not rounded, any other result r may be off by
/// u |r| + η. |√(v + e) − √v| is at most e / √v, and at most √e; the quotient of m by the root s is off by
/// (e_m + |m / s| e_s) / (s − e_s). Where e_s reaches s, which takes an ε of next to nothing, there is no
/// bound: infinite.
///
/// - Parameters:
///   - parameters: θ, of any shape.
///   - gradient: Known exactly; its squares must be Floats.
///   - state: m, v, and how many steps have been taken.
///   - settings: learningRate, β₁, β₂, ε, λ.
///   - errors: What θ, m and v are off by from earlier steps.
/// - Returns: What the results are off by, each where the equation has the number itself; of no meaning
///   where that is not finite.
public func adamStepBound(
  _ parameters: Tensor<Double>, gradient: Tensor<Double>, _ state: AdamState<Double>,
  _ settings: Adam, offBy errors: (parameters: Tensor<Double>, state: AdamState<Double>)? = nil
) -> (parameters: Tensor<Double>, state: AdamState<Double>) {
  let t = Double(state.step + 1)
  let (rest1, rest2) = (1 - settings.beta1, 1 - settings.beta2)
  let rate = settings.learningRate / (1 - pow(settings.beta1, t))
  let rootFactor = 1 / (1 - pow(settings.beta2, t)).squareRoot()
  let epsilon = settings.epsilon * (settings.epsilonPlace == .besideRoot ? rootFactor : 1)
  let decay = settings.weightDecay > 0 ? settings.decay : nil

  let shape = parameters.shape
  let none = Tensor<Double>(shape: shape, repeating: 0)
  let before =
    errors ?? (none, AdamState(firstMoment: none, secondMoment: none, step: state.step))
  var (ofTheta, ofM, ofV) = (none.storage, none.storage, none.storage)
  for i in ofTheta.indices {
    let (theta, thetaError) = (parameters.storage[i], before.parameters.storage[i])
    var (g, gError) = (gradient.storage[i], 0.0)
    if decay == .coupled {
      g += settings.weightDecay * theta
      gError = rounded(scaled(thetaError, of: theta, by: settings.weightDecay), of: g)
    }
    let share1 = rounded(scaled(gError, of: g, by: rest1), of: rest1 * g)
    let oldM = state.firstMoment.storage[i]
    let m = settings.beta1 * oldM + rest1 * g
    ofM[i] = rounded(
      share1 + scaled(before.state.firstMoment.storage[i], of: oldM, by: settings.beta1), of: m)

    let square = rounded((2 * abs(g) + gError) * gError, of: g * g)
    let share2 = rounded(scaled(square, of: g * g, by: rest2), of: rest2 * g * g)
    let oldV = state.secondMoment.storage[i]
    let v = settings.beta2 * oldV + rest2 * g * g
    ofV[i] = rounded(
      share2 + scaled(before.state.secondMoment.storage[i], of: oldV, by: settings.beta2), of: v)

    let root = v.squareRoot()
    let rootError = rounded(
      root > 0 ? min(ofV[i] / root, ofV[i].squareRoot()) : ofV[i].squareRoot(), of: root)
    let divisor = root * rootFactor + epsilon
    let divisorError = rounded(
      scaled(rootError, of: root, by: rootFactor) + scaled(0, of: 1, by: epsilon), of: divisor)
    let quotient = m / divisor
    let quotientError =
      divisorError < divisor
      ? rounded(
        (ofM[i] + abs(quotient) * divisorError) / (divisor - divisorError), of: quotient)
      : .infinity

    var (kept, keptError) = (theta, thetaError)
    if decay == .decoupled {
      let share = 1 - settings.learningRate * settings.weightDecay
      kept = share * theta
      keptError = rounded(scaled(thetaError, of: theta, by: share), of: kept)
    }
    ofTheta[i] = rounded(
      keptError + scaled(quotientError, of: quotient, by: rate), of: kept - rate * quotient)
  }
  func tensor(_ errors: [Double]) -> Tensor<Double> { Tensor(shape: shape, storage: errors) }
  return (
    tensor(ofTheta),
    AdamState(firstMoment: tensor(ofM), secondMoment: tensor(ofV), step: state.step + 1)
  )
}

/// The largest errors that a step of gradient descent may make, element by element.
///
///     velocity'  μ e_velocity + u |μ velocity| + u |velocity'|,  0 without a momentum
///     θ'         e_θ + η_rate e_velocity' + u |η_rate velocity'| + u |θ'|
///
/// The learning rate η_rate and μ are rounded; products are not, before their sums.
///
/// - Parameters:
///   - parameters: θ, of any shape.
///   - gradient: Known exactly.
///   - velocity: Of the parameters' shape.
///   - settings: learningRate and μ.
///   - errors: What θ and velocity are off by from earlier steps.
/// - Returns: What the results are off by; of no meaning where they are not finite.
public func sgdStepBound(
  _ parameters: Tensor<Double>, gradient: Tensor<Double>, velocity: Tensor<Double>,
  _ settings: SGD, offBy errors: (parameters: Tensor<Double>, velocity: Tensor<Double>)? = nil
) -> (parameters: Tensor<Double>, velocity: Tensor<Double>) {
  let next = sgdStep(parameters, gradient: gradient, velocity: velocity, settings)
  let none = parameters.map { _ in 0.0 }
  let before = errors ?? (none, none)
  var (ofTheta, ofVelocity) = (none, none)
  for i in none.storage.indices {
    let nextVelocity = next.velocity.storage[i]
    if settings.momentum > 0 {
      ofVelocity.storage[i] = rounded(
        scaled(before.velocity.storage[i], of: velocity.storage[i], by: settings.momentum),
        of: nextVelocity)
    }
    let moved = scaled(ofVelocity.storage[i], of: nextVelocity, by: settings.learningRate)
    ofTheta.storage[i] = rounded(
      before.parameters.storage[i] + moved, of: next.parameters.storage[i])
  }
  return (ofTheta, ofVelocity)
}

/// What a result x is off by once it is rounded, where it was off by e.
private func rounded(_ e: Double, of x: Double) -> Double {
  e + Arithmetic.kernel.unitRoundoff * (abs(x) + e) + Arithmetic.kernel.smallestNormal
}

/// What x, off by e, is off by once it is multiplied by a rounded factor; the product is not rounded.
private func scaled(_ e: Double, of x: Double, by factor: Double) -> Double {
  let ofFactor =
    Arithmetic.kernel.unitRoundoff * abs(factor) + Arithmetic.kernel.smallestNormal
  return abs(factor) * e + ofFactor * (abs(x) + e)
}
