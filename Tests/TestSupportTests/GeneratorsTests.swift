import Notation
import TestSupport
import Testing

@Suite("Generators reach what they promise, and nothing else")
struct GeneratorsTests {
  /// What a generator gives in so many cases, none of them discarded.
  private func drawn<Value>(
    cases: Int = 1000, _ generator: @escaping (Draw) -> Value
  ) throws -> [Value] {
    var values: [Value] = []
    try checkProperty("generator", cases: cases, environment: [:]) { values.append(generator($0)) }
    return values
  }

  @Test("sizes hit every edge up to the limit, and every edge of a block")
  func sizes() throws {
    let sizes = Set(try drawn { $0.size("n", upTo: 40) })
    #expect(sizes.isSuperset(of: Draw.sizeEdges))
    #expect(sizes.allSatisfy { (0...40).contains($0) })
    let blocked = Set(try drawn { $0.size("n", from: 5, upTo: 200, blocks: [6, 64]) })
    #expect(blocked.isSuperset(of: [5, 6, 7, 15, 63, 64, 65, 131]))
    #expect(blocked.allSatisfy { (5...200).contains($0) })
    #expect(Set(try drawn { $0.size("n", from: 40, upTo: 42) }) == [40, 41, 42])
  }

  @Test("edge sizes are drawn in more than half of the cases")
  func edgesAreFrequent() throws {
    let edges = try drawn { $0.size("n", upTo: 1000) }.filter(Draw.sizeEdges.contains)
    #expect(edges.count > 500)
  }

  @Test(
    "integers fill their range, and begin with the one nearest to 0",
    arguments: [-3...5, -5...3, 2...9, -9...(-2), 4...4])
  func integers(range: ClosedRange<Int>) throws {
    let integers = try drawn { $0.integer("i", in: range) }
    #expect(Set(integers) == Set(range))
    #expect(integers[0] == min(max(0, range.lowerBound), range.upperBound))
  }

  @Test(
    "both bounds of a wide range are drawn",
    arguments: [0...1_000_000, -1_000_000...1_000_000])
  func bounds(range: ClosedRange<Int>) throws {
    let integers = Set(try drawn { $0.integer("i", in: range) })
    #expect(integers.isSuperset(of: [range.lowerBound, range.upperBound]))
  }

  @Test("a coin falls as often as it should")
  func coins() throws {
    for probability in [0, 0.1, 0.5, 1] {
      let heads = try drawn { $0.bool("b", probability: probability) }.dropFirst().count { $0 }
      #expect(abs(Double(heads) / 999 - probability) < 0.05)
    }
  }

  @Test("every element of a list is drawn, and every permutation")
  func elements() throws {
    #expect(Set(try drawn { $0.element("e", of: ["a", "b", "c"]) }) == ["a", "b", "c"])
    #expect(Set(try drawn { $0.permutation("p", count: 4) }).count == 24)
    #expect(try drawn(cases: 9) { $0.permutation("p", count: 0) }.allSatisfy { $0.isEmpty })
  }

  @Test("ordinary values are within ±8, and integers, sixteenths or multiples of 2⁻²⁰")
  func ordinaryValues() throws {
    let values = try drawn { $0.value("x", .ordinary) }
    #expect(values.allSatisfy { abs($0) <= 8 && ($0 * 0x1p+20).rounded() == $0 * 0x1p+20 })
    #expect(Set(values).isSuperset(of: (-8...8).map(Float.init)))
    #expect(values.contains { ($0 * 16).rounded() != $0 * 16 })
  }

  @Test("finite values hit every edge with both signs, and no infinity or NaN")
  func finiteValues() throws {
    let values = try drawn(cases: 5000) { $0.value("x", .finite) }
    #expect(values.allSatisfy { $0.isFinite })
    #expect(
      Set(values.map(\.bitPattern))
        .isSuperset(of: Values.edges.flatMap { [$0.bitPattern, (-$0).bitPattern] }))
    #expect(values.contains { $0.isSubnormal })
  }

  @Test("any value includes both infinities and NaN, in scalars and tensors")
  func anyValues() throws {
    let scalars = try drawn { $0.value("x", .any) }
    let small = try drawn { $0.tensor("x", [4, 5], .any) }.flatMap(\.storage)
    let large = try drawn(cases: 50) { $0.tensor("x", [40, 50], .any) }.flatMap(\.storage)
    for values in [scalars, small, large] {
      #expect(values.contains(.infinity) && values.contains(-.infinity))
      #expect(values.contains { $0.isNaN })
    }
  }

  @Test(
    "tensors have the shape asked for, small or large",
    arguments: [[], [0], [3, 0], [8, 8], [5, 13], [2, 3, 40]])
  func shapes(shape: [Int]) throws {
    let tensors = try drawn(cases: 100) { $0.tensor("x", shape, .ordinary) }
    #expect(tensors.allSatisfy { $0.shape == shape })
    #expect(tensors[0] == Tensor(shape: shape, repeating: 0))
  }

  @Test("some tensors are constant, most are not")
  func constants() throws {
    for shape in [[4, 4], [10, 10]] {
      let constant = try drawn { $0.tensor("x", shape) }.count { Set($0.storage).count == 1 }
      #expect((50...250).contains(constant))
    }
  }

  @Test("integer tensors hold every integer of the magnitude and nothing else")
  func integerTensors() throws {
    for shape in [[6], [100]] {
      let tensors = try drawn { $0.integerTensor("x", shape, magnitude: 3) }
      #expect(Set(tensors.flatMap(\.storage)) == [-3, -2, -1, 0, 1, 2, 3])
    }
  }

  @Test("masks of every kind are drawn, for every shape", arguments: [[], [2], [2, 3]])
  func masks(leading: [Int]) throws {
    let masks = try drawn { draw in
      let (n, m) = (draw.size("n", upTo: 10), draw.size("m", upTo: 10))
      return (n, m, draw.mask(leading: leading, rows: n, columns: m))
    }
    #expect(Set(masks.map(\.2.kind)) == Set(MaskKind.allCases))
    for (n, m, (mask, kind)) in masks {
      let scores = leading + [n, m]
      let rows = mask.keep.map { $0.broadcast(to: scores).rows.storage }
      let isRowEmpty = (0..<scores.dropLast().reduce(1, *)).map { i in
        rows.map { !$0[i * m..<(i + 1) * m].contains(true) } ?? false
      }
      #expect((mask.causalOffset == 0) == (kind == .causal || kind == .causalAndPadding))
      switch kind {
      case .none: #expect(mask.isEmpty)
      case .allTrue: #expect(rows!.allSatisfy { $0 })
      case .causal: #expect(mask.keep == nil)
      case .lastRowEmpty where n > 0 && m > 0:
        #expect(isRowEmpty.enumerated().allSatisfy { $0.element == ($0.offset % n == n - 1) })
      case .oneRowEmpty where n > 0 && m > 0:
        #expect(isRowEmpty.count { $0 } == leading.reduce(1, *))
      case .causalAndPadding: #expect(mask.keep!.shape == leading.map { _ in 1 } + [1, m])
      case .lastRowEmpty, .oneRowEmpty, .random: break
      }
    }
    let padded = masks.filter { $0.2.kind == .causalAndPadding }.map { $0.2.mask.keep!.storage }
    #expect(padded.contains { $0.first == true && $0.last == false })
    #expect(padded.contains { $0.first == false && $0.last == true })
    let leadingExtents = Set(masks.compactMap(\.2.mask.keep?.leadingShape))
    #expect(leadingExtents == [leading, leading.map { _ in 1 }])
  }
}
