import Foundation
import Kernels
import Synchronization

#if SIXTEEN_LANES
  private typealias Lanes = SIMD16<Float>
#else
  private typealias Lanes = SIMD8<Float>
#endif

/// What the machine can do at best, measured by loops that do nothing else.
enum Machine {
  static let processor: String = {
    #if os(Linux)
      let lines = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8))?.split(
        separator: "\n")
      let line = lines?.first { $0.hasPrefix("model name") }
      return line?.split(separator: ":").last.map { $0.trimmingCharacters(in: .whitespaces) }
        ?? "unknown"
    #else
      var size = 0
      unsafe sysctlbyname("machdep.cpu.brand_string", nil, &size, nil, 0)
      var name = [CChar](repeating: 0, count: size)
      unsafe sysctlbyname("machdep.cpu.brand_string", &name, &size, nil, 0)
      return String(decoding: name.prefix { $0 != 0 }.map(UInt8.init), as: UTF8.self)
    #endif
  }()

  /// Floating-point operations per second of multiply-adds that stay in registers, for about 1 ms.
  static func operationsPerSecond(threads: Int) -> Double {
    let steps = 700_000
    return sumOfRates(threads) { _ in
      let sum = multiplyAdds(steps)
      if sum == 0.25 { print(sum) }  // never, but nobody can know
      return Double(steps * 12 * 2 * Lanes.scalarCount)
    }
  }

  /// Twelve chains hide the latency of the multiply-add: 4 cycles, two a cycle.
  private static func multiplyAdds(_ steps: Int) -> Float {
    var sums = InlineArray<12, Lanes>(repeating: .zero)
    let x = Lanes(repeating: Float(steps & 1) + 0.5)
    let y = Lanes(repeating: 0x1p-20)
    for _ in 0..<steps {
      for i in 0..<12 { sums[i] = sums[i].addingProduct(x, y) }
    }
    var total = Lanes.zero
    for i in 0..<12 { total += sums[i] }
    return total.sum()
  }

  /// The rates of all threads together, each timed for itself while the others run.
  ///
  /// Waking a thread is no part of the limit. One that comes late would find its share done, and two
  /// shares copied one after the other have the whole memory bandwidth each: all wait for each other,
  /// up to 1 ms. More threads than cores take turns, and do not raise the limit.
  private static func sumOfRates(_ threads: Int, _ body: @Sendable (Int) -> Double) -> Double {
    let threads = min(threads, ProcessInfo.processInfo.activeProcessorCount)
    let sum = Mutex(0.0)
    let arrived = Atomic(0)
    let next = Atomic(0)
    withoutActuallyEscaping(body) { body in
      Threads.run(workers: threads) {
        arrived.wrappingAdd(1, ordering: .relaxed)
        let latest = ContinuousClock.now + .milliseconds(1)
        while arrived.load(ordering: .relaxed) < threads && ContinuousClock.now < latest {}
        while true {
          let share = next.wrappingAdd(1, ordering: .relaxed).oldValue
          if share >= threads { return }
          var amount = 0.0
          let time = seconds { amount = body(share) }
          sum.withLock { $0 += amount / time }
        }
      }
    }
    return sum.withLock { $0 }
  }

  /// Two buffers between which memcpy is timed.
  final class Copy: Sendable {
    private let source: Buffer
    private let target: Buffer
    let bytes: Int

    /// Buffers of `bytes` together: what a row reads and writes.
    init(bytes: Double) {
      self.bytes = Int(bytes) / 2
      source = Buffer(self.bytes)
      target = Buffer(self.bytes)
    }

    /// Bytes read and written per second, each thread copying its share, for about 1 ms or once.
    func bytesPerSecond(threads: Int) -> Double {
      let share = bytes / threads
      let copies = max(1, 30_000_000 / max(2 * bytes, 1))  // 1 ms at 30 GB/s
      return sumOfRates(threads) { [source, target] thread in
        for _ in 0..<copies {
          unsafe memcpy(target.start + thread * share, source.start + thread * share, share)
        }
        return 2 * Double(copies * share)
      }
    }
  }

  /// Memory that is mapped before it is timed.
  @safe private final class Buffer: @unchecked Sendable {
    let start: UnsafeMutableRawPointer

    init(_ count: Int) {
      unsafe start = .allocate(byteCount: max(count, 1), alignment: 64)
      unsafe memset(start, 1, count)
    }

    deinit { unsafe start.deallocate() }
  }

  /// The size of the buffers for the machine's own figure, beyond any cache.
  static let memoryBytes = 512.0 * 1024 * 1024
}

/// How long a call takes.
func seconds(_ body: () -> Void) -> Double {
  let duration = ContinuousClock().measure(body).components
  return Double(duration.seconds) + Double(duration.attoseconds) * 1e-18
}

/// The figures of the machine that stand beside those of the rows.
struct MachineFigures: Codable, Equatable {
  let cpu: String
  let threads: Int
  let peakGFLOPS: [Int: Double]
  let memcpyGBs: [Int: Double]
}

extension MachineFigures {
  /// Measures the machine with each number of threads.
  init(threads counts: [Int], maximum: Int) {
    let copy = Machine.Copy(bytes: Machine.memoryBytes)
    func figures(_ samples: Int, _ measure: (Int) -> Double) -> [Int: Double] {
      let figures = counts.map { n in median((0..<samples).map { _ in measure(n) }) / 1e9 }
      return Dictionary(uniqueKeysWithValues: zip(counts, figures))
    }
    self.init(
      cpu: Machine.processor, threads: maximum,
      peakGFLOPS: figures(51, Machine.operationsPerSecond),
      memcpyGBs: figures(5, copy.bytesPerSecond))
  }
}
