import Notation

/// A convolution over positions, as products of the sequence as it lies with panels of the weight.
///
/// Differs from the equation in the order of operations only: each result is one chain of fused
/// multiply-adds from the bias on, position by position. What a result sees is not copied. Positions
/// that follow each other lie side by side, so that neighbouring results without dilation are a product
/// whose rows overlap, stride · inputs apart; with dilation, or where some of the results see beyond
/// the sequence, each element of the kernel is a product of its own, of the results for which its
/// position exists. Blocks are those of `matrixProduct`. A convolution that is `packed()` is read as it
/// lies; otherwise its weight is packed in every call.
///
/// 128 positions of 128 numbers and more reach 85 to 92 % of the peak of multiply-adds; four positions of
/// one number take 0.35 µs, where the equation takes 0.4.
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
      (p.packed?.storage ?? []).withMemory { packed in
        (p.bias?.storage ?? []).withMemory { bias in
          let convolving = Convolving(
            groups: shape.groups, t: shape.t, results: shape.results,
            panels: ConvolutionPanels(of: p.weight.shape), stride: p.stride, dilation: p.dilation,
            left: shape.left, bias: p.bias == nil ? nil : bias, x: x)
          let start = p.packed?.start
          return [Float].written(shape.output.reduce(1, *)) { y in
            if let start { return convolving.write(into: y, by: packed.from(start)) }
            Workspace.with(convolving.panels.size) { panels in
              convolving.panels.pack(weight, into: panels)
              convolving.write(into: y, by: panels)
            }
          }
        }
      }
    }
  }
  return Tensor(shape: shape.output, storage: elements)
}

extension Convolution<Float> {
  /// The same convolution, its weight packed once for all calls of the kernel; equations do not look at it.
  ///
  /// It takes twice the memory. A new weight drops what was packed of the old one. The bits of a result
  /// are those of the convolution that is not packed.
  public func packed() -> Convolution {
    let panels = ConvolutionPanels(of: weight.shape)
    var convolution = self
    convolution.packed = weight.storage.withMemory { weight in
      PackedWeight(panels: panels.count, stride: panels.stride) { panels.pack(weight, into: $0) }
    }
    return convolution
  }
}

/// The panels of a weight: its outputs, two vectors of them at a time, step after step.
private struct ConvolutionPanels: Sendable {
  let outputs: Int
  let inputs: Int
  let kernel: Int

  init(of weight: [Int]) { (outputs, inputs, kernel) = (weight[0], weight[1], weight[2]) }

  /// How many products one result is a sum of: the steps, all inputs of the kernel's first element first.
  var depth: Int { kernel * inputs }
  /// How far it is from one panel to the next.
  var stride: Int { depth * VectorPair.width }
  var count: Int { (outputs + VectorPair.width - 1) / VectorPair.width }
  var size: Int { count * stride }

  /// Copies the weight so that each step's numbers lie side by side, zeros beyond the last output.
  ///
  /// The weight has the kernel's elements last, the steps have the inputs last: a panel is transposed in
  /// whole squares, and then its rows change places.
  func pack(_ weight: Memory<Float>, into panels: Memory<Float>) {
    let width = VectorPair.width
    Threads.share(
      tasks: count, atMost: weight.count >= 1 << 16 ? .max : 1, scratch: stride
    ) { number, transposed in
      let rows = min(width, outputs - number * width)
      if rows < width { transposed.fill(0) }
      transpose(
        weight.from(number * stride), stride: depth, rows: rows, columns: depth, times: 1,
        into: transposed, stride: width)
      let panel = panels.part(number * stride, stride)
      for c in 0..<inputs {
        for j in 0..<kernel {
          panel.store(transposed.pair((c * kernel + j) * width), (j * inputs + c) * width)
        }
      }
    }
  }
}

/// One convolution in memory.
private struct Convolving: Sendable {
  let groups: Int
  let t: Int
  let results: Int
  let panels: ConvolutionPanels
  let stride: Int
  let dilation: Int
  let left: Int
  let bias: Memory<Float>?  // outputs
  let x: Memory<Float>  // groups × t × inputs

  private var outputs: Int { panels.outputs }
  private var inputs: Int { panels.inputs }
  private var kernel: Int { panels.kernel }

  /// Writes groups × t′ × outputs.
  func write(into y: Memory<Float>, by packed: Memory<Float>) {
    let depth = panels.depth
    let blocks = (results + ProductBlock.rows - 1) / ProductBlock.rows
    let isWorthSharing = groups * results * depth * outputs >= ProductBlock.worthSharing
    for o0 in Swift.stride(from: 0, to: outputs, by: ProductBlock.columns) {
      let columns = o0..<min(o0 + ProductBlock.columns, outputs)
      // Without inputs there still is a bias to write, so that there is one block of steps.
      for s0 in Swift.stride(from: 0, to: max(depth, 1), by: ProductBlock.depth) {
        let steps = s0..<min(s0 + ProductBlock.depth, depth)
        Threads.share(tasks: groups * blocks, atMost: isWorthSharing ? .max : 1) { task, _ in
          let (g, i0) = (task / blocks, task % blocks * ProductBlock.rows)
          let rows = i0..<min(i0 + ProductBlock.rows, results)
          for o in Swift.stride(from: o0, to: columns.upperBound, by: VectorPair.width) {
            add(
              steps, of: packed.from(o * depth), to: rows,
              o..<min(o + VectorPair.width, columns.upperBound), group: g, in: y)
          }
        }
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
