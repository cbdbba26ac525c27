import Foundation
import Notation

/// Checks a property on about a hundred cases, and throws the smallest counterexample it can find.
///
///     @Test("adding a constant to every score changes nothing")
///     func shift() throws {
///       try checkProperty("softmax shift") { draw in
///         let x = draw.tensor("x", [draw.size("n"), draw.size("d")], .ordinary)
///         let c = draw.value("c", .ordinary)
///         draw.cover("has a row of length 1", x.shape[1] == 1, atLeast: 0.02)
///         try expect(isClose(softmax(x), softmax(x.map { $0 + c })), "moved by \(c)")
///       }
///     }
///
/// Any error thrown falsifies the property; `#expect` and `#require` must not be used within it,
/// because they would report every case that the shrinker tries. The first case takes the simplest
/// of everything; the others follow from the property's name and their index, so that a run is the
/// same everywhere. These environment variables change it:
/// - `TRANSFORMERSPEC_SEED`: any text; another text gives other cases.
/// - `TRANSFORMERSPEC_CASES`: how many times as many cases to run, 1 or more.
/// - `TRANSFORMERSPEC_REPLAY`: a case as a failure prints it, `name:choices`; that property then
///   runs this case alone.
///
/// - Parameters:
///   - name: The property's name, different from every other's.
///   - cases: How many cases must pass.
///   - shrinkBudget: How often the shrinker may run the property.
///   - regressions: Cases that failed once, as a failure prints them after the name; they run first.
///   - attach: What becomes of the counterexample's tensors.
public func checkProperty(
  _ name: String, cases: Int = 100, shrinkBudget: Int = 2000, regressions: [String] = [],
  environment: [String: String] = ProcessInfo.processInfo.environment,
  attach: (Counterexample) -> Void = attachTensors,
  _ body: @escaping (Draw) throws -> Void
) throws {
  let property = Property(name: name, body: body)
  do {
    if let replay = environment["TRANSFORMERSPEC_REPLAY"], let colon = replay.lastIndex(of: ":"),
      replay[..<colon] == name
    {
      return try property.check(case: String(replay[colon...].dropFirst()))
    }
    let factor = environment["TRANSFORMERSPEC_CASES"] ?? "1"
    guard let factor = Int(factor), factor >= 1 else { throw PropertyFailure.unreadable(factor) }
    for regression in regressions { try property.check(case: regression) }
    try property.check(
      cases: cases * factor, seed: environment["TRANSFORMERSPEC_SEED"] ?? "0",
      shrinkBudget: shrinkBudget)
  } catch PropertyFailure.falsified(let counterexample) {
    attach(counterexample)
    throw PropertyFailure.falsified(counterexample)
  }
}

/// Throws an error with the sentence unless `condition` holds.
public func expect(
  _ condition: Bool, _ sentence: @autoclosure () -> String, file: String = #fileID,
  line: Int = #line
) throws {
  if !condition { throw UnmetExpectation(description: "\(sentence()) (\(file):\(line))") }
}

/// What `expect` throws.
struct UnmetExpectation: Error, CustomStringConvertible {
  let description: String
}

/// The seed of a property's case: the 64-bit FNV-1a hash of `name:index:seed`.
///
/// Swift's own `Hasher` is seeded anew in each process.
public func caseSeed(property name: String, index: Int, seed: String) -> UInt64 {
  "\(name):\(index):\(seed)".utf8.reduce(0xcbf2_9ce4_8422_2325) {
    ($0 ^ UInt64($1)) &* 0x100_0000_01b3
  }
}

/// A named statement about whatever is drawn.
struct Property {
  enum Outcome {
    case passed
    case discarded
    case failed(any Error)
  }

  let name: String
  let body: (Draw) throws -> Void

  func run(_ draw: Draw) -> Outcome {
    do {
      try body(draw)
      return .passed
    } catch is Discard {
      return .discarded
    } catch {
      return .failed(error)
    }
  }

  /// Runs random cases until so many have passed, or one fails.
  func check(cases: Int, seed: String, shrinkBudget: Int) throws {
    var (index, passed, discards) = (0, 0, 0)
    var coverage: [String: (met: Int, floor: Double)] = [:]
    while passed < cases {
      let draw =
        index == 0
        ? Draw(given: [])
        : Draw(random: RandomStream(seed: caseSeed(property: name, index: index, seed: seed)))
      index += 1
      switch run(draw) {
      case .passed:
        passed += 1
        for (condition, (isMet, floor)) in draw.coverage {
          coverage[condition] = ((coverage[condition]?.met ?? 0) + (isMet ? 1 : 0), floor)
        }
      case .discarded:
        discards += 1
        if discards > 10 * cases {
          throw PropertyFailure.discarded(property: name, discards: discards, passed: passed)
        }
      case .failed:
        var shrinker = Shrinker(property: self, failing: draw, budget: shrinkBudget)
        throw failure(of: shrinker.smallest())
      }
    }
    for (condition, (met, floor)) in coverage.sorted(by: { $0.key < $1.key })
    where Double(met) < floor * Double(passed) {
      throw PropertyFailure.vacuous(
        property: name, condition: condition, met: met, cases: passed, floor: floor)
    }
  }

  /// Runs one known case, which must still fit the generators.
  func check(case text: String) throws {
    guard let draws = Choices.draws(of: text) else { throw PropertyFailure.unreadable(text) }
    let draw = Draw(given: draws)
    switch run(draw) {
    case .failed: throw failure(of: draws)
    case .passed where Choices.text(of: draw.draws) == Choices.text(of: draws): return
    case .passed, .discarded: throw PropertyFailure.stale(property: name, choices: text)
    }
  }

  /// Runs a failing case once more, now with its notes.
  private func failure(of draws: [[Int]]) -> PropertyFailure {
    let draw = Draw(given: draws, isReporting: true)
    guard case .failed(let error) = run(draw) else {
      return .flaky(property: name, choices: Choices.text(of: draws))
    }
    return .falsified(
      Counterexample(
        property: name, notes: draw.notes, tensors: draw.tensors, error: error,
        choices: Choices.text(of: draw.draws)))
  }
}

/// The text of a case: choices separated by commas, draws by slashes, zeros at the end left out.
enum Choices {
  static func text(of draws: [[Int]]) -> String {
    let texts = draws.map { choices in
      choices[..<(choices.lastIndex { $0 != 0 }.map { $0 + 1 } ?? 0)].map(String.init)
        .joined(separator: ",")
    }
    return texts[..<(texts.lastIndex { $0 != "" }.map { $0 + 1 } ?? 0)].joined(separator: "/")
  }

  static func draws(of text: String) -> [[Int]]? {
    let draws = text.split(separator: "/", omittingEmptySubsequences: false)
      .map { $0.isEmpty ? [] : $0.split(separator: ",", omittingEmptySubsequences: false) }
    let choices = draws.map { $0.compactMap { Int($0) }.filter { $0 >= 0 } }
    return choices.map(\.count) == draws.map(\.count) ? choices : nil
  }
}
