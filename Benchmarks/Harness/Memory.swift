import Foundation
import Kernels

/// How much memory a kernel needs beyond its inputs and its output, in KiB a thread; `nil` where the
/// system does not tell.
///
/// The peak of resident memory over the first call in this process (VmHWM), less what was resident
/// just before, inputs included, and less the output, which the kernel allocates itself. What is left
/// is everything: scratch, the threads' stacks, the code that runs for the first time. Linux counts
/// pages in batches for each core: repeated measurements of 40 KiB of scratch gave 112 to 240 KiB.
func extraMemory(of trial: Trial, threads: Int) -> Double? {
  #if os(Linux)
    // Resets the peak; where it is not allowed, the inputs were drawn at a higher one.
    guard (try? Data("5".utf8).write(to: URL(filePath: "/proc/self/clear_refs"))) != nil,
      let before = kibibytes("VmRSS")
    else { return nil }
    let output = Threads.$count.withValue(threads) { trial.kernel() }
    guard let peak = kibibytes("VmHWM"), let after = kibibytes("VmRSS") else { return nil }
    let size = Double(output.count * MemoryLayout<Float>.stride) / 1024
    // An output in pages that were resident before must not be subtracted.
    return after - before >= size ? (peak - before - size) / Double(threads) : nil
  #else
    return nil
  #endif
}

/// The same, measured by a child process, where no scratch memory is kept from earlier calls.
func extraMemoryOfChild(_ benchmark: Benchmark, threads: Int) -> Double? {
  #if os(Linux)
    let child = Process()
    let output = Pipe()
    child.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    child.arguments = ["memory", "--filter", benchmark.name, "--threads", String(threads)]
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

#if os(Linux)
  private func kibibytes(_ entry: String) -> Double? {
    let status = try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)
    let line = status?.split(separator: "\n").first { $0.hasPrefix(entry) }
    return line?.split(separator: " ").compactMap { Double($0) }.first
  }
#endif
