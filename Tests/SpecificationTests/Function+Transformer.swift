import Equations
import ErrorBounds
import Kernels
import Notation
import TestSupport

extension Function {
  static let transformer: [String: Function] = parameters.merging(functions) { word, _ in word }

  /// Words for the parameters of networks, layers and models.
  private static let parameters: [String: Function] = [
    "network": Function(0, network) { (a) throws(Fault) in .option(try a.network()) },
    "encoderParameters": Function(
      0, ["attention", "attentionNorm", "feedForward", "feedForwardNorm", "placement"]
    ) { (a) throws(Fault) in
      .option(
        EncoderLayer<Double>(
          attention: try a.option("attention"), attentionNorm: try a.option("attentionNorm"),
          feedForward: try a.option("feedForward"),
          feedForwardNorm: try a.option("feedForwardNorm"), placement: try a.option("placement")))
    },
    "decoderParameters": Function(
      0,
      [
        "selfAttention", "selfAttentionNorm", "crossAttention", "crossAttentionNorm",
        "feedForward", "feedForwardNorm", "placement",
      ]
    ) { (a) throws(Fault) in
      .option(
        DecoderLayer<Double>(
          selfAttention: try a.option("selfAttention"),
          selfAttentionNorm: try a.option("selfAttentionNorm"),
          crossAttention: try a.option("crossAttention"),
          crossAttentionNorm: try a.option("crossAttentionNorm"),
          feedForward: try a.option("feedForward"),
          feedForwardNorm: try a.option("feedForwardNorm"), placement: try a.option("placement")))
    },
    "transformerParameters": Function(
      0,
      [
        "sourceTable", "targetTable", "positions", "embeddingScale", "encoderLayers",
        "encoderNorm", "decoderLayers", "decoderNorm", "output", "outputBias", "sourcePadding",
        "targetPadding", "queryPadding", "fill",
      ]
    ) { (a) throws(Fault) in
      .option(
        Transformer<Double>(
          sourceTable: try a.numbers("sourceTable"), targetTable: try a.numbers("targetTable"),
          positions: try a.option("positions", .sinusoidal()),
          embeddingScale: try a.option("embeddingScale", EmbeddingScale.none),
          stacks: TransformerStacks(
            encoderLayers: try a.options("encoderLayers"),
            encoderNorm: try a.ifGiven("encoderNorm"),
            decoderLayers: try a.options("decoderLayers"),
            decoderNorm: try a.ifGiven("decoderNorm")),
          output: try a.affineMap(named: "output"),
          sourcePadding: try a.has("sourcePadding") ? a.integer("sourcePadding") : nil,
          targetPadding: try a.has("targetPadding") ? a.integer("targetPadding") : nil,
          queryPadding: try a.option("queryPadding", QueryPadding.visible),
          fill: try a.option("fill", MaskFill.excluded)))
    },
  ]

  private static let functions: [String: Function] = [
    "feedForward": Function(
      1, network.union(["probability", "seed"]),
      equation: { (a) throws(Fault) in
        .numbers(feedForward(try a.numbers(0), try a.network(), dropout: try a.dropout()))
      },
      kernel: { (a) throws(Fault) in
        let (x, p, drop) = (try a.numbers(0), try a.network(), try a.dropout())
        guard let floats = try? exactFloats(x) else { return nil }
        return KernelResult(
          value: feedForward(floats, p.converted(), dropout: drop),
          bound: feedForwardBound(x.finite, p, dropout: drop))
      }),
    "encoderLayer": Function(
      2, ["mask", "fill"],
      equation: { (a) throws(Fault) in
        let steps = encoderLayerSteps(
          try a.numbers(0), try a.option(1), mask: try a.mask(),
          fill: try a.option("fill", MaskFill.excluded))
        return .record(
          output: steps.output,
          parts: [
            "attention": steps.attention, "afterAttention": steps.afterAttention,
            "feedForward": steps.feedForward, "output": steps.output,
          ])
      },
      kernel: { (a) throws(Fault) in
        let (x, p) = (try a.numbers(0), try a.option(1) as EncoderLayer<Double>)
        let (mask, fill) = (try a.mask(), try a.option("fill", MaskFill.excluded))
        return KernelResult(
          value: encoderLayer(
            try exactFloats(x), p.converted(), mask: mask.converted(), fill: fill),
          bound: encoderLayerBound(x.finite, p, mask: mask, fill: fill))
      }),
    "encoder": Function(1, ["layers", "norm", "mask", "fill"]) { (a) throws(Fault) in
      .numbers(
        encoder(
          try a.numbers(0), layers: try a.options("layers"), norm: try a.ifGiven("norm"),
          mask: try a.mask(), fill: try a.option("fill", MaskFill.excluded)))
    },
    "decoderLayer": Function(
      2, ["memory", "mask", "memoryMask", "fill"],
      equation: { (a) throws(Fault) in
        let steps = decoderLayerSteps(
          try a.numbers(0), memory: try a.memory(), try a.option(1),
          mask: try a.mask(otherwise: .causal), memoryMask: try a.mask("memoryMask"),
          fill: try a.option("fill", MaskFill.excluded))
        var parts = [
          "selfAttention": steps.selfAttention, "afterSelfAttention": steps.afterSelfAttention,
          "afterCrossAttention": steps.afterCrossAttention, "feedForward": steps.feedForward,
          "output": steps.output,
        ]
        parts["crossAttention"] = steps.crossAttention
        return .record(output: steps.output, parts: parts)
      },
      kernel: { (a) throws(Fault) in
        let (x, p) = (try a.numbers(0), try a.option(1) as DecoderLayer<Double>)
        let (memory, mask) = (try a.memory(), try a.mask(otherwise: .causal))
        let (memoryMask, fill) = (
          try a.mask("memoryMask"), try a.option("fill", MaskFill.excluded)
        )
        return KernelResult(
          value: decoderLayer(
            try exactFloats(x), memory: try memory.map(exactFloats), p.converted(),
            mask: mask.converted(), memoryMask: memoryMask.converted(), fill: fill),
          bound: decoderLayerBound(
            x.finite, memory: memory?.finite, p, mask: mask, memoryMask: memoryMask, fill: fill))
      }),
    "decoder": Function(1, ["memory", "layers", "norm", "mask", "memoryMask", "fill"]) {
      (a) throws(Fault) in
      .numbers(
        decoder(
          try a.numbers(0), memory: try a.memory(), layers: try a.options("layers"),
          norm: try a.ifGiven("norm"),
          mask: try a.mask(otherwise: .causal), memoryMask: try a.mask("memoryMask"),
          fill: try a.option("fill", MaskFill.excluded)))
    },
    "transformer": Function(
      1, ["source", "target"],
      equation: { (a) throws(Fault) in
        let steps = transformerSteps(
          source: try a.integers("source"), target: try a.integers("target"),
          try a.option(0) as Transformer<Double>)
        return .record(
          output: steps.logits,
          parts: ["memory": steps.memory, "decoded": steps.decoded, "logits": steps.logits])
      },
      kernel: { (a) throws(Fault) in
        let (source, target) = (try a.integers("source"), try a.integers("target"))
        let p = try a.option(0) as Transformer<Double>
        return KernelResult(
          value: Kernels::transformer(source: source, target: target, p.converted()),
          bound: transformerBounds(source: source, target: target, p).logits)
      }),
    "greedyGeneration": Function(1, ["source", "start", "stop", "maximumLength", "method"]) {
      (a) throws(Fault) in
      let translations = greedyGeneration(
        source: try a.integers("source"), try a.option(0) as Transformer<Double>,
        start: try a.integer("start"),
        stop: try a.integer("stop"), maximumLength: try a.integer("maximumLength"),
        method: try a.option("method", GenerationMethod.fullPrefix))
      guard Set(translations.map(\.count)).count == 1 else {
        throw Fault("an example shows translations of one length")
      }
      return .integers(
        Tensor(
          shape: [translations.count, translations[0].count], storage: translations.flatMap { $0 }))
    },
    "teacherForcedTokens": Function(1, ["source", "target"]) { (a) throws(Fault) in
      .integers(
        teacherForcedTokens(
          source: try a.integers("source"), target: try a.integers("target"),
          try a.option(0) as Transformer<Double>))
    },
    "stepwiseLogits": Function(
      1, ["source", "target", "method"],
      equation: { (a) throws(Fault) in
        .numbers(
          stepwiseLogits(
            source: try a.integers("source"), target: try a.integers("target"),
            try a.option(0) as Transformer<Double>,
            method: try a.option("method")))
      },
      kernel: { (a) throws(Fault) in
        let (source, target) = (try a.integers("source"), try a.integers("target"))
        let p = try a.option(0) as Transformer<Double>
        return KernelResult(
          value: stepwiseLogits(
            source: source, target: target, p.converted(), method: try a.option("method")),
          bound: transformerBounds(source: source, target: target, p).logits)
      }),
  ]

  /// W₁, b₁, W₂ and b₂, outputs × inputs, and what stands between.
  private static let network: Set<String> = [
    "inner", "innerBias", "outer", "outerBias", "activation",
  ]
}

extension Arguments {
  /// What a decoder attends to, if anything.
  fileprivate func memory() throws(Fault) -> Tensor<Double>? {
    try has("memory") ? numbers("memory") : nil
  }

  /// The feed-forward network of `inner`, `outer` and their biases.
  fileprivate func network() throws(Fault) -> FeedForward<Double> {
    FeedForward(
      inner: try affineMap(named: "inner"), outer: try affineMap(named: "outer"),
      activation: try option("activation", Activation.relu))
  }
}
