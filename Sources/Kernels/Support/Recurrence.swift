import Notation

/// Runs a recurrent network along all sequences side by side, one step after the other.
///
/// W x + b is computed for many positions at once, in the order in which the steps take them; a step
/// multiplies the states of all sequences by U.
///
/// - Parameters:
///   - x: What the steps get.
///   - rows: The order of the sequences, and the extents.
///   - gates: All gates.
///   - initial: h_0, … × h; zeros if `nil`.
///   - step: Computes one step.
/// - Returns: h after each sequence's last step, … × h.
func recurrence(
  _ x: RecurrentInput, _ rows: RecurrentRows, _ gates: [Gate<Float>], initial: Tensor<Float>?,
  step: (RecurrentStep) -> Void
) -> Tensor<Float> {
  let (b, d, h) = (rows.shape.sequences, rows.shape.inputs, rows.shape.width)
  let stepsAtOnce =
    x.isComputed ? 1 : max(1, min(positionsAtOnce / max(b, 1), rows.steps))
  let positions = stepsAtOnce * b
  return GateMaps.with(gates.map(\.input)) { input in
    GateMaps.with(gates.map(\.recurrent)) { recurrent in
      let ownStride = positions * VectorPair.width
      let counts = [
        positions * d, gates.count * input.blocks * ownStride, b * h, b * h,
        gates.count * RecurrentStep.gateSize(sequences: b),
      ]
      return Workspace.with(counts) { memory in
        let (inputs, own, even, odd) = (memory[0], memory[1], memory[2], memory[3])
        rows.arrange(initial, into: even)
        for first in stride(from: 0, to: rows.steps, by: stepsAtOnce) {
          let steps = first..<min(first + stepsAtOnce, rows.steps)
          let states = first % 2 == 0 ? even : odd
          let count = x.write(steps, rows, after: states, into: inputs)
          let shares = count * gates.count * h * d >= ProductBlock.worthSharing
          Threads.share(tasks: gates.count * input.blocks, atMost: shares ? .max : 1) { task, _ in
            let (gate, block) = (task / input.blocks, task % input.blocks)
            input.multiply(
              inputs, rows: count, by: gate, blocks: block..<block + 1,
              into: own.from(task * ownStride))
          }
          var position = 0
          for number in steps {
            let isEven = number % 2 == 0
            step(
              RecurrentStep(
                before: isEven ? even : odd, after: isEven ? odd : even, number: number,
                rows: rows, recurrent: recurrent, own: own.from(position * VectorPair.width),
                ownStride: ownStride, sums: memory[4]))
            position += rows.count(in: number)
          }
        }
        return rows.last { $0 % 2 == 0 ? even : odd }
      }
    }
  }
}

/// What the steps of a recurrent network get.
enum RecurrentInput {
  /// Sequences, … × t × d.
  case sequences(Tensor<Float>)
  /// What is written, row by row, when the states before a step are known.
  case computed((_ step: Int, _ states: Memory<Float>, _ inputs: Memory<Float>) -> Void)

  fileprivate var isComputed: Bool { if case .computed = self { true } else { false } }

  /// Writes the inputs of some steps, the states before the first of them being given, and returns how
  /// many rows they have.
  fileprivate func write(
    _ steps: Range<Int>, _ rows: RecurrentRows, after states: Memory<Float>,
    into inputs: Memory<Float>
  ) -> Int {
    switch self {
    case .sequences(let x): return rows.arrange(x, of: steps, into: inputs)
    case .computed(let write):
      write(steps.lowerBound, states, inputs)
      return rows.count(in: steps.lowerBound)
    }
  }
}

/// How many positions' W x + b are computed at once.
private let positionsAtOnce = 256

/// The maps of all gates from the same numbers, their weights in panels.
struct GateMaps: Sendable {
  /// How many blocks of units there are, each as wide as a panel.
  let blocks: Int
  private let inputs: Int
  private let panels: Memory<Panels>
  private let biases: Memory<Float>

  /// Calls `body` with maps of one shape; those that are not packed are packed for this once.
  static func with<R>(_ maps: [AffineMap<Float>], _ body: (GateMaps) -> R) -> R {
    let (blocks, stride) = (maps[0].panelCount, maps[0].panelStride)
    let width = blocks * VectorPair.width
    let missing = maps.count { $0.packed == nil }
    return Workspace.with([maps.count * width, missing * blocks * stride]) { memory in
      let biases = memory[0]
      biases.fill(0)
      for (gate, map) in maps.enumerated() {
        (map.bias?.storage ?? []).withMemory { biases.part(gate * width, $0.count).copy($0) }
      }
      func next(_ panels: [Panels], _ rest: Memory<Float>) -> R {
        if panels.count == maps.count {
          return panels.withMemory {
            body(GateMaps(blocks: blocks, inputs: maps[0].inputs, panels: $0, biases: biases))
          }
        }
        let map = maps[panels.count]
        if let packed = map.packed {
          return packed.storage.withMemory {
            next(
              panels + [Panels(memory: $0.from(packed.start), stride: packed.panelStride)], rest)
          }
        }
        map.pack(into: rest.part(0, blocks * stride))
        return next(panels + [Panels(memory: rest, stride: stride)], rest.from(blocks * stride))
      }
      return next([], memory[1])
    }
  }

  /// W x + b of rows that lie one after the other: of the first block all rows, then of the next.
  ///
  /// The bias is added last, as the equation does.
  @inline(__always)
  func multiply(
    _ x: Memory<Float>, rows: Int, by gate: Int, blocks: Range<Int>, into sums: Memory<Float>
  ) {
    let (width, panels) = (VectorPair.width, panels[gate])
    let (first, size) = (blocks.lowerBound, inputs * width)
    let biases = self.biases.from(gate * self.blocks * width)
    if rows == 1 {
      // A block at a time, a row alone would wait for its sums.
      multiplyPanel(
        rows: blocks.count, x, rowStride: 0, stepStride: 1,
        panels.memory.from(first * panels.stride), yStride: width, panelStride: panels.stride,
        steps: inputs, begin: { _ in VectorPair(repeating: 0) },
        end: { sums.store($1 + biases.pair((first + $0) * width), $0 * width) })
    } else {
      for block in blocks {
        let bias = biases.pair(block * width)
        multiplyPanel(
          rows: rows, x, rowStride: inputs, stepStride: 1,
          panels.memory.part(block * panels.stride, size), yStride: width, steps: inputs,
          begin: { _ in VectorPair(repeating: 0) },
          end: { sums.store($1 + bias, ((block - first) * rows + $0) * width) })
      }
    }
  }
}

/// One step of a recurrent network, of all sequences that take part in it.
struct RecurrentStep: Sendable {
  /// h before the step, row by row.
  let before: Memory<Float>
  /// h after the step, to be written.
  let after: Memory<Float>
  fileprivate let number: Int
  fileprivate let rows: RecurrentRows
  fileprivate let recurrent: GateMaps
  fileprivate let own: Memory<Float>
  fileprivate let ownStride: Int
  /// Where a step that is not shared keeps its products: to ask the workspace every time took longer
  /// than 32 units.
  fileprivate let sums: Memory<Float>

  /// Blocks taken together, see `GateMaps.multiply`.
  private static func blocksAtOnce(sequences: Int) -> Int { sequences == 1 ? 4 : 1 }

  /// How many numbers are kept of each gate's products, of so many sequences at most.
  fileprivate static func gateSize(sequences: Int) -> Int {
    blocksAtOnce(sequences: sequences) * min(sequences, ProductBlock.rows) * VectorPair.width
  }

  /// Some units of one row, and what the gates get there.
  struct Units {
    /// Where they stand among all positions of all sequences.
    let output: Int
    /// Where they stand among the states of all rows.
    let state: Int
    /// How many units there are; lanes beyond them hold anything.
    let count: Int
    fileprivate let own: Memory<Float>
    fileprivate let ownStride: Int
    fileprivate let past: Memory<Float>
    fileprivate let pastStride: Int

    /// W x + b of one of the gates multiplied.
    @inline(__always) func own(_ gate: Int) -> VectorPair { own.pair(gate * ownStride) }
    /// U h + c of one of the gates multiplied.
    @inline(__always) func past(_ gate: Int) -> VectorPair { past.pair(gate * pastStride) }
    /// W x + b + U h + c of one of the gates multiplied.
    @inline(__always) func sum(_ gate: Int) -> VectorPair { own(gate) + past(gate) }

    /// Writes what is kept of these units, if so many tensors are.
    @inline(__always) func keep(_ value: VectorPair, _ index: Int, in kept: [Memory<Float>]) {
      if index < kept.count { kept[index].store(value, output, first: count) }
    }
  }

  /// Multiplies states by U of some gates, and calls `finish` with all units of all rows.
  ///
  /// Whoever takes a block of units takes it through all gates, and has everything that the units need
  /// next. Every other step begins with the last units, whose weights are still in the cache.
  @inline(__always)
  func multiply(
    _ states: Memory<Float>, by gates: Range<Int>, finish: @Sendable (Units) -> Void
  ) {
    let (h, width, count) = (rows.shape.width, VectorPair.width, rows.count(in: number))
    let blocksAtOnce = RecurrentStep.blocksAtOnce(sequences: count)
    let columns = (recurrent.blocks + blocksAtOnce - 1) / blocksAtOnce
    let parts = (count + ProductBlock.rows - 1) / ProductBlock.rows
    let gateSize = RecurrentStep.gateSize(sequences: count)
    @Sendable @inline(__always) func compute(_ task: Int, _ sums: Memory<Float>) {
      let column = number % 2 == 0 ? task / parts : columns - 1 - task / parts
      let blocks =
        column * blocksAtOnce..<min((column + 1) * blocksAtOnce, recurrent.blocks)
      let first = task % parts * ProductBlock.rows
      let rowCount = min(ProductBlock.rows, count - first)
      for gate in gates {
        recurrent.multiply(
          states.from(first * h), rows: rowCount, by: gate, blocks: blocks,
          into: sums.from((gate - gates.lowerBound) * gateSize))
      }
      for block in blocks {
        let past = sums.from((block - blocks.lowerBound) * rowCount * width)
        let own = self.own.from((gates.lowerBound * recurrent.blocks + block) * ownStride)
        for row in 0..<rowCount {
          finish(
            Units(
              output: rows.place(of: first + row, in: number) * h + block * width,
              state: (first + row) * h + block * width, count: min(width, h - block * width),
              own: own.from((first + row) * width), ownStride: recurrent.blocks * ownStride,
              past: past.from(row * width), pastStride: gateSize))
        }
      }
    }
    if count * gates.count * h * h < ProductBlock.worthSharing {
      for task in 0..<columns * parts { compute(task, sums) }
    } else {
      Threads.share(tasks: columns * parts, scratch: gates.count * gateSize, compute)
    }
  }
}

/// The rows of both, one after the other: … × (a's width + b's width).
func sideBySide(_ a: Tensor<Float>, _ b: Tensor<Float>) -> Tensor<Float> {
  let (rows, h, k) = (a.shape.dropLast().reduce(1, *), a.shape[a.rank - 1], b.shape[b.rank - 1])
  let elements = [Float].written(rows * (h + k)) { both in
    a.storage.withMemory { a in
      b.storage.withMemory { b in
        for row in 0..<rows {
          both.part(row * (h + k), h).copy(a.part(row * h, h))
          both.part(row * (h + k) + h, k).copy(b.part(row * k, k))
        }
      }
    }
  }
  return Tensor(shape: a.shape.dropLast() + [h + k], storage: elements)
}
