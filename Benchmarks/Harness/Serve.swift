import Foundation
import Kernels
import SafeTensors

/// Answers requests on standard input, a line each, so that others can be timed in turns with us.
///
///     load NAME          prepares a row; answers "ok"
///     write FILE         writes its inputs and the kernel's output as .safetensors; answers "ok"
///     time THREADS       runs the kernel once; answers the seconds
func serve(_ benchmarks: [Benchmark]) throws {
  var trial: Trial?
  while let line = readLine() {
    let words = line.split(separator: " ", maxSplits: 1).map(String.init)
    switch (words.first, words.last) {
    case ("load", let name?):
      trial = benchmarks.first { $0.name == name }?.prepare()
      answer(trial == nil ? "there is no row \(name)" : "ok")
    case ("write", let path?):
      guard let trial else { return answer("load a row first") }
      var file = SafeTensorsFile()
      for input in trial.inputs { file.tensors[input.name] = StoredTensor(input.tensor) }
      file.tensors["output"] = StoredTensor(trial.kernel())
      try file.write(to: URL(filePath: path))
      answer("ok")
    case ("time", let count?):
      guard let trial, let count = Int(count) else { return answer("load a row first") }
      Threads.$count.withValue(count) {
        answer(String(seconds { _ = trial.kernel() }))
      }
    default: answer("unknown request: \(line)")
    }
  }
}

private func answer(_ text: String) {
  FileHandle.standardOutput.write(Data((text + "\n").utf8))
}
