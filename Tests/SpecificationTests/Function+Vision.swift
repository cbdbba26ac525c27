import Equations
import ErrorBounds
import Kernels
import Notation
import TestSupport

extension Function {
  static let vision: [String: Function] = parameters.merging(functions) { word, _ in word }

  /// Words for the parameters of models.
  private static let parameters: [String: Function] = [
    "visionParameters": Function(
      0,
      [
        "patchSize", "patchOrder", "patch", "patchBias", "classToken", "positions", "layers",
        "norm", "head", "headBias",
      ]
    ) { (a) throws(Fault) in
      .option(
        VisionTransformer<Double>(
          patchSize: try a.integer("patchSize"),
          patchOrder: try a.option("patchOrder", PatchOrder.rowColumnChannel),
          patch: try a.affineMap(named: "patch"), classToken: try a.numbers("classToken"),
          positions: try a.numbers("positions"), layers: try a.options("layers"),
          norm: try a.option("norm"), head: try a.affineMap(named: "head")))
    },
    "windowParameters": Function(0, ["attention", "biasTable", "windowSize"]) {
      (a) throws(Fault) in
      .option(
        WindowAttention<Double>(
          attention: try a.option("attention"), biasTable: try a.numbers("biasTable"),
          windowSize: try a.integer("windowSize")))
    },
    "blockParameters": Function(
      0, ["attention", "attentionNorm", "feedForward", "feedForwardNorm", "shift"]
    ) { (a) throws(Fault) in
      .option(
        SwinBlock<Double>(
          attention: try a.option("attention"), attentionNorm: try a.option("attentionNorm"),
          feedForward: try a.option("feedForward"),
          feedForwardNorm: try a.option("feedForwardNorm"), shift: try a.integer("shift")))
    },
    "mergingParameters": Function(0, ["norm", "reduction", "reductionBias"]) {
      (a) throws(Fault) in
      .option(
        PatchMerging<Double>(
          norm: try a.option("norm"), reduction: try a.affineMap(named: "reduction")))
    },
    "stageParameters": Function(0, ["merging", "blocks"]) { (a) throws(Fault) in
      .option(
        SwinStage<Double>(
          merging: try a.ifGiven("merging"), blocks: try a.options("blocks")))
    },
    "swinParameters": Function(
      0,
      [
        "patchSize", "patchOrder", "patch", "patchBias", "patchNorm", "stages", "norm", "head",
        "headBias",
      ]
    ) { (a) throws(Fault) in
      .option(
        SwinTransformer<Double>(
          patchSize: try a.integer("patchSize"),
          patchOrder: try a.option("patchOrder", PatchOrder.rowColumnChannel),
          patch: try a.affineMap(named: "patch"), patchNorm: try a.ifGiven("patchNorm"),
          stages: try a.options("stages"), norm: try a.option("norm"),
          head: try a.affineMap(named: "head")))
    },
  ]

  private static let functions: [String: Function] = [
    "patches": Function(
      1, ["size", "order"],
      equation: { (a) throws(Fault) in
        .numbers(patches(try a.numbers(0), size: try a.integer("size"), order: try a.patchOrder()))
      },
      kernel: { (a) throws(Fault) in
        let (x, size, order) = (try a.numbers(0), try a.integer("size"), try a.patchOrder())
        return .moved(patches(try exactFloats(x), size: size, order: order))
      }),
    "visionTransformer": Function(
      2,
      equation: { (a) throws(Fault) in
        let steps = visionTransformerSteps(
          try a.numbers(0), try a.option(1) as VisionTransformer<Double>)
        return .record(
          output: steps.logits,
          parts: [
            "patches": steps.patches, "embedded": steps.embedded,
            "classVector": steps.classVector, "logits": steps.logits,
          ])
      },
      kernel: { (a) throws(Fault) in
        let (x, p) = (try a.numbers(0), try a.option(1) as VisionTransformer<Double>)
        return KernelResult(
          value: visionTransformer(try exactFloats(x), p.converted()),
          bound: visionTransformerBound(x.finite, p))
      }),
    "cyclicShift": Function(
      1, ["by"],
      equation: { (a) throws(Fault) in
        .numbers(cyclicShift(try a.numbers(0), by: try a.integer("by")))
      },
      kernel: { (a) throws(Fault) in
        .moved(cyclicShift(try exactFloats(try a.numbers(0)), by: try a.integer("by")))
      }),
    "windows": Function(
      1, ["size"],
      equation: { (a) throws(Fault) in
        .numbers(windows(try a.numbers(0), size: try a.integer("size")))
      },
      kernel: { (a) throws(Fault) in
        .moved(windows(try exactFloats(try a.numbers(0)), size: try a.integer("size")))
      }),
    "joinedWindows": Function(
      1, ["size", "height", "width"],
      equation: { (a) throws(Fault) in
        .numbers(
          joinedWindows(
            try a.numbers(0), size: try a.integer("size"), height: try a.integer("height"),
            width: try a.integer("width")))
      },
      kernel: { (a) throws(Fault) in
        .moved(
          joinedWindows(
            try exactFloats(try a.numbers(0)), size: try a.integer("size"),
            height: try a.integer("height"), width: try a.integer("width")))
      }),
    "relativePositionIndex": Function(0, ["window"]) { (a) throws(Fault) in
      .integers(relativePositionIndex(window: try a.integer("window")))
    },
    "shiftedWindowMask": Function(0, ["height", "width", "window", "shift"]) {
      (a) throws(Fault) in
      .booleans(
        Equations::shiftedWindowMask(
          height: try a.integer("height"), width: try a.integer("width"),
          window: try a.integer("window"), shift: try a.integer("shift")))
    },
    "windowAttention": Function(
      2, ["mask", "fill"],
      equation: { (a) throws(Fault) in
        let steps = windowAttentionSteps(
          try a.numbers(0), try a.option(1) as WindowAttention<Double>, mask: try a.windowMask(),
          fill: try a.windowFill())
        return .record(
          output: steps.output,
          parts: [
            "scores": steps.attention.scores, "maskedScores": steps.attention.maskedScores,
            "weights": steps.attention.weights, "output": steps.output,
          ])
      },
      kernel: { (a) throws(Fault) in
        let (x, p) = (try a.numbers(0), try a.option(1) as WindowAttention<Double>)
        let (mask, fill) = (try a.windowMask(), try a.windowFill())
        return KernelResult(
          value: windowAttention(try exactFloats(x), p.converted(), mask: mask, fill: fill),
          bound: windowAttentionBound(x.finite, p, mask: mask, fill: fill))
      }),
    "shiftedWindowAttention": Function(
      2, ["shift", "fill"],
      equation: { (a) throws(Fault) in
        .numbers(
          shiftedWindowAttention(
            try a.numbers(0), try a.option(1) as WindowAttention<Double>, shift: try a.shift(),
            fill: try a.windowFill()))
      },
      kernel: { (a) throws(Fault) in
        let (x, p) = (try a.numbers(0), try a.option(1) as WindowAttention<Double>)
        let (shift, fill) = (try a.shift(), try a.windowFill())
        return KernelResult(
          value: shiftedWindowAttention(
            try exactFloats(x), p.converted(), shift: shift, fill: fill),
          bound: shiftedWindowAttentionBound(x.finite, p, shift: shift, fill: fill))
      }),
    "swinBlock": Function(
      2, ["fill"],
      equation: { (a) throws(Fault) in
        let steps = swinBlockSteps(
          try a.numbers(0), try a.option(1) as SwinBlock<Double>, fill: try a.windowFill())
        return .record(
          output: steps.output,
          parts: [
            "attention": steps.attention, "afterAttention": steps.afterAttention,
            "feedForward": steps.feedForward, "output": steps.output,
          ])
      },
      kernel: { (a) throws(Fault) in
        let (x, p) = (try a.numbers(0), try a.option(1) as SwinBlock<Double>)
        let fill = try a.windowFill()
        return KernelResult(
          value: swinBlock(try exactFloats(x), p.converted(), fill: fill),
          bound: swinBlockBound(x.finite, p, fill: fill))
      }),
    "patchMerging": Function(
      2,
      equation: { (a) throws(Fault) in
        .numbers(patchMerging(try a.numbers(0), try a.option(1) as PatchMerging<Double>))
      },
      kernel: { (a) throws(Fault) in
        let (x, p) = (try a.numbers(0), try a.option(1) as PatchMerging<Double>)
        return KernelResult(
          value: patchMerging(try exactFloats(x), p.converted()),
          bound: patchMergingBound(x.finite, p))
      }),
    "swinTransformer": Function(
      2, ["fill"],
      equation: { (a) throws(Fault) in
        let steps = swinTransformerSteps(
          try a.numbers(0), try a.option(1) as SwinTransformer<Double>, fill: try a.windowFill())
        return .record(
          output: steps.logits,
          parts: ["embedded": steps.embedded, "pooled": steps.pooled, "logits": steps.logits])
      },
      kernel: { (a) throws(Fault) in
        let (x, p) = (try a.numbers(0), try a.option(1) as SwinTransformer<Double>)
        let fill = try a.windowFill()
        return KernelResult(
          value: swinTransformer(try exactFloats(x), p.converted(), fill: fill),
          bound: swinTransformerBound(x.finite, p, fill: fill))
      }),
    "attentionCost": Function(0, ["height", "width", "channels"]) { (a) throws(Fault) in
      let cost = attentionCost(
        height: try a.integer("height"), width: try a.integer("width"),
        channels: try a.integer("channels"))
      return .integers(Tensor(shape: [], storage: [cost]))
    },
    "windowAttentionCost": Function(0, ["height", "width", "channels", "window"]) {
      (a) throws(Fault) in
      let cost = windowAttentionCost(
        height: try a.integer("height"), width: try a.integer("width"),
        channels: try a.integer("channels"), window: try a.integer("window"))
      return .integers(Tensor(shape: [], storage: [cost]))
    },
  ]
}

extension KernelResult {
  /// What a kernel only moved: exact.
  fileprivate static func moved(_ value: Tensor<Float>) -> KernelResult {
    KernelResult(value: value, bound: value.map { _ in 0 })
  }
}

extension Arguments {
  fileprivate func patchOrder() throws(Fault) -> PatchOrder {
    try option("order", PatchOrder.rowColumnChannel)
  }

  fileprivate func shift() throws(Fault) -> Int { try has("shift") ? integer("shift") : 0 }

  fileprivate func windowFill() throws(Fault) -> MaskFill {
    try option("fill", MaskFill.excluded)
  }

  /// Which positions of windows may see each other, if that is said.
  fileprivate func windowMask() throws(Fault) -> Tensor<Bool>? {
    try has("mask") ? booleans("mask") : nil
  }
}
