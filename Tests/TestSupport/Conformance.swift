import Specification
import Testing

/// A statement about every correct implementation of a topic.
public struct Law<Implementation>: Sendable, CustomTestStringConvertible {
  /// The statement; SPEC.md and test reports name the law by it.
  public let name: String
  private let cases: Int
  private let check: @Sendable (Implementation, Draw) throws -> Void

  /// Creates a law that is checked on so many cases.
  public init(
    _ name: String, cases: Int = 60,
    check: @escaping @Sendable (Implementation, Draw) throws -> Void
  ) {
    (self.name, self.cases, self.check) = (name, cases, check)
  }

  /// The name that test reports show.
  public var testDescription: String { name }

  /// Throws unless the implementation obeys the law in all cases.
  public func hold(for implementation: Implementation) throws {
    try checkProperty(name, cases: cases) { draw in try check(implementation, draw) }
  }

  /// Whether a case shows that the implementation is wrong; nothing is shrunk or attached.
  public func rejects(_ implementation: Implementation) -> Bool {
    do {
      try checkProperty(name, cases: cases, shrinkBudget: 0, attach: { _ in }) { draw in
        try check(implementation, draw)
      }
      return false
    } catch PropertyFailure.falsified {
      return true
    } catch {
      return false
    }
  }
}

/// A plausible mistake, to prove that vectors and laws can fail.
public struct WrongVersion<Implementation>: Sendable, CustomTestStringConvertible
where Implementation: Sendable {
  /// What is wrong with it.
  public let name: String
  /// The implementation with the mistake.
  public let implementation: Implementation

  /// Names a mistake.
  public init(_ name: String, _ implementation: Implementation) {
    (self.name, self.implementation) = (name, implementation)
  }

  /// A correct implementation that is given something else than what it is asked for.
  public init<Input, Output>(
    _ name: String, of implementation: @escaping @Sendable (Input) -> Output,
    given change: @escaping @Sendable (inout Input) -> Void
  ) where Implementation == @Sendable (Input) -> Output {
    self.init(name) { input in
      var changed = input
      change(&changed)
      return implementation(changed)
    }
  }

  /// The name that test reports show.
  public var testDescription: String { name }

  /// Records an issue unless at least one vector and at least one law reject the version.
  public func expectRejection(
    by vectors: [GoldenCase], comparedBy compare: (Implementation, GoldenCase) throws -> Void,
    and laws: [Law<Implementation>], sourceLocation: SourceLocation = #_sourceLocation
  ) {
    #expect(
      vectors.contains { vector in (try? compare(implementation, vector)) == nil },
      "no golden vector rejects it", sourceLocation: sourceLocation)
    #expect(
      laws.contains { $0.rejects(implementation) }, "no law rejects it",
      sourceLocation: sourceLocation)
  }
}
