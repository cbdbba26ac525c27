import Equations
import Notation

extension Function {
  static let training: [String: Function] = [
    loss, optimizers, schedules, initialization, bleu, loop,
  ].reduce(into: [:]) { all, topic in all.merge(topic) { word, _ in word } }

  private static let loss: [String: Function] = [
    "crossEntropy": Function(1, ["labels", "ignoring", "reduction"]) { (a) throws(Fault) in
      .numbers(
        crossEntropy(
          try a.numbers(0), labels: try a.integers("labels"), ignoring: try a.ignored(),
          reduction: try a.option("reduction", LossReduction.mean)))
    },
    "labelCount": Function(1, ["ignoring"]) { (a) throws(Fault) in
      .single(Double(labelCount(try a.integers(0), ignoring: try a.ignored())))
    },
    "meanLoss": Function(0, ["ofBatches", "counts", "weighting"]) { (a) throws(Fault) in
      .single(
        meanLoss(
          ofBatches: try a.numbers("ofBatches"), counts: try a.integers("counts"),
          weighting: try a.option("weighting", LossWeighting.tokens)))
    },
    "perplexity": Function(0, ["ofBatches", "counts", "weighting"]) { (a) throws(Fault) in
      .single(
        perplexity(
          ofBatches: try a.numbers("ofBatches"), counts: try a.integers("counts"),
          weighting: try a.option("weighting", LossWeighting.tokens)))
    },
  ]

  private static let optimizers: [String: Function] = [
    "adamStep": Function(
      1,
      [
        "gradient", "firstMoment", "secondMoment", "step", "learningRate", "beta1", "beta2",
        "epsilon", "epsilonPlace", "weightDecay", "decay",
      ]
    ) { (a) throws(Fault) in
      let theta = try a.numbers(0)
      let zeros = Tensor<Double>(shape: theta.shape, repeating: 0)
      let state = AdamState(
        firstMoment: try a.numbers("firstMoment", zeros),
        secondMoment: try a.numbers("secondMoment", zeros), step: try a.integer("step", 0))
      let settings = Adam(
        learningRate: try a.number("learningRate"), beta1: try a.number("beta1", 0.9),
        beta2: try a.number("beta2", 0.999), epsilon: try a.number("epsilon", 1e-8),
        epsilonPlace: try a.option("epsilonPlace", EpsilonPlace.besideCorrectedRoot),
        weightDecay: try a.number("weightDecay", 0),
        decay: try a.option("decay", WeightDecay.coupled))
      let next = adamStep(theta, gradient: try a.numbers("gradient"), state, settings)
      return .record(
        output: next.parameters,
        parts: [
          "parameters": next.parameters, "firstMoment": next.state.firstMoment,
          "secondMoment": next.state.secondMoment,
        ])
    },
    "sgdStep": Function(1, ["gradient", "velocity", "learningRate", "momentum"]) {
      (a) throws(Fault) in
      let theta = try a.numbers(0)
      let next = sgdStep(
        theta, gradient: try a.numbers("gradient"),
        velocity: try a.numbers("velocity", theta.map { _ in 0 }),
        SGD(learningRate: try a.number("learningRate"), momentum: try a.number("momentum", 0)))
      return .record(
        output: next.parameters,
        parts: ["parameters": next.parameters, "velocity": next.velocity])
    },
    "globalNorm": Function(nil) { (a) throws(Fault) in
      .single(globalNorm(try a.positionalNumbers()))
    },
    "clippingCoefficient": Function(1, ["maximumNorm", "epsilon"]) { (a) throws(Fault) in
      .single(
        clippingCoefficient(
          norm: try a.number(0), maximumNorm: try a.number("maximumNorm"),
          epsilon: try a.number("epsilon", 1e-6)))
    },
    // Two gradients at most: an example calls them first and second.
    "clipped": Function(nil, ["maximumNorm", "epsilon"]) { (a) throws(Fault) in
      let gradients = clipped(
        try a.positionalNumbers(), maximumNorm: try a.number("maximumNorm"),
        epsilon: try a.number("epsilon", 1e-6))
      let parts = zip(["first", "second"], gradients)
      return .record(output: gradients[0], parts: Dictionary(uniqueKeysWithValues: parts))
    },
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

extension Arguments {
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
