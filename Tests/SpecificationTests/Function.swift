import Equations
import ErrorBounds
import Kernels
import Notation

/// A function that examples may call.
struct Function: Sendable {
  /// How many arguments have no label; `nil` for any number.
  let positional: Int?
  /// The labels that may be given.
  let labels: Set<String>
  /// The equation, in Double.
  let equation: @Sendable (Arguments) throws(Fault) -> Value
  /// The kernel, in Float, with what its rounding may come to; `nil` where there is none.
  let kernel: (@Sendable (Arguments) throws(Fault) -> KernelResult)?

  init(
    _ positional: Int?, _ labels: Set<String> = [],
    equation: @escaping @Sendable (Arguments) throws(Fault) -> Value,
    kernel: (@Sendable (Arguments) throws(Fault) -> KernelResult)? = nil
  ) {
    (self.positional, self.labels) = (positional, labels)
    (self.equation, self.kernel) = (equation, kernel)
  }
}

/// What a kernel computed, and how far from the exact result its bound lets it be.
struct KernelResult {
  let value: Tensor<Float>
  let bound: Tensor<Double>
}

extension Function {
  /// The functions by the names that Swift, too, has for them, and the words that take arguments.
  static let all: [String: Function] = [
    "matrixProduct": Function(
      2,
      equation: { (a) throws(Fault) in
        .numbers(matrixProduct(try a.numbers(0), try a.numbers(1)))
      },
      kernel: { (a) throws(Fault) in
        KernelResult(
          value: matrixProduct(try a.floats(0), try a.floats(1)),
          bound: matrixProductBound(try a.numbers(0), try a.numbers(1)))
      }),
    "affineMap": Function(
      1, ["weight", "inputsByOutputs", "bias", "activation"],
      equation: { (a) throws(Fault) in
        .numbers(affineMap(try a.numbers(0), try a.affineMap(), activation: try a.activation()))
      },
      kernel: { (a) throws(Fault) in
        let (x, map, activation) = (try a.numbers(0), try a.affineMap(), try a.activation())
        let weight = try exactFloats(map.weight)
        var floatMap = AffineMap(weight: weight)
        if let bias = map.bias { floatMap = AffineMap(weight: weight, bias: try exactFloats(bias)) }
        return KernelResult(
          value: affineMap(try exactFloats(x), floatMap, activation: activation),
          bound: affineMapBound(x, map, activation: activation))
      }),
    "softmax": Function(
      1,
      equation: { (a) throws(Fault) in .numbers(softmax(try a.numbers(0))) },
      kernel: { (a) throws(Fault) in
        KernelResult(value: softmax(try a.floats(0)), bound: softmaxBound(try a.numbers(0)))
      }),
    "logSoftmax": Function(
      1,
      equation: { (a) throws(Fault) in .numbers(logSoftmax(try a.numbers(0))) },
      kernel: { (a) throws(Fault) in
        KernelResult(value: logSoftmax(try a.floats(0)), bound: logSoftmaxBound(try a.numbers(0)))
      }),
  ].merging(masks) { first, _ in first }.merging(attentions) { first, _ in first }

  private static let masks: [String: Function] = [
    "causalMask": Function(0, ["queries", "keys", "offset"]) { (a) throws(Fault) in
      .booleans(
        causalMask(
          queries: try a.integer("queries"), keys: try a.integer("keys"),
          offset: try a.has("offset") ? a.integer("offset") : 0))
    },
    "paddingMask": Function(0, ["tokens", "padding"]) { (a) throws(Fault) in
      .booleans(paddingMask(tokens: try a.integers("tokens"), padding: try a.integer("padding")))
    },
    "decoderMask": Function(0, ["tokens", "padding", "queryPadding"]) { (a) throws(Fault) in
      .booleans(
        decoderMask(
          tokens: try a.integers("tokens"), padding: try a.integer("padding"),
          queryPadding: try a.queryPadding()))
    },
    "conjunction": Function(2) { (a) throws(Fault) in
      .booleans(conjunction(try a.booleans(0), try a.booleans(1)))
    },
    "additiveMask": Function(1) { (a) throws(Fault) in
      .numbers(additiveMask(try a.booleans(0)))
    },
    "maskedScores": Function(1, ["mask", "fill", "factor"]) { (a) throws(Fault) in
      .numbers(
        maskedScores(
          try a.numbers(0), mask: try a.mask(), fill: try a.fill(),
          factor: try a.has("factor") ? a.number("factor") : 1))
    },
    "causal": Function(1) { (a) throws(Fault) in .mask(.causal(offset: try a.integer(0))) },
    "keep": Function(1) { (a) throws(Fault) in .mask(.keep(try a.booleans(0))) },
    "adding": Function(1) { (a) throws(Fault) in .mask(.adding(try a.numbers(0))) },
    "replaced": Function(1) { (a) throws(Fault) in .fill(.replaced(by: try a.number(0))) },
    "replacedBeforeScaling": Function(1) { (a) throws(Fault) in
      .fill(.replacedBeforeScaling(by: try a.number(0)))
    },
    "added": Function(1) { (a) throws(Fault) in .fill(.added(try a.number(0))) },
    "empty": Function(nil) { (a) throws(Fault) in
      let shape = try a.positionalIntegers()
      guard shape.contains(0), shape.allSatisfy({ $0 >= 0 }) else {
        throw Fault("empty(…) needs an extent of 0 and none below")
      }
      return .numbers(Tensor(shape: shape, storage: []))
    },
  ]

  private static let attentions: [String: Function] = [
    "scaledDotProductAttention": Function(
      0, ["queries", "keys", "values", "mask", "fill", "scale"],
      equation: { (a) throws(Fault) in
        .steps(
          scaledDotProductAttentionSteps(
            queries: try a.numbers("queries"), keys: try a.numbers("keys"),
            values: try a.numbers("values"), mask: try a.mask(), fill: try a.fill(),
            scale: try a.scale()))
      },
      kernel: { (a) throws(Fault) in
        let (q, k, v) = (
          try a.numbers("queries"), try a.numbers("keys"), try a.numbers("values")
        )
        let (mask, fill, scale) = (try a.mask(), try a.fill(), try a.scale())
        if let bias = mask.bias { _ = try exactFloats(bias) }
        return KernelResult(
          value: scaledDotProductAttention(
            queries: try exactFloats(q), keys: try exactFloats(k), values: try exactFloats(v),
            mask: mask.converted(), fill: fill, scale: scale),
          bound: scaledDotProductAttentionBounds(
            queries: q, keys: k, values: v, mask: mask, fill: fill, scale: scale
          ).output)
      }),
    "selfAttention": Function(1, projected) { (a) throws(Fault) in
      .numbers(
        selfAttention(
          try a.numbers(0), try a.projections(), mask: try a.mask(), fill: try a.fill(),
          scale: try a.scale()))
    },
    "crossAttention": Function(1, projected.union(["memory"])) { (a) throws(Fault) in
      .numbers(
        crossAttention(
          try a.numbers(0), memory: try a.numbers("memory"), try a.projections(),
          mask: try a.mask(), fill: try a.fill(), scale: try a.scale()))
    },
    "rootModelWidth": Function(1) { (a) throws(Fault) in
      .scale(.rootModelWidth(try a.integer(0)))
    },
    "factor": Function(1) { (a) throws(Fault) in .scale(.factor(try a.number(0))) },
  ]

  /// W^Q, W^K and W^V, outputs × inputs, and what attention takes besides.
  private static let projected: Set<String> = [
    "query", "key", "value", "queryBias", "keyBias", "valueBias", "mask", "fill", "scale",
  ]
}
