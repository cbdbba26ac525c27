import Equations
import Notation

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
    }
  ]

  private static let functions: [String: Function] = [
    "patches": Function(1, ["size", "order"]) { (a) throws(Fault) in
      .numbers(
        patches(
          try a.numbers(0), size: try a.integer("size"),
          order: try a.option("order", PatchOrder.rowColumnChannel)))
    },
    "visionTransformer": Function(2) { (a) throws(Fault) in
      let steps = visionTransformerSteps(
        try a.numbers(0), try a.option(1) as VisionTransformer<Double>)
      return .record(
        output: steps.logits,
        parts: [
          "patches": steps.patches, "embedded": steps.embedded, "classVector": steps.classVector,
          "logits": steps.logits,
        ])
    },
  ]
}
