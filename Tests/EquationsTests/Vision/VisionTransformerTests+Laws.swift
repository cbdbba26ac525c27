import Equations
import ErrorBounds
import Notation
import TestSupport

let patchesLaws: [Law<PatchesFunction>] = [
  Law("each number of an image stands in one of its HW/P² patches") { patches, draw in
    let input = draw.patches()
    let (x, size) = (input.x, input.size)
    let (height, width, channels) = (x.shape[1], x.shape[2], x.shape[3])
    let y = patches(input)
    let shape = [x.shape[0], height * width / (size * size), size * size * channels]
    try expect(y.shape == shape, "the shape is \(y.shape), not \(shape)")
    for (at, number) in x.storage.enumerated() {
      let (k, c, r) = (at % channels, at / channels % width, at / channels / width % height)
      let place =
        input.order == .rowColumnChannel
        ? (r % size * size + c % size) * channels + k : (k * size + r % size) * size + c % size
      let patch = r / size * (width / size) + c / size
      try expect(
        y[at / (height * width * channels), patch, place] == number,
        "row \(r), column \(c), channel \(k) is not at place \(place) of patch \(patch)")
    }
  },
  Law("a map of patches is a convolution whose stride is the patch") { patches, draw in
    var input = draw.patches()
    input.order = .channelRowColumn
    var maker = LayerMaker(draw)
    let kernel = maker.affineMap(3, input.size * input.size * input.x.shape[3])
    let tracked = convolution(input.x.tracked, kernel.converted(), stride: input.size)
    try expectSame(
      affineMap(patches(input), kernel), tracked.map(\.value), bounds: tracked.bounds,
      tracked.bounds)
  },
]

let visionLaws: [Law<VisionFunction<Double>>] = [
  Law("a Vision Transformer is a convolution, an encoder and a map of its first position") {
    model, draw in
    let input = draw.vision()
    let tracked = input.converted(to: RunningError.self)
    let (got, expected) = (model(input).byName, asDefined(tracked).byName)
    for (name, equation) in visionEquation(tracked).byName.sorted(by: { $0.key < $1.key }) {
      try expectSame(
        got[name]!, expected[name]!.map(\.value), bounds: equation.bounds, expected[name]!.bounds,
        name)
    }
  },
  Law("every image goes through the model on its own") { model, draw in
    let input = draw.vision()
    let logits = model(input).logits
    for b in 0..<input.images.shape[0] {
      var alone = input
      alone.images = input.images.slice(b)
      try expect(model(alone).logits == logits.slice(b), "image \(b) alone has other bits")
    }
  },
  Law("where all patches have one position, they may come in any order", cases: 30) {
    model, draw in
    var input = draw.vision()
    let (n, d) = (input.p.positions.shape[0] - 1, input.p.positions.shape[1])
    let first = input.p.positions.slice(1).storage
    input.p.positions = Tensor(
      shape: [n + 1, d],
      storage: input.p.positions.slice(0).storage + (0..<n).flatMap { _ in first })
    var shuffled = input
    shuffled.images = input.images.patchesMoved(
      input.p.patchSize, draw.permutation("order", count: n))
    func bounds(_ input: VisionCase<Double>) -> Tensor<Double> {
      visionEquation(input.converted(to: RunningError.self)).logits.bounds
    }
    try expectSame(
      model(shuffled).logits, model(input).logits, bounds: bounds(shuffled), bounds(input))
  },
  Law("without layers no score depends on the image") { model, draw in
    var input = draw.vision()
    input.p.layers = []
    let first = input.p.classToken + input.p.positions.slice(0)
    let logits = affineMap(layerNorm(first, input.p.norm), input.p.head)
    let got = model(input).logits
    for b in 0..<got.shape[0] {
      try expect(got.slice(b) == logits, "the scores are not those of the class token alone")
    }
  },
]

/// A convolution over an image without padding, its kernel outputs × C · stride², read channel, row,
/// column; rows of the result are the places of the kernel, row by row.
private func convolution<S: Scalar>(
  _ x: Tensor<S>, _ kernel: AffineMap<S>, stride: Int
) -> Tensor<S> {
  let (b, height, width, channels) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
  var y = Tensor<S>(
    shape: [b, height / stride * (width / stride), kernel.outputs], repeating: 0)
  let x3 = x.reshaped([b * height, width, channels])
  for g in 0..<b {
    for place in 0..<y.shape[1] {
      let top = place / (width / stride) * stride
      let left = place % (width / stride) * stride
      for o in 0..<kernel.outputs {
        for (at, w) in kernel.weight.slice(o).storage.enumerated() {
          let (k, row, column) = (at / (stride * stride), at / stride % stride, at % stride)
          y[g, place, o] += w * x3[g * height + top + row, left + column, k]
        }
        y[g, place, o] += kernel.bias?[o] ?? 0
      }
    }
  }
  return y
}

/// The model as SPEC.md writes it, the patches' map as a convolution.
private func asDefined<S: Scalar>(_ input: VisionCase<S>) -> VisionTransformerSteps<S> {
  let (p, b) = (input.p, input.images.shape[0])
  let channels = input.images.shape[3]
  var kernel = p.patch
  if p.patchOrder == .rowColumnChannel {
    let pixels = kernel.weight.reshaped([p.patch.outputs, p.patchSize * p.patchSize, channels])
    kernel.weight = pixels.transposed.reshaped(kernel.weight.shape)
  }
  let vectors = convolution(input.images, kernel, stride: p.patchSize)
  let (n, d) = (vectors.shape[1], vectors.shape[2])
  var z = Tensor<S>(shape: [b, n + 1, d], repeating: 0)
  for g in 0..<b {
    for i in 0...n {
      for c in 0..<d {
        z[g, i, c] = (i == 0 ? p.classToken[c] : vectors[g, i - 1, c]) + p.positions[i, c]
      }
    }
  }
  let layers = p.layers.indices.map { encoder(z, layers: Array(p.layers[...$0])) }
  let y = encoder(z, layers: p.layers, norm: p.norm)
  let first = Tensor(shape: [b, d], storage: (0..<b).flatMap { y.slice($0).slice(0).storage })
  return VisionTransformerSteps(
    patches: patches(input.images, size: p.patchSize, order: p.patchOrder), embedded: z,
    layers: layers, classVector: first, logits: affineMap(first, p.head))
}

extension Tensor {
  /// Images b × H × W × C with patch i where patch order[i] was.
  func patchesMoved(_ size: Int, _ order: [Int]) -> Tensor {
    let (height, width, channels) = (shape[1], shape[2], shape[3])
    let columns = width / size
    var moved = self
    for at in storage.indices {
      let (c, r) = (at / channels % width, at / channels / width % height)
      let source = order[r / size * columns + c / size]
      let (row, column) = (
        source / columns * size + r % size, source % columns * size + c % size
      )
      moved.storage[at] = storage[at + ((row - r) * width + column - c) * channels]
    }
    return moved
  }
}

extension Draw {
  /// Images with as many pixels as a patch of each, and more.
  private func images(size: Int, _ maker: inout LayerMaker) -> Tensor<Double> {
    let (rows, columns) = (integer("rows", in: 1...3), integer("columns", in: 1...3))
    return maker.numbers(
      [integer("b", in: 1...2), rows * size, columns * size, integer("C", in: 1...3)])
  }

  fileprivate func patches() -> PatchesCase {
    var maker = LayerMaker(self)
    let size = integer("P", in: 1...3)
    return PatchesCase(
      x: images(size: size, &maker), size: size,
      order: element("order", of: PatchOrder.allCases))
  }

  fileprivate func vision() -> VisionCase<Double> {
    var maker = LayerMaker(self)
    let size = integer("P", in: 1...2)
    let images = images(size: size, &maker)
    let n = images.shape[1] * images.shape[2] / (size * size)
    return VisionCase(
      images: images,
      p: maker.visionTransformer(
        patchSize: size, channels: images.shape[3], patches: n,
        layers: integer("layers", in: 1...2), order: element("order", of: PatchOrder.allCases)))
  }
}

extension LayerMaker {
  /// A model for images of so many patches.
  mutating func visionTransformer(
    patchSize: Int, channels: Int, patches n: Int, layers: Int,
    order: PatchOrder = .rowColumnChannel
  ) -> VisionTransformer<Double> {
    VisionTransformer(
      patchSize: patchSize, patchOrder: order,
      patch: affineMap(Self.width, patchSize * patchSize * channels),
      classToken: numbers([Self.width]), positions: numbers([n + 1, Self.width]),
      layers: (0..<layers).map { _ in encoderLayer() }, norm: norm(), head: affineMap(4))
  }
}
