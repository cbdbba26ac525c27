import Notation

/// Runs a recurrent network along all sequences side by side, one step after the other.
///
/// All weights are packed once. W x + b is computed for many positions at once, in the order in which
/// the steps take them; a step multiplies the states of all sequences by U.
///
/// - Parameters:
///   - x: … × t × d.
///   - rows: The order of the sequences, and the extents.
///   - groups: The gates; those of a group are multiplied at once, and wait for the group before.
///   - initial: h_0, … × h; zeros if `nil`.
///   - step: Computes one step.
/// - Returns: h after each sequence's last step, … × h.
func recurrence(
  _ x: Tensor<Float>, _ rows: RecurrentRows, groups: [[Gate<Float>]], initial: Tensor<Float>?,
  step: (RecurrentStep) -> Void
) -> Tensor<Float> {
  let (b, d, h) = (rows.shape.sequences, rows.shape.inputs, rows.shape.width)
  let stepsAtOnce = max(1, min(positionsAtOnce / max(b, 1), rows.steps))
  let positions = stepsAtOnce * b
  let count = groups.map { GateGroup.floats($0.count, rows.shape, positions: positions) }
  return Workspace.with(count.reduce(positions * d + 2 * b * h, +)) { memory in
    var rest = memory
    func next(_ count: Int) -> Memory<Float> {
      defer { rest = rest.from(count) }
      return rest.part(0, count)
    }
    let (inputs, even, odd) = (next(positions * d), next(b * h), next(b * h))
    let groups = zip(groups, count).map { GateGroup($0, next($1), positions: positions) }
    rows.arrange(initial, into: even)

    for first in stride(from: 0, to: rows.steps, by: stepsAtOnce) {
      let steps = first..<min(first + stepsAtOnce, rows.steps)
      var position = 0
      x.storage.withMemory { x in
        for step in steps {
          for row in 0..<rows.count(in: step) {
            inputs.part(position * d, d).copy(x.part(rows.place(of: row, in: step) * d, d))
            position += 1
          }
        }
      }
      for group in groups { group.multiplyInputs(inputs, count: position) }
      position = 0
      for number in steps {
        let isEven = number % 2 == 0
        step(
          RecurrentStep(
            before: isEven ? even : odd, after: isEven ? odd : even, number: number, rows: rows,
            groups: groups, firstPosition: position))
        position += rows.count(in: number)
      }
    }
    return rows.last { $0 % 2 == 0 ? even : odd }
  }
}

/// How many positions' W x + b are computed at once.
private let positionsAtOnce = 256

/// Gates that are multiplied at once, with W x + b of some positions.
struct GateGroup: Sendable {
  /// The number of gates.
  let count: Int
  fileprivate let recurrent: GatePanels
  fileprivate let own: Memory<Float>
  fileprivate let ownStride: Int
  private let input: GatePanels

  /// The floats that a group of so many gates needs.
  static func floats(_ gates: Int, _ shape: RecurrenceShape, positions: Int) -> Int {
    let panels = gates * GatePanels.blocks(shape.width)
    return panels * (shape.inputs + 1 + shape.width + 1 + positions) * VectorPair.width
  }

  init(_ gates: [Gate<Float>], _ memory: Memory<Float>, positions: Int) {
    count = gates.count
    input = GatePanels(gates.map(\.input), memory)
    recurrent = GatePanels(gates.map(\.recurrent), memory.from(input.floats))
    own = memory.from(input.floats + recurrent.floats)
    ownStride = positions * VectorPair.width
  }

  /// Computes W x + b of the first positions.
  fileprivate func multiplyInputs(_ x: Memory<Float>, count: Int) {
    let shares = count * input.floats >= ProductBlock.worthSharing
    Threads.share(tasks: input.count, atMost: shares ? .max : 1) { panel, _ in
      input.multiply(x, rows: count, by: panel..<panel + 1, into: own.from(panel * ownStride))
    }
  }
}

/// The weights and biases of a group's gates, packed.
///
/// A panel has the weights of as many units as two vectors have lanes, input by input. For each block of
/// units the panels of all gates lie one after the other, so that whoever takes them through the rows
/// of a step has everything that these units need.
struct GatePanels: Sendable {
  /// The number of panels.
  let count: Int
  private let inputs: Int
  private let weights: Memory<Float>
  private let biases: Memory<Float>

  /// How many blocks of units there are.
  static func blocks(_ h: Int) -> Int { (h + VectorPair.width - 1) / VectorPair.width }

  /// The floats that are packed.
  var floats: Int { count * (inputs + 1) * VectorPair.width }

  /// Packs maps into the beginning of some memory.
  init(_ maps: [AffineMap<Float>], _ memory: Memory<Float>) {
    let (k, h, width) = (maps[0].inputs, maps[0].outputs, VectorPair.width)
    let blocks = GatePanels.blocks(h)
    count = maps.count * blocks
    inputs = k
    weights = memory.part(0, count * k * width)
    biases = memory.part(weights.count, count * width)
    biases.fill(0)
    for (gate, map) in maps.enumerated() {
      (map.bias?.storage ?? []).withMemory { bias in
        for j in 0..<bias.count {
          biases[(j / width * maps.count + gate) * width + j % width] = bias[j]
        }
      }
      map.weight.storage.withMemory { [weights] weight in
        let shares = h * k >= 1 << 16
        Threads.share(tasks: blocks, atMost: shares ? .max : 1) { block, _ in
          let j = block * width
          pack(
            .columns(weight), steps: 0..<k, columns: j..<min(j + width, h), k: k, m: h,
            into: weights.part((block * maps.count + gate) * k * width, k * width))
        }
      }
    }
  }

  /// W x + b of rows that lie one after the other: of the first panel all rows, then of the next.
  ///
  /// The bias is added last, as the equation does.
  @inline(__always)
  func multiply(_ x: Memory<Float>, rows: Int, by panels: Range<Int>, into sums: Memory<Float>) {
    let (width, size) = (VectorPair.width, inputs * VectorPair.width)
    let first = panels.lowerBound
    if rows == 1 {
      // A tile of one row would wait for its sums: four panels at a time keep it busy.
      multiplyPanel(
        rows: panels.count, x, rowStride: 0, stepStride: 1,
        weights.part(first * size, panels.count * size), yStride: width, panelStride: size,
        steps: inputs, begin: { _ in VectorPair(repeating: 0) },
        end: { sums.store($1 + biases.pair((first + $0) * width), $0 * width) })
    } else {
      for panel in panels {
        let bias = biases.pair(panel * width)
        multiplyPanel(
          rows: rows, x, rowStride: inputs, stepStride: 1, weights.part(panel * size, size),
          yStride: width, steps: inputs, begin: { _ in VectorPair(repeating: 0) },
          end: { sums.store($1 + bias, ((panel - first) * rows + $0) * width) })
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
  fileprivate let groups: [GateGroup]
  fileprivate let firstPosition: Int

  /// Some units of one row, and what the gates of a group get there.
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

    /// W x + b of one of the gates.
    @inline(__always) func own(_ gate: Int) -> VectorPair { own.pair(gate * ownStride) }
    /// U h + c of one of the gates.
    @inline(__always) func past(_ gate: Int) -> VectorPair { past.pair(gate * pastStride) }
    /// W x + b + U h + c of one of the gates.
    @inline(__always) func sum(_ gate: Int) -> VectorPair { own(gate) + past(gate) }

    /// Writes what is kept of these units, if so many tensors are.
    @inline(__always) func keep(_ value: VectorPair, _ index: Int, in kept: [Memory<Float>]) {
      if index < kept.count { kept[index].store(value, output, first: count) }
    }
  }

  /// Multiplies states by U of a group's gates, and calls `finish` with all units of all rows.
  ///
  /// Every other step begins with the last units, whose weights are still in the cache.
  @inline(__always)
  func multiply(
    _ states: Memory<Float>, by index: Int, finish: @Sendable (Units) -> Void
  ) {
    let group = groups[index]
    let (h, n, width) = (rows.shape.width, group.count, VectorPair.width)
    let (count, blocks) = (rows.count(in: number), GatePanels.blocks(h))
    let blocksAtOnce = (3 + n) / n  // at least four panels, see `GatePanels.multiply`
    let columns = (blocks + blocksAtOnce - 1) / blocksAtOnce
    let rowsAtOnce = ProductBlock.rows
    let parts = (count + rowsAtOnce - 1) / rowsAtOnce
    let shares = count * n * h * h >= ProductBlock.worthSharing
    Threads.share(
      tasks: columns * parts, atMost: shares ? .max : 1,
      scratch: blocksAtOnce * n * min(count, rowsAtOnce) * width
    ) { task, sums in
      let column = number % 2 == 0 ? task / parts : columns - 1 - task / parts
      let first = task % parts * rowsAtOnce
      let rowCount = min(rowsAtOnce, count - first)
      let units = column * blocksAtOnce..<min((column + 1) * blocksAtOnce, blocks)
      group.recurrent.multiply(
        states.from(first * h), rows: rowCount, by: units.lowerBound * n..<units.upperBound * n,
        into: sums)
      for block in units {
        let panel = (block - units.lowerBound) * n
        for row in 0..<rowCount {
          finish(
            Units(
              output: rows.place(of: first + row, in: number) * h + block * width,
              state: (first + row) * h + block * width, count: min(width, h - block * width),
              own: group.own.from(
                block * n * group.ownStride + (firstPosition + first + row) * width),
              ownStride: group.ownStride, past: sums.from((panel * rowCount + row) * width),
              pastStride: rowCount * width))
        }
      }
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
