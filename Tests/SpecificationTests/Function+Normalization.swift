import Equations
import ErrorBounds
import Kernels
import Notation
import TestSupport

extension Function {
  static let normalization: [String: Function] = [
    "layerNorm": Function(
      1, ["gain", "bias", "epsilon", "form"],
      equation: { (a) throws(Fault) in
        let x = try a.numbers(0)
        let steps = layerNormSteps(x, try a.layerNorm(width: x.shape.last ?? 0, bias: "bias"))
        return .record(
          output: steps.output,
          parts: [
            "mean": steps.mean, "variance": steps.variance, "normalized": steps.normalized,
            "output": steps.output,
          ])
      },
      kernel: { (a) throws(Fault) in
        let x = try a.numbers(0)
        let p = try a.layerNorm(width: x.shape.last ?? 0, bias: "bias")
        guard let floats = try? exactFloats(x) else { return nil }
        return KernelResult(
          value: layerNorm(floats, try p.exactFloats()), bound: layerNormBound(x.finite, p))
      }),
    "norm": Function(0, ["gain", "bias", "width", "epsilon", "form"]) { (a) throws(Fault) in
      .option(
        try a.layerNorm(width: a.has("width") ? try a.integer("width") : 0, bias: "bias"))
    },
    "residual": Function(
      1, ["weight", "bias", "placement", "gain", "normBias", "epsilon", "form"],
      equation: { (a) throws(Fault) in
        let (x, map) = (try a.numbers(0), try a.affineMap())
        func sublayer(_ x: Tensor<Double>) -> Tensor<Double> {
          affineMap(x, map, activation: .relu)
        }
        guard let (placement, norm) = try a.placedNorm(width: x.shape.last ?? 0) else {
          return .record(output: residual(x, sublayer), parts: ["sublayer": sublayer(x)])
        }
        let result = residual(x, placement, norm, sublayer)
        return .record(output: result.output, parts: ["sublayer": result.sublayer])
      },
      kernel: { (a) throws(Fault) in
        let (x, map) = (try a.numbers(0), try a.affineMap())
        let norm = try a.placedNorm(width: x.shape.last ?? 0)
        let (floats, weight) = (try exactFloats(x), try exactFloats(map.weight))
        let floatMap = AffineMap(weight: weight, bias: try map.bias.map(exactFloats))
        func sublayer(_ x: Tensor<Float>) -> Tensor<Float> {
          affineMap(x, floatMap, activation: .relu)
        }
        let output =
          if let norm {
            residual(floats, norm.placement, try norm.parameters.exactFloats(), sublayer).output
          } else {
            residual(floats, sublayer)
          }
        return KernelResult(
          value: output,
          bound: residualBound(x.finite, norm, through: map, activation: .relu))
      }),
  ]
}

extension Arguments {
  /// The parameters of a normalisation; without `gain` those with which training begins.
  fileprivate func layerNorm(width: Int, bias: String) throws(Fault) -> LayerNorm<Double> {
    let (epsilon, form) = (
      try number("epsilon"), try option("form", LayerNormForm.epsilonInsideRoot)
    )
    guard has("gain") else { return LayerNorm(width: width, epsilon: epsilon, form: form) }
    return LayerNorm(
      gain: try numbers("gain"), bias: try has(bias) ? numbers(bias) : nil, epsilon: epsilon,
      form: form)
  }

  /// The normalisation of a residual sublayer, if it has one.
  fileprivate func placedNorm(
    width: Int
  ) throws(Fault) -> (placement: NormPlacement, parameters: LayerNorm<Double>)? {
    guard has("placement") else { return nil }
    return (try option("placement"), try layerNorm(width: width, bias: "normBias"))
  }
}

extension LayerNorm<Double> {
  /// The same parameters as the kernels get them.
  func exactFloats() throws(Fault) -> LayerNorm<Float> {
    _ = try SpecificationTests.exactFloats(gain)
    if let bias { _ = try SpecificationTests.exactFloats(bias) }
    return converted()
  }
}
