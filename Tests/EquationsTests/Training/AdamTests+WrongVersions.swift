import Equations
import Foundation
import Notation
import TestSupport

let wrongOptimizers: [WrongVersion<Optimizer>] = [
  wrong("no correction") { $0.corrections = { _, _ in (1, 1) } },
  wrong("no correction of the second moment") { step in
    step.corrections = { settings, t in (1 - pow(settings.beta1, t), 1) }
  },
  wrong("no correction of the first moment") { step in
    step.corrections = { settings, t in (1, 1 - pow(settings.beta2, t)) }
  },
  wrong("corrections of one step too early") { step in
    let right = step.corrections
    step.corrections = { right($0, max(1, $1 - 1)) }
  },
  wrong("corrections of one step too late") { step in
    let right = step.corrections
    step.corrections = { right($0, $1 + 1) }
  },
  wrong("the corrections are exchanged") { step in
    let right = step.corrections
    step.corrections = { (right($0, $1).1, right($0, $1).0) }
  },
  wrong("the first moment's correction at every step") { step in
    let right = step.corrections
    step.corrections = { settings, _ in right(settings, 1) }
  },
  wrong("β₁ and β₂ are exchanged") { step in
    (step.settings.beta1, step.settings.beta2) = (step.settings.beta2, step.settings.beta1)
  },
  wrong("a gradient is added to the first moment whole") { $0.first = { $0 * $2 + $1 } },
  wrong("the first moment keeps 1 − β₁") { $0.first = { (1 - $2) * $0 + $2 * $1 } },
  wrong("the gradient for its mean") { $0.first = { _, g, _ in g } },
  wrong("the mean of magnitudes for that of squares") { step in
    step.second = { $2 * $0 + (1 - $2) * abs($1) }
  },
  wrong("the sum of squares for their mean") { $0.second = { v, g, _ in v + g * g } },
  wrong("the largest second moment so far") { step in
    let right = step.second
    step.second = { max($0, right($0, $1, $2)) }
  },
  wrong("ε in the root") { step in
    step.root = { v, correction, settings in (v / correction + settings.epsilon).squareRoot() }
  },
  wrong("no ε") { $0.settings.epsilon = 0 },
  wrong("ε = 1e-7") { $0.settings.epsilon = 1e-7 },
  wrong("ε at its other place") { step in
    step.settings.epsilonPlace =
      step.settings.epsilonPlace == .besideRoot ? .besideCorrectedRoot : .besideRoot
  },
  wrong("no root") { $0.root = { v, correction, settings in v / correction + settings.epsilon } },
  wrong("the learning rate is shortened by √t") { step in
    step.length = { $0.learningRate / $1.squareRoot() }
  },
  wrong("uphill") { $0.length = { settings, _ in -settings.learningRate } },
  wrong("no decay") { $0.settings.weightDecay = 0 },
  wrong("a decoupled decay where it should be coupled") { $0.settings.decay = .decoupled },
  wrong("a coupled decay where it should be decoupled") { $0.settings.decay = .coupled },
  wrong("a decoupled decay without the learning rate") { step in
    step.share = { settings in 1 - settings.weightDecay }
  },
  wrong("a decay away from 0") { step in
    step.share = { settings in 1 + settings.learningRate * settings.weightDecay }
    step.sign = -1
  },
  WrongVersion("nothing is kept from step to step") { run in
    var trace = AdamTrace<Double>()
    var theta = run.parameters
    for t in 0..<run.gradients.shape[0] {
      var step = run
      (step.parameters, step.gradients) = (
        theta, joined([run.gradients.slice(t)], run.parameters.shape)
      )
      let alone = adamEquation(step)
      theta = alone.parameters[0]
      trace.parameters.append(theta)
      trace.firstMoments += alone.firstMoments
      trace.secondMoments += alone.secondMoments
    }
    return trace
  },
  WrongVersion("what was kept from before is forgotten") { run in
    var fresh = run
    fresh.state = AdamState(shape: run.parameters.shape)
    return adamEquation(fresh)
  },
  WrongVersion("the number of steps before is forgotten") { run in
    var fresh = run
    fresh.state.step = 0
    return adamEquation(fresh)
  },
  WrongVersion("one second moment for all parameters") { run in
    var mean = run
    mean.gradients = joined(
      (0..<run.gradients.shape[0]).map { t in
        let g = run.gradients.slice(t)
        let size = (g.storage.reduce(0) { $0 + $1 * $1 } / Double(max(1, g.count))).squareRoot()
        return g.map { $0 < 0 ? -size : size }
      }, run.parameters.shape)
    return adamEquation(mean)
  },
]

let wrongDescents: [WrongVersion<Descent>] = [
  descent("uphill") { $0.settings.learningRate *= -1 },
  descent("no momentum") { $0.settings.momentum = 0 },
  descent("the velocity before is forgotten") { $0.velocity = $0.velocity.map { _ in 0 } },
  WrongVersion("the velocity is a mean") { run in
    stepwise(run) { theta, g, velocity, settings in
      let next = settings.momentum * velocity + (1 - settings.momentum) * g
      return (theta - settings.learningRate * next, next)
    }
  },
  WrongVersion("Nesterov's step") { run in
    stepwise(run) { theta, g, velocity, settings in
      let next = settings.momentum * velocity + g
      return (theta - settings.learningRate * (g + settings.momentum * next), next)
    }
  },
  WrongVersion("the learning rate is part of the velocity") { run in
    stepwise(run) { theta, g, velocity, settings in
      let next = settings.momentum * velocity + settings.learningRate * g
      return (theta - next, next)
    }
  },
  WrongVersion("the velocity of the step before") { run in
    stepwise(run) { theta, g, velocity, settings in
      (theta - settings.learningRate * velocity, settings.momentum * velocity + g)
    }
  },
  WrongVersion("the sign of the gradient alone") { run in
    stepwise(run) { theta, g, velocity, settings in
      let next = settings.momentum * velocity + g
      return (theta - settings.learningRate * (next < 0 ? -1 : 1), next)
    }
  },
]

// MARK: - Parts

/// One step of Adam for one parameter, for changing a part of it.
private struct Step {
  var settings: Adam
  /// From the settings and the number of the step.
  var corrections: (Adam, Double) -> (Double, Double) = { settings, t in
    (1 - pow(settings.beta1, t), 1 - pow(settings.beta2, t))
  }
  /// From the moment, the gradient and β.
  var first: (Double, Double, Double) -> Double = { $2 * $0 + (1 - $2) * $1 }
  var second: (Double, Double, Double) -> Double = { $2 * $0 + (1 - $2) * ($1 * $1) }
  /// From the second moment, its correction and the settings.
  var root: (Double, Double, Adam) -> Double = { v, correction, settings in
    settings.epsilonPlace == .besideCorrectedRoot
      ? (v / correction).squareRoot() + settings.epsilon
      : (v.squareRoot() + settings.epsilon) / correction.squareRoot()
  }
  var length: (Adam, Double) -> Double = { settings, _ in settings.learningRate }
  /// What a decoupled decay leaves.
  var share: (Adam) -> Double = { 1 - $0.learningRate * $0.weightDecay }
  /// Of a coupled decay.
  var sign = 1.0
}

private func wrong(
  _ name: String, _ change: @escaping @Sendable (inout Step) -> Void
) -> WrongVersion<Optimizer> {
  WrongVersion(name) { run in
    var step = Step(settings: run.settings)
    change(&step)
    let settings = step.settings
    var (theta, state, trace) = (run.parameters, run.state, AdamTrace<Double>())
    for t in 0..<run.gradients.shape[0] {
      let number = Double(run.state.step + t + 1)
      let (c1, c2) = step.corrections(settings, number)
      for i in theta.storage.indices {
        var g = run.gradients.slice(t).storage[i]
        if settings.weightDecay > 0 {
          switch settings.decay {
          case .coupled: g += step.sign * settings.weightDecay * theta.storage[i]
          case .decoupled: theta.storage[i] *= step.share(settings)
          }
        }
        let m = step.first(state.firstMoment.storage[i], g, settings.beta1)
        let v = step.second(state.secondMoment.storage[i], g, settings.beta2)
        (state.firstMoment.storage[i], state.secondMoment.storage[i]) = (m, v)
        theta.storage[i] -= step.length(settings, number) * (m / c1 / step.root(v, c2, settings))
      }
      trace.parameters.append(theta)
      trace.firstMoments.append(state.firstMoment)
      trace.secondMoments.append(state.secondMoment)
    }
    return trace
  }
}

private func descent(
  _ name: String, _ change: @escaping @Sendable (inout DescentRun<Double>) -> Void
) -> WrongVersion<Descent> {
  WrongVersion(name) { run in
    var changed = run
    change(&changed)
    return descentEquation(changed)
  }
}

/// Descent by a step from parameter, gradient, velocity and settings to parameter and velocity.
private func stepwise(
  _ run: DescentRun<Double>, _ step: (Double, Double, Double, SGD) -> (Double, Double)
) -> (Tensor<Double>, Tensor<Double>) {
  var (theta, velocity) = (run.parameters, run.velocity)
  var (parameters, velocities): ([Tensor<Double>], [Tensor<Double>]) = ([], [])
  for t in 0..<run.gradients.shape[0] {
    for i in theta.storage.indices {
      (theta.storage[i], velocity.storage[i]) = step(
        theta.storage[i], run.gradients.slice(t).storage[i], velocity.storage[i], run.settings)
    }
    parameters.append(theta)
    velocities.append(velocity)
  }
  return (joined(parameters, theta.shape), joined(velocities, theta.shape))
}
