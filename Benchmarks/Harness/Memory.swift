import Foundation
import Kernels
import Notation

#if os(Linux)
  /// How much memory the longest attention needs beyond its inputs and its output, in KiB a thread.
  ///
  /// Runs in a process of its own, where no scratch memory is kept from before: the peak of resident
  /// memory over the call (VmHWM), less what was resident just before and less the output. What is
  /// left is everything: scratch, the threads' stacks, and whatever the system adds.
  func extraMemory(threads: Int) -> Double {
    let (q, k, v) = attentionInputs(heads: 1, length: longLength, width: 64)
    try? Data("5".utf8).write(to: URL(filePath: "/proc/self/clear_refs"))  // resets the peak
    let before = kibibytes("VmRSS")
    let output = Threads.$count.withValue(threads) {
      Kernels::scaledDotProductAttention(queries: q, keys: k, values: v)
    }
    return (kibibytes("VmHWM") - before - Double(output.count) * 4 / 1024) / Double(threads)
  }

  private func kibibytes(_ entry: String) -> Double {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    let line = status.split(separator: "\n").first { $0.hasPrefix(entry) }
    return line?.split(separator: " ").compactMap { Double($0) }.first ?? .nan
  }
#endif

/// The same, asked of a child process; `nil` where the system does not tell.
func measureExtraMemory(threads: Int) -> Double? {
  #if os(Linux)
    let child = Process()
    let output = Pipe()
    child.executableURL = URL(filePath: "/proc/self/exe").resolvingSymlinksInPath()
    child.arguments = ["memory", "--threads", String(threads)]
    child.standardOutput = output
    guard (try? child.run()) != nil else { return nil }
    let text = String(decoding: output.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    child.waitUntilExit()
    return Double(text.trimmingCharacters(in: .whitespacesAndNewlines))
  #else
    return nil
  #endif
}
