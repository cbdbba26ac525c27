import TestSupport
import Testing

/// Runs a property that must fail, in an environment without variables, and returns what it found.
func counterexample(
  _ name: String = "planted", cases: Int = 100, shrinkBudget: Int = 2000, seed: String = "0",
  _ body: @escaping (Draw) throws -> Void
) throws -> Counterexample {
  var attached: [Counterexample] = []
  let failure = try #require(throws: PropertyFailure.self) {
    try checkProperty(
      name, cases: cases, shrinkBudget: shrinkBudget,
      environment: ["TRANSFORMERSPEC_SEED": seed], attach: { attached.append($0) }, body)
  }
  guard case .falsified(let counterexample) = failure else { throw failure }
  #expect(attached.map(\.description) == [counterexample.description])
  return counterexample
}

@Suite("The property engine runs the cases it promises")
struct PropertyEngineTests {
  /// How often a property ran, and what it drew.
  private final class Log {
    var runs = 0
    var drawn: [Int] = []
  }

  /// What a property draws under these variables.
  private func log(
    _ environment: [String: String], name: String = "logged", cases: Int = 100
  ) throws -> Log {
    let log = Log()
    try checkProperty(name, cases: cases, environment: environment) { draw in
      log.runs += 1
      log.drawn.append(draw.integer("i", in: 0...1_000_000))
    }
    return log
  }

  @Test("a property that holds runs a hundred cases, the simplest first")
  func cases() throws {
    let log = try log([:])
    #expect(log.runs == 100)
    #expect(log.drawn[0] == 0)
    #expect(Set(log.drawn).count > 50)
  }

  @Test("TRANSFORMERSPEC_CASES multiplies the cases")
  func moreCases() throws {
    let (few, more) = (try log([:], cases: 7), try log(["TRANSFORMERSPEC_CASES": "3"], cases: 7))
    #expect(more.runs == 21)
    #expect(Array(more.drawn.prefix(7)) == few.drawn)
  }

  @Test("a number of cases that is none is refused", arguments: ["0", "-1", "many", ""])
  func unreadableCases(text: String) {
    #expect {
      try checkProperty("p", environment: ["TRANSFORMERSPEC_CASES": text]) { _ in }
    } throws: { "\($0)".contains("\"\(text)\" is neither") }
  }

  @Test("the same cases come again, and others with another name or seed")
  func deterministic() throws {
    let drawn = try log([:]).drawn
    #expect(try log([:]).drawn == drawn)
    #expect(try log(["TRANSFORMERSPEC_SEED": "0"]).drawn == drawn)
    #expect(try log([:], name: "other").drawn != drawn)
    #expect(try log(["TRANSFORMERSPEC_SEED": "other"]).drawn != drawn)
  }

  @Test(
    "seeds have known answers",
    arguments: [
      ("softmax shift", 0, "0", 0x18a9_1f96_db65_47a9),
      ("softmax shift", 17, "0", 0x2a3e_814e_2cdd_b50f),
      ("softmax shift", 17, "other", 0x7512_39b2_faee_7eb5),
      ("größe", 1, "0", 0x53ae_2161_5e85_21b1),
    ] as [(String, Int, String, UInt64)])
  func seeds(name: String, index: Int, seed: String, expected: UInt64) {
    #expect(caseSeed(property: name, index: index, seed: seed) == expected)
  }

  @Test("the same failure is found twice, to the letter")
  func sameFailure() throws {
    func failure() throws -> String {
      try counterexample { draw in
        let x = draw.tensor("x", [draw.size("n"), draw.size("d")], .any)
        try expect(x.storage.allSatisfy { !($0 > 3) }, "too large", file: "F", line: 1)
      }.description
    }
    #expect(try failure() == failure())
  }

  @Test("a failure is one line with property, case, error, place and how to run it again")
  func line() throws {
    let failure = try counterexample("it's planted") { draw in
      let n = draw.size("n", upTo: 100)
      draw.note("causal", true)
      draw.note("padded", false)
      draw.note("scale", 0.5)
      try expect(n < 33, "too\nlong", file: "File.swift", line: 7)
    }
    #expect(
      failure.description
        == "it's planted fails for n33 causal scale=0.5: too long (File.swift:7); "
        + "TRANSFORMERSPEC_REPLAY='it'\\''s planted:33'")
  }

  @Test("the printed case fails in the same way when it is run again, alone")
  func replay() throws {
    let log = Log()
    func body(draw: Draw) throws {
      log.runs += 1
      let (n, m) = (draw.size("n"), draw.size("m"))
      let x = draw.integerTensor("x", [n, m], magnitude: 9)
      try expect(x.storage.allSatisfy { $0 < 5 }, "too large")
    }
    let first = try counterexample("to replay", body)
    #expect(first.choices == "1/1/0,9")
    log.runs = 0
    let replayed = try #require(throws: PropertyFailure.self) {
      try checkProperty(
        "to replay", environment: ["TRANSFORMERSPEC_REPLAY": "to replay:\(first.choices)"],
        attach: { _ in }, body)
    }
    #expect(replayed.description == PropertyFailure.falsified(first).description)
    #expect(log.runs == 2)
  }

  @Test("a case to be replayed leaves other properties alone")
  func replayOfAnother() throws {
    #expect(try log(["TRANSFORMERSPEC_REPLAY": "another:1"]).runs == 100)
    #expect(try log(["TRANSFORMERSPEC_REPLAY": "logged:1"]).drawn == [1])
  }

  @Test("known regressions run before anything else")
  func regressions() throws {
    let log = Log()
    let failure = #expect(throws: PropertyFailure.self) {
      try checkProperty("p", regressions: ["3", "654321"], environment: [:]) { draw in
        log.drawn.append(draw.integer("i", in: 0...1_000_000))
        try expect(log.drawn.last != 654_321, "unlucky")
      }
    }
    #expect("\(failure!)".contains("p fails for i654321: unlucky"))
    #expect(log.drawn == [3, 654_321, 654_321])
  }

  @Test(
    "a known case that the generators no longer read is refused", arguments: ["11", "1,1", "1/1"])
  func stale(text: String) {
    #expect {
      try checkProperty("p", regressions: [text], environment: [:]) { draw in
        _ = draw.integer("i", in: 0...10)
      }
    } throws: { "\($0)".contains("no longer read") }
  }

  @Test("what is not the text of a case is refused", arguments: ["x", "1/-1", "1,,2", "1,", "1 2"])
  func unreadable(text: String) {
    #expect {
      try checkProperty("p", regressions: [text], environment: [:]) { _ in }
    } throws: { "\($0)".contains("\"\(text)\" is neither a case") }
  }

  @Test("ten discards for each case wanted are enough")
  func discards() {
    let log = Log()
    #expect {
      try checkProperty("picky", cases: 20, environment: [:]) { draw in
        log.runs += 1
        try draw.require(false)
      }
    } throws: { "\($0)".hasPrefix("picky: 201 cases were discarded and 0 passed") }
    #expect(log.runs == 201)
  }

  @Test("discarded cases are replaced and cover nothing")
  func replacedDiscards() throws {
    let log = Log()
    #expect {
      try checkProperty("half", environment: [:]) { draw in
        let isEven = draw.integer("i", in: 0...1000).isMultiple(of: 2)
        draw.cover("odd", !isEven, atLeast: 0.01)
        try draw.require(isEven)
        log.runs += 1
      }
    } throws: { "\($0)".contains("\"odd\" held in 0 of 100 cases") }
    #expect(log.runs == 100)
  }

  @Test("a property that seldom met what it is about fails as vacuous")
  func vacuous() throws {
    func check(atLeast floor: Double) throws {
      try checkProperty("covered", environment: [:]) { draw in
        let i = draw.integer("i", in: 0...9)
        draw.cover("is small", i < 9, atLeast: 0.2)
        draw.cover("is five", i == 5, atLeast: floor)
        for isFirst in [true, false] { draw.cover("is met once", isFirst, atLeast: 1) }
      }
    }
    try check(atLeast: 0.05)
    #expect { try check(atLeast: 0.5) } throws: {
      "\($0)".wholeMatch(
        of: /covered: vacuous, "is five" held in \d+ of 100 cases, fewer than 50.0 %/) != nil
    }
  }

  @Test("the shrinker stops when its budget is spent", arguments: [0, 1, 50])
  func budget(budget: Int) throws {
    let log = Log()
    _ = try counterexample(shrinkBudget: budget) { draw in
      let x = draw.tensor("x", [draw.size("n"), draw.size("d")])
      if log.runs > 0 || x.count > 100 {
        log.runs += 1
        try expect(x.count <= 100, "too large")
      }
    }
    // The first failure, the shrinker's runs, and the last run with notes.
    #expect((2...budget + 2).contains(log.runs))
  }

  @Test("a failure that does not come again is called so")
  func flaky() {
    let log = Log()
    #expect {
      try checkProperty("moody", environment: [:]) { draw in
        log.runs += 1
        _ = draw.size("n")
        try expect(log.runs != 5, "once")
      }
    } throws: { "\($0)".hasPrefix("moody: a case failed, then passed") }
  }

  @Test("tensors drawn and noted are kept for the attachment")
  func tensors() throws {
    let failure = try counterexample { draw in
      let x = draw.integerTensor("x", [draw.size("n", from: 2)], magnitude: 3)
      draw.note("got", x.map { Double($0) / 2 })
      try expect(x.storage.allSatisfy { $0 < 2 }, "too large")
    }
    #expect(failure.tensors.map(\.name) == ["x", "got"])
    #expect(failure.tensors.map(\.tensor) == [[2, 2], [1, 1]])
    #expect(failure.notes == ["n2", "x=[2.0, 2.0]", "got=[1.0, 1.0]"])
  }

  @Test("a loop that waits for a choice that shrinking takes away stops with a sentence")
  func endless() async throws {
    let result = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      try checkProperty("endless", environment: [:]) { draw in while !draw.bool("go on") {} }
    }
    let printed = String(decoding: try #require(result).standardErrorContent, as: UTF8.self)
    #expect(printed.contains("a case may make 10000 draws"))
  }
}
