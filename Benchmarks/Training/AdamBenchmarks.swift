import Equations
import ErrorBounds
import Kernels
import Notation

// Steps in place, as a training loop makes them.
var adamBenchmarks: [Benchmark] {
  [(16, 64), (512, 512), (2500, 4096), (1, 1)].flatMap { n, d in
    [adamBenchmark(n, d), descentBenchmark(n, d)]
  }
}

/// Four tensors are read and three written.
private func adamBenchmark(_ n: Int, _ d: Int) -> Benchmark {
  Benchmark(topic: "Adam", shape: "\(n) × \(d)", work: .bytes(Double(n * d * 28))) {
    var stream = RandomStream(seed: UInt64(n))
    let parameters = Tensor<Float>.normal([n, d], from: &stream)
    let gradient = Tensor<Float>.normal([n, d], from: &stream)
    let state = AdamState(
      firstMoment: gradient.map { $0 / 8 }, secondMoment: parameters.map { $0 * $0 / 64 }, step: 9)
    let settings = Adam(learningRate: 1e-3)
    var (theta, now) = (parameters, state)
    return Trial(
      inputs: [("parameters", parameters), ("gradient", gradient)],
      kernel: {
        Kernels::adamStep(&theta, gradient: gradient, &now, settings)
        return theta
      },
      naive: Naive {
        _ = Equations::adamStep(parameters, gradient: gradient, state, settings)
      }
    ) { stepped in
      let rows = sampledRows(n, atMost: 50)
      func wide(_ x: Tensor<Float>) -> Tensor<Double> { x.rows(rows).converted() }
      let wideState = AdamState(
        firstMoment: wide(state.firstMoment), secondMoment: wide(state.secondMoment),
        step: state.step)
      return Verification(
        rows: rows, of: stepped,
        expected: Equations::adamStep(
          wide(parameters), gradient: wide(gradient), wideState, settings
        ).parameters,
        bound: adamStepBound(wide(parameters), gradient: wide(gradient), wideState, settings)
          .parameters)
    } restart: {
      (theta, now) = (parameters, state)
    }
  }
}

/// Three tensors are read and two written.
private func descentBenchmark(_ n: Int, _ d: Int) -> Benchmark {
  Benchmark(topic: "SGD", shape: "\(n) × \(d)", work: .bytes(Double(n * d * 20))) {
    var stream = RandomStream(seed: UInt64(n))
    let parameters = Tensor<Float>.normal([n, d], from: &stream)
    let gradient = Tensor<Float>.normal([n, d], from: &stream)
    let settings = SGD(learningRate: 1e-3, momentum: 0.9)
    var (theta, velocity) = (parameters, gradient)
    return Trial(
      inputs: [("parameters", parameters), ("gradient", gradient)],
      kernel: {
        Kernels::sgdStep(&theta, gradient: gradient, velocity: &velocity, settings)
        return theta
      },
      naive: Naive {
        _ = Equations::sgdStep(parameters, gradient: gradient, velocity: gradient, settings)
      }
    ) { stepped in
      let rows = sampledRows(n, atMost: 50)
      func wide(_ x: Tensor<Float>) -> Tensor<Double> { x.rows(rows).converted() }
      return Verification(
        rows: rows, of: stepped,
        expected: Equations::sgdStep(
          wide(parameters), gradient: wide(gradient), velocity: wide(gradient), settings
        ).parameters,
        bound: sgdStepBound(
          wide(parameters), gradient: wide(gradient), velocity: wide(gradient), settings
        ).parameters)
    } restart: {
      (theta, velocity) = (parameters, gradient)
    }
  }
}
