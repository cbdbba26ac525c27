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

/// How long a row is measured.
struct Effort {
  /// The seconds for each number of threads.
  let budget: Double
  /// The samples that are taken even where they take longer.
  let samples: Int

  static let full = Effort(budget: 1.5, samples: 3)
  static let quick = Effort(budget: 0.1, samples: 1)
}

/// Measures one benchmark with each number of threads.
func measure(_ benchmark: Benchmark, threads counts: [Int], effort: Effort) -> [Row] {
  let trial = benchmark.prepare()
  let result = trial.kernel()
  let verification = trial.verify(result)
  let naiveSeconds = timeNaive(trial.naive, budget: effort.budget)

  var rows: [Row] = []
  for threads in counts {
    // Results do not depend on the number of threads: what was verified once holds for all.
    trial.restart()
    // Let go of before anything is timed: a kernel in place would copy what somebody else holds.
    let (warmUp, isSame) = Threads.$count.withValue(threads) {
      var again = result
      let time = seconds { again = trial.kernel() }
      return (time, again == result)
    }
    let (time, fraction) = timeKernel(
      trial, of: benchmark.work, threads: threads, calls: max(1, Int(0.5e-3 / warmUp)),
      effort: effort)
    var row = Row(
      topic: benchmark.topic, shape: benchmark.shape, threads: threads,
      naiveSeconds: naiveSeconds, naiveShape: trial.naive.shape, kernelSeconds: time,
      speedup: naiveSeconds / trial.naive.share / time, fractionOfPeak: fraction,
      maxErrorOverBound: verification.largestRatio.isFinite ? verification.largestRatio : nil,
      rowsChecked: verification.rows.checked, rowsOf: verification.rows.of,
      agrees: verification.agrees && isSame)
    switch benchmark.work {
    case .operations(let operations): row.gflops = operations / time / 1e9
    case .bytes(let bytes): row.gbs = bytes / time / 1e9
    }
    if threads > 1, let one = rows.first(where: { $0.threads == 1 }) {
      row.gainOverOneThread = one.kernelSeconds / time
    }
    if benchmark.measuresMemory {
      row.extraKiBPerThread = extraMemoryOfChild(benchmark, threads: threads)
    }
    rows.append(row)
  }
  return rows
}

/// The median seconds of a call, and the median share of the limit.
///
/// A sample is as many calls as take about 0.5 ms, and stands between two bursts of its limit's own
/// loop: these machines drift by ten per cent within a second, and drift takes both the same way.
private func timeKernel(
  _ trial: Trial, of work: Benchmark.Work, threads: Int, calls: Int, effort: Effort
) -> (seconds: Double, fraction: Double) {
  let copy: Machine.Copy? = if case .bytes(let bytes) = work { .init(bytes: bytes) } else { nil }
  func limit() -> Double {
    copy?.bytesPerSecond(threads: threads) ?? Machine.operationsPerSecond(threads: threads)
  }
  var (times, fractions): ([Double], [Double]) = ([], [])
  var before = limit()
  while times.count < effort.samples || (times.reduce(0, +) < effort.budget && times.count < 200) {
    let total = Threads.$count.withValue(threads) {
      seconds { for _ in 0..<calls { _ = trial.kernel() } }
    }
    let after = limit()
    times.append(total / Double(calls))
    fractions.append(work.amount / times.last! / ((before + after) / 2))
    before = after
  }
  return (median(times), median(fractions))
}

/// The median of as many repetitions as the budget allows, at least one.
private func timeNaive(_ naive: Naive, budget: Double) -> Double {
  var times: [Double] = []
  while times.isEmpty || (times.reduce(0, +) < budget / 2 && times.count < 5) {
    times.append(seconds(naive.run))
  }
  return median(times)
}
