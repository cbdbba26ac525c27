import Notation

/// Every benchmark, family by family, topic by topic.
var benchmarks: [Benchmark] {
  // Sums of so many arrays would take the compiler minutes.
  let families: [(name: String, topics: [[Benchmark]])] = [
    (
      "Primitives",
      [
        matrixProductBenchmarks, softmaxBenchmarks, activationBenchmarks, dropoutBenchmarks,
        convolutionBenchmarks,
      ]
    ),
    (
      "Attention",
      [
        scoringFunctionsBenchmarks, scaledDotProductAttentionBenchmarks,
        multiHeadAttentionBenchmarks,
      ]
    ),
    ("Embedding", [tokenEmbeddingBenchmarks, positionalEncodingBenchmarks]),
    ("Normalization", [layerNormBenchmarks, residualBenchmarks]),
    (
      "Recurrent",
      [elmanRNNBenchmarks, lstmBenchmarks, gruBenchmarks, seq2SeqBenchmarks]
    ),
    (
      "Transformer",
      [
        feedForwardBenchmarks, encoderLayerBenchmarks, decoderLayerBenchmarks,
        transformerBenchmarks, generationBenchmarks,
      ]
    ),
    ("Vision", [visionTransformerBenchmarks, swinTransformerBenchmarks]),
    ("Word vectors", [word2VecBenchmarks]),
    ("Training", [crossEntropyBenchmarks, adamBenchmarks, gradientClippingBenchmarks]),
  ]
  return families.flatMap { family in
    family.topics.joined().map { benchmark in
      var benchmark = benchmark
      benchmark.family = family.name
      return benchmark
    }
  }
}

/// The middle one of each topic's rows, of two in the middle the smaller.
func oneOfEachTopic(_ benchmarks: [Benchmark]) -> [Benchmark] {
  var topics: [[Benchmark]] = []
  for benchmark in benchmarks {
    if let index = topics.firstIndex(where: { $0[0].topic == benchmark.topic }) {
      topics[index].append(benchmark)
    } else {
      topics.append([benchmark])
    }
  }
  return topics.map { $0[($0.count - 1) / 2] }
}

/// One row of the table before it is measured.
struct Benchmark {
  /// What is counted of a row's work.
  enum Work {
    /// So many floating-point operations, a multiply-add counted as two, on the bytes of the inputs and
    /// of the output: limited by multiply-adds or by memory, whichever takes longer.
    case operations(Double)
    /// So many bytes, read once and written once: limited by memory.
    case bytes(Double)
  }

  let topic: String
  let shape: String
  let work: Work
  /// The folder that the topic stands in; `benchmarks` sets it.
  var family = ""
  /// Whether the memory that the kernel needs beyond its inputs and its output is measured too.
  var measuresMemory = false
  /// Draws the inputs; called once a pass, before anything is timed.
  let prepare: () -> Trial

  var name: String { "\(topic) \(shape)" }
}

/// A benchmark with its inputs.
struct Trial {
  /// What the kernel is given, by the names that other people's software reads them by.
  let inputs: [(name: String, tensor: Tensor<Float>)]
  let kernel: () -> Tensor<Float>
  let naive: Naive
  /// Compares the kernel's result with the equation in Double, within the bound.
  let verify: (Tensor<Float>) -> Verification
  /// Puts back what the kernel changes in place; called before a result is looked at.
  var restart: () -> Void = {}
}

/// The equation in Float, at the kernel's size or at a smaller one.
struct Naive {
  /// The size that is timed, where it is not the row's own.
  var shape: String?
  /// Which part of the row's work it does.
  var share = 1.0
  let run: () -> Void
}

/// A function of an n × m tensor whose result is as large, and which memory should limit.
func rowBenchmark(
  _ topic: String, _ n: Int, _ m: Int, parameters: [(name: String, tensor: Tensor<Float>)] = [],
  kernel: @escaping (Tensor<Float>) -> Tensor<Float>,
  naive: @escaping (Tensor<Float>) -> Tensor<Float>,
  oracle: @escaping (Tensor<Double>) -> Tensor<Double>,
  bound: @escaping (Tensor<Double>) -> Tensor<Double>
) -> Benchmark {
  Benchmark(topic: topic, shape: "\(n) × \(m)", work: .bytes(Double(n * m * 8))) {
    var stream = RandomStream(seed: UInt64(n))
    let x = Tensor<Float>.normal([n, m], from: &stream)
    return Trial(
      inputs: [("x", x)] + parameters, kernel: { kernel(x) }, naive: Naive { _ = naive(x) }
    ) { y in
      let z = x.converted(to: Double.self)
      return Verification(
        rows: Array(0..<n), of: y, expected: oracle(z), bound: bound(z))
    }
  }
}
