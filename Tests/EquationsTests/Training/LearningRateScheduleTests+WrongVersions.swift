import Equations
import Foundation
import Notation
import TestSupport

let wrongPlateaus: [WrongVersion<Plateau>] = [
  wrong("after patience epochs, not one more") { $0.settings.patience -= 1 },
  wrong("after one epoch too many") { $0.settings.patience += 1 },
  wrong("no threshold") { $0.settings.threshold = 0 },
  wrong("always PyTorch's threshold") { $0.settings.threshold = 1e-4 },
  wrong("no cooldown") { $0.settings.cooldown = 0 },
  wrong("one epoch of cooldown more") { $0.settings.cooldown += 1 },
  wrong("no minimum") { $0.settings.minimum = 0 },
  wrong("every change is made, small as it may be") { $0.settings.smallestChange = 0 },
  wrong("no start-up") { $0.warmup = nil },
  wrong("a start-up of warmup epochs") { $0.warmup = $0.warmup.map { $0 - 1 } },
  wrong("a start-up of one epoch too many") { $0.warmup = $0.warmup.map { $0 + 1 } },
  changed("a threshold that is no share") { $0.isBetter = { $0 < $1 - $2 } },
  changed("a larger loss is better") { step in
    step.isBetter = { loss, best, threshold in
      best == .infinity || loss > best * (1 + threshold)
    }
  },
  changed("better than the loss before") { $0.isBestTheLast = true },
  changed("the best is the smallest loss, within the threshold or not") {
    $0.isBestTheSmallest = true
  },
  changed("bad epochs need not be in a row") { $0.betterResets = false },
  changed("a fall does not begin the count anew") { $0.fallResets = false },
  changed("the factor is subtracted") { $0.lower = { rate, factor in rate - factor } },
  changed("the factor is a divisor") { $0.lower = { rate, factor in rate / (1 + factor) } },
  changed("the rate becomes the factor") { $0.lower = { _, factor in factor } },
  changed("losses in a cooldown are not looked at") { $0.cooldownLooks = false },
  WrongVersion("the start-up looks, but does not change the rate") { run in
    var all = run
    all.warmup = nil
    guard let warmup = run.warmup else { return plateauEquation(run) }
    var states = plateauEquation(all)
    for epoch in states.indices.prefix(warmup + 1) { states[epoch].learningRate = run.initial }
    return states
  },
  WrongVersion("the rate rises in the start-up") { run in
    guard let warmup = run.warmup else { return plateauEquation(run) }
    var states = plateauEquation(run)
    for epoch in states.indices.prefix(warmup + 1) {
      states[epoch].learningRate *= Double(epoch + 1) / Double(warmup + 2)
    }
    return states
  },
]

let wrongNoams: [WrongVersion<Noam>] = [
  noam("it only rises") { s, w in s / (w * w.squareRoot()) },
  noam("it only falls") { s, _ in 1 / s.squareRoot() },
  noam("the larger of the two terms") { s, w in max(1 / s.squareRoot(), s / (w * w.squareRoot())) },
  noam("it falls with the step") { s, w in min(1 / s, s / (w * w.squareRoot())) },
  noam("it rises to 1") { s, w in min(1 / s.squareRoot(), s / w) },
  noam("steps count from 0") { s, w in
    min(1 / max(1, s - 1).squareRoot(), (s - 1) / (w * w.squareRoot()))
  },
  noam("it stays after the warm-up") { s, w in min(1 / w.squareRoot(), s / (w * w.squareRoot())) },
  WrongVersion("the width is not rooted") { run in
    noamEquation(run).map { $0 / Double(run.width).squareRoot() }
  },
  WrongVersion("the width is left out") { run in
    noamEquation(run).map { $0 * Double(run.width).squareRoot() }
  },
  WrongVersion("always 4000 steps up") { run in
    var other = run
    other.warmup = 4000
    return noamEquation(other)
  },
  WrongVersion("no factor") { run in
    var other = run
    other.factor = 1
    return noamEquation(other)
  },
]

private func wrong(
  _ name: String, _ change: @escaping @Sendable (inout PlateauRun) -> Void
) -> WrongVersion<Plateau> {
  changed(name, run: change) { _ in }
}

/// How one loss changes the state, for changing a part of it.
private struct Step {
  /// From the loss, the best so far and the threshold.
  var isBetter: (Double, Double, Double) -> Bool = { $0 < $1 * (1 - $2) }
  var isBestTheLast = false
  var isBestTheSmallest = false
  var betterResets = true
  var fallResets = true
  var cooldownLooks = true
  /// From the rate and the factor.
  var lower: (Double, Double) -> Double = { $0 * $1 }

  func state(after loss: Double, _ state: PlateauState, _ settings: ReduceOnPlateau) -> PlateauState
  {
    var next = state
    if cooldownLooks || state.cooldownLeft == 0 {
      if isBetter(loss, state.best, settings.threshold) {
        next.best = loss
        if betterResets { next.badEpochs = 0 }
      } else {
        next.badEpochs += 1
      }
      if isBestTheLast || isBestTheSmallest && loss < state.best { next.best = loss }
    }
    if state.cooldownLeft > 0 {
      next.cooldownLeft -= 1
      next.badEpochs = 0
    }
    if next.badEpochs > settings.patience {
      let reduced = max(lower(state.learningRate, settings.factor), settings.minimum)
      if state.learningRate - reduced > settings.smallestChange { next.learningRate = reduced }
      next.cooldownLeft = settings.cooldown
      if fallResets { next.badEpochs = 0 }
    }
    return next
  }
}

private func changed(
  _ name: String, run changeRun: @escaping @Sendable (inout PlateauRun) -> Void = { _ in },
  _ change: @escaping @Sendable (inout Step) -> Void
) -> WrongVersion<Plateau> {
  WrongVersion(name) { run in
    var (run, step) = (run, Step())
    changeRun(&run)
    change(&step)
    var state = PlateauState(learningRate: run.initial)
    return run.losses.enumerated().map { epoch, loss in
      if epoch > run.warmup ?? -1 { state = step.state(after: loss, state, run.settings) }
      return state
    }
  }
}

private func noam(
  _ name: String, _ shape: @escaping @Sendable (Double, Double) -> Double
) -> WrongVersion<Noam> {
  WrongVersion(name) { run in
    run.steps.map {
      run.factor / Double(run.width).squareRoot() * shape(Double($0), Double(run.warmup))
    }
  }
}
