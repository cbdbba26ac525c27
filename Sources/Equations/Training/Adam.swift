import Foundation
import Notation

/// One step of Adam: each parameter moves by the mean of its gradients over their root mean square.
///
///     g = gradient + λ θ                                      coupled; decoupled: g = gradient
///     m = β₁ m + (1 − β₁) g,   m̂ = m / (1 − β₁^t)
///     v = β₂ v + (1 − β₂) g²,  v̂ = v / (1 − β₂^t)
///     θ = θ − learningRate · m̂ / (√v̂ + ε)                     decoupled: (1 − learningRate λ) θ − …
///
/// All of one shape, element by element; t is the number of this step, from 1.
///
/// - Parameters:
///   - parameters: θ, of any shape.
///   - gradient: Of the loss, for each parameter.
///   - state: m, v, and how many steps have been taken.
///   - settings: learningRate, β₁, β₂, ε, λ.
/// - Returns: θ and the state after the step. Where all gradients have been 0 nothing moves, unless ε
///   is 0: 0 / 0. Without a decay a θ that is not finite stays out of the moments.
///
/// OPT-1. D. Kingma and J. Ba 2014, algorithm 1. SPEC.md, Adam.
///
@specialized(where S == Float)
@specialized(where S == Double)
public func adamStep<S: Scalar>(
  _ parameters: Tensor<S>, gradient: Tensor<S>, _ state: AdamState<S>, _ settings: Adam
) -> (parameters: Tensor<S>, state: AdamState<S>) {
  checkGradient(gradient.shape, of: parameters.shape)
  state.check(shapeOf: parameters.shape)
  var (theta, next) = (parameters, state)
  next.step += 1
  let (beta1, beta2) = (settings.beta1, settings.beta2)
  let correction1 = S(1 - pow(beta1, Double(next.step)))
  let correction2 = S(1 - pow(beta2, Double(next.step)))
  let (rate, lambda) = (S(settings.learningRate), S(settings.weightDecay))
  for i in theta.storage.indices {
    var g = gradient.storage[i]
    if settings.weightDecay > 0 {
      switch settings.decay {
      case .coupled: g += lambda * theta.storage[i]
      case .decoupled: theta.storage[i] *= S(1 - settings.learningRate * settings.weightDecay)
      }
    }
    let m = S(beta1) * state.firstMoment.storage[i] + S(1 - beta1) * g
    let v = S(beta2) * state.secondMoment.storage[i] + S(1 - beta2) * (g * g)
    next.firstMoment.storage[i] = m
    next.secondMoment.storage[i] = v
    let root =
      switch settings.epsilonPlace {
      case .besideCorrectedRoot: S.sqrt(v / correction2) + S(settings.epsilon)
      case .besideRoot: (S.sqrt(v) + S(settings.epsilon)) / S.sqrt(correction2)
      }
    theta.storage[i] -= rate * (m / correction1 / root)
  }
  return (theta, next)
}

/// One step of stochastic gradient descent.
///
///     velocity = μ velocity + gradient
///     θ        = θ − learningRate · velocity
///
/// - Parameters:
///   - parameters: θ, of any shape.
///   - gradient: Of the loss, for each parameter.
///   - velocity: Of the parameters' shape, zeros before the first step.
///   - settings: learningRate and μ; with μ = 0, the plain form, the velocity is the gradient.
/// - Returns: θ and the velocity after the step.
///
/// OPT-4. SPEC.md, Adam.
@specialized(where S == Float)
@specialized(where S == Double)
public func sgdStep<S: Scalar>(
  _ parameters: Tensor<S>, gradient: Tensor<S>, velocity: Tensor<S>, _ settings: SGD
) -> (parameters: Tensor<S>, velocity: Tensor<S>) {
  checkGradient(gradient.shape, of: parameters.shape)
  checkVelocity(velocity.shape, of: parameters.shape)
  let (rate, momentum) = (S(settings.learningRate), S(settings.momentum))
  var (theta, next) = (parameters, velocity)
  for i in theta.storage.indices {
    next.storage[i] = gradient.storage[i]
    if settings.momentum > 0 { next.storage[i] += momentum * velocity.storage[i] }
    theta.storage[i] -= rate * next.storage[i]
  }
  return (theta, next)
}
