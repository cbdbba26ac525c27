import Equations
import Notation
import TestSupport

// MARK: - Blocks

let wrongBlocks: [WrongVersion<BlockFunction>] =
  wrongSublayers(0, "the attention") + wrongSublayers(1, "the network")
  + wrongNetworkParameters.map { version in
    wrongBlock("the network \(version.name)") { version.implementation(&$0.p.feedForward) }
  } + wrongWholes

private let wrongWholes: [WrongVersion<BlockFunction>] = [
  wrongBlock("the windows are not shifted") { $0.p.shift = 0 },
  wrongBlock("the windows are always shifted") { $0.p.shift = $0.p.attention.windowSize / 2 },
  wrongBlock("the norms are exchanged") {
    ($0.p.attentionNorm, $0.p.feedForwardNorm) = ($0.p.feedForwardNorm, $0.p.attentionNorm)
  },
  wrongBlock("−10 is added where scores are excluded") { input in
    if input.fill == .excluded { input.fill = .added(-10) }
  },
  WrongVersion("the network comes before the attention") { input in
    let network = residual(input.x, .preNorm, input.p.feedForwardNorm) {
      feedForward($0, input.p.feedForward)
    }
    let attention = residual(network.output, .preNorm, input.p.attentionNorm) {
      attended($0, input)
    }
    return EncoderLayerSteps(
      attention: attention.sublayer, afterAttention: attention.output,
      feedForward: network.sublayer, output: attention.output)
  },
  WrongVersion("the network's sum begins with x again") { input in
    var steps = blockEquation(input)
    steps.output = input.x + steps.feedForward
    return steps
  },
]

/// Sublayer k joined wrongly to what it gets.
private func wrongSublayers(_ k: Int, _ name: String) -> [WrongVersion<BlockFunction>] {
  wrongJoins.map { join in
    WrongVersion("\(name) \(join.name)") { input in
      var joins = [correctJoin, correctJoin]
      joins[k] = join.implementation
      let attention = joins[0](input.x, .preNorm, input.p.attentionNorm) { attended($0, input) }
      let network = joins[1](attention.output, .preNorm, input.p.feedForwardNorm) {
        feedForward($0, input.p.feedForward)
      }
      return EncoderLayerSteps(
        attention: attention.sublayer, afterAttention: attention.output,
        feedForward: network.sublayer, output: network.output)
    }
  }
}

private func attended(_ x: Tensor<Double>, _ input: BlockCase<Double>) -> Tensor<Double> {
  shiftedWindowAttention(x, input.p.attention, shift: input.p.shift, fill: input.fill)
}

private func wrongBlock(
  _ name: String, _ change: @escaping @Sendable (inout BlockCase<Double>) -> Void
) -> WrongVersion<BlockFunction> {
  WrongVersion(name, of: blockEquation, given: change)
}

// MARK: - Patch merging

let wrongMergings: [WrongVersion<MergingFunction>] = [
  merged("the four row by row") { input in patches(input.x, size: 2) },
  merged("the numbers of a channel side by side") { input in
    patches(input.x, size: 2, order: .channelRowColumn)
  },
  merged("the four from the last to the first") { input in
    let four = windows(input.x, size: 2)
    return four.rows([3, 1, 2, 0]).reshaped(patches(input.x, size: 2).shape)
  },
  WrongVersion("the map is transposed") { input in
    patchMerging(input.x.transposedMap, input.p).transposedMap
  },
  WrongVersion("nothing is normalised") { input in
    finished(columnwise(input.x), input) { x, _ in x }
  },
  WrongVersion("the norm has no gain and no bias") { input in
    finished(columnwise(input.x), input) { x, p in
      layerNorm(x, LayerNorm(width: p.width, epsilon: p.epsilon))
    }
  },
  WrongVersion("the norm comes after the map") { input in
    let y = finished(columnwise(input.x), input) { x, _ in x }
    return layerNorm(y, LayerNorm(width: y.shape.last!, epsilon: input.p.norm.epsilon))
  },
  WrongVersion("each of the four is normalised by itself") { input in
    finished(columnwise(input.x), input) { x, p in
      let channels = p.width / 4
      let alone = LayerNorm<Double>(width: channels, epsilon: p.epsilon)
      let four = layerNorm(x.reshaped(x.shape.dropLast() + [4, channels]), alone).reshaped(x.shape)
      var y = four
      for at in y.storage.indices {
        y.storage[at] = p.gain[at % p.width] * four.storage[at] + (p.bias?[at % p.width] ?? 0)
      }
      return y
    }
  },
  WrongVersion("the ε of another document") { input in
    finished(columnwise(input.x), input) { x, p in
      var p = p
      p.epsilon = p.epsilon == 1e-5 ? 1e-12 : 1e-5
      return layerNorm(x, p)
    }
  },
  WrongVersion("the mean of the four stands for each") { input in
    let four = columnwise(input.x)
    let channels = input.x.shape.last!
    var mean = four
    for at in four.storage.indices {
      let first = at - at % (4 * channels) + at % channels
      let sum = (0..<4).reduce(0) { $0 + four.storage[first + $1 * channels] }
      mean.storage[at] = sum / 4
    }
    return finished(mean, input) { layerNorm($0, $1) }
  },
]

/// The four of a merging side by side, column by column: … × N × 4C.
private func columnwise(_ x: Tensor<Double>) -> Tensor<Double> {
  windows(x, size: 2).rows([0, 2, 1, 3]).reshaped(patches(x, size: 2).shape)
}

/// A merging of other vectors … × N × 4C.
private func merged(
  _ name: String, _ four: @escaping @Sendable (MergingCase<Double>) -> Tensor<Double>
) -> WrongVersion<MergingFunction> {
  WrongVersion(name) { input in finished(four(input), input) { layerNorm($0, $1) } }
}

/// The end of a merging.
private func finished(
  _ four: Tensor<Double>, _ input: MergingCase<Double>,
  _ norm: (Tensor<Double>, LayerNorm<Double>) -> Tensor<Double>
) -> Tensor<Double> {
  let shape = input.x.shape
  let y = affineMap(norm(four, input.p.norm), input.p.reduction)
  return y.reshaped(
    shape.dropLast(3) + [shape[shape.count - 3] / 2, shape[shape.count - 2] / 2, y.shape.last!])
}

// MARK: - The model

let wrongSwins: [WrongVersion<SwinFunction>] =
  wrongModels + wrongEnds

private let wrongEnds: [WrongVersion<SwinFunction>] = [
  pooled("the first position for the mean") { z in z.rows([0]) },
  pooled("the sum for the mean") { z in
    let ones = Tensor<Double>(shape: z.leadingShape + [1, z.shape[z.rank - 2]], repeating: 1)
    return matrixProduct(ones, z)
  },
  pooled("the largest of all positions for the mean") { z in
    let columns = z.transposed.rows
    return Tensor(
      shape: [columns.shape[0]],
      storage: (0..<columns.shape[0]).map { columns.slice($0).storage.max()! })
  },
  WrongVersion("the mean is normalised, not the positions") { input in
    var steps = swinEquation(input)
    let last = steps.stages.last!.positions
    let share = 1 / Double(last.shape[last.rank - 2])
    let weights = Tensor(
      shape: last.leadingShape + [1, last.shape[last.rank - 2]], repeating: share)
    let mean = matrixProduct(weights, last).reshaped(steps.pooled.shape)
    steps.pooled = layerNorm(mean, input.p.norm)
    steps.logits = affineMap(steps.pooled, input.p.head)
    return steps
  },
  WrongVersion("the scores are probabilities") { input in
    var steps = swinEquation(input)
    steps.logits = softmax(steps.logits)
    return steps
  },
]

private let wrongModels: [WrongVersion<SwinFunction>] = [
  wrongSwin("the patches' map has no bias") { $0.p.patch.bias = nil },
  wrongSwin("the patches are read in the other order") { input in
    input.p.patchOrder =
      input.p.patchOrder == .rowColumnChannel ? .channelRowColumn : .rowColumnChannel
  },
  wrongSwin("the patches are not normalised") { $0.p.patchNorm = nil },
  wrongSwin("the patches are always normalised") { input in
    input.p.patchNorm =
      input.p.patchNorm ?? LayerNorm(width: input.p.patch.outputs, epsilon: input.p.norm.epsilon)
  },
  wrongStages("no windows are shifted") { blocks in
    for k in blocks.indices { blocks[k].shift = 0 }
  },
  wrongStages("all windows are shifted") { blocks in
    for k in blocks.indices { blocks[k].shift = blocks[k].attention.windowSize / 2 }
  },
  wrongStages("the first of each pair is shifted") { blocks in
    for k in blocks.indices {
      blocks[k].shift = k % 2 == 0 ? blocks[k].attention.windowSize / 2 : 0
    }
  },
  wrongStages("the blocks of a stage come in reverse order") { $0.reverse() },
  wrongStages("all blocks of a stage have the first's parameters") { blocks in
    blocks = blocks.map { block in
      var first = blocks[0]
      first.shift = block.shift
      return first
    }
  },
  wrongStages("the last block of each stage is left out") { $0.removeLast() },
  wrongStages("ReLU for GELU") { blocks in
    for k in blocks.indices { blocks[k].feedForward.activation = .relu }
  },
  wrongStages("the bias tables are forgotten") { blocks in
    for k in blocks.indices {
      blocks[k].attention.biasTable = blocks[k].attention.biasTable.map { _ in 0 }
    }
  },
  wrongSwin("the last norm has no gain and no bias") { input in
    input.p.norm = LayerNorm(width: input.p.norm.width, epsilon: input.p.norm.epsilon)
  },
  wrongSwin("the head has no bias") { $0.p.head.bias = nil },
  wrongSwin("nothing is hidden") { $0.fill = .added(0) },
]

private func wrongSwin(
  _ name: String, _ change: @escaping @Sendable (inout SwinCase<Double>) -> Void
) -> WrongVersion<SwinFunction> {
  WrongVersion(name, of: swinEquation, given: change)
}

private func wrongStages(
  _ name: String, _ change: @escaping @Sendable (inout [SwinBlock<Double>]) -> Void
) -> WrongVersion<SwinFunction> {
  wrongSwin(name) { input in
    for k in input.p.stages.indices { change(&input.p.stages[k].blocks) }
  }
}

/// The model with something else for the mean of the normalised positions … × positions × width.
private func pooled(
  _ name: String, _ vector: @escaping @Sendable (Tensor<Double>) -> Tensor<Double>
) -> WrongVersion<SwinFunction> {
  WrongVersion(name) { input in
    var steps = swinEquation(input)
    let z = layerNorm(steps.stages.last!.positions, input.p.norm)
    steps.pooled = vector(z).reshaped(steps.pooled.shape)
    steps.logits = affineMap(steps.pooled, input.p.head)
    return steps
  }
}

extension Tensor<Double> {
  /// The positions of a map … × H × W × C one after the other, … × HW × C.
  fileprivate var positions: Tensor {
    reshaped(shape.dropLast(3) + [shape[rank - 3] * shape[rank - 2], shape[rank - 1]])
  }
}
