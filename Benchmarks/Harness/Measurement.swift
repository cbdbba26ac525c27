import Foundation
import Kernels

/// One measured row.
struct Row: Encodable {
  var topic: String
  var shape: String
  var threads: Int
  var naiveSeconds: Double
  var naiveShape: String?
  var kernelSeconds: Double
  var speedup: Double
  var gflops: Double?
  var gbs: Double?
  var fractionOfPeak: Double
  var gainOverOneThread: Double?
  var maxErrorOverBound: Double?
  var rowsChecked: Int
  var rowsOf: Int
  var agrees: Bool
  var extraKiBPerThread: Double?
}

/// Measures one benchmark with each number of threads.
///
/// Every repetition of the kernel stands between nothing but bursts of its limit's own loop, and the
/// share of the limit is the median of their ratios: these machines drift by ten per cent within a
/// second, and drift takes both the same way.
func measure(
  _ benchmark: Benchmark, threads counts: [Int], budget: Double
) -> [Row] {
  let trial = benchmark.prepare()
  let result = trial.kernel()
  let verification = trial.verify(result)
  let naiveSeconds = timeNaive(trial.naive, budget: budget)

  var rows: [Row] = []
  for threads in counts {
    let copy: Machine.Copy? =
      if case .bytes(let bytes) = benchmark.work { Machine.Copy(bytes: bytes) } else { nil }
    var (times, shares): ([Double], [Double]) = ([], [])
    var spent = 0.0
    Threads.$count.withValue(threads) {
      _ = trial.kernel()
      while times.count < 3 || (spent < budget && times.count < 200) {
        let time = seconds { _ = trial.kernel() }
        let limit =
          copy?.bytesPerSecond(threads: threads)
          ?? Machine.operationsPerSecond(threads: threads)
        times.append(time)
        shares.append(benchmark.amount / time / limit)
        spent += time
      }
    }
    let time = median(times)
    var row = Row(
      topic: benchmark.topic, shape: benchmark.shape, threads: threads,
      naiveSeconds: naiveSeconds, naiveShape: trial.naive.shape, kernelSeconds: time,
      speedup: naiveSeconds / trial.naive.share / time, fractionOfPeak: median(shares),
      maxErrorOverBound: verification.largestRatio.isFinite ? verification.largestRatio : nil,
      rowsChecked: verification.rows.checked, rowsOf: verification.rows.of,
      agrees: verification.agrees)
    switch benchmark.work {
    case .operations(let operations): row.gflops = operations / time / 1e9
    case .bytes(let bytes): row.gbs = bytes / time / 1e9
    }
    if threads > 1, let one = rows.first(where: { $0.threads == 1 }) {
      row.gainOverOneThread = one.kernelSeconds / time
    }
    rows.append(row)
  }
  return rows
}

/// The median of as many repetitions as the budget allows, at least one.
private func timeNaive(_ naive: Naive, budget: Double) -> Double {
  var times: [Double] = []
  while times.isEmpty || (times.reduce(0, +) < budget / 2 && times.count < 5) {
    times.append(seconds(naive.run))
  }
  return median(times)
}

extension Benchmark {
  /// The row's operations or bytes.
  fileprivate var amount: Double {
    switch work {
    case .operations(let amount), .bytes(let amount): amount
    }
  }
}
