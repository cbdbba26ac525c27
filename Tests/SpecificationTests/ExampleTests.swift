import Foundation
import Specification
import Testing

@Suite("SPEC.md's examples hold")
struct ExampleTests {
  @Test("each example holds for the equations in Double", arguments: Specification.current.examples)
  func equations(example: Example) throws { try example.check(.equations) }

  @Test("each example holds for the kernels in Float", arguments: Specification.current.examples)
  func kernels(example: Example) throws { try example.check(.kernels) }

  @Test("what an example says is refused is refused by both", arguments: Side.allCases)
  func refusals(side: Side) async throws {
    for example in Specification.current.examples {
      for line in try example.refusals(side) {
        let result = await #expect(
          processExitsWith: .failure, observing: [\.standardErrorContent], "SPEC.md line \(line)"
        ) { [example = example as Example, line = line as Int, side = side as Side] in
          // Handed over, so that the process need not read SPEC.md.
          try example.callRefused(line: line, side)
        }
        // An error of the runner ends the process too, but not with a sentence of the library's.
        let printed = String(decoding: result?.standardErrorContent ?? [], as: UTF8.self)
        #expect(printed.contains("Fatal error: "), "SPEC.md line \(line)")
      }
    }
  }
}

@Suite("The runner of the examples can fail")
struct ExampleRunnerTests {
  @Test("a claim that holds is counted")
  func holds() throws {
    let example = Example("x = [[1, 2]]\nsoftmax(x) = [[0.268941, 0.731059]]")
    #expect(try example.check(.equations) == 1)
    #expect(try example.check(.kernels) == 1)
    let mask = Example("causalMask(queries: 1, keys: 2) = [[true, false]]")
    #expect(try mask.check(.equations) == 1)
    #expect(try mask.check(.kernels) == 0)
  }

  @Test("NaN is met by NaN and an infinity by itself only")
  func classes() throws {
    try Example("softmax([[nan, 1]]) = [[nan, nan]]").check(.equations)
    try Example("logSoftmax([[0, -inf]]) = [[0, -inf]]").check(.kernels)
    #expect(throws: ExampleError.self) {
      try Example("softmax([[nan, 1]]) = [[nan, 1]]").check(.equations)
    }
    #expect(throws: ExampleError.self) {
      try Example("logSoftmax([[0, -inf]]) = [[0, -1.000000e30]]").check(.kernels)
    }
  }

  @Test("a fault is reported with the example's number and line", arguments: Mistake.all)
  func mistakes(mistake: Mistake) throws {
    for side in mistake.sides {
      let error = try #require(throws: ExampleError.self) {
        try Example(mistake.text).check(side)
      }
      #expect(error.description.hasPrefix("example 7, SPEC.md line \(mistake.line): "))
      #expect(error.description.contains(mistake.sentence), "\(error)")
    }
  }

  @Test("a call that is not refused comes back, and its names count as used")
  func notRefused() throws {
    let example = Example("x = [1]\nsoftmax(x) = refused")
    #expect(try example.refusals(.equations) == [41])
    #expect(try example.check(.equations) == 0)
    for side in Side.allCases { try example.callRefused(line: 41, side) }
  }

  @Test("blocks are numbered in order, and only those marked as examples")
  func extraction() {
    let text = """
      ## Not a topic
      ```example
      a
      ```
      ```swift
      ## not a heading
      ```example
      ```
      ```example
      b
      c
      ```
      """
    let found = Specification(text: text).examples
    #expect(found.map(\.text) == ["a", "b\nc"])
    #expect(found.map(\.number) == [1, 2])
    #expect(found.map(\.firstLine) == [3, 10])
    #expect(Specification(text: text).sections.map(\.title) == ["Not a topic"])
  }
}

/// An example with one fault.
struct Mistake: Sendable, CustomTestStringConvertible {
  let text: String
  let sentence: String
  var line = 40
  var sides = Side.allCases

  var testDescription: String { text }

  static let all = [
    Mistake(text: "softmax([[1, 2]]) = [[0.268943, 0.731059]]", sentence: "element [0, 0] is 0.26"),
    Mistake(text: "softmax([[0, 0]]) = [[0.5, 0.25]]", sentence: "element [0, 1] is 0.5 instead"),
    Mistake(text: "softmax([[0, 0]]) = [0.5, 0.5]", sentence: "the shape is 1 × 2 instead of 2"),
    Mistake(
      text: "causalMask(queries: 1, keys: 1) = [[false]]", sentence: "the mask is",
      sides: [.equations]),
    Mistake(text: "softplus([[0, 0]]) = [[1, 1]]", sentence: "no function “softplus”"),
    Mistake(text: "x = [1]\nsoftmax(y) = [1]", sentence: "“y” is not known", line: 41),
    Mistake(text: "x = [1]\nsoftmax([1]) = [1]", sentence: "the name “x” is not used"),
    Mistake(text: "x = [1]\nx = [2]\nsoftmax(x) = [1]", sentence: "defined twice", line: 41),
    Mistake(text: "softmax = [1]", sentence: "has a meaning already"),
    Mistake(text: "softmax([1, [2]]) = [1]", sentence: "must have one shape"),
    Mistake(text: "softmax([1, true]) = [1]", sentence: "mixes kinds of values"),
    Mistake(text: "softmax([1, ]) = [1]", sentence: "a value is missing before “]”"),
    Mistake(text: "softmax([1)] = [1]", sentence: "“,” is missing before “)”"),
    Mistake(text: "\nsoftmax([[1,\n2) = [1]", sentence: "the statement does not end", line: 41),
    Mistake(text: "softmax([1]) =", sentence: "the statement does not end"),
    Mistake(text: "softmax([1]) = [1] 2", sentence: "“2” comes after the end"),
    Mistake(text: "softmax([1])", sentence: "“=” is missing before the end"),
    Mistake(text: "softmax([1]) = {1}", sentence: "“{” has no meaning here"),
    Mistake(text: "softmax(\"a b) = [1]", sentence: "a text does not end"),
    Mistake(text: "softmax([1]) = [1.0.0]", sentence: "“1.0.0” is no number"),
    Mistake(text: "softmax(\"a b\") = [1]", sentence: "argument 1 must be numbers"),
    Mistake(text: "softmax([1], [1]) = [1]", sentence: "takes 1 arguments without a label: got 2"),
    Mistake(text: "softmax([1], axis: 1) = [1]", sentence: "softmax has no argument “axis”"),
    Mistake(text: "softmax(true) = [1]", sentence: "argument 1 must be numbers"),
    Mistake(
      text: "softmax([0.1]) = [1]", sentence: "0.1 is not exact in Float", sides: [.kernels]),
    Mistake(text: "softmax([1]) = relu", sentence: "a claim needs numbers"),
    Mistake(
      text: "softmax([1]).weights = [1]", sentence: "only a call that has parts can be followed by"),
  ]
}

extension Example {
  /// The seventh example of a document, in its line 40.
  fileprivate init(_ text: String) { self.init(number: 7, firstLine: 40, text: text) }
}
