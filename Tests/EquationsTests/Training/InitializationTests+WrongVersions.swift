import Equations
import Foundation
import Notation
import TestSupport

let wrongWeights: [WrongVersion<WeightInitializer>] = [
  scaled("by the rows, not by the columns") { shape, _ in
    6 / (Double(shape[0]) * Double(shape.dropFirst(2).reduce(1, *)))
  },
  scaled("by rows and columns, as Glorot and Bengio have it") { shape, _ in
    let kernel = Double(shape.dropFirst(2).reduce(1, *))
    return 6 / ((Double(shape[0]) + Double(shape[1])) * kernel)
  },
  scaled("by the columns alone, whatever the kernel's width") { shape, slope in
    6 / ((1 + slope * slope) * Double(shape[1]))
  },
  scaled("no gain for ReLU") { shape, _ in 3 / fanIn(shape) },
  scaled("the deviation for the bound") { shape, slope in
    2 / ((1 + slope * slope) * fanIn(shape))
  },
  scaled("the slope is left out") { shape, _ in 6 / fanIn(shape) },
  scaled("the slope is not squared") { shape, slope in 6 / ((1 + slope) * fanIn(shape)) },
  scaled("not rooted") { shape, slope in pow(6 / ((1 + slope * slope) * fanIn(shape)), 2) },
  WrongVersion("from 0 to bound") { draw in
    let (x, bound) = (weightEquation(draw) as Tensor<Double>, largest(draw))
    return x.map { ($0 + bound) / 2 }
  },
  WrongVersion("from −bound/2 to bound/2") { draw in
    (weightEquation(draw) as Tensor<Double>).map { $0 / 2 }
  },
  WrongVersion("the other way round") { draw in
    (weightEquation(draw) as Tensor<Double>).map { -$0 }
  },
  WrongVersion("normal numbers") { draw in
    var stream = RandomStream(seed: draw.seed)
    return Tensor.normal(draw.shape, from: &stream).map { $0 * largest(draw) / 3.0.squareRoot() }
  },
  WrongVersion("the first word is left out") { draw in
    let bound = largest(draw)
    return Tensor(
      shape: draw.shape,
      storage: (0..<draw.shape.reduce(1, *)).map {
        (2 * SplitMix64.uniform($0 + 1, seed: draw.seed) - 1) * bound
      })
  },
  WrongVersion("columns first") { draw in
    var turned = draw
    turned.shape.swapAt(0, 1)
    guard draw.shape.count == 2 else { return weightEquation(draw) }
    let x: Tensor<Double> = uniformNumbers(turned.shape, bound: largest(draw), seed: draw.seed)
    return x.transposed
  },
]

let wrongMaps: [WrongVersion<MapInitializer>] = [
  WrongVersion("He's weight where PyTorch's is meant") { draw in
    var other = draw
    other.weights = .kaiming
    return mapEquation(other)
  },
  WrongVersion("PyTorch's weight where He's is meant") { draw in
    var other = draw
    other.weights = .pyTorch
    return mapEquation(other)
  },
  changed("a bias of zeros") { map, _ in map.bias = map.bias!.map { _ in 0 } },
  changed("He's bound for the bias, too") { map, draw in
    if draw.weights == .kaiming { map.bias = map.bias!.map { 6.0.squareRoot() * $0 } }
  },
  changed("one stream for weight and bias") { map, draw in
    map.bias = uniformNumbers(
      [draw.outputs], bound: 1 / Double(max(1, draw.inputs)).squareRoot(),
      seed: SplitMix64.word(0, seed: draw.seed))
  },
  changed("the seed itself for the weight") { map, draw in
    let bound = draw.weights == .kaiming ? 6 : 1.0
    map.weight = uniformNumbers(
      map.weight.shape, bound: (bound / Double(max(1, draw.inputs))).squareRoot(), seed: draw.seed)
  },
  changed("the bias by the outputs") { map, draw in
    let share = (Double(draw.inputs) / Double(draw.outputs)).squareRoot()
    map.bias = map.bias!.map { share * $0 }
  },
  changed("the weight by the outputs") { map, draw in
    let share = (Double(draw.inputs) / Double(draw.outputs)).squareRoot()
    map.weight = map.weight.map { share * $0 }
  },
]

private func fanIn(_ shape: [Int]) -> Double { Double(shape.dropFirst().reduce(1, *)) }

private func largest(_ draw: WeightDraw) -> Double {
  kaimingBound(fanIn: draw.shape.dropFirst().reduce(1, *), slope: draw.slope)
}

/// Another square of the bound, from shape and slope.
private func scaled(
  _ name: String, _ square: @escaping @Sendable ([Int], Double) -> Double
) -> WrongVersion<WeightInitializer> {
  WrongVersion(name) { draw in
    guard !draw.shape.contains(0) else { return weightEquation(draw) }
    return uniformNumbers(
      draw.shape, bound: square(draw.shape, draw.slope).squareRoot(), seed: draw.seed)
  }
}

private func changed(
  _ name: String, _ change: @escaping @Sendable (inout AffineMap<Double>, MapDraw) -> Void
) -> WrongVersion<MapInitializer> {
  WrongVersion(name) { draw in
    var map: AffineMap<Double> = mapEquation(draw)
    change(&map, draw)
    return map
  }
}
