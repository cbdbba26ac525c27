import Equations
import ErrorBounds
import Kernels
import Notation

var multiHeadAttentionBenchmarks: [Benchmark] {
  [(16, 64, 4), (128, 512, 8), (512, 512, 8), (1, 1, 1)].map { length, width, heads in
    multiHeadAttentionBenchmark(length: length, width: width, heads: heads)
  }
}

private func multiHeadAttentionBenchmark(length n: Int, width d: Int, heads h: Int) -> Benchmark {
  Benchmark(
    topic: "Multi-head attention", shape: "\(n) × \(d), \(h) heads",
    work: .operations(Double(8 * n * d * d + 4 * n * n * d))
  ) {
    var stream = RandomStream(seed: UInt64(n))
    let p = MultiHeadAttention<Float>.normal(width: d, heads: h, from: &stream)
    let packed = p.packed()
    let x = Tensor<Float>.normal([n, d], from: &stream)
    let count = min(n, 16)
    let part = x.rows(Array(0..<count))
    return Trial(
      inputs: [("x", x)] + p.named,
      kernel: { Kernels::multiHeadAttention(queries: x, keys: x, values: x, packed) },
      naive: Naive(
        shape: count < n ? "\(count) × \(d)" : nil, share: naiveShare(count, of: n, width: d)
      ) { _ = Equations::multiHeadAttention(queries: part, keys: part, values: part, p) }
    ) { y in
      let rows = sampledRows(n, atMost: 8)
      return Verification(
        rows: rows, of: y, outputMap: p.output, of: packed.attended(x).rows(rows))
    }
  }
}

extension Verification {
  /// Compares rows with what the equation's output map makes of heads that the kernels before it give.
  ///
  /// The bound of all parts would be as large as the numbers. Maps and attention have rows of their own.
  init(
    rows: [Int], of got: Tensor<Float>, outputMap map: AffineMap<Float>, of heads: Tensor<Float>
  ) {
    let (heads, map) = (heads.converted(to: Double.self), map.converted(to: Double.self))
    self.init(
      rows: rows, of: got, expected: Equations::affineMap(heads, map),
      bound: affineMapBound(heads, map))
  }
}

/// Which part of the multiply-adds of n positions some of them take, who attend to themselves only.
private func naiveShare(_ count: Int, of n: Int, width d: Int) -> Double {
  func operations(_ count: Int) -> Int { count * (4 * d + 2 * count) }
  return Double(operations(count)) / Double(operations(n))
}

extension MultiHeadAttention<Float> {
  /// Maps without bias, whose outputs are as large as their inputs.
  static func normal(
    width d: Int, heads: Int, from stream: inout RandomStream
  ) -> MultiHeadAttention {
    func map() -> AffineMap<Float> {
      AffineMap(
        weight: Tensor<Float>.normal([d, d], from: &stream).map { $0 / Float(d).squareRoot() })
    }
    return MultiHeadAttention(query: map(), key: map(), value: map(), output: map(), heads: heads)
  }

  /// What the output map gets where x attends to itself, by the kernels of the parts before it.
  func attended(_ x: Tensor<Float>, mask: AttentionMask<Float> = .none) -> Tensor<Float> {
    func mapped(_ map: AffineMap<Float>) -> Tensor<Float> {
      splitHeads(Kernels::affineMap(x, map), heads: heads)
    }
    return concatenateHeads(
      Kernels::scaledDotProductAttention(
        queries: mapped(query), keys: mapped(key), values: mapped(value), mask: mask))
  }

  /// The weights by the names that other people's software reads them by.
  var named: [(name: String, tensor: Tensor<Float>)] {
    [
      ("queryWeight", query.weight), ("keyWeight", key.weight), ("valueWeight", value.weight),
      ("outputWeight", output.weight),
    ]
  }
}
