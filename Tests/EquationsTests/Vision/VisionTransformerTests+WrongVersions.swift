import Equations
import Notation
import TestSupport

let wrongPatches: [WrongVersion<PatchesFunction>] = [
  WrongVersion("the other order inside a patch") { input in
    var other = input
    other.order = input.order == .rowColumnChannel ? .channelRowColumn : .rowColumnChannel
    return patchesEquation(other)
  },
  WrongVersion("columns before rows inside a patch") { input in
    let y = patchesEquation(input)
    let (size, channels) = (input.size, input.x.shape.last!)
    return y.numbersMoved { place in
      switch input.order {
      case .rowColumnChannel:
        let (k, pixel) = (place % channels, place / channels)
        return (pixel % size * size + pixel / size) * channels + k
      case .channelRowColumn:
        let (k, pixel) = (place / (size * size), place % (size * size))
        return k * size * size + pixel % size * size + pixel / size
      }
    }
  },
  WrongVersion("row, channel, column inside a patch") { input in
    var plain = input
    plain.order = .rowColumnChannel
    let (size, channels) = (input.size, input.x.shape.last!)
    return patchesEquation(plain).numbersMoved { place in
      let (b, k, a) = (place % size, place / size % channels, place / size / channels)
      return (a * size + b) * channels + k
    }
  },
  WrongVersion("the patches column by column of the image") { input in
    let x = input.x
    let (rows, columns) = (x.shape[x.rank - 3] / input.size, x.shape[x.rank - 2] / input.size)
    return patchesEquation(input).rows(
      (0..<columns).flatMap { j in (0..<rows).map { i in i * columns + j } })
  },
  WrongVersion("the patches from the last to the first") { input in
    let y = patchesEquation(input)
    return y.rows((0..<y.shape[y.rank - 2]).reversed())
  },
  WrongVersion("rows of the image taken for patches") { input in
    let y = patchesEquation(input)
    return input.x.reshaped(y.shape)
  },
  WrongVersion("the pixels of a patch far apart, one from every part of the image") { input in
    // Places H/P apart in each direction make a patch.
    let x = input.x
    let (h, w, channels, size) = (
      x.shape[x.rank - 3], x.shape[x.rank - 2], x.shape[x.rank - 1], input.size
    )
    var spread = input
    for at in x.storage.indices {
      let (c, r) = (at / channels % w, at / channels / w % h)
      let row = r % size * (h / size) + r / size
      let column = c % size * (w / size) + c / size
      spread.x.storage[at] = x.storage[at + ((row - r) * w + column - c) * channels]
    }
    return patchesEquation(spread)
  },
]

let wrongVisionTransformers: [WrongVersion<VisionFunction<Double>>] =
  wrongParameters + wrongAssemblies

private let wrongAssemblies: [WrongVersion<VisionFunction<Double>>] = [
  assembled("the class token comes last") { vectors, p in
    positioned(vectors.followed(by: p.token(like: vectors)), p.positions)
  },
  assembled("the class token has no position") { vectors, p in
    let d = p.patch.outputs
    var positions = p.positions
    for c in 0..<d { positions[0, c] = 0 }
    return positioned(p.token(like: vectors).followed(by: vectors), positions)
  },
  assembled("the patches have the positions from the class token's on") { vectors, p in
    let n = vectors.shape[vectors.rank - 2]
    return p.token(like: vectors).followed(
      by: positioned(vectors, p.positions.rows(Array(0..<n))))
  },
  assembled("the positions are added twice") {
    vectors, p in
    positioned(p.token(like: vectors).followed(by: vectors), p.positions.map { $0 * 2 })
  },
  assembled("a norm stands before the layers") { vectors, p in
    layerNorm(
      positioned(p.token(like: vectors).followed(by: vectors), p.positions), p.norm)
  },
  read("the last position is read") { z in z.rows([z.shape[z.rank - 2] - 1]) },
  read("the first patch is read") { z in z.rows([1]) },
  read("the mean of all positions is read") { z in
    z.mean(over: Array(0..<z.shape[z.rank - 2]))
  },
  read("the mean of the patches is read") { z in
    z.mean(over: Array(1..<z.shape[z.rank - 2]))
  },
  read("the norm is left out", norm: { x, _ in x }) { z in z.rows([0]) },
  read(
    "the norm has no gain and no bias",
    norm: { x, p in
      layerNorm(x, LayerNorm(width: p.width, epsilon: p.epsilon))
    }
  ) { z in z.rows([0]) },
  read(
    "the norm has its ε outside of the root",
    norm: { x, p in
      var p = p
      p.form = .epsilonOutsideRoot
      return layerNorm(x, p)
    }
  ) { z in z.rows([0]) },
  WrongVersion("the scores are probabilities") { input in
    var steps = visionEquation(input)
    steps.logits = softmax(steps.logits)
    return steps
  },
  WrongVersion("every layer gets z₀") { input in
    var steps = visionEquation(input)
    guard let last = input.p.layers.last else { return steps }
    let z = encoderLayer(steps.embedded, last)
    steps.layers[steps.layers.count - 1] = z
    return finished(steps, z.rows([0]), input.p) { layerNorm($0, $1) }
  },
]

private let wrongParameters: [WrongVersion<VisionFunction<Double>>] = [
  wrong("the positions are forgotten") { $0.positions = $0.positions.map { _ in 0 } },
  wrong("the positions stand from back to front") { p in
    p.positions = p.positions.rows((0..<p.positions.shape[0]).reversed())
  },
  wrong("the class token is zeros") { $0.classToken = $0.classToken.map { _ in 0 } },
  wrong("the patches' map has no bias") { $0.patch.bias = nil },
  wrong("the patches are read in the other order") { p in
    p.patchOrder = p.patchOrder == .rowColumnChannel ? .channelRowColumn : .rowColumnChannel
  },
  wrong("the head has no bias") { $0.head.bias = nil },
  wrong("the layers come in reverse order") { $0.layers.reverse() },
  wrong("all layers have the first's parameters") { p in
    p.layers = p.layers.map { _ in p.layers[0] }
  },
  wrong("the norms stand behind their sublayers") { p in
    for l in p.layers.indices { p.layers[l].placement = .postNorm }
  },
  wrong("ReLU for GELU") { p in
    for l in p.layers.indices { p.layers[l].feedForward.activation = .relu }
  },
  wrong("GELU by tanh for GELU") { p in
    for l in p.layers.indices where p.layers[l].feedForward.activation == .gelu {
      p.layers[l].feedForward.activation = .geluTanh
    }
  },
  wrong("the ε of PyTorch's layers for another") { p in
    let epsilon = p.norm.epsilon == 1e-5 ? 1e-6 : 1e-5
    p.norm.epsilon = epsilon
    for l in p.layers.indices {
      p.layers[l].attentionNorm.epsilon = epsilon
      p.layers[l].feedForwardNorm.epsilon = epsilon
    }
  },
]

private func wrong(
  _ name: String, _ change: @escaping @Sendable (inout VisionTransformer<Double>) -> Void
) -> WrongVersion<VisionFunction<Double>> {
  WrongVersion(name, of: visionEquation, given: { change(&$0.p) })
}

/// The model with z₀ put together in another way.
private func assembled(
  _ name: String,
  _ z0: @escaping @Sendable (Tensor<Double>, VisionTransformer<Double>) -> Tensor<Double>
) -> WrongVersion<VisionFunction<Double>> {
  WrongVersion(name) { input in
    var steps = visionEquation(input)
    let p = input.p
    steps.embedded = z0(affineMap(steps.patches, p.patch), p)
    steps.layers = []
    for layer in p.layers {
      steps.layers.append(encoderLayer(steps.layers.last ?? steps.embedded, layer))
    }
    return finished(steps, (steps.layers.last ?? steps.embedded).rows([0]), p) {
      layerNorm($0, $1)
    }
  }
}

/// The model with another vector read from z_L, or another norm of it.
private func read(
  _ name: String,
  norm: @escaping @Sendable (Tensor<Double>, LayerNorm<Double>) -> Tensor<Double> = {
    layerNorm($0, $1)
  },
  _ vector: @escaping @Sendable (Tensor<Double>) -> Tensor<Double>
) -> WrongVersion<VisionFunction<Double>> {
  WrongVersion(name) { input in
    let steps = visionEquation(input)
    return finished(steps, vector(steps.layers.last ?? steps.embedded), input.p, norm)
  }
}

/// The end of a model from the vector … × 1 × dModel that it reads.
private func finished(
  _ steps: VisionTransformerSteps<Double>, _ vector: Tensor<Double>,
  _ p: VisionTransformer<Double>, _ norm: (Tensor<Double>, LayerNorm<Double>) -> Tensor<Double>
) -> VisionTransformerSteps<Double> {
  var steps = steps
  steps.classVector = norm(vector.reshaped(steps.classVector.shape), p.norm)
  steps.logits = affineMap(steps.classVector, p.head)
  return steps
}

/// The same positions added to every image's vectors.
private func positioned(_ x: Tensor<Double>, _ positions: Tensor<Double>) -> Tensor<Double> {
  addPositions(x, .learned(positions))
}

extension VisionTransformer<Double> {
  /// The class token of every image, … × 1 × dModel.
  fileprivate func token(like vectors: Tensor<Double>) -> Tensor<Double> {
    let count = vectors.leadingShape.reduce(1, *)
    return Tensor(
      shape: vectors.leadingShape + [1, classToken.count],
      storage: (0..<count).flatMap { _ in classToken.storage })
  }
}

extension Tensor<Double> {
  /// The numbers of every row, each from the place that `source` gives for its own.
  fileprivate func numbersMoved(_ source: (Int) -> Int) -> Tensor {
    let width = shape.last!
    var moved = self
    for at in storage.indices { moved.storage[at] = storage[at - at % width + source(at % width)] }
    return moved
  }

  /// The mean of some rows of every matrix, … × 1 × columns.
  fileprivate func mean(over rows: [Int]) -> Tensor {
    let share = Tensor(
      shape: leadingShape + [1, rows.count],
      storage: Array(
        repeating: 1 / Double(rows.count), count: leadingShape.reduce(1, *) * rows.count))
    return matrixProduct(share, self.rows(rows))
  }
}
