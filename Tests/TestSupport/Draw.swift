import Notation

/// The source of a property's inputs, which records what it gives.
///
/// A *choice* is an integer from 0, the simplest, to a limit. Each call of a generator is one *draw*
/// and keeps its choices together: when a shrunk case needs fewer choices for one draw, the next draw
/// still reads its own. Missing choices are 0 and too large ones are lowered to the limit, so every
/// edit of a case is a case, and whatever a generator promises holds for shrunk cases too.
public final class Draw {
  /// What is known of one draw.
  struct Record {
    var choices: [Int] = []
    /// Whether the first choice is an extent or a length, so that lowering it drops elements.
    var isSize = false
    /// The shape of the elements, if each is a choice of its own.
    var shape: [Int]?
    /// Where their choices start, or would if a seed were written out.
    var elementsStart = 0
    /// The choices that a seed stands for.
    var expanded: [Int] = []
  }

  private enum Source {
    case random(RandomStream)
    case given([[Int]])
  }

  private var source: Source
  private let isReporting: Bool
  private(set) var records: [Record] = []
  private(set) var notes: [String] = []
  private(set) var tensors: [(name: String, tensor: Tensor<Double>)] = []
  private(set) var coverage: [String: (isMet: Bool, floor: Double)] = [:]

  init(random stream: RandomStream) {
    source = .random(stream)
    isReporting = false
  }

  /// Creates the draw of a known case; only one that reports keeps its notes.
  init(given draws: [[Int]], isReporting: Bool = false) {
    source = .given(draws)
    self.isReporting = isReporting
  }

  /// The choices of each draw.
  var draws: [[Int]] { records.map(\.choices) }

  // MARK: - Choices

  /// Starts a draw: the choices that follow belong to it.
  func begin(isSize: Bool = false) {
    Notation.require(
      records.count < 10_000, "a case may make 10000 draws: does a loop wait for a choice but 0?")
    records.append(Record(isSize: isSize))
  }

  /// The next choice: `pick`'s in a random case, the given one in a replay.
  func choice(upTo limit: Int, _ pick: (inout RandomStream) -> Int) -> Int {
    let chosen: Int
    switch source {
    case .random(var stream):
      chosen = pick(&stream)
      source = .random(stream)
    case .given(let draws):
      let (draw, index) = (records.count - 1, records[records.count - 1].choices.count)
      let isGiven = draw < draws.count && index < draws[draw].count
      chosen = isGiven ? min(draws[draw][index], limit) : 0
    }
    records[records.count - 1].choices.append(chosen)
    return chosen
  }

  /// Lets a generator describe the current draw.
  func describe(_ change: (inout Record) -> Void) { change(&records[records.count - 1]) }

  // MARK: - What a property says about its case

  /// Discards the case unless `condition` holds; too many discards fail the property.
  public func require(_ condition: Bool) throws {
    if !condition { throw Discard() }
  }

  /// Demands that `condition` holds in at least the fraction `floor` of the cases.
  ///
  /// Call it in every case, not only where the condition holds: what is never asked is never missed.
  public func cover(_ condition: String, _ isMet: Bool, atLeast floor: Double) {
    coverage[condition] = (isMet || coverage[condition]?.isMet == true, floor)
  }

  /// Adds a number to the failure's line, as in `n9`.
  public func note(_ name: String, _ number: Int) { append("\(name)\(number)") }

  /// Adds a word to the failure's line if it is true, as in `causal`.
  public func note(_ name: String, _ isTrue: Bool) { if isTrue { append(name) } }

  /// Adds a value to the failure's line, as in `scale=0.5`.
  public func note(_ name: String, _ value: some CustomStringConvertible) {
    append("\(name)=\(value)")
  }

  /// Adds a tensor to the failure's attachment, and to its line if it is small.
  public func note(_ name: String, _ tensor: Tensor<Double>) {
    guard isReporting else { return }
    tensors.append((name, tensor))
    append("\(name)=" + (tensor.count <= 16 ? nested(tensor) : described(tensor.shape)))
  }

  /// Adds a tensor to the failure's attachment, and to its line if it is small.
  public func note(_ name: String, _ tensor: Tensor<Float>) {
    if isReporting { note(name, tensor.converted(to: Double.self)) }
  }

  private func append(_ note: @autoclosure () -> String) {
    if isReporting { notes.append(note()) }
  }

  private func nested(_ tensor: Tensor<Double>) -> String {
    guard tensor.rank > 0 else { return "\(tensor.storage[0])" }
    let slices = (0..<tensor.shape[0]).map { nested(tensor.slice($0)) }
    return "[\(slices.joined(separator: ", "))]"
  }
}

/// Thrown by `Draw.require`: the case tells nothing about the property.
struct Discard: Error {}
