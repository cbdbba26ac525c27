import Equations
import ErrorBounds
import Kernels
import Notation
import TestSupport

extension Function {
  static let primitives: [String: Function] = [
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
        .numbers(
          affineMap(
            try a.numbers(0), try a.affineMap(),
            activation: try a.option("activation", Activation.identity)))
      },
      kernel: { (a) throws(Fault) in
        let (x, map, activation) = (
          try a.numbers(0), try a.affineMap(), try a.option("activation", Activation.identity)
        )
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
    "argmax": Function(1) { (a) throws(Fault) in .integers(argmax(try a.numbers(0))) },
    "activate": Function(
      2,
      equation: { (a) throws(Fault) in
        .numbers(activate(try a.numbers(0), try a.option(1) as Activation))
      },
      kernel: { (a) throws(Fault) in
        let (x, activation) = (try a.numbers(0), try a.option(1) as Activation)
        guard let floats = try? exactFloats(x) else { return nil }
        return KernelResult(
          value: activate(floats, activation), bound: activationBound(x, activation))
      }),
    "dropout": Function(
      1, ["probability", "seed", "site"],
      equation: { (a) throws(Fault) in .numbers(dropout(try a.numbers(0), try a.dropout())) },
      kernel: { (a) throws(Fault) in
        let (x, drop) = (try a.numbers(0), try a.dropout())
        return KernelResult(
          value: dropout(try exactFloats(x), drop), bound: dropoutBound(x.finite, drop))
      }),
    "dropoutMask": Function(0, ["shape", "probability", "seed", "site"]) { (a) throws(Fault) in
      .booleans(dropoutMask(shape: try a.integers("shape").storage, try a.dropout()))
    },
    "uniform": Function(1, ["seed"]) { (a) throws(Fault) in
      let seed = try a.seed()
      return .numbers(try a.integers(0).map { SplitMix64.uniform($0, seed: seed) })
    },
    "convolution": Function(
      1, ["weight", "bias", "stride", "dilation", "padding"],
      equation: { (a) throws(Fault) in
        .numbers(convolution(try a.numbers(0), try a.convolution()))
      },
      kernel: { (a) throws(Fault) in
        let (x, p) = (try a.numbers(0), try a.convolution())
        _ = try exactFloats(p.weight)
        if let bias = p.bias { _ = try exactFloats(bias) }
        return KernelResult(
          value: convolution(try exactFloats(x), p.converted()),
          bound: convolutionBound(x.finite, p))
      }),
    "receptiveField": Function(0, ["kernels", "strides", "dilations"]) { (a) throws(Fault) in
      let (kernels, strides, dilations) = (
        try a.integers("kernels"), try a.integers("strides"), try a.integers("dilations")
      )
      let layers = kernels.storage.indices.map { i in
        Convolution<Double>(
          weight: Tensor(shape: [1, 1, kernels[i]], repeating: 1), stride: strides[i],
          dilation: dilations[i])
      }
      return .integers(Tensor(shape: [], storage: [receptiveField(of: layers)]))
    },
    "zeros": Function(0, ["left", "right"]) { (a) throws(Fault) in
      .option(ConvolutionPadding.zeros(left: try a.integer("left"), right: try a.integer("right")))
    },
    "empty": Function(nil) { (a) throws(Fault) in
      let shape = try a.positionalIntegers()
      guard shape.contains(0), shape.allSatisfy({ $0 >= 0 }) else {
        throw Fault("empty(…) needs an extent of 0 and none below")
      }
      return .numbers(Tensor(shape: shape, storage: []))
    },
  ]
}

extension Arguments {
  /// The parameters of a convolution.
  fileprivate func convolution() throws(Fault) -> Convolution<Double> {
    Convolution(
      weight: try numbers("weight"), bias: try has("bias") ? numbers("bias") : nil,
      stride: try has("stride") ? integer("stride") : 1,
      dilation: try has("dilation") ? integer("dilation") : 1,
      padding: try option("padding", ConvolutionPadding.none))
  }
}
