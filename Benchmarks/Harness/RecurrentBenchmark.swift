import Notation

/// A recurrent network that reads b sequences of t positions.
struct RecurrentRow {
  let b: Int
  let t: Int
  let d: Int
  let h: Int
  /// Whether the maps are packed before anything is timed.
  var isPacked = false

  /// The rows of each network; 256 → 512 over 128 positions is in everybody's tables.
  static let all = [
    RecurrentRow(b: 1, t: 16, d: 32, h: 32), RecurrentRow(b: 1, t: 128, d: 256, h: 512),
    RecurrentRow(b: 1, t: 128, d: 256, h: 512, isPacked: true),
    RecurrentRow(b: 32, t: 128, d: 256, h: 512), RecurrentRow(b: 1, t: 2, d: 1, h: 1),
  ]

  /// A benchmark of a network with so many gates, whose weights keep sums as large as their terms.
  ///
  /// Two positions of the last sequence are compared: later states depend on them, and bounds grow. The
  /// equation is timed on as many as take some 10 ms.
  func benchmark<Parameters>(
    _ topic: String, gates: Int,
    _ parameters: @escaping (AffineMap<Float>, AffineMap<Float>) -> Parameters,
    packed: @escaping (Parameters) -> Parameters,
    kernel: @escaping (Tensor<Float>, Parameters) -> Tensor<Float>,
    naive: @escaping (Tensor<Float>, Parameters) -> Tensor<Float>,
    oracle: @escaping (Tensor<Double>, Parameters) -> (Tensor<Double>, bound: Tensor<Double>)
  ) -> Benchmark {
    Benchmark(
      topic: isPacked ? "Packed \(topic)" : topic, shape: "\(b) × \(t) × \(d) → \(h)",
      work: .operations(Double(2 * b * t * gates * h * (d + h)))
    ) {
      var stream = RandomStream(seed: UInt64(b))
      func map(_ inputs: Int) -> AffineMap<Float> {
        let scale = 1 / Float(inputs).squareRoot()
        return AffineMap(
          weight: .normal([gates * h, inputs], from: &stream).map { $0 * scale },
          bias: .normal([gates * h], from: &stream))
      }
      let (input, recurrent) = (map(d), map(h))
      let p = parameters(input, recurrent)
      let kernelP = isPacked ? packed(p) : p
      let x = Tensor<Float>.normal([b, t, d], from: &stream)
      let last = x.slice(b - 1)
      let timed = min(t, (1 << 23) / (h * (d + h)))
      let part = last.rows(Array(0..<timed))
      return Trial(
        inputs: [
          ("x", x), ("inputWeight", input.weight), ("inputBias", input.bias!),
          ("recurrentWeight", recurrent.weight), ("recurrentBias", recurrent.bias!),
        ],
        kernel: { kernel(x, kernelP) },
        naive: Naive(
          shape: b * t == timed ? nil : "1 × \(timed) × \(d) → \(h)",
          share: Double(timed) / Double(b * t)
        ) { _ = naive(part, p) }
      ) { y in
        let (expected, bound) = oracle(last.rows([0, 1]).converted(), p)
        let first = (b - 1) * t
        return Verification(rows: [first, first + 1], of: y, expected: expected, bound: bound)
      }
    }
  }
}
