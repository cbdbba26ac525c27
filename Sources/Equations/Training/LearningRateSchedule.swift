import Foundation
import Notation

/// The learning rate after the loss of one more epoch: lower, if losses have stopped to fall.
///
///     better if loss < best · (1 − threshold): best = loss, badEpochs = 0
///     otherwise badEpochs grows by 1; in a cooldown it is 0
///     badEpochs > patience: learningRate = max(factor · learningRate, minimum), badEpochs = 0
///
/// - Parameters:
///   - loss: Of the validation data, after the epoch.
///   - state: The learning rate, and what is kept of the losses so far.
///   - settings: factor, patience, threshold, cooldown, minimum.
/// - Returns: The state for the next epoch. NaN is no better than anything. A rate that would change
///   by no more than `smallestChange` stays.
///
/// OPT-2. PyTorch, ReduceLROnPlateau. SPEC.md, Learning-rate schedule.
public func plateauStep(
  loss: Double, _ state: PlateauState, _ settings: ReduceOnPlateau
) -> PlateauState {
  var next = state
  if loss < state.best * (1 - settings.threshold) {
    next.best = loss
    next.badEpochs = 0
  } else {
    next.badEpochs += 1
  }
  if state.cooldownLeft > 0 {
    next.cooldownLeft -= 1
    next.badEpochs = 0
  }
  if next.badEpochs > settings.patience {
    let reduced = max(settings.factor * state.learningRate, settings.minimum)
    if state.learningRate - reduced > settings.smallestChange { next.learningRate = reduced }
    next.cooldownLeft = settings.cooldown
    next.badEpochs = 0
  }
  return next
}

/// The learning rates of a run of epochs whose losses are known, as document 002 sets them.
///
/// - Parameters:
///   - losses: The validation loss after each epoch.
///   - initial: The learning rate of the first epoch.
///   - settings: How the rate falls.
///   - warmup: Losses of epochs 0 … warmup are not looked at; `nil` for none of them. The rate does not
///     grow in them: it stays.
/// - Returns: The state after each epoch; its learning rate is that of the next one.
///
/// OPT-2. Document 002, `run`. SPEC.md, Learning-rate schedule.
public func plateauStates(
  losses: [Double], initial: Double, _ settings: ReduceOnPlateau, warmup: Int? = nil
) -> [PlateauState] {
  var state = PlateauState(learningRate: initial)
  return losses.enumerated().map { epoch, loss in
    if epoch > warmup ?? -1 { state = plateauStep(loss: loss, state, settings) }
    return state
  }
}

/// The learning rate of Vaswani et al.: it rises for some steps, and then falls with their root.
///
///     learningRate = factor · modelWidth^(−1/2) · min(step^(−1/2), step · warmup^(−3/2))
///
/// - Parameters:
///   - step: The number of the step, from 1.
///   - modelWidth: dModel.
///   - warmup: How many steps it rises; at the last of them both terms are equal.
///   - factor: 1 in the paper.
///
/// OPT-2. Vaswani et al. 2017, equation 3. SPEC.md, Learning-rate schedule.
public func noamLearningRate(
  step: Int, modelWidth: Int, warmup: Int = 4000, factor: Double = 1
) -> Double {
  require(step >= 1, "steps count from 1: got \(step)")
  require(
    modelWidth >= 1 && warmup >= 1,
    "width and warmup must be at least 1: got \(modelWidth) and \(warmup)")
  let (s, w) = (Double(step), Double(warmup))
  let shape = min(1 / s.squareRoot(), s / (w * w.squareRoot()))
  return factor / Double(modelWidth).squareRoot() * shape
}
