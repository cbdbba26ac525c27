import Equations
import ErrorBounds
import Kernels
import Notation

var swinTransformerBenchmarks: [Benchmark] {
  // Maps of side², their width, and heads of 32 numbers; the last is the first stage of Swin-T.
  let maps = [(14, 32), (28, 192), (56, 96)]
  return maps.map { windowAttentionBenchmark(side: $0, width: $1) }
    + maps.map { swinBlockBenchmark(side: $0, width: $1, shift: 0) }
    + maps.map { swinBlockBenchmark(side: $0, width: $1, shift: 3) }
    + [patchMergingBenchmark(side: 56, width: 96)]
}

/// M, how many positions a window is high and wide.
private let edge = 7

private func windowAttentionBenchmark(side: Int, width d: Int) -> Benchmark {
  let (windows, positions) = (side * side / (edge * edge), edge * edge)
  return Benchmark(
    topic: "Window attention", shape: "\(windows) × \(positions) × \(d)",
    work: .operations(attentionOperations(windows * positions, d))
  ) {
    var stream = RandomStream(seed: UInt64(side))
    let p = WindowAttention.normal(width: d, from: &stream)
    let packed = p.packed()
    let x = Tensor<Float>.normal([windows, positions, d], from: &stream)
    // Windows know nothing of each other.
    let window = Tensor(shape: [1, positions, d], storage: x.slice(0).storage)
    return Trial(
      inputs: [("x", x), ("biasTable", p.biasTable)] + p.attention.named,
      kernel: { Kernels::windowAttention(x, packed) },
      naive: Naive(shape: "1 × \(positions) × \(d)", share: 1 / Double(windows)) {
        _ = Equations::windowAttention(window, p)
      }
    ) { y in
      let bias = relativePositionBias(p).reshaped([1, p.attention.heads, positions, positions])
      let attended = packed.attention.attended(window, mask: AttentionMask(bias: bias))
      return Verification(
        rows: Array(0..<positions), of: y, outputMap: p.attention.output, of: attended)
    }
  }
}

private func swinBlockBenchmark(side: Int, width d: Int, shift: Int) -> Benchmark {
  let n = side * side
  return Benchmark(
    topic: shift == 0 ? "Swin block" : "Swin block, shifted", shape: "\(side)² × \(d)",
    work: .operations(attentionOperations(n, d) + 16 * Double(n * d * d))
  ) {
    var stream = RandomStream(seed: UInt64(side))
    let p = SwinBlock<Float>(
      attention: .normal(width: d, from: &stream),
      attentionNorm: LayerNorm(width: d, epsilon: 1e-5),
      feedForward: .normal(width: d, dFF: 4 * d, activation: .gelu, from: &stream),
      feedForwardNorm: LayerNorm(width: d, epsilon: 1e-5), shift: shift)
    let packed = p.packed()
    let x = Tensor<Float>.normal([side, side, d], from: &stream)
    // The four corners as a map of their own: its last window is that of the whole map.
    let corners = Corners(of: side)
    let part = corners.map(of: x)
    return Trial(
      inputs: [("x", x), ("biasTable", p.attention.biasTable)] + p.attention.attention.named
        + [
          ("innerWeight", p.feedForward.inner.weight), ("outerWeight", p.feedForward.outer.weight),
        ],
      kernel: { Kernels::swinBlock(x, packed) },
      naive: Naive(
        shape: part.count < x.count ? "\(part.shape[0])² × \(d)" : nil,
        share: Double(part.count) / Double(x.count)
      ) { _ = Equations::swinBlock(part, p) }
    ) { y in
      let attended = Kernels::residual(part, .preNorm, p.attentionNorm) { x in
        Kernels::shiftedWindowAttention(x, packed.attention, shift: shift)
      }.output
      let inCorners = corners.lastWindow(shift: shift)
      return Verification(
        rows: inCorners.map { corners.position($0) }, of: y,
        LastSublayer(
          of: attended.rows.rows(inCorners), .preNorm, p.feedForwardNorm, packed.feedForward))
    }
  }
}

private func patchMergingBenchmark(side: Int, width d: Int) -> Benchmark {
  Benchmark(
    topic: "Patch merging", shape: "\(side)² × \(d)",
    work: .operations(4 * Double(side * side * d * d))
  ) {
    var stream = RandomStream(seed: UInt64(side))
    let p = PatchMerging<Float>(
      norm: LayerNorm(width: 4 * d, epsilon: 1e-5),
      reduction: AffineMap(weight: .normal([2 * d, 4 * d], from: &stream)))
    let packed = p.packed()
    let x = Tensor<Float>.normal([side, side, d], from: &stream)
    // Two rows of the map make one.
    let part = Tensor(shape: [2, side, d], storage: Array(x.storage.prefix(2 * side * d)))
    return Trial(
      inputs: [("x", x), ("reductionWeight", p.reduction.weight)],
      kernel: { Kernels::patchMerging(x, packed) },
      naive: Naive(shape: "2 × \(side) × \(d)", share: 2 / Double(side)) {
        _ = Equations::patchMerging(part, p)
      }
    ) { y in
      let (wide, x) = (p.converted(to: Double.self), part.converted(to: Double.self))
      return Verification(
        rows: Array(0..<side / 2), of: y, expected: Equations::patchMerging(x, wide),
        bound: patchMergingBound(x, wide))
    }
  }
}

/// Four projections of n positions, scores and weighted sums inside windows.
private func attentionOperations(_ n: Int, _ d: Int) -> Double {
  Double(8 * n * d * d + 4 * n * edge * edge * d)
}

/// The windows in the corners of a map, next to each other.
///
/// A shift joins the last window of the map from all four, as it does here.
private struct Corners {
  let side: Int

  init(of side: Int) { self.side = side }

  /// Where in the map a position of the corners stands.
  func position(_ i: Int) -> Int {
    func place(_ k: Int) -> Int { k < edge ? k : k + side - 2 * edge }
    return place(i / (2 * edge)) * side + place(i % (2 * edge))
  }

  func map(of x: Tensor<Float>) -> Tensor<Float> {
    let extent = 2 * edge
    return x.rows.rows((0..<extent * extent).map(position)).reshaped(
      [extent, extent, x.shape[2]])
  }

  /// The positions of the last window, shifted or not.
  func lastWindow(shift: Int) -> [Int] {
    let extent = 2 * edge
    let places = (edge..<extent).map { ($0 + shift) % extent }
    return places.flatMap { row in places.map { row * extent + $0 } }
  }
}

extension WindowAttention<Float> {
  /// Maps without bias, heads of 32 numbers, and a table of biases about as large as scores.
  fileprivate static func normal(
    width d: Int, from stream: inout RandomStream
  ) -> WindowAttention {
    let offsets = (2 * edge - 1) * (2 * edge - 1)
    return WindowAttention(
      attention: .normal(width: d, heads: d / 32, from: &stream),
      biasTable: .normal([offsets, d / 32], from: &stream), windowSize: edge)
  }
}
