import Specification

extension Specification {
  /// The fenced blocks marked `example`, numbered from 1 in order of appearance.
  var examples: [Example] {
    blocks.filter { $0.mark == "example" }.enumerated().map { index, block in
      Example(number: index + 1, firstLine: block.firstLine, text: block.text)
    }
  }
}
