import Equations
import ErrorBounds
import Kernels
import Notation
import TestSupport

extension Function {
  static let training: [String: Function] = [
    loss, optimizers, schedules, initialization, bleu, loop,
  ].reduce(into: [:]) { all, topic in all.merge(topic) { word, _ in word } }

  private static let loss: [String: Function] = [
    "crossEntropy": Function(
      1, ["labels", "ignoring", "reduction"],
      equation: { (a) throws(Fault) in
        .numbers(
          crossEntropy(
            try a.numbers(0), labels: try a.integers("labels"), ignoring: try a.ignored(),
            reduction: try a.option("reduction", LossReduction.mean)))
      },
      kernel: { (a) throws(Fault) in
        let (z, labels, ignored) = (
          try a.numbers(0), try a.integers("labels"), try a.ignored()
        )
        let reduction = try a.option("reduction", LossReduction.mean)
        return KernelResult(
          value: crossEntropy(
            try exactFloats(z), labels: labels, ignoring: ignored, reduction: reduction),
          bound: crossEntropyBound(z, labels: labels, ignoring: ignored, reduction: reduction))
      }),
    "labelCount": Function(1, ["ignoring"]) { (a) throws(Fault) in
      .single(Double(labelCount(try a.integers(0), ignoring: try a.ignored())))
    },
    "meanLoss": Function(
      0, ["ofBatches", "counts", "weighting"],
      equation: { (a) throws(Fault) in
        let (losses, counts, weighting) = try a.batches()
        return .single(meanLoss(ofBatches: losses, counts: counts, weighting: weighting))
      },
      kernel: { (a) throws(Fault) in
        let (losses, counts, weighting) = try a.batches()
        return .single(
          meanLoss(ofBatches: try exactFloats(losses), counts: counts, weighting: weighting),
          bound: meanLossBound(ofBatches: losses, counts: counts, weighting: weighting))
      }),
    "perplexity": Function(
      0, ["ofBatches", "counts", "weighting"],
      equation: { (a) throws(Fault) in
        let (losses, counts, weighting) = try a.batches()
        return .single(perplexity(ofBatches: losses, counts: counts, weighting: weighting))
      },
      kernel: { (a) throws(Fault) in
        let (losses, counts, weighting) = try a.batches()
        guard let floats = try? exactFloats(losses) else { return nil }
        return .single(
          perplexity(ofBatches: floats, counts: counts, weighting: weighting),
          bound: perplexityBound(ofBatches: losses, counts: counts, weighting: weighting))
      }),
  ]

  private static let optimizers: [String: Function] = [
    "adamStep": Function(
      1,
      [
        "gradient", "firstMoment", "secondMoment", "step", "learningRate", "beta1", "beta2",
        "epsilon", "epsilonPlace", "weightDecay", "decay",
      ],
      equation: { (a) throws(Fault) in
        let (theta, gradient) = (try a.numbers(0), try a.numbers("gradient"))
        let next = adamStep(theta, gradient: gradient, try a.adamState(), try a.adam())
        return .record(
          output: next.parameters,
          parts: [
            "parameters": next.parameters, "firstMoment": next.state.firstMoment,
            "secondMoment": next.state.secondMoment,
          ])
      },
      kernel: { (a) throws(Fault) in
        let (theta, gradient) = (try a.numbers(0), try a.numbers("gradient"))
        let (state, settings) = (try a.adamState(), try a.adam())
        guard let floats = try? (exactFloats(theta), exactFloats(gradient)) else { return nil }
        return KernelResult(
          value: adamStep(floats.0, gradient: floats.1, state.converted(), settings).parameters,
          bound: adamStepBound(theta, gradient: gradient, state, settings).parameters)
      }),
    "sgdStep": Function(
      1, ["gradient", "velocity", "learningRate", "momentum"],
      equation: { (a) throws(Fault) in
        let (theta, gradient, velocity, settings) = try a.descent()
        let next = sgdStep(theta, gradient: gradient, velocity: velocity, settings)
        return .record(
          output: next.parameters,
          parts: ["parameters": next.parameters, "velocity": next.velocity])
      },
      kernel: { (a) throws(Fault) in
        let (theta, gradient, velocity, settings) = try a.descent()
        return KernelResult(
          value: sgdStep(
            try exactFloats(theta), gradient: try exactFloats(gradient),
            velocity: try exactFloats(velocity), settings
          ).parameters,
          bound: sgdStepBound(theta, gradient: gradient, velocity: velocity, settings).parameters)
      }),
    "globalNorm": Function(
      nil,
      equation: { (a) throws(Fault) in .single(globalNorm(try a.positionalNumbers())) },
      kernel: { (a) throws(Fault) in
        let gradients = try a.positionalNumbers()
        guard let floats = try? gradients.map(exactFloats) else { return nil }
        return .single(globalNorm(floats), bound: globalNormBound(gradients))
      }),
    "clippingCoefficient": Function(
      1, ["maximumNorm", "epsilon"],
      equation: { (a) throws(Fault) in
        .single(
          clippingCoefficient(
            norm: try a.number(0), maximumNorm: try a.number("maximumNorm"),
            epsilon: try a.number("epsilon", 1e-6)))
      },
      kernel: { (a) throws(Fault) in
        let (norm, maximum) = (try a.number(0), try a.number("maximumNorm"))
        let epsilon = try a.number("epsilon", 1e-6)
        return .single(
          clippingCoefficient(
            norm: try a.floats(0).storage[0], maximumNorm: maximum, epsilon: epsilon),
          bound: clippingCoefficientBound(norm: norm, maximumNorm: maximum, epsilon: epsilon))
      }),
    // Two gradients at most: an example calls them first and second.
    "clipped": Function(
      nil, ["maximumNorm", "epsilon"],
      equation: { (a) throws(Fault) in
        let gradients = clipped(
          try a.positionalNumbers(), maximumNorm: try a.number("maximumNorm"),
          epsilon: try a.number("epsilon", 1e-6))
        let parts = zip(["first", "second"], gradients)
        return .record(output: gradients[0], parts: Dictionary(uniqueKeysWithValues: parts))
      },
      kernel: { (a) throws(Fault) in
        let (gradients, maximum) = (try a.positionalNumbers(), try a.number("maximumNorm"))
        let epsilon = try a.number("epsilon", 1e-6)
        guard let floats = try? gradients.map(exactFloats) else { return nil }
        return KernelResult(
          value: clipped(floats, maximumNorm: maximum, epsilon: epsilon)[0],
          bound: clippedBound(gradients, maximumNorm: maximum, epsilon: epsilon)[0])
      }),
  ]

  private static let schedules: [String: Function] = [
    "plateauStates": Function(
      0,
      [
        "losses", "initial", "factor", "patience", "threshold", "cooldown", "minimum",
        "smallestChange", "warmup",
      ]
    ) { (a) throws(Fault) in
      let settings = ReduceOnPlateau(
        factor: try a.number("factor", 0.1), patience: try a.integer("patience", 10),
        threshold: try a.number("threshold", 1e-4), cooldown: try a.integer("cooldown", 0),
        minimum: try a.number("minimum", 0), smallestChange: try a.number("smallestChange", 1e-8))
      let states = plateauStates(
        losses: try a.numbers("losses").storage, initial: try a.number("initial"), settings,
        warmup: try a.has("warmup") ? a.integer("warmup") : nil)
      func numbers(_ number: (PlateauState) -> Double) -> Tensor<Double> {
        Tensor(shape: [states.count], storage: states.map(number))
      }
      let rates = numbers(\.learningRate)
      return .record(
        output: rates,
        parts: [
          "learningRates": rates, "best": numbers(\.best),
          "badEpochs": numbers { Double($0.badEpochs) },
          "cooldownLeft": numbers { Double($0.cooldownLeft) },
        ])
    },
    "noamLearningRate": Function(0, ["step", "modelWidth", "warmup", "factor"]) {
      (a) throws(Fault) in
      .single(
        noamLearningRate(
          step: try a.integer("step"), modelWidth: try a.integer("modelWidth"),
          warmup: try a.integer("warmup", 4000), factor: try a.number("factor", 1)))
    },
  ]

  private static let initialization: [String: Function] = [
    "uniformNumbers": Function(0, ["shape", "bound", "seed"]) { (a) throws(Fault) in
      .numbers(
        uniformNumbers(
          try a.integers("shape").storage, bound: try a.number("bound"), seed: try a.seed()))
    },
    "kaimingBound": Function(0, ["fanIn", "slope"]) { (a) throws(Fault) in
      .single(kaimingBound(fanIn: try a.integer("fanIn"), slope: try a.number("slope", 0)))
    },
    "kaimingUniform": Function(0, ["shape", "slope", "seed"]) { (a) throws(Fault) in
      .numbers(
        kaimingUniform(
          try a.integers("shape").storage, slope: try a.number("slope", 0), seed: try a.seed()))
    },
    "initialAffineMap": Function(0, ["outputs", "inputs", "weights", "seed"]) {
      (a) throws(Fault) in
      let map: AffineMap<Double> = initialAffineMap(
        outputs: try a.integer("outputs"), inputs: try a.integer("inputs"),
        weights: try a.option("weights", WeightInitialization.pyTorch), seed: try a.seed())
      return .record(output: map.weight, parts: ["weight": map.weight, "bias": map.bias!])
    },
  ]

  private static let loop: [String: Function] = [
    "teacherForcing": Function(1) { (a) throws(Fault) in
      let (inputs, labels) = teacherForcing(try a.integers(0))
      let parts = ["inputs": inputs, "labels": labels].mapValues { $0.map { Double($0) } }
      return .record(output: parts["inputs"]!, parts: parts)
    },
    "batchLoss": Function(1, ["source", "target"]) { (a) throws(Fault) in
      let (loss, count) = batchLoss(
        source: try a.integers("source"), target: try a.integers("target"),
        try a.option(0) as Transformer<Double>)
      let single = Tensor(shape: [], storage: [loss])
      return .record(
        output: single,
        parts: ["loss": single, "count": Tensor(shape: [], storage: [Double(count)])])
    },
    // Batches of one shape: batches × b × s and batches × b × t.
    "evaluationLoss": Function(1, ["sources", "targets", "weighting"]) { (a) throws(Fault) in
      let (sources, targets) = (try a.integers("sources"), try a.integers("targets"))
      return .single(
        evaluationLoss(
          (0..<sources.shape[0]).map { (sources.slice($0), targets.slice($0)) },
          try a.option(0) as Transformer<Double>,
          weighting: try a.option("weighting", LossWeighting.tokens)))
    },
    "keptEpochs": Function(0, ["losses", "best"]) { (a) throws(Fault) in
      let epochs = keptEpochs(
        losses: try a.numbers("losses").storage, best: try a.number("best", .infinity))
      return .integers(Tensor(shape: [epochs.count], storage: epochs))
    },
    "parameterCount": Function(1) { (a) throws(Fault) in
      .single(Double(parameterCount(try a.option(0) as Transformer<Double>)))
    },
    "minutesAndSeconds": Function(1) { (a) throws(Fault) in
      let (minutes, seconds) = minutesAndSeconds(try a.number(0))
      return .integers(Tensor(shape: [2], storage: [minutes, seconds]))
    },
  ]
}

extension Value {
  /// A single number.
  fileprivate static func single(_ number: Double) -> Value {
    .numbers(Tensor(shape: [], storage: [number]))
  }
}

extension KernelResult {
  /// A single number.
  fileprivate static func single(_ number: Float, bound: Double) -> KernelResult {
    KernelResult(
      value: Tensor(shape: [], storage: [number]), bound: Tensor(shape: [], storage: [bound]))
  }
}

extension Arguments {
  /// The losses of batches, what they are means of, and what counts.
  fileprivate func batches() throws(Fault) -> (Tensor<Double>, Tensor<Int>, LossWeighting) {
    (
      try numbers("ofBatches"), try integers("counts"),
      try option("weighting", LossWeighting.tokens)
    )
  }

  /// What Adam keeps, zeros unless it is given.
  fileprivate func adamState() throws(Fault) -> AdamState<Double> {
    let zeros = try numbers(0).map { _ in 0.0 }
    return AdamState(
      firstMoment: try numbers("firstMoment", zeros),
      secondMoment: try numbers("secondMoment", zeros), step: try integer("step", 0))
  }

  /// The settings of Adam.
  fileprivate func adam() throws(Fault) -> Adam {
    Adam(
      learningRate: try number("learningRate"), beta1: try number("beta1", 0.9),
      beta2: try number("beta2", 0.999), epsilon: try number("epsilon", 1e-8),
      epsilonPlace: try option("epsilonPlace", EpsilonPlace.besideCorrectedRoot),
      weightDecay: try number("weightDecay", 0), decay: try option("decay", WeightDecay.coupled))
  }

  /// Parameters, gradient, velocity and settings of a step of descent.
  fileprivate func descent() throws(Fault) -> (
    Tensor<Double>, Tensor<Double>, Tensor<Double>, SGD
  ) {
    let theta = try numbers(0)
    return (
      theta, try numbers("gradient"), try numbers("velocity", theta.map { _ in 0 }),
      SGD(learningRate: try number("learningRate"), momentum: try number("momentum", 0))
    )
  }

  /// The label that does not count, if there is one.
  fileprivate func ignored() throws(Fault) -> Int? {
    try has("ignoring") ? integer("ignoring") : nil
  }

  fileprivate func number(_ label: String, _ fallback: Double) throws(Fault) -> Double {
    try has(label) ? number(label) : fallback
  }

  fileprivate func integer(_ label: String, _ fallback: Int) throws(Fault) -> Int {
    try has(label) ? integer(label) : fallback
  }

  fileprivate func numbers(
    _ label: String, _ fallback: Tensor<Double>
  ) throws(Fault) -> Tensor<Double> {
    try has(label) ? numbers(label) : fallback
  }
}
