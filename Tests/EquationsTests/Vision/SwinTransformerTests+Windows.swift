import Equations
import Notation
import TestSupport

/// What moves numbers about, tells positions apart, and counts.
struct SwinMoves: Sendable {
  /// By how much.
  var shift: @Sendable (Tensor<Double>, Int) -> Tensor<Double> = { cyclicShift($0, by: $1) }
  /// The windows' size.
  var windows: @Sendable (Tensor<Double>, Int) -> Tensor<Double> = {
    Equations.windows($0, size: $1)
  }
  /// The windows' size, height and width.
  var joined: @Sendable (Tensor<Double>, Int, Int, Int) -> Tensor<Double> = {
    joinedWindows($0, size: $1, height: $2, width: $3)
  }
  /// The windows' size.
  var index: @Sendable (Int) -> Tensor<Int> = { relativePositionIndex(window: $0) }
  /// Height, width, the windows' size and the shift.
  var mask: @Sendable (Int, Int, Int, Int) -> Tensor<Bool> = {
    shiftedWindowMask(height: $0, width: $1, window: $2, shift: $3)
  }
  /// Height, width and channels.
  var cost: @Sendable (Int, Int, Int) -> Int = {
    attentionCost(height: $0, width: $1, channels: $2)
  }
  /// Height, width, channels and the windows' size.
  var windowCost: @Sendable (Int, Int, Int, Int) -> Int = {
    windowAttentionCost(height: $0, width: $1, channels: $2, window: $3)
  }
}

// MARK: - Laws

let moveLaws: [Law<SwinMoves>] = [
  Law("a shift brings what stands s further down and to the right") { moves, draw in
    let (x, s) = (draw.map(window: 1), draw.integer("s", in: -9...9))
    let (height, width) = (x.shape[1], x.shape[2])
    let y = moves.shift(x, s)
    try expect(y.shape == x.shape, "the shape is \(y.shape)")
    for r in 0..<height {
      for c in 0..<width {
        let (row, column) = ((r + s + 9 * height) % height, (c + s + 9 * width) % width)
        try expect(
          y.vector(0, r, c) == x.vector(0, row, column), "row \(r), column \(c) holds another")
      }
    }
  },
  Law("a shift by −s undoes a shift by s, and shifts add up") { moves, draw in
    let x = draw.map(window: 1)
    let (s, t) = (draw.integer("s", in: -9...9), draw.integer("t", in: -9...9))
    try expect(moves.shift(moves.shift(x, s), -s) == x, "the map has not come back")
    try expect(moves.shift(moves.shift(x, s), t) == moves.shift(x, s + t), "\(s) and \(t)")
  },
  Law("windows lie row by row, and so do their positions") { moves, draw in
    let m = draw.integer("M", in: 1...3)
    let x = draw.map(window: m)
    let (b, height, width, channels) = (x.shape[0], x.shape[1], x.shape[2], x.shape[3])
    let y = moves.windows(x, m)
    try expect(
      y.shape == [b, height / m * (width / m), m * m, channels], "the shape is \(y.shape)")
    for n in 0..<y.shape[1] {
      for i in 0..<m * m {
        let (r, c) = (n / (width / m) * m + i / m, n % (width / m) * m + i % m)
        try expect(
          y.vector(b - 1, n, i) == x.vector(b - 1, r, c), "position \(i) of window \(n)")
      }
    }
  },
  Law("windows joined are the map") { moves, draw in
    let m = draw.integer("M", in: 1...3)
    let x = draw.map(window: m)
    let y = windows(x, size: m)
    try expect(moves.joined(y, m, x.shape[1], x.shape[2]) == x, "the map is another")
  },
  Law("offsets from the upper left to the lower right have their rows of the table in order") {
    moves, draw in
    let m = draw.integer("M", in: 1...4)
    let index = moves.index(m)
    let offsets = (1 - m..<m).flatMap { r in (1 - m..<m).map { c in [r, c] } }
    for i in 0..<m * m {
      for j in 0..<m * m {
        let offset = [i / m - j / m, i % m - j % m]
        try expect(offsets[index[i, j]] == offset, "query \(i), key \(j): \(offset)")
      }
    }
  },
  Law("a mask lets see each other what the shift has left together") { moves, draw in
    let (m, rows, columns) = (
      draw.integer("M", in: 1...4), draw.integer("rows", in: 1...3),
      draw.integer("columns", in: 1...3)
    )
    let (height, width, s) = (rows * m, columns * m, draw.integer("s", in: 0...m - 1))
    let mask = moves.mask(height, width, m, s)
    try expect(mask.shape == [rows * columns, m * m, m * m], "the shape is \(mask.shape)")
    /// Where position i of window n stood before the shift.
    func before(_ n: Int, _ i: Int) -> [Int] {
      [(n / columns * m + i / m + s) % height, (n % columns * m + i % m + s) % width]
    }
    for n in 0..<rows * columns {
      for i in 0..<m * m {
        for j in 0..<m * m {
          let (a, b) = (before(n, i), before(n, j))
          let isTogether = a[0] - b[0] == i / m - j / m && a[1] - b[1] == i % m - j % m
          try expect(mask[n, i, j] == isTogether, "window \(n), query \(i), key \(j)")
        }
      }
    }
  },
  Law("the costs are those of the products of matrices in an attention", cases: 30) {
    moves, draw in
    let m = draw.integer("M", in: 1...3)
    let (rows, columns) = (draw.integer("rows", in: 1...3), draw.integer("columns", in: 1...3))
    let (height, width, c) = (rows * m, columns * m, LayerMaker.width)
    var maker = LayerMaker(draw)
    let p = maker.windowAttention(window: m)
    let x = maker.numbers([height, width, c])
    let inside = windowAttentionSteps(windows(x, size: m), p)
    let all = x.reshaped([height * width, c])
    let global = multiHeadAttentionSteps(queries: all, keys: all, values: all, p.attention)
    try expect(
      moves.windowCost(height, width, c, m) == products(inside, p.attention), "in windows")
    try expect(moves.cost(height, width, c) == products(global, p.attention), "on the whole map")
  },
]

/// The multiplications of an attention's products: each element of a product is a sum of so many.
private func products(
  _ steps: MultiHeadAttentionSteps<Double>, _ p: MultiHeadAttention<Double>
) -> Int {
  let (keys, dk) = (steps.keyHeads.shape[steps.keyHeads.rank - 2], steps.keyHeads.shape.last!)
  return steps.queryHeads.count * p.query.inputs + steps.keyHeads.count * p.key.inputs
    + steps.valueHeads.count * p.value.inputs + steps.attention.scores.count * dk
    + steps.attention.output.count * keys + steps.output.count * p.output.inputs
}

extension Draw {
  /// A map of some windows, b × H × W × C.
  func map(window m: Int, channels: Int? = nil) -> Tensor<Double> {
    var maker = LayerMaker(self)
    return maker.numbers([
      integer("b", in: 1...2), integer("rows", in: 1...4) * m, integer("columns", in: 1...4) * m,
      channels ?? integer("C", in: 1...3),
    ])
  }
}

extension Tensor {
  /// The vector at a place of b × H × W × C.
  fileprivate func vector(_ g: Int, _ r: Int, _ c: Int) -> [Element] {
    slice(g).slice(r).slice(c).storage
  }
}

// MARK: - Wrong versions

let wrongMoves: [WrongVersion<SwinMoves>] = [
  wrong("everything moves down and to the right") { moves in
    moves.shift = { cyclicShift($0, by: -$1) }
  },
  wrong("everything moves one position too far") { moves in
    moves.shift = { cyclicShift($0, by: $1 + 1) }
  },
  wrong("rows alone move") { moves in
    moves.shift = { x, s in
      x.moved { r, c in ((r + s).modulo(x.shape[x.rank - 3]), c) }
    }
  },
  wrong("columns alone move") { moves in
    moves.shift = { x, s in
      x.moved { r, c in (r, (c + s).modulo(x.shape[x.rank - 2])) }
    }
  },
  wrong("columns move to the other side than rows") { moves in
    moves.shift = { x, s in
      x.moved { r, c in
        ((r + s).modulo(x.shape[x.rank - 3]), (c - s).modulo(x.shape[x.rank - 2]))
      }
    }
  },
  wrong("the border stays where the map ends") { moves in
    moves.shift = { x, s in
      x.moved { r, c in
        (
          min(max(r + s, 0), x.shape[x.rank - 3] - 1), min(max(c + s, 0), x.shape[x.rank - 2] - 1)
        )
      }
    }
  },
  wrong("windows column by column") { moves in
    moves.windows = { x, m in
      let (rows, columns) = (x.shape[x.rank - 3] / m, x.shape[x.rank - 2] / m)
      let y = windows(x, size: m)
      let order = (0..<columns).flatMap { j in (0..<rows).map { i in i * columns + j } }
      return y.joinedRows.rows(order).reshaped(y.shape)
    }
  },
  wrong("positions of a window column by column") { moves in
    moves.windows = { x, m in
      windows(x, size: m).rows((0..<m * m).map { $0 % m * m + $0 / m })
    }
  },
  wrong("windows of consecutive numbers") { moves in
    moves.windows = { x, m in x.reshaped(windows(x, size: m).shape) }
  },
  wrong("windows joined column by column") { moves in
    moves.joined = { y, m, height, width in
      let (rows, columns) = (height / m, width / m)
      let order = (0..<rows).flatMap { i in (0..<columns).map { j in j * rows + i } }
      let sorted = y.joinedRows.rows(order).reshaped(y.shape)
      return joinedWindows(sorted, size: m, height: height, width: width)
    }
  },
  wrong("positions of a window joined column by column") { moves in
    moves.joined = { y, m, height, width in
      joinedWindows(
        y.rows((0..<m * m).map { $0 % m * m + $0 / m }), size: m, height: height, width: width)
    }
  },
  wrong("windows joined as consecutive numbers") { moves in
    moves.joined = { y, m, height, width in
      y.reshaped(y.shape.dropLast(3) + [height, width, y.shape.last!])
    }
  },
  wrong("keys to queries for queries to keys") { moves in
    moves.index = { relativePositionIndex(window: $0).transposed }
  },
  wrong("the column's offset counts rows of the table first") { moves in
    moves.index = { m in
      index(m) { r, c in r + m - 1 + (c + m - 1) * (2 * m - 1) }
    }
  },
  wrong("rows of the table M apart") { moves in
    moves.index = { m in index(m) { r, c in (r + m - 1) * m + c + m - 1 } }
  },
  wrong("distances for offsets") { moves in
    moves.index = { m in
      index(m) { r, c in (abs(r) + m - 1) * (2 * m - 1) + abs(c) + m - 1 }
    }
  },
  wrong("a shift hides nothing") { moves in
    moves.mask = { height, width, m, _ in
      shiftedWindowMask(height: height, width: width, window: m, shift: 0)
    }
  },
  wrong("what is together is hidden") { moves in
    moves.mask = { height, width, m, s in
      shiftedWindowMask(height: height, width: width, window: m, shift: s).map { !$0 }
    }
  },
  wrong("rows alone are told apart") { moves in
    moves.mask = { height, width, m, s in
      regions(height, width, m) { r, _ in r < height - s ? 0 : 1 }
    }
  },
  wrong("columns alone are told apart") { moves in
    moves.mask = { height, width, m, s in
      regions(height, width, m) { _, c in c < width - s ? 0 : 1 }
    }
  },
  wrong("what came in from above and what came in from the left are one region") { moves in
    moves.mask = { height, width, m, s in
      regions(height, width, m) { r, c in r < height - s && c < width - s ? 0 : 1 }
    }
  },
  wrong("windows are cut after s rows, not before the last s") { moves in
    moves.mask = { height, width, m, s in
      regions(height, width, m) { r, c in
        (r < height - m + s ? 0 : 2) + (c < width - m + s ? 0 : 1)
      }
    }
  },
  wrong("the first windows are cut, not the last") { moves in
    moves.mask = { height, width, m, s in
      regions(height, width, m) { r, c in (r < s ? 2 : 0) + (c < s ? 1 : 0) }
    }
  },
  wrong("the last windows are cut whole") { moves in
    moves.mask = { height, width, m, s in
      regions(height, width, m) { r, c in (r < height - m ? 0 : 2) + (c < width - m ? 0 : 1) }
    }
  },
  wrong("the output map costs nothing") { moves in
    moves.cost = { 3 * $0 * $1 * $2 * $2 + 2 * $0 * $1 * $0 * $1 * $2 }
    moves.windowCost = { 3 * $0 * $1 * $2 * $2 + 2 * $3 * $3 * $0 * $1 * $2 }
  },
  wrong("weights times values cost nothing") { moves in
    moves.cost = { 4 * $0 * $1 * $2 * $2 + $0 * $1 * $0 * $1 * $2 }
    moves.windowCost = { 4 * $0 * $1 * $2 * $2 + $3 * $3 * $0 * $1 * $2 }
  },
  wrong("a window costs M and not M²") { moves in
    moves.windowCost = { 4 * $0 * $1 * $2 * $2 + 2 * $3 * $0 * $1 * $2 }
  },
  wrong("attention costs as much for each position whatever their number") { moves in
    moves.cost = { 4 * $0 * $1 * $2 * $2 + 2 * $0 * $1 * $2 }
  },
  wrong("each multiplication counts twice, with its sum") { moves in
    moves.cost = { 2 * attentionCost(height: $0, width: $1, channels: $2) }
    moves.windowCost = { 2 * windowAttentionCost(height: $0, width: $1, channels: $2, window: $3) }
  },
]

private func wrong(
  _ name: String, _ change: (inout SwinMoves) -> Void
) -> WrongVersion<SwinMoves> {
  var moves = SwinMoves()
  change(&moves)
  return WrongVersion(name, moves)
}

/// An index by another rule for the offset of a query from a key.
private func index(_ m: Int, _ row: (_ r: Int, _ c: Int) -> Int) -> Tensor<Int> {
  let places = 0..<m * m
  return Tensor(
    shape: [m * m, m * m],
    storage: places.flatMap { i in places.map { j in row(i / m - j / m, i % m - j % m) } })
}

/// A mask by another rule for the region of a position.
private func regions(
  _ height: Int, _ width: Int, _ m: Int, _ region: (_ r: Int, _ c: Int) -> Int
) -> Tensor<Bool> {
  let map = (0..<height).flatMap { r in (0..<width).map { c in Double(region(r, c)) } }
  let inside = windows(Tensor(shape: [height, width, 1], storage: map), size: m)
  return Tensor(
    shape: [inside.shape[0], m * m, m * m],
    storage: (0..<inside.shape[0]).flatMap { n in
      let window = inside.slice(n).storage
      return window.flatMap { query in window.map { $0 == query } }
    })
}

extension Int {
  fileprivate func modulo(_ n: Int) -> Int { (self % n + n) % n }
}

extension Tensor<Double> {
  /// The windows … × N × M² × C as rows … × N × (M² C).
  fileprivate var joinedRows: Tensor {
    reshaped(shape.dropLast(2) + [shape[rank - 2] * shape[rank - 1]])
  }

  /// The vectors of a map … × H × W × C, each from the place that `source` gives for its own.
  fileprivate func moved(_ source: (_ r: Int, _ c: Int) -> (Int, Int)) -> Tensor {
    let (height, width, channels) = (shape[rank - 3], shape[rank - 2], shape[rank - 1])
    var moved = self
    for at in storage.indices {
      let (r, c) = (at / channels / width % height, at / channels % width)
      let (row, column) = source(r, c)
      moved.storage[at] = storage[at + ((row - r) * width + column - c) * channels]
    }
    return moved
  }
}
