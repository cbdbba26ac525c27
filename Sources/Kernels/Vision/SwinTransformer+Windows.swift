import Notation

/// A map moved up and to the left, what leaves it coming in again at the other side.
///
/// Rows of the map are copied in two runs each. Equation:
/// `Equations/Vision/SwinTransformer+Windows.swift`.
///
/// - Parameters:
///   - x: … × H × W × C.
///   - s: How many rows and columns everything moves.
/// - Returns: … × H × W × C.
public func cyclicShift(_ x: Tensor<Float>, by s: Int) -> Tensor<Float> {
  let width = mapShape(x).width
  return WindowOrder(x, window: (1, width), shift: s).windows(x)
}

/// A map cut into windows that do not overlap.
///
/// Rows of a window are copied as one run. Equation: `Equations/Vision/SwinTransformer+Windows.swift`.
///
/// - Parameters:
///   - x: … × H × W × C.
///   - m: M, how many positions a window is high and wide; it divides H and W.
/// - Returns: … × N × M² × C.
public func windows(_ x: Tensor<Float>, size m: Int) -> Tensor<Float> {
  let (leading, height, width, channels) = mapShape(x)
  requireSquares(of: m, dividing: (height, width))
  return WindowOrder(x, window: (m, m)).windows(x)
    .reshaped(leading + [height / m * (width / m), m * m, channels])
}

/// The map whose windows these are: the inverse of `windows`.
///
/// Equation: `Equations/Vision/SwinTransformer+Windows.swift`.
///
/// - Parameters:
///   - y: … × N × M² × C.
///   - m: M.
///   - height: H.
///   - width: W.
/// - Returns: … × H × W × C.
public func joinedWindows(
  _ y: Tensor<Float>, size m: Int, height: Int, width: Int
) -> Tensor<Float> {
  requireWindows(y, of: m, making: (height, width))
  let x = y.reshaped(y.shape.dropLast(3) + [height, width, y.shape[y.rank - 1]])
  return WindowOrder(x, window: (m, m)).joined(x)
}

/// Which positions of a window were neighbours before a cyclic shift brought them together.
///
/// Only in the last windows of rows and columns is anything looked up: elsewhere all were. Equation:
/// `Equations/Vision/SwinTransformer+Windows.swift`.
///
/// - Parameters:
///   - height: H.
///   - width: W.
///   - m: M.
///   - s: By how much the map was shifted.
/// - Returns: N × M² × M².
public func shiftedWindowMask(height: Int, width: Int, window m: Int, shift s: Int) -> Tensor<Bool>
{
  requireShift(s, of: m)
  requireSquares(of: m, dividing: (height, width))
  let (rows, columns, size) = (height / m, width / m, m * m)
  var keep = [Bool](repeating: true, count: rows * columns * size * size)
  keep.withMutableMemory { keep in
    for n in 0..<rows * columns where n / columns == rows - 1 || n % columns == columns - 1 {
      let window = keep.part(n * size * size, size * size)
      let below = n / columns == rows - 1 ? m - s : m
      let right = n % columns == columns - 1 ? m - s : m
      let region = (0..<size).map { i -> UInt8 in (i / m < below ? 0 : 2) + (i % m < right ? 0 : 1) }
      region.withMemory { region in
        for i in 0..<size {
          let row = window.part(i * size, size)
          for j in 0..<size { row[j] = region[i] == region[j] }
        }
      }
    }
  }
  return Tensor(shape: [rows * columns, size, size], storage: keep)
}

extension WindowAttention<Float> {
  /// What every head adds to the scores inside a window, h × M² × M².
  var relativePositionBias: Tensor<Float> {
    let (m, heads) = (windowSize, attention.heads)
    let size = m * m
    let biases = [Float].written(heads * size * size) { biases in
      biasTable.storage.withMemory { table in
        for head in 0..<heads {
          for i in 0..<size {
            let row = biases.part((head * size + i) * size, size)
            for r in 0..<m {
              let offset = (i / m - r + m - 1) * (2 * m - 1) + i % m + m - 1
              for c in 0..<m { row[r * m + c] = table[(offset - c) * heads + head] }
            }
          }
        }
      }
    }
    return Tensor(shape: [heads, size, size], storage: biases)
  }
}

/// The order in which the positions of a map stand when its windows follow one another.
///
/// What is done position by position may read in one order and write in the other, so that windows need
/// no copy of their own.
struct WindowOrder: Sendable {
  private let shape: [Int]
  private let height: Int
  private let width: Int
  private let window: (height: Int, width: Int)
  private let shift: (rows: Int, columns: Int)
  private let channels: Int

  /// The windows of … × H × W × C moved up and to the left by s; they divide H and W.
  init(_ x: Tensor<Float>, window: (height: Int, width: Int), shift s: Int = 0) {
    shape = x.shape
    (_, height, width, channels) = mapShape(x)
    self.window = window
    func moved(_ extent: Int) -> Int { extent == 0 ? 0 : (s % extent + extent) % extent }
    shift = (moved(height), moved(width))
  }

  /// Calls `body` with every run of positions that stay side by side, shared among the threads: where it
  /// begins in the windows' order and in the map's, in numbers, and how many numbers it has.
  func share(_ body: @Sendable (_ inWindows: Int, _ inMap: Int, _ count: Int) -> Void) {
    let positions = shape.dropLast().reduce(1, *)
    if positions * channels == 0 { return }
    let acrossMap = width / window.width
    Threads.share(rows: positions / window.width, width: window.width * channels) { run in
      let (index, row) = (run / window.height, run % window.height)
      let (down, across) = (index / acrossMap, index % acrossMap)
      let fromTop = down * window.height + row  // of all maps, one below the other
      let moved = fromTop % height + shift.rows
      let inMap = (fromTop - fromTop % height + (moved < height ? moved : moved - height)) * width
      var column = across * window.width + shift.columns
      if column >= width { column -= width }
      let first = min(window.width, width - column)
      body(run * window.width * channels, (inMap + column) * channels, first * channels)
      if first < window.width {
        body(
          (run * window.width + first) * channels, inMap * channels,
          (window.width - first) * channels)
      }
    }
  }

  /// The positions of a map in the windows' order, under the map's shape.
  func windows(_ x: Tensor<Float>) -> Tensor<Float> {
    let elements = [Float].written(x.count) { y in
      x.storage.withMemory { x in
        share { inWindows, inMap, count in
          copy(x.part(inMap, count), into: y.part(inWindows, count))
        }
      }
    }
    return Tensor(shape: shape, storage: elements)
  }

  /// Positions that stand in the windows' order, under the map's shape, in the map's.
  func joined(_ y: Tensor<Float>) -> Tensor<Float> {
    let elements = [Float].written(y.count) { x in
      y.storage.withMemory { y in
        share { inWindows, inMap, count in
          copy(y.part(inWindows, count), into: x.part(inMap, count))
        }
      }
    }
    return Tensor(shape: shape, storage: elements)
  }
}

/// Copies x into y, of the same length.
func copy(_ x: Memory<Float>, into y: Memory<Float>) {
  forEachVector(x.count) { i, length in
    y.store(x.vector(i, first: length), i, first: length)
  }
}
