import Foundation
import Specification
import Testing

@Suite("One name runs through the repository")
struct LayoutTests {
  @Test("every topic of SPEC.md has every file, under exactly its name")
  func everyFile() throws {
    let topics = Specification.current.topics
    #expect(!topics.isEmpty)
    let faults = layoutFaults(of: topics, in: try filesOfRepository())
    #expect(faults.isEmpty, "\(faults.joined(separator: "\n"))")
  }

  @Test("a complete layout has no fault")
  func complete() {
    #expect(faults(inFiles: fabricatedFiles) == [])
    let more = fabricatedFiles.union([
      "Sources/Kernels/Family/TwoWords+Tail.swift",
      "Tests/KernelsTests/Family/TwoWordsTests+Tail.swift", "Sources/Kernels/Support/Tile.swift",
      "Sources/ErrorBounds/Rounding.swift", "Benchmarks/main.swift", "Benchmarks/Peers/peer.py",
      "Reference/Vectors/manifest.json", "Reference/Oracle/cases.py",
    ])
    #expect(faults(inFiles: more) == [])
  }

  @Test("each missing file is a fault")
  func missing() {
    for file in fabricatedFiles {
      #expect(faults(inFiles: fabricatedFiles.subtracting([file])) == ["missing: \(file)"])
    }
  }

  @Test(
    "a file of no topic is a fault",
    arguments: [
      "Sources/Kernels/Family/TwoWordsTail.swift", "Sources/Equations/Other/TwoWords.swift",
      "Sources/Equations/Family/Twowords.swift", "Tests/EquationsTests/Family/TwoWords.swift",
      "Benchmarks/Family/TwoWords.swift", "Reference/Vectors/Else.safetensors",
      "Sources/Kernels/Family/Kernelless.swift", "Benchmarks/Family/KernellessBenchmarks.swift",
      "Sources/ErrorBounds/Family/Kernelless.swift", "Sources/Equations/Family/Deep/TwoWords.swift",
    ])
  func stray(file: String) {
    #expect(
      faults(inFiles: fabricatedFiles.union([file])) == ["belongs to no topic: \(file)"])
  }

  @Test("a Files line that is wrong is a fault")
  func wrongLine() {
    func faults(_ line: String) -> [String] {
      layoutFaults(of: Specification(text: "## One\n\(line)").topics, in: [])
        .filter { !$0.hasPrefix("missing") }
    }
    #expect(faults("Files: `Family/One`; kernel: none, why.") == [])
    #expect(faults("Files: `Family/Two`.") == ["“One” has the path Family/Two, not Family/One"])
    #expect(faults("Files: .").count == 1)
    #expect(
      faults("Files: `Family/One`; kernels: none.")
        == ["“One”: the Files line has “kernels: none”, not a kind and “none”"])
    #expect(faults("Files: `Family/One`; kernel: later.").count == 1)
    #expect(Specification(text: "## One\nno such line").topics.isEmpty)
  }

  @Test("a file's name is the topic's title without spaces and hyphens")
  func names() {
    let topics = Specification(text: "## Scaled dot-product attention\nFiles: `A/B`.").topics
    #expect(topics.map(\.name) == ["ScaledDotProductAttention"])
    #expect(topics.map(\.snakeName) == ["scaled_dot_product_attention"])
  }

  private func faults(inFiles files: Set<String>) -> [String] {
    let specification = """
      ## Two words
      Files: `Family/TwoWords`.
      ## Kernelless
      Files: `Family/Kernelless`; kernel: none, it is elsewhere; benchmark: none.
      ## No topic
      """
    return layoutFaults(of: Specification(text: specification).topics, in: files)
  }

  private let fabricatedFiles: Set<String> = [
    "Sources/Equations/Family/TwoWords.swift", "Sources/Kernels/Family/TwoWords.swift",
    "Sources/ErrorBounds/Family/TwoWords.swift",
    "Tests/EquationsTests/Family/TwoWordsTests.swift",
    "Tests/KernelsTests/Family/TwoWordsTests.swift",
    "Reference/Vectors/TwoWords.safetensors", "Reference/Oracle/two_words.py",
    "Benchmarks/Family/TwoWordsBenchmarks.swift",
    "Sources/Equations/Family/Kernelless.swift",
    "Tests/EquationsTests/Family/KernellessTests.swift",
    "Reference/Vectors/Kernelless.safetensors", "Reference/Oracle/kernelless.py",
  ]
}

/// What is missing, and what belongs to no topic, among files given by their paths in the package.
private func layoutFaults(of topics: [Topic], in files: Set<String>) -> [String] {
  let needed = Set(topics.flatMap(\.files))
  let misnamed = topics.filter { $0.path != "\($0.family)/\($0.name)" || $0.family.isEmpty }.map {
    "“\($0.title)” has the path \($0.path), not \($0.family)/\($0.name)"
  }
  let strays = files.filter { isOfATopic($0) && !needed.contains(withoutAspect($0)) }
  return topics.flatMap(\.faults) + misnamed
    + needed.subtracting(files).sorted().map { "missing: \($0)" }
    + strays.sorted().map { "belongs to no topic: \($0)" }
}

/// Whether a path lies where only files of topics may lie.
private func isOfATopic(_ path: String) -> Bool {
  if path.hasPrefix("Reference/Vectors/") { return path.hasSuffix(".safetensors") }
  for root in familyRoots where path.hasPrefix(root) {
    let parts = path.dropFirst(root.count).split(separator: "/")
    return parts.count > 1 && !["Support", "Harness", "Peers"].contains(parts[0])
  }
  return false
}

/// The folders whose sub-folders are families.
private let familyRoots = [
  "Sources/Equations/", "Sources/Kernels/", "Sources/ErrorBounds/", "Tests/EquationsTests/",
  "Tests/KernelsTests/", "Benchmarks/",
]

/// `Topic+Aspect.swift` counts as `Topic.swift`.
private func withoutAspect(_ path: String) -> String {
  path.replacing(/\+[^\/+]+\.swift$/, with: ".swift")
}

/// The paths of all files in the folders that the layout speaks of.
private func filesOfRepository() throws -> Set<String> {
  let root = packageRoot.path(percentEncoded: false)
  var files: Set<String> = []
  for folder in ["Sources", "Tests", "Reference", "Benchmarks"] {
    for path in try FileManager.default.subpathsOfDirectory(atPath: root + folder) {
      files.insert("\(folder)/\(path)")
    }
  }
  return files
}
