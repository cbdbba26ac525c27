import Notation

/// A convolution over positions, as products of the sequence as it lies with panels of the weight.
///
/// Differs from the equation in the order of operations only: each result is one chain of fused
/// multiply-adds from the bias on, position by position. What a result sees is not copied. Positions
/// that follow each other lie side by side, so that neighbouring results without dilation are a product
/// whose rows overlap, stride · inputs apart; with dilation, or where some of the results see beyond
/// the sequence, each element of the kernel is a product of its own, of the results for which its
/// position exists. Blocks are those of `matrixProduct`.
///
/// 128 positions of 128 numbers and more reach 85 to 92 % of the peak of multiply-adds; four positions of
/// one number take 0.8 µs, where the equation takes 0.6.
///
/// Error: γ_d · (Σ |W_j| |x| + |b|) with d = k · inputs, see `ErrorBounds`.
/// Equation: `Equations/Primitives/Convolution.swift`.
///
/// - Parameters:
///   - x: … × t × inputs.
///   - p: The parameters.
/// - Returns: … × t′ × outputs.
public func convolution(_ x: Tensor<Float>, _ p: Convolution<Float>) -> Tensor<Float> {
  let shape = ConvolutionShape(x, p)
  let elements = x.storage.withMemory { x in
    p.weight.storage.withMemory { weight in
      (p.bias?.storage ?? []).withMemory { bias in
        let convolving = Convolving(
          groups: shape.groups, t: shape.t, results: shape.results, outputs: p.outputs,
          inputs: p.inputs, kernel: p.kernel, stride: p.stride, dilation: p.dilation,
          left: p.zeros.left, weight: weight, bias: p.bias == nil ? nil : bias, x: x)
        return [Float].written(shape.output.reduce(1, *)) { convolving.write(into: $0) }
      }
    }
  }
  return Tensor(shape: shape.output, storage: elements)
}

/// One convolution in memory.
private struct Convolving: Sendable {
  let groups: Int
  let t: Int
  let results: Int
  let outputs: Int
  let inputs: Int
  let kernel: Int
  let stride: Int
  let dilation: Int
  let left: Int
  let weight: Memory<Float>  // outputs × inputs × k
  let bias: Memory<Float>?  // outputs
  let x: Memory<Float>  // groups × t × inputs

  /// How many products one result is a sum of.
  private var depth: Int { kernel * inputs }

  /// Writes groups × t′ × outputs.
  func write(into y: Memory<Float>) {
    let (width, rows) = (VectorPair.width, ProductBlock.rows)
    let panelsAtMost = (min(outputs, ProductBlock.columns) + width - 1) / width
    let blocks = (results + rows - 1) / rows
    Workspace.with(panelsAtMost * width * depth) { packed in
      for o0 in Swift.stride(from: 0, to: outputs, by: ProductBlock.columns) {
        let columns = min(ProductBlock.columns, outputs - o0)
        let panels = (columns + width - 1) / width
        let multiplyAdds = groups * results * depth * columns
        let workers = multiplyAdds >= ProductBlock.worthSharing ? Int.max : 1
        @Sendable func ofPanel(_ panel: Int) -> (Range<Int>, Memory<Float>) {
          let o = o0 + panel * width
          return (o..<min(o + width, outputs), packed.part(panel * width * depth, width * depth))
        }
        Threads.share(tasks: panels, atMost: workers, scratch: width * depth) { panel, scratch in
          let (outputs, memory) = ofPanel(panel)
          pack(outputs, into: memory, by: scratch)
        }
        // Without inputs there still is a bias to write, so that there is one block of steps.
        for s0 in Swift.stride(from: 0, to: max(depth, 1), by: ProductBlock.depth) {
          let steps = s0..<min(s0 + ProductBlock.depth, depth)
          Threads.share(tasks: groups * blocks, atMost: workers) { task, _ in
            let (g, i0) = (task / blocks, task % blocks * rows)
            for panel in 0..<panels {
              let (outputs, memory) = ofPanel(panel)
              add(
                steps, of: memory, to: i0..<min(i0 + rows, results), outputs, group: g, in: y)
            }
          }
        }
      }
    }
  }

  /// Copies the weights of a panel's outputs so that each step's numbers lie side by side.
  ///
  /// The weight has the kernel's elements last, the steps have the inputs last: the panel is transposed
  /// in whole squares, and then its rows change places.
  private func pack(
    _ outputs: Range<Int>, into panel: Memory<Float>, by transposed: Memory<Float>
  ) {
    let width = VectorPair.width
    transpose(
      weight.from(outputs.lowerBound * depth), stride: depth, rows: outputs.count, columns: depth,
      times: 1, into: transposed, stride: width)
    for c in 0..<inputs {
      for j in 0..<kernel {
        panel.store(transposed.pair((c * kernel + j) * width), (j * inputs + c) * width)
      }
    }
  }

  /// Adds what some steps bring to results of a panel's outputs; before the first step stands the bias.
  private func add(
    _ steps: Range<Int>, of panel: Memory<Float>, to results: Range<Int>, _ columns: Range<Int>,
    group g: Int, in y: Memory<Float>
  ) {
    let sequence = x.part(g * t * inputs, t * inputs)
    let y = y.from(g * self.results * outputs + columns.lowerBound)

    /// Neighbouring steps, of which the first is one of the kernel's element j.
    func add(_ steps: Range<Int>, from j: Int, to results: Range<Int>) {
      let position = results.lowerBound * stride + j * (dilation - 1) - left
      multiplyPanel(
        rows: results.count, sequence.from(position * inputs + steps.lowerBound),
        rowStride: stride * inputs, stepStride: 1,
        panel.from(steps.lowerBound * VectorPair.width), yStride: VectorPair.width,
        steps: steps.count,
        begin: { y.pair((results.lowerBound + $0) * outputs, first: columns.count) },
        end: { y.store($1, (results.lowerBound + $0) * outputs, first: columns.count) })
    }

    if steps.lowerBound == 0 {
      let first =
        bias?.pair(columns.lowerBound, first: columns.count) ?? VectorPair(repeating: 0)
      for i in results { y.store(first, i * outputs, first: columns.count) }
    }
    let seesAll = resultsSeeing(0).clamped(to: resultsSeeing(kernel - 1)).clamped(to: results)
    let inner = dilation == 1 ? seesAll : results.lowerBound..<results.lowerBound
    if !inner.isEmpty { add(steps, from: 0, to: inner) }
    for outer in [results.lowerBound..<inner.lowerBound, inner.upperBound..<results.upperBound] {
      for j in 0..<kernel {
        let ofElement = (j * inputs..<(j + 1) * inputs).clamped(to: steps)
        let seeing = resultsSeeing(j).clamped(to: outer)
        if !ofElement.isEmpty && !seeing.isEmpty { add(ofElement, from: j, to: seeing) }
      }
    }
  }

  /// The results whose position at element j of the kernel is within the sequence.
  private func resultsSeeing(_ j: Int) -> Range<Int> {
    func first(beginningAt position: Int) -> Int {
      min((max(position, 0) + stride - 1) / stride, results)
    }
    let start = left - j * dilation
    return first(beginningAt: start)..<first(beginningAt: start + t)
  }
}
