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
  let width = mapShape(x.shape).width
  return WindowOrder(of: x.shape, window: (1, width), shift: s).moved(x, to: x.shape) {
    inWindows, inMap in (from: inMap, to: inWindows)
  }
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
  let (leading, height, width, channels) = mapShape(x.shape)
  requireSquares(of: m, dividing: (height, width))
  let shape = leading + [height / m * (width / m), m * m, channels]
  return WindowOrder(of: x.shape, window: (m, m)).moved(x, to: shape) { inWindows, inMap in
    (from: inMap, to: inWindows)
  }
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
  let shape: [Int] = y.shape.dropLast(3) + [height, width, y.shape[y.rank - 1]]
  return WindowOrder(of: shape, window: (m, m)).moved(y, to: shape) { inWindows, inMap in
    (from: inWindows, to: inMap)
  }
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
      let region = (0..<size).map { i -> UInt8 in (i / m < below ? 0 : 2) + (i % m < right ? 0 : 1)
      }
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
  private let positions: Int
  private let height: Int
  private let width: Int
  private let window: (height: Int, width: Int)
  private let shift: (rows: Int, columns: Int)

  /// The windows of … × H × W × C moved up and to the left by s; they divide H and W.
  init(of map: [Int], window: (height: Int, width: Int), shift s: Int = 0) {
    positions = map.dropLast().reduce(1, *)
    (_, height, width, _) = mapShape(map)
    self.window = window
    func moved(_ extent: Int) -> Int { extent == 0 ? 0 : (s % extent + extent) % extent }
    shift = (moved(height), moved(width))
  }

  /// Calls `body` with every run of positions that stay side by side, shared among the threads.
  ///
  /// - Parameters:
  ///   - channels: How many numbers a position has.
  ///   - body: Is told where a run begins in the windows' order and in the map's, in numbers, and how
  ///     many numbers it has.
  func share(
    channels: Int, _ body: @Sendable (_ inWindows: Int, _ inMap: Int, _ count: Int) -> Void
  ) {
    if positions * channels == 0 { return }
    Threads.share(rows: positions / width, width: width * channels) { fromTop in
      // Rows of all maps, one below the other, and bands of windows.
      let (band, row) = (fromTop / window.height, fromTop % window.height)
      let moved = fromTop % height + shift.rows
      let rowInMap = fromTop - fromTop % height + (moved < height ? moved : moved - height)
      var (run, column) = (band * (width / window.width) * window.height + row, shift.columns)
      for _ in 0..<width / window.width {
        let (inWindows, inMap) = (run * window.width, rowInMap * width)
        let first = min(window.width, width - column)
        body(inWindows * channels, (inMap + column) * channels, first * channels)
        if first < window.width {
          body(
            (inWindows + first) * channels, inMap * channels, (window.width - first) * channels)
        }
        run += window.height
        column += window.width
        if column >= width { column -= width }
      }
    }
  }

  /// Every run at another place.
  fileprivate func moved(
    _ x: Tensor<Float>, to shape: [Int],
    _ places: @Sendable (_ inWindows: Int, _ inMap: Int) -> (from: Int, to: Int)
  ) -> Tensor<Float> {
    let elements = [Float].written(x.count) { y in
      x.storage.withMemory { x in
        share(channels: shape[shape.count - 1]) { inWindows, inMap, count in
          let (from, to) = places(inWindows, inMap)
          y.part(to, count).copy(x.part(from, count))
        }
      }
    }
    return Tensor(shape: shape, storage: elements)
  }
}
