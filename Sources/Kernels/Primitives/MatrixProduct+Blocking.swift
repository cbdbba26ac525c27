import Notation

/// How the k × m right operand of a product lies in memory.
enum RightOperand: Sendable {
  /// Row by row: element (p, j) at p · m + j.
  case rows(Memory<Float>)
  /// Column by column, as a weight stored outputs × inputs: element (p, j) at j · k + p.
  case columns(Memory<Float>)
}

/// A right operand in panels two vectors wide, step after step: as tiles read it.
struct Panels: Sendable {
  let memory: Memory<Float>
  /// How far it is from one panel to the next.
  let stride: Int
}

/// Block sizes, measured on a core with 48 KiB L1, 1 MiB L2 and 32 MiB L3.
enum ProductBlock {
  /// Steps of the inner dimension: a panel of 512 × 16 floats is 32 KiB, and stays in L1.
  static let depth = 512
  /// Rows of a: six tiles, 72 KiB of L2.
  ///
  /// Small enough to share 512 rows evenly between two threads: 60 rows are 1.83 times as fast as one
  /// thread, 36 rows 1.9 times. 24 rows are 3 % slower on one thread.
  static let rows = 36
  /// Columns of b: 512 × 384 packed floats are 768 KiB, and stay in L2 while all rows of a go by.
  ///
  /// 512 to 4096 columns are 3 to 6 % slower, and suffer when neighbours use the shared L3.
  static let columns = 384
  /// Multiply-adds below which a second thread costs more than it brings: about 15 µs.
  static let worthSharing = 1 << 20
  /// Rows below which reading b takes longer than multiplying.
  static let rowsWorthReading = 4
}

/// A product to be computed: c = activation(a b + bias) + addend.
struct Product: Sendable {
  /// n × k, row by row.
  let a: Memory<Float>
  /// k × m.
  let b: RightOperand
  /// b once more, if it has been packed.
  var panels: Panels?
  /// m.
  var bias: Memory<Float>?
  var activation = Activation.identity
  /// n × m.
  var addend: Memory<Float>?
  /// n × m, to be written.
  let c: Memory<Float>
  let n: Int
  let k: Int
  let m: Int

  /// Computes products that do not need each other; those with panels side by side.
  static func compute(_ products: [Product]) {
    for product in products where product.panels == nil { product.packAndCompute() }
    let ready = products.filter { $0.panels != nil }
    let ends = ready.reduce(into: []) { ends, product in
      ends.append((ends.last ?? 0) + product.blocks.rows * product.blocks.columns)
    }
    Threads.share(
      tasks: ends.last ?? 0, atMost: ready.contains(where: \.isWorthSharing) ? .max : 1
    ) { task, _ in
      let i = ends.firstIndex { task < $0 }!
      ready[i].computeBlock(task - (i == 0 ? 0 : ends[i - 1]))
    }
  }

  private var isWorthSharing: Bool {
    max(n, ProductBlock.rowsWorthReading) * k * m >= ProductBlock.worthSharing
  }

  /// How many blocks of rows and of columns there are.
  private var blocks: (rows: Int, columns: Int) {
    (
      (n + ProductBlock.rows - 1) / ProductBlock.rows,
      (m + ProductBlock.columns - 1) / ProductBlock.columns
    )
  }

  /// Computes a block of the result through the whole depth; the blocks of one column follow each other.
  private func computeBlock(_ block: Int) {
    let (b, width) = (panels!, VectorPair.width)
    let count = (m + width - 1) / width
    let column = block / blocks.rows
    let mine = count * column / blocks.columns..<count * (column + 1) / blocks.columns
    for p0 in stride(from: 0, to: max(k, 1), by: ProductBlock.depth) {
      multiply(
        rowBlock: block % blocks.rows, steps: p0..<min(p0 + ProductBlock.depth, k), panels: mine,
        Panels(memory: b.memory.from(mine.lowerBound * b.stride + p0 * width), stride: b.stride))
    }
  }

  /// Packs b block by block, and multiplies.
  private func packAndCompute() {
    if case .columns(let b) = b {
      if m == 1 && n > 1 { return computeTransposed(b) }
      if n <= ProductBlock.rowsOfDots(k: k) { return computeDots(b) }
    }
    let width = VectorPair.width
    let limit = isWorthSharing ? Int.max : 1
    let panelsAtMost = (min(m, ProductBlock.columns) + width - 1) / width
    Workspace.with(panelsAtMost * width * min(k, ProductBlock.depth)) { packed in
      for j0 in stride(from: 0, to: m, by: ProductBlock.columns) {
        let columns = min(ProductBlock.columns, m - j0)
        let panels = (columns + width - 1) / width
        // A product without steps still has its bias to write, so the inner dimension has one block.
        for p0 in stride(from: 0, to: max(k, 1), by: ProductBlock.depth) {
          let steps = p0..<min(p0 + ProductBlock.depth, k)
          let size = width * steps.count
          Threads.share(tasks: panels, atMost: limit) { panel, _ in
            let j = j0 + panel * width
            pack(
              b, steps: steps, columns: j..<min(j + width, m), k: k, m: m,
              into: packed.part(panel * size, size))
          }
          Threads.share(tasks: blocks.rows, atMost: limit) { block, _ in
            multiply(
              rowBlock: block, steps: steps, panels: j0 / width..<j0 / width + panels,
              Panels(memory: packed, stride: size))
          }
        }
      }
    }
  }

  /// Few rows: b is read once, as it lies.
  private func computeDots(_ b: Memory<Float>) {
    let width = VectorPair.width
    Threads.share(
      tasks: (m + width - 1) / width, atMost: isWorthSharing ? .max : 1
    ) { panel, _ in
      let j = panel * width
      let columns = min(width, m - j)
      multiplyRows(a, rows: n, b.from(j * k), rows: columns, k: k, into: c.from(j), stride: m)
      for i in 0..<n {
        let at = i * m + j
        c.store(finished(c.pair(at, first: columns), i, j, columns: columns), at, first: columns)
      }
      activate(rows: 0..<n, columns: j..<j + columns)
    }
  }

  /// The product with one column: the rows of a become the columns, or all lanes but one would idle.
  private func computeTransposed(_ column: Memory<Float>) {
    Workspace.with(bias == nil ? 0 : n) { biases in
      if let bias { biases.fill(bias[0]) }
      Product(
        a: column, b: .columns(a), bias: bias == nil ? nil : biases, activation: activation,
        addend: addend, c: c, n: 1, k: k, m: n
      ).packAndCompute()
    }
  }

  /// Multiplies a block of rows by some panels, of which `b` holds the steps given.
  @inline(__always)
  private func multiply(
    rowBlock: Int, steps: Range<Int>, panels: Range<Int>, _ b: Panels
  ) {
    let width = VectorPair.width
    let i0 = rowBlock * ProductBlock.rows
    let rows = min(ProductBlock.rows, n - i0)
    @inline(always) func begin(_: Int) -> VectorPair { VectorPair(repeating: 0) }
    @inline(always) func end(_ i: Int, _ j: Int, columns: Int, _ sums: VectorPair) {
      let at = i * m + j
      let result = steps.lowerBound > 0 ? sums + c.pair(at, first: columns) : sums
      c.store(
        steps.upperBound == k ? finished(result, i, j, columns: columns) : result, at,
        first: columns)
    }
    if rows == 1 {
      // A panel at a time, a row alone would wait for its sums.
      multiplyPanel(
        rows: panels.count, a.from(i0 * k + steps.lowerBound), rowStride: 0, stepStride: 1,
        b.memory, yStride: width, panelStride: b.stride, steps: steps.count, begin: begin
      ) { panel, sums in
        let j = (panels.lowerBound + panel) * width
        end(i0, j, columns: min(width, m - j), sums)
      }
    } else {
      for panel in panels {
        let j = panel * width
        let columns = min(width, m - j)
        multiplyPanel(
          rows: rows, a.from(i0 * k + steps.lowerBound), rowStride: k, stepStride: 1,
          b.memory.from((panel - panels.lowerBound) * b.stride), yStride: width,
          steps: steps.count, begin: begin
        ) { row, sums in end(i0 + row, j, columns: columns, sums) }
      }
    }
    if steps.upperBound == k {
      activate(
        rows: i0..<i0 + rows,
        columns: panels.lowerBound * width..<min(panels.upperBound * width, m))
    }
  }

  /// What becomes of the sums of a panel's columns from j on in row i: the bias is added, and the addend
  /// where no activation stands between them.
  @inline(__always)
  private func finished(_ sums: VectorPair, _ i: Int, _ j: Int, columns: Int) -> VectorPair {
    var result = sums
    if let bias { result = result + bias.pair(j, first: columns) }
    if activation == .identity, let addend {
      result = result + addend.pair(i * m + j, first: columns)
    }
    return result
  }

  /// Does what is left to do for a block of the result: activation and addend.
  ///
  /// In a pass of its own, while the block is in L2: inlined into the tiles' end, an activation takes their
  /// registers, and called from there it gets its vectors in registers of four lanes, 9 % of a Swin block.
  private func activate(rows: Range<Int>, columns: Range<Int>) {
    if activation == .identity { return }
    for i in rows {
      let start = i * m + columns.lowerBound
      let row = c.part(start, columns.count)
      Kernels::activate(row, into: row, activation)
      if let addend {
        add(row, addend.part(start, columns.count), dropping: nil, at: 0, into: row)
      }
    }
  }
}

/// Copies a panel so that each step's numbers lie side by side; beyond the last column stands anything.
@inline(always)
func pack(
  _ b: RightOperand, steps: Range<Int>, columns: Range<Int>, k: Int, m: Int,
  into panel: Memory<Float>
) {
  let width = VectorPair.width
  switch b {
  case .rows(let b):
    for p in steps {
      let pair = b.pair(p * m + columns.lowerBound, first: columns.count)
      panel.store(pair, (p - steps.lowerBound) * width)
    }
  case .columns(let b):
    transpose(
      b.from(columns.lowerBound * k + steps.lowerBound), stride: k, rows: columns.count,
      columns: steps.count, times: 1, into: panel, stride: width)
  }
}
