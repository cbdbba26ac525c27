import Equations
import ErrorBounds
import Notation
import TestSupport

let adamLaws: [Law<Optimizer>] = [
  Law("a moment is a mean of what went before, with weights that fall by β", cases: 40) {
    optimizer, draw in
    var run = draw.adamRun()
    run.settings.weightDecay = 0
    run.state = AdamState(shape: run.parameters.shape)
    let trace = optimizer(run)
    let (steps, gradients) = (run.gradients.shape[0], run.gradients.tracked)
    for (beta, moments, power) in [
      (run.settings.beta1, trace.firstMoments, 1), (run.settings.beta2, trace.secondMoments, 2),
    ] {
      for t in 0..<steps {
        for i in 0..<run.parameters.count {
          let terms = (0...t).map { s -> RunningError in
            let g = gradients.slice(s).storage[i]
            let weight = (0..<(t - s)).reduce(complement(beta)) { w, _ in w * RunningError(beta) }
            return weight * (power == 1 ? g : g * g)
          }
          // A recursion and a sum round differently, each within the sum's error.
          let expected = terms.reduce(0, +)
          try expect(
            abs(moments[t].storage[i] - expected.value) <= 2 * expected.bound,
            "moment \(power) of step \(t) is \(moments[t].storage[i]), not \(expected.value)")
        }
      }
    }
  },
  Law("a step is the corrected mean over the corrected root mean square") { optimizer, draw in
    let run = draw.adamRun()
    let trace = optimizer(run)
    var theta = run.parameters.tracked
    for t in 0..<run.gradients.shape[0] {
      let (m, v) = (trace.firstMoments[t].tracked, trace.secondMoments[t].tracked)
      let count = run.state.step + t + 1
      let corrections = [run.settings.beta1, run.settings.beta2].map { beta -> RunningError in
        1 - (0..<count).reduce(1) { power, _ in power * RunningError(beta) }
      }
      let epsilon = RunningError(run.settings.epsilon)
      let decay = RunningError(run.settings.learningRate) * RunningError(run.settings.weightDecay)
      let expected = theta.storage.indices.map { i -> RunningError in
        let root =
          run.settings.epsilonPlace == .besideCorrectedRoot
          ? RunningError.sqrt(v.storage[i] / corrections[1]) + epsilon
          : RunningError.sqrt(v.storage[i]) / RunningError.sqrt(corrections[1])
            + epsilon / RunningError.sqrt(corrections[1])
        let kept =
          run.settings.decay == .decoupled
          ? theta.storage[i] - decay * theta.storage[i] : theta.storage[i]
        let step = m.storage[i] / corrections[0] / root
        return kept - RunningError(run.settings.learningRate) * step
      }
      let result = Tensor(shape: theta.shape, storage: expected)
      try expectSame(
        trace.parameters[t], result.map(\.value), bounds: result.bounds, result.bounds,
        "the parameters after step \(t)")
      theta = trace.parameters[t].tracked
    }
  },
  Law("the first step of each parameter has the length of the learning rate") { optimizer, draw in
    var run = draw.adamRun()
    run.state = AdamState(shape: run.parameters.shape)
    (run.settings.weightDecay, run.settings.epsilon) = (0, 0)
    run.gradients = joined(
      [run.gradients.slice(0).map { $0 == 0 ? 1 : $0 }], run.parameters.shape)
    let tracked = adamEquation(run.converted(to: RunningError.self)).parameters[0]
    for (i, theta) in optimizer(run).parameters[0].storage.enumerated() {
      let rate = run.settings.learningRate * (run.gradients.storage[i] < 0 ? -1 : 1)
      // The corrections are those of t = 1, which are the weights of the gradient to the bit.
      try expect(
        abs(theta - (run.parameters.storage[i] - rate))
          <= tracked.storage[i].bound + 0x1p-53 * abs(theta),
        "parameter \(i) moved by \(theta - run.parameters.storage[i])")
    }
  },
  Law("without ε a factor on all gradients changes no step") { optimizer, draw in
    var run = draw.adamRun()
    run.state = AdamState(shape: run.parameters.shape)
    (run.settings.weightDecay, run.settings.epsilon) = (0, 0)
    var scaled = run
    let c = draw.element("c", of: [0x1p+20, 0x1p-20, 4])
    scaled.gradients = run.gradients.map { c * $0 }
    let (a, b) = (optimizer(run).parameters, optimizer(scaled).parameters)
    try ErrorGauge(
      got: joined(b, run.parameters.shape), expected: joined(a, run.parameters.shape),
      bound: joined(a, run.parameters.shape).map { _ in 0 })
  },
  Law("a decoupled decay takes its share and leaves the moments alone") { optimizer, draw in
    var run = draw.adamRun()
    run.settings.decay = .decoupled
    var without = run
    without.settings.weightDecay = 0
    let (a, b) = (optimizer(run), optimizer(without))
    for (x, y) in zip(a.firstMoments + a.secondMoments, b.firstMoments + b.secondMoments) {
      try expect(x == y, "the moments are \(x.storage), without a decay \(y.storage)")
    }
    var still = run
    still.state = AdamState(shape: run.parameters.shape)
    still.settings.epsilon = 1
    still.gradients = run.gradients.map { _ in 0 }
    let share = 1 - run.settings.learningRate * run.settings.weightDecay
    let moved = optimizer(still).parameters[0]
    try expectSame(
      moved, run.parameters.map { share * $0 }, bounds: moved.map { 0x1p-51 * abs($0) },
      moved.map { _ in 0 }, "what the decay leaves")
  },
  Law("a coupled decay is a gradient of its own") { optimizer, draw in
    var run = draw.adamRun()
    run.settings.decay = .coupled
    run.gradients = joined([run.gradients.slice(0)], run.parameters.shape)
    let lambda = RunningError(run.settings.weightDecay)
    var inGradient = run.converted(to: RunningError.self)
    inGradient.gradients.storage = zip(run.gradients.tracked.storage, run.parameters.storage).map {
      $0 + lambda * RunningError($1)
    }
    inGradient.settings.weightDecay = 0
    let expected = adamEquation(inGradient).byName(run.parameters.shape)
    for (name, got) in optimizer(run).byName(run.parameters.shape) {
      try expectSame(
        got, expected[name]!.map(\.value), bounds: expected[name]!.bounds,
        expected[name]!.bounds, name)
    }
  },
  Law("a run may be interrupted") { optimizer, draw in
    let run = draw.adamRun()
    let (all, steps) = (optimizer(run), run.gradients.shape[0])
    var rest = run
    rest.parameters = all.parameters[0]
    rest.state = AdamState(
      firstMoment: all.firstMoments[0], secondMoment: all.secondMoments[0],
      step: run.state.step + 1)
    rest.gradients = joined((1..<steps).map { run.gradients.slice($0) }, run.parameters.shape)
    try expect(
      optimizer(rest).parameters == Array(all.parameters.dropFirst()),
      "the rest of the run is another")
  },
]

let descentLaws: [Law<Descent>] = [
  Law("the velocity is the sum of the gradients, with weights that fall by μ") { descent, draw in
    var run = draw.descentRun()
    run.velocity = run.velocity.map { _ in 0 }
    let velocity = descent(run).1
    let (gradients, momentum) = (run.gradients.tracked, RunningError(run.settings.momentum))
    for t in 0..<run.gradients.shape[0] {
      for i in 0..<run.parameters.count {
        let expected = (0...t).reduce(RunningError(0)) { sum, s in
          sum + (0..<(t - s)).reduce(gradients.slice(s).storage[i]) { g, _ in g * momentum }
        }
        let got = velocity.slice(t).storage[i]
        try expect(
          abs(got - expected.value) <= 2 * expected.bound,
          "velocity \(i) of step \(t) is \(got), not \(expected.value)")
      }
    }
  },
  Law("a step is the velocity times the learning rate") { descent, draw in
    let run = draw.descentRun()
    let (parameters, velocity) = descent(run)
    var theta = run.parameters
    for t in 0..<run.gradients.shape[0] {
      let rate = RunningError(run.settings.learningRate)
      let expected = zip(theta.storage, velocity.slice(t).tracked.storage).map {
        RunningError($0) - rate * $1
      }
      let result = Tensor(shape: theta.shape, storage: expected)
      try expectSame(
        parameters.slice(t), result.map(\.value), bounds: result.bounds, result.bounds)
      theta = parameters.slice(t)
    }
  },
  Law("without a momentum the velocity is the gradient") { descent, draw in
    var run = draw.descentRun()
    run.settings.momentum = 0
    try expect(descent(run).1 == run.gradients, "it is not")
  },
  Law("a run of descent may be interrupted") { descent, draw in
    let run = draw.descentRun()
    let (parameters, velocity) = descent(run)
    var rest = run
    (rest.parameters, rest.velocity) = (parameters.slice(0), velocity.slice(0))
    let steps = run.gradients.shape[0]
    rest.gradients = joined((1..<steps).map { run.gradients.slice($0) }, run.parameters.shape)
    let expected = joined((1..<steps).map { parameters.slice($0) }, run.parameters.shape)
    try expect(descent(rest).0 == expected, "the rest of the run is another")
  },
]

/// 1 − β as Double has it.
private func complement(_ beta: Double) -> RunningError { RunningError(1 - beta) }

extension Draw {
  fileprivate func adamRun() -> AdamRun<Double> {
    let (n, steps) = (size("n", from: 1, upTo: 3), integer("steps", in: 2...5))
    func numbers(_ name: String, _ shape: [Int]) -> Tensor<Double> {
      tensor(name, shape, .ordinary).converted()
    }
    // So that ε is as large as they are.
    let size = element("size", of: [1, 0x1p-7])
    let isFresh = bool("fresh")
    let state = AdamState(
      firstMoment: numbers("first", [n]).map { isFresh ? 0 : $0 * size },
      secondMoment: numbers("second", [n]).map { isFresh ? 0 : (0.5 + $0 * $0) * size * size },
      step: isFresh ? 0 : integer("step", in: 1...9))
    return AdamRun(
      parameters: numbers("parameters", [n]),
      gradients: numbers("gradients", [steps, n]).map { $0 * size }, state: state,
      settings: Adam(
        learningRate: element("rate", of: [0.25, 0.1]), beta1: element("beta1", of: [0.9, 0.5]),
        beta2: element("beta2", of: [0.999, 0.98]),
        epsilon: element("epsilon", of: [0x1p-5, 1e-3]),
        epsilonPlace: element("place", of: EpsilonPlace.allCases),
        weightDecay: element("weightDecay", of: [0.5, 0.05]),
        decay: element("decay", of: WeightDecay.allCases)))
  }

  fileprivate func descentRun() -> DescentRun<Double> {
    let (n, steps) = (size("n", from: 1, upTo: 3), integer("steps", in: 2...5))
    func numbers(_ name: String, _ shape: [Int]) -> Tensor<Double> {
      tensor(name, shape, .ordinary).converted()
    }
    return DescentRun(
      parameters: numbers("parameters", [n]), gradients: numbers("gradients", [steps, n]),
      velocity: numbers("velocity", [n]),
      settings: SGD(
        learningRate: element("rate", of: [0.25, 0.1]),
        momentum: element("momentum", of: [0.9, 0.5, 0])))
  }
}
