import Notation

/// How the k × m right operand of a product lies in memory.
enum RightOperand: Sendable {
  /// Row by row: element (p, j) at p · m + j.
  case rows(Memory<Float>)
  /// Column by column, as a weight stored outputs × inputs: element (p, j) at j · k + p.
  case columns(Memory<Float>)
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
}

/// Writes activation(a b + bias) to c, of n × m; a is n × k, row by row.
func multiply(
  _ a: Memory<Float>, _ b: RightOperand, bias: Memory<Float>? = nil,
  activation: Activation = .identity, into c: Memory<Float>, n: Int, k: Int, m: Int
) {
  let width = VectorPair.width
  let panelsAtMost = (min(m, ProductBlock.columns) + width - 1) / width
  Workspace.with(panelsAtMost * width * min(k, ProductBlock.depth)) { packed in
    for j0 in stride(from: 0, to: m, by: ProductBlock.columns) {
      let columns = min(ProductBlock.columns, m - j0)
      let panels = (columns + width - 1) / width
      // A product without steps still has its bias to write, so the inner dimension has one block.
      for p0 in stride(from: 0, to: max(k, 1), by: ProductBlock.depth) {
        let steps = min(ProductBlock.depth, k - p0)
        let shares = n * steps * columns >= ProductBlock.worthSharing
        Threads.share(tasks: panels, atMost: shares ? .max : 1) { panel, _ in
          let j = j0 + panel * width
          pack(
            b, steps: p0..<p0 + steps, columns: j..<min(j + width, m), k: k, m: m,
            into: packed.part(panel * width * steps, width * steps))
        }
        let blocks = (n + ProductBlock.rows - 1) / ProductBlock.rows
        Threads.share(tasks: blocks, atMost: shares ? .max : 1) { block, _ in
          let i0 = block * ProductBlock.rows
          for panel in 0..<panels {
            let j = j0 + panel * width
            let inPanel = min(width, m - j)
            multiplyPanel(
              rows: min(ProductBlock.rows, n - i0), a.from(i0 * k + p0), rowStride: k,
              stepStride: 1,
              packed.part(panel * width * steps, width * steps), yStride: width, steps: steps,
              begin: { _ in VectorPair(repeating: 0) },
              end: { row, sums in
                let at = (i0 + row) * m + j
                var result = sums
                if p0 > 0 { result = result + c.pair(at, first: inPanel) }
                if p0 + steps == k {
                  if let bias { result = result + bias.pair(j, first: inPanel) }
                  result = activated(result, activation)
                }
                c.store(result, at, first: inPanel)
              })
          }
        }
      }
    }
  }
}

/// Copies a panel so that each step's numbers lie side by side; beyond the last column stands anything.
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
