import Foundation
import Kernels
import SafeTensors

/// Answers requests on standard input, a line each, so that others can be timed in turns with us.
///
///     load NAME             prepares a row; answers "ok"
///     write FILE            writes its inputs and the kernel's output as .safetensors; answers "ok"
///     time THREADS TIMES    runs the kernel so often; answers the seconds of each run
func serve(_ benchmarks: [Benchmark]) throws {
  var trial: Trial?
  while let line = readLine() {
    let words = line.split(separator: " ", maxSplits: 1).map(String.init)
    guard words.count == 2 else {
      answer("not a request: \(line)")
      continue
    }
    let numbers = words[1].split(separator: " ").compactMap { Int($0) }
    if words[0] == "load" {
      trial = benchmarks.first { $0.name == words[1] }?.prepare()
      answer(trial == nil ? "there is no row \(words[1])" : "ok")
    } else if words[0] == "write", let trial {
      var file = SafeTensorsFile()
      for input in trial.inputs { file.tensors[input.name] = StoredTensor(input.tensor) }
      file.tensors["output"] = StoredTensor(trial.kernel())
      try file.write(to: URL(filePath: words[1]))
      answer("ok")
    } else if words[0] == "time", let trial, numbers.count == 2, numbers.allSatisfy({ $0 > 0 }) {
      let times = Threads.$count.withValue(numbers[0]) {
        (0..<numbers[1]).map { _ in seconds { _ = trial.kernel() } }
      }
      answer(times.map { String($0) }.joined(separator: " "))
    } else {
      answer("not a request, or no row is loaded: \(line)")
    }
  }
}

private func answer(_ text: String) {
  FileHandle.standardOutput.write(Data((text + "\n").utf8))
}
