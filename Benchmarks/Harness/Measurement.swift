import Kernels

/// One measured row.
struct Row: Codable, Equatable {
  var family: String
  var topic: String
  var shape: String
  var threads: Int
  var naiveSeconds: Spread
  var naiveShape: String?
  var kernelSeconds: Spread
  var speedup: Double
  /// Floating-point operations; absent where a row is said only to stream.
  var operations: Double?
  /// Bytes that are read or written at least once.
  var bytes: Double
  var limit: Limit
  var shareOfLimit: Spread
  var gainOverOneThread: Double?
  var maxErrorOverBound: Double?
  var rowsChecked: Int
  var rowsOf: Int
  var agrees: Bool
  var extraKiBPerThread: Double?

  var name: String { "\(topic) \(shape)" }
}

/// What a row cannot be faster than.
enum Limit: String, Codable {
  /// Multiply-adds that stay in registers.
  case multiplyAdds = "multiply-adds"
  /// A memcpy of as many bytes.
  case memory
}

/// How long rows are measured.
struct Effort {
  /// How often all rows are gone through.
  ///
  /// Between two passes lie seconds to minutes, in which machines drift, and each pass draws its inputs
  /// anew, into other pages of memory.
  let passes: Int
  /// The seconds of a pass for each number of threads.
  let budget: Double
  /// The samples of a pass that are taken even where they take longer.
  let fewest: Int
  /// The samples of a pass that are enough.
  let most: Int

  static let full = Effort(passes: 3, budget: 0.5, fewest: 3, most: 67)
  static let quick = Effort(passes: 1, budget: 0.03, fewest: 3, most: 25)
}

/// One benchmark while it is measured, pass by pass.
struct Session {
  let benchmark: Benchmark
  private let counts: [Int]
  private let effort: Effort
  private var verification: Verification?
  private var naive: (shape: String?, share: Double) = (nil, 1)
  private var naiveSeconds: [Double] = []
  private var runs: [Run] = []

  /// What was measured with one number of threads.
  private struct Run {
    let threads: Int
    let demand: Demand
    let limit: Limit
    let extraKiB: Double?
    var repeatsItself = true
    var seconds: [Double] = []
    var shares: [Double] = []
  }

  init(_ benchmark: Benchmark, threads counts: [Int], _ effort: Effort) {
    (self.benchmark, self.counts, self.effort) = (benchmark, counts, effort)
  }

  /// Goes through one pass; the first one verifies.
  mutating func measure() {
    let trial = benchmark.prepare()
    let result = trial.kernel()
    verification = verification ?? trial.verify(result)
    naive = (trial.naive.shape, trial.naive.share)
    naiveSeconds += timeNaive(trial.naive)

    let demand = Demand(benchmark.work, trial, output: result.count)
    let copy = Machine.Copy(bytes: demand.bytes)
    for (index, threads) in counts.enumerated() {
      // Results do not depend on the number of threads: what was verified once holds for all.
      var again = result
      trial.restart()
      let warmUp = Threads.$count.withValue(threads) { seconds { again = trial.kernel() } }
      if index == runs.count {
        runs.append(
          Run(
            threads: threads, demand: demand, limit: demand.limit(copy, threads: threads),
            extraKiB: benchmark.measuresMemory
              ? memoryOfChild(["--filter", benchmark.name, "--threads", String(threads)]) : nil))
      }
      if again != result { runs[index].repeatsItself = false }
      let limit = runs[index].limit
      let samples = timeKernel(trial, threads: threads, calls: max(1, Int(0.5e-3 / warmUp))) {
        demand.leastSeconds(limit, copy, threads: threads)
      }
      runs[index].seconds += samples.map(\.seconds)
      runs[index].shares += samples.map(\.share)
    }
  }

  /// The seconds of each call, and their shares of the limit.
  ///
  /// A sample is as many calls as take about 0.5 ms, and stands between two bursts of its limit's own
  /// loop: these machines drift by ten per cent within a second, and drift takes both the same way.
  private func timeKernel(
    _ trial: Trial, threads: Int, calls: Int, leastSeconds: () -> Double
  ) -> [(seconds: Double, share: Double)] {
    var (samples, sum): ([(seconds: Double, share: Double)], Double) = ([], 0)
    var before = leastSeconds()
    while samples.count < effort.fewest || (sum < effort.budget && samples.count < effort.most) {
      let total = Threads.$count.withValue(threads) {
        seconds { for _ in 0..<calls { _ = trial.kernel() } }
      }
      let (time, after) = (total / Double(calls), leastSeconds())
      samples.append((time, (before + after) / 2 / time))
      (sum, before) = (sum + total, after)
    }
    return samples
  }

  /// The seconds of a call, as often as half the budget allows, one to five times.
  private func timeNaive(_ naive: Naive) -> [Double] {
    let first = seconds(naive.run)
    let calls = max(1, Int(0.5e-3 / first))
    var times = calls == 1 ? [first] : []
    while times.isEmpty || (times.reduce(0, +) < effort.budget / 2 && times.count < 5) {
      times.append(seconds { for _ in 0..<calls { naive.run() } } / Double(calls))
    }
    return times
  }
}

extension Session {
  /// What was measured so far, a row for each number of threads.
  var rows: [Row] {
    guard let verification else { return [] }
    let naiveTime = Spread(naiveSeconds)
    let oneThread = runs.first { $0.threads == 1 }.map { median($0.seconds) }
    return runs.map { run in
      let time = Spread(run.seconds)
      return Row(
        family: benchmark.family, topic: benchmark.topic, shape: benchmark.shape,
        threads: run.threads, naiveSeconds: naiveTime, naiveShape: naive.shape,
        kernelSeconds: time, speedup: naiveTime.median / naive.share / time.median,
        operations: run.demand.operations, bytes: run.demand.bytes, limit: run.limit,
        shareOfLimit: Spread(run.shares),
        gainOverOneThread: run.threads > 1 ? oneThread.map { $0 / time.median } : nil,
        maxErrorOverBound: verification.largestRatio.isFinite ? verification.largestRatio : nil,
        rowsChecked: verification.rows.checked, rowsOf: verification.rows.of,
        agrees: verification.agrees && run.repeatsItself, extraKiBPerThread: run.extraKiB)
    }
  }
}

/// What a row's work needs of the machine: the two axes of a roofline.
///
/// Source: S. Williams, A. Waterman and D. Patterson, "Roofline", 2009.
private struct Demand {
  let operations: Double?
  let bytes: Double

  /// Of a row that counts operations, every input is read and the output written at least once.
  init(_ work: Benchmark.Work, _ trial: Trial, output: Int) {
    switch work {
    case .operations(let count):
      operations = count
      bytes = Double(4 * trial.inputs.reduce(output) { $0 + $1.tensor.count })
    case .bytes(let count): (operations, bytes) = (nil, count)
    }
  }

  /// The seconds that one of the two limits alone would take, measured in about 1 ms.
  func leastSeconds(_ limit: Limit, _ copy: Machine.Copy, threads: Int) -> Double {
    switch limit {
    case .multiplyAdds: (operations ?? 0) / Machine.operationsPerSecond(threads: threads)
    case .memory: bytes / copy.bytesPerSecond(threads: threads)
    }
  }

  /// Which of the two takes longer.
  func limit(_ copy: Machine.Copy, threads: Int) -> Limit {
    func seconds(_ limit: Limit) -> Double {
      median((0..<5).map { _ in leastSeconds(limit, copy, threads: threads) })
    }
    return seconds(.multiplyAdds) > seconds(.memory) ? .multiplyAdds : .memory
  }
}
