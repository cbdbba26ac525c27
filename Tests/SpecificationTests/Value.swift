import Notation

/// What an expression of an example stands for.
enum Value {
  case numbers(Tensor<Double>, halfUnits: Tensor<Double>)
  case booleans(Tensor<Bool>)
  case mask(AttentionMask<Double>)
  /// A result with parts, each under the name that Swift has for it.
  case record(output: Tensor<Double>, parts: [String: Tensor<Double>])
  /// A dialect, or a set of parameters.
  case option(any Sendable)
  /// Sets of parameters one after the other: the layers of a stack.
  case options([any Sendable])

  /// Numbers that are exact.
  static func numbers(_ tensor: Tensor<Double>) -> Value {
    .numbers(tensor, halfUnits: tensor.map { _ in 0 })
  }

  /// Integers as numbers.
  static func integers(_ tensor: Tensor<Int>) -> Value { .numbers(tensor.map { Double($0) }) }

  /// Everything that an attention computes.
  static func steps(_ steps: AttentionSteps<Double>) -> Value {
    .record(
      output: steps.output,
      parts: [
        "scores": steps.scores, "maskedScores": steps.maskedScores, "weights": steps.weights,
        "output": steps.output,
      ])
  }

  /// The words that stand for a value without arguments.
  static let constants: [String: Value] = [
    "true": .booleans(true), "false": .booleans(false), "inf": .numbers(Tensor(.infinity)),
    "nan": .numbers(Tensor(.nan)), "none": .mask(.none), "causal": .mask(.causal),
    "excluded": .option(MaskFill.excluded), "rootKeyWidth": .option(ScoreScale.rootKeyWidth),
    "visible": .option(QueryPadding.visible), "hidden": .option(QueryPadding.hidden),
    "identity": .option(Activation.identity), "relu": .option(Activation.relu),
    "gelu": .option(Activation.gelu), "geluTanh": .option(Activation.geluTanh),
    "sigmoid": .option(Activation.sigmoid), "tanh": .option(Activation.tanh),
    "causalPadding": .option(ConvolutionPadding.causal),
    "samePadding": .option(ConvolutionPadding.same),
    "preNorm": .option(NormPlacement.preNorm), "postNorm": .option(NormPlacement.postNorm),
    "epsilonInsideRoot": .option(LayerNormForm.epsilonInsideRoot),
    "epsilonOutsideRoot": .option(LayerNormForm.epsilonOutsideRoot),
    "power": .option(SinusoidForm.power), "exponential": .option(SinusoidForm.exponential),
    "unscaled": .option(EmbeddingScale.none),
    "rootModelWidthScale": .option(EmbeddingScale.rootModelWidth),
    "dot": .option(ScoringFunction<Double>.dot),
    "scaledDot": .option(ScoringFunction<Double>.scaledDot),
    "largest": .option(HardChoice.largest),
    "contextMean": .option(ContextCombination.mean),
    "contextSum": .option(ContextCombination.sum),
    "fullPrefix": .option(GenerationMethod.fullPrefix),
    "cached": .option(GenerationMethod.cached),
    "meanOfLosses": .option(LossReduction.mean), "sumOfLosses": .option(LossReduction.sum),
    "eachLoss": .option(LossReduction.each), "byTokens": .option(LossWeighting.tokens),
    "byBatches": .option(LossWeighting.batches), "coupled": .option(WeightDecay.coupled),
    "decoupled": .option(WeightDecay.decoupled), "besideRoot": .option(EpsilonPlace.besideRoot),
    "besideCorrectedRoot": .option(EpsilonPlace.besideCorrectedRoot),
    "pyTorchWeights": .option(WeightInitialization.pyTorch),
    "kaimingWeights": .option(WeightInitialization.kaiming),
    "forward": .option(Direction.forward), "reverse": .option(Direction.reverse),
    "inputForgetCandidateOutput": .option(GateOrder.inputForgetCandidateOutput),
    "inputOutputForgetCandidate": .option(GateOrder.inputOutputForgetCandidate),
    "resetAfter": .option(GRUForm.resetAfter), "resetBefore": .option(GRUForm.resetBefore),
    "resetBeforeUpdateSwapped": .option(GRUForm.resetBeforeUpdateSwapped),
    "rowColumnChannel": .option(PatchOrder.rowColumnChannel),
    "channelRowColumn": .option(PatchOrder.channelRowColumn),
  ]
}

extension Tensor {
  /// A tensor of one element.
  fileprivate init(_ element: Element) { self.init(shape: [], storage: [element]) }
}
