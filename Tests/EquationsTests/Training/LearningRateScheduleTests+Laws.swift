import Equations
import ErrorBounds
import Notation
import TestSupport

let plateauLaws: [Law<Plateau>] = [
  Law("without better epochs the rate falls every patience + 1 epochs, and cooldown more") {
    plateau, draw in
    var run = draw.plateauRun()
    (run.warmup, run.settings.minimum) = (nil, 0)
    let period = run.settings.patience + 1
    run.losses = Array(repeating: 3, count: 1 + period + run.settings.cooldown + period)
    // The first is the best one; then as many as are bad, and in the cooldown none is.
    let first = run.initial * run.settings.factor
    let expected =
      Array(repeating: run.initial, count: period)
      + Array(repeating: first, count: run.settings.cooldown + period)
      + [first * run.settings.factor]
    try expect(
      plateau(run).map(\.learningRate) == expected,
      "the rates are \(plateau(run).map(\.learningRate))")
  },
  Law("while losses fall by more than the threshold the rate stays") { plateau, draw in
    var run = draw.plateauRun()
    let share = 1 - run.settings.threshold
    run.losses = run.losses.indices.reduce(into: [8]) { losses, _ in
      losses.append(losses.last! * share * (1 - 0x1p-10))
    }
    try expect(
      plateau(run).allSatisfy { $0.learningRate == run.initial && $0.badEpochs == 0 }, "it falls")
  },
  Law("where one epoch in patience + 1 is better, the rate stays") { plateau, draw in
    var run = draw.plateauRun()
    run.warmup = nil
    let period = run.settings.patience + 1
    run.losses = (0..<4 * period).map { 8 / Double(1 << ($0 / period)) }
    try expect(plateau(run).allSatisfy { $0.learningRate == run.initial }, "it falls")
  },
  Law("while losses fall by less than the threshold of the best, no epoch is better") {
    plateau, draw in
    var run = draw.plateauRun()
    run.warmup = nil
    run.settings.threshold = 0.25
    run.losses = run.losses.indices.map { 8 - 0.125 * Double($0 % 16) }
    let states = plateau(run)
    try expect(states.allSatisfy { $0.best == 8 }, "the best are \(states.map(\.best))")
  },
  Law("the best is the smallest loss so far, if there is no threshold") { plateau, draw in
    var run = draw.plateauRun()
    (run.warmup, run.settings.threshold) = (nil, 0)
    for (epoch, state) in plateau(run).enumerated() {
      let smallest = run.losses[...epoch].reduce(Double.infinity) { $1 < $0 ? $1 : $0 }
      try expect(state.best == smallest, "after epoch \(epoch) it is \(state.best)")
    }
  },
  Law("a rate changes by the factor or to the minimum, or not at all") { plateau, draw in
    let run = draw.plateauRun()
    var rate = run.initial
    var falls = 0
    for state in plateau(run) {
      let lower = max(rate * run.settings.factor, run.settings.minimum)
      try expect(
        state.learningRate == rate || state.learningRate == lower, "it is \(state.learningRate)")
      if state.learningRate < rate {
        falls += 1
        try expect(
          state.badEpochs == 0 && state.cooldownLeft == run.settings.cooldown,
          "the counts are \(state)")
        try expect(rate - lower > run.settings.smallestChange, "the change is too small")
      }
      rate = state.learningRate
    }
    draw.cover("the rate falls", falls > 0, atLeast: 0.3)
  },
  Law("a small change is not made") { plateau, draw in
    var run = draw.plateauRun()
    run.settings.smallestChange = run.initial
    try expect(plateau(run).allSatisfy { $0.learningRate == run.initial }, "it is made")
  },
  Law("losses of the start-up might as well not be there") { plateau, draw in
    var run = draw.plateauRun()
    let warmup = draw.integer("warmup", in: 0...4)
    run.warmup = warmup
    let states = plateau(run)
    var rest = run
    rest.warmup = nil
    rest.losses = Array(run.losses.dropFirst(warmup + 1))
    let initial = PlateauState(learningRate: run.initial)
    try expect(
      states == run.losses.prefix(warmup + 1).map { _ in initial } + plateau(rest),
      "the rates are \(states.map(\.learningRate))")
  },
]

let noamLaws: [Law<Noam>] = [
  Law("it rises in proportion to the step, and then falls with its root") { noam, draw in
    let run = draw.noamRun()
    let (width, warmup) = (RunningError(Double(run.width)), RunningError(Double(run.warmup)))
    for (step, rate) in zip(run.steps, noam(run)) {
      let s = RunningError(Double(step))
      let shape =
        step < run.warmup
        ? s / (warmup * RunningError.sqrt(warmup)) : 1 / RunningError.sqrt(s)
      let expected = RunningError(run.factor) * shape / RunningError.sqrt(width)
      try expect(
        abs(rate - expected.value) <= 3 * expected.bound, "the rate of step \(step) is \(rate)")
    }
    draw.cover("it rises", run.steps.contains { $0 < run.warmup }, atLeast: 0.3)
    draw.cover("it falls", run.steps.contains { $0 > run.warmup }, atLeast: 0.3)
  },
  Law("it is largest at the last step of the warm-up") { noam, draw in
    var run = draw.noamRun()
    run.steps = Array(1...(2 * run.warmup + 1))
    let rates = noam(run)
    let top = rates[run.warmup - 1]
    try expect(
      rates.enumerated().allSatisfy { $0.offset == run.warmup - 1 || $0.element < top },
      "the rates are \(rates)")
  },
]

extension Draw {
  fileprivate func plateauRun() -> PlateauRun {
    let epochs = size("epochs", from: 1, upTo: 24)
    return PlateauRun(
      losses: (0..<epochs).map { _ in 1 + Double(integer("loss", in: 0...16)) / 8 },
      initial: element("initial", of: [0.5, 1e-3]),
      settings: ReduceOnPlateau(
        factor: element("factor", of: [0.5, 0.1]), patience: integer("patience", in: 0...3),
        threshold: element("threshold", of: [1e-4, 0.25]), cooldown: integer("cooldown", in: 0...2),
        minimum: element("minimum", of: [0, 1e-4])),
      warmup: element("warmup", of: [nil, 2]))
  }

  fileprivate func noamRun() -> NoamRun {
    let count = size("count", from: 1, upTo: 5)
    return NoamRun(
      steps: (0..<count).map { _ in integer("step", in: 1...60) },
      width: element("width", of: [512, 12, 1]), warmup: integer("warmup", in: 1...30),
      factor: element("factor", of: [1, 2, 0.3]))
  }
}
