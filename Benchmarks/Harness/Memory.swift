import Foundation
import Kernels
import Notation

/// How much memory a kernel needs beyond its inputs and its output, in KiB a thread; `nil` where the
/// system does not tell.
///
/// The peak over the first call in this process, less what was resident just before, inputs included,
/// and less the output, which the kernel allocates itself. What is left is everything: scratch, the
/// threads' stacks, the code that runs for the first time. Linux counts pages in batches for each core:
/// repeated measurements of 40 KiB of scratch gave 112 to 240 KiB.
func extraMemory(of trial: Trial, threads: Int) -> Double? {
  var output: Tensor<Float>?
  let resident = residentMemory {
    output = Threads.$count.withValue(threads) { trial.kernel() }
  }
  guard let resident, let output else { return nil }
  let size = Double(output.count * MemoryLayout<Float>.stride) / 1024
  // An output in pages that were resident before must not be subtracted.
  guard resident.after - resident.before >= size else { return nil }
  return (resident.peak - resident.before - size) / Double(threads)
}

/// How many KiB more than before are resident at the peak of a call, its result included.
func peakMemory(of series: GrowthSeries, length: Int, threads: Int) -> Double? {
  let x = series.input(length: length)
  let resident = residentMemory { Threads.$count.withValue(threads) { series.body(x) } }
  return resident.map { $0.peak - $0.before }
}

/// What `bench memory` prints: a child process measures, in which no memory is kept from earlier calls.
func memoryOfChild(_ arguments: [String]) -> Double? {
  #if os(Linux)
    let child = Process()
    let output = Pipe()
    child.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    child.arguments = ["memory"] + arguments
    child.standardOutput = output
    child.standardError = FileHandle.nullDevice
    guard (try? child.run()) != nil else { return nil }
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    child.waitUntilExit()
    return Double(text.trimmingCharacters(in: .whitespacesAndNewlines))
  #else
    return nil
  #endif
}

/// The KiB that are resident before a call, at its peak (VmHWM) and after it.
private func residentMemory(
  during call: () -> Void
) -> (before: Double, peak: Double, after: Double)? {
  #if os(Linux)
    // Resets the peak; where it is not allowed, the inputs were drawn at a higher one.
    guard (try? Data("5".utf8).write(to: URL(filePath: "/proc/self/clear_refs"))) != nil,
      let before = kibibytes("VmRSS")
    else { return nil }
    call()
    guard let peak = kibibytes("VmHWM"), let after = kibibytes("VmRSS") else { return nil }
    return (before, peak, after)
  #else
    return nil
  #endif
}

#if os(Linux)
  private func kibibytes(_ entry: String) -> Double? {
    let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = status?.split(separator: "\n").first { $0.hasPrefix(entry) }
    return line?.split(separator: " ").compactMap { Double($0) }.first
  }
#endif
