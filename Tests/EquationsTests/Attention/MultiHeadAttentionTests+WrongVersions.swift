import Equations
import Notation
import TestSupport

let wrongMultiHeads: [WrongVersion<MultiHead<Double>>] = [
  staged("heads are cut by another view of the numbers, without a transposition (CLM-33)") {
    $0.split = viewedAsHeads
  },
  staged("heads are joined by another view of the numbers, without a transposition") {
    $0.concatenate = viewedAsVectors
  },
  staged("columns are dealt to the heads one by one") { $0.split = dealt },
  staged("the heads stand in reverse order") { stages in
    stages.concatenate = { concatenateHeads(reversedHeads($0)) }
  },
  staged("every head gives the mean of all") { stages in
    stages.concatenate = { x in
      let h = x.shape[x.rank - 3]
      let sum = (1..<h).reduce(x.head(0)) { $0 + x.head($1) }
      return repeated(sum.map { $0 / Double(h) }, h)
    }
  },
  wrong("divided by √dModel where √dk is meant (ERR-03)") { input in
    if input.scale == .rootKeyWidth { input.scale = .rootModelWidth(input.p.query.outputs) }
  },
  wrong("divided by √dk where √dModel is meant") { input in
    if case .rootModelWidth = input.scale { input.scale = .rootKeyWidth }
  },
  wrong("divided by √dv") { input in
    if input.scale == .rootKeyWidth {
      input.scale = .rootModelWidth(input.p.value.outputs / input.p.heads)
    }
  },
  wrong("every head has the maps of the first (ERR-04)") { input in
    let maps = input.p.projections(ofHead: 0)
    input.p = MultiHeadAttention(
      heads: Array(repeating: maps, count: input.p.heads), output: input.p.output)
  },
  wrong("one head where there are more") { input in
    guard input.mask.keep == nil else { return }
    let p = input.p
    input.p = MultiHeadAttention(
      query: p.query, key: p.key, value: p.value, output: p.output, heads: 1)
  },
  wrong("the maps of queries and keys are exchanged") { input in
    if input.p.query.weight.shape == input.p.key.weight.shape {
      (input.p.query, input.p.key) = (input.p.key, input.p.query)
    }
  },
  wrong("the maps of keys and values are exchanged, in the order of declaration (ERR-56)") {
    input in
    if input.p.key.weight.shape == input.p.value.weight.shape {
      (input.p.key, input.p.value) = (input.p.value, input.p.key)
    }
  },
  wrong("keys and values are not mapped (ERR-41)") { input in
    for map in [\MultiHeadAttention<Double>.key, \.value] {
      let width = input.p[keyPath: map].inputs
      if width == input.p[keyPath: map].outputs {
        input.p[keyPath: map] = AffineMap(weight: identity(width))
      }
    }
  },
  wrong("the query's weight is stored inputs × outputs") { input in
    if input.p.query.inputs == input.p.query.outputs {
      input.p.query.weight = input.p.query.weight.transposed
    }
  },
  wrong("W^O is stored inputs × outputs") { input in
    if input.p.output.inputs == input.p.output.outputs {
      input.p.output.weight = input.p.output.weight.transposed
    }
  },
  wrong("W^O is left out") { input in
    if input.p.output.inputs == input.p.output.outputs {
      input.p.output.weight = identity(input.p.output.inputs)
    }
  },
  wrong("queries, keys and values have no bias") { input in
    (input.p.query.bias, input.p.key.bias, input.p.value.bias) = (nil, nil, nil)
  },
  wrong("the output has no bias") { $0.p.output.bias = nil },
  wrong("the output's bias is added for every head") { input in
    input.p.output.bias = input.p.output.bias.map { $0.map { $0 * Double(input.p.heads) } }
  },
  wrong("the values are those of the keys' sequence") { input in
    if input.y.shape == input.z.shape { input.z = input.y }
  },
  wrong("only self-attention: keys and values come from the queries' sequence (ERR-52)") { input in
    let widths = Set([input.x, input.y, input.z].map(\.shape.last))
    if widths.count == 1, input.mask.keep == nil { (input.y, input.z) = (input.x, input.x) }
  },
  wrong("no mask can be given (ERR-52)") { $0.mask = .none },
  wrong("every head has the mask of the first") { input in
    guard let keep = input.mask.keep, keep.shape[keep.rank - 3] > 1 else { return }
    let first = keep.head(0)
    input.mask.keep = first.reshaped(keep.shape.dropLast(3) + [1] + keep.shape.suffix(2))
  },
  wrong("a hidden key has the score −10000 (ERR-33)") { input in
    if input.fill == .excluded { input.fill = .replaced(by: -10000) }
  },
]

let wrongSharedHeads: [WrongVersion<SharedHead<Double>>] = [
  ofExpanded("divided by √dk where √dModel is meant") { $0.scale = .rootKeyWidth },
  ofExpanded("a hidden key is filled after the scaling") { $0.fill = .replaced(by: -1e20) },
  ofExpanded("a hidden key is filled with −∞") { $0.fill = .replaced(by: -.infinity) },
  ofExpanded("a hidden key is excluded") { $0.fill = .excluded },
  ofExpanded("the mask is ignored") { $0.mask = .none },
  ofExpanded("only the first head is mapped") { input in
    let dk = input.p.query.outputs / input.p.heads
    for map in [\MultiHeadAttention<Double>.query, \.key, \.value] {
      for row in dk..<max(input.p.query.outputs, dk) {
        for column in 0..<input.p.query.outputs {
          input.p[keyPath: map].weight[row, column] = row == column ? 1 : 0
        }
      }
    }
  },
  ofExpanded("the shared weights are stored inputs × outputs") { input in
    for map in [\MultiHeadAttention<Double>.query, \.key, \.value] {
      input.p[keyPath: map].weight = input.p[keyPath: map].weight.transposed
    }
  },
  ofExpanded("the output has no bias") { $0.p.output.bias = nil },
  WrongVersion("the arguments are taken in the order queries, keys, values") { input in
    guard input.x.shape == input.z.shape else { return sharedHead(input) }
    var changed = input
    (changed.x, changed.z) = (input.z, input.x)
    return sharedHead(changed)
  },
]

let wrongSplits: [WrongVersion<Split<Double>>] = [
  WrongVersion("another view of the numbers, without a transposition (CLM-33)", viewedAsHeads),
  WrongVersion("columns are dealt to the heads one by one", dealt),
  WrongVersion("the heads stand in reverse order") { x, h in
    reversedHeads(splitHeads(x, heads: h))
  },
  WrongVersion("positions before heads") { x, h in
    x.reshaped(x.leadingShape + [x.shape[x.rank - 2], h, x.shape[x.rank - 1] / h])
  },
]

let wrongConcatenations: [WrongVersion<Concatenate<Double>>] = [
  WrongVersion("another view of the numbers, without a transposition", viewedAsVectors),
  WrongVersion("the heads stand in reverse order") { concatenateHeads(reversedHeads($0)) },
  WrongVersion("the heads follow each other in time") { x in
    x.reshaped(
      x.leadingShape.dropLast() + [x.shape[x.rank - 3] * x.shape[x.rank - 2]] + x.shape.suffix(1))
  },
]

// MARK: - Stages

/// How heads are made from vectors, and vectors from heads.
private struct Stages: Sendable {
  var split: Split<Double> = { splitHeads($0, heads: $1) }
  var concatenate: Concatenate<Double> = { concatenateHeads($0) }
}

private func staged(
  _ name: String, _ change: @Sendable (inout Stages) -> Void
) -> WrongVersion<MultiHead<Double>> {
  var changed = Stages()
  change(&changed)
  let stages = changed
  return WrongVersion(name) { input in
    let p = input.p
    let q = stages.split(affineMap(input.x, p.query), p.heads)
    let k = stages.split(affineMap(input.y, p.key), p.heads)
    let v = stages.split(affineMap(input.z, p.value), p.heads)
    let attention = scaledDotProductAttentionSteps(
      queries: q, keys: k, values: v, mask: input.mask, fill: input.fill, scale: input.scale)
    let concatenated = stages.concatenate(attention.output)
    return MultiHeadAttentionSteps(
      queryHeads: q, keyHeads: k, valueHeads: v, attention: attention,
      concatenated: concatenated, output: affineMap(concatenated, p.output))
  }
}

private func wrong(
  _ name: String, _ change: @escaping @Sendable (inout MultiHeadCase<Double>) -> Void
) -> WrongVersion<MultiHead<Double>> {
  WrongVersion(name, of: multiHead, given: change)
}

/// The attention whose maps repeat the shared block, changed.
private func ofExpanded(
  _ name: String, _ change: @escaping @Sendable (inout MultiHeadCase<Double>) -> Void
) -> WrongVersion<SharedHead<Double>> {
  WrongVersion(name) { input in
    var expanded = MultiHeadCase(
      x: input.x, y: input.y, z: input.z, p: input.p.expanded, mask: input.mask,
      fill: .replacedBeforeScaling(by: -1e20), scale: .rootModelWidth(input.p.output.inputs))
    change(&expanded)
    return multiHead(expanded)
  }
}

// MARK: - Wrong ways to heads and back

/// The numbers in the order in which they lie, as heads.
private let viewedAsHeads: Split<Double> = { x, h in
  x.reshaped(x.leadingShape + [h, x.shape[x.rank - 2], x.shape[x.rank - 1] / h])
}

/// The numbers in the order in which they lie, as vectors.
private let viewedAsVectors: Concatenate<Double> = { x in
  x.reshaped(
    x.shape.dropLast(3) + [x.shape[x.rank - 2], x.shape[x.rank - 3] * x.shape[x.rank - 1]])
}

/// Column c goes to head c mod h.
private let dealt: Split<Double> = { x, h in
  let width = x.shape[x.rank - 1] / h
  let rows = x.rows
  let sorted = (0..<rows.shape[0]).flatMap { row in
    (0..<h * width).map { rows[row, $0 % width * h + $0 / width] }
  }
  return splitHeads(Tensor(shape: x.shape, storage: sorted), heads: h)
}

private func reversedHeads(_ x: Tensor<Double>) -> Tensor<Double> {
  let h = x.shape[x.rank - 3]
  let stack = x.matrices
  let slices = (0..<stack.shape[0]).map { g in
    stack.slice(g / h * h + h - 1 - g % h).storage
  }
  return Tensor(shape: x.shape, storage: slices.flatMap { $0 })
}

/// The same vectors side by side, h times.
private func repeated(_ x: Tensor<Double>, _ h: Int) -> Tensor<Double> {
  let rows = x.rows
  let storage = (0..<rows.shape[0]).flatMap { row in
    (0..<h).flatMap { _ in rows.slice(row).storage }
  }
  return Tensor(shape: x.shape.dropLast() + [h * rows.shape[1]], storage: storage)
}

private func identity(_ width: Int) -> Tensor<Double> {
  Tensor(
    shape: [width, width],
    storage: (0..<width * width).map { $0 / width == $0 % width ? 1 : 0 })
}
