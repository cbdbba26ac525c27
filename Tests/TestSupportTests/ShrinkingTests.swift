import Notation
import TestSupport
import Testing

@Suite("Planted bugs shrink to the smallest case, whatever the seed")
struct ShrinkingTests {
  static let seeds = (0..<10).map(String.init)

  private func notes(
    _ seed: String, cases: Int = 100, _ body: @escaping (Draw) throws -> Void
  ) throws -> [String] {
    try counterexample(cases: cases, seed: seed, body).notes
  }

  private func integers(_ draw: Draw, upTo most: Int) -> [Int] {
    (0..<draw.size("n")).map { _ in draw.integer("a", in: 0...most) }
  }

  @Test("no element is 7 or more", arguments: seeds)
  func element(seed: String) throws {
    let notes = try notes(seed) { draw in
      try expect(integers(draw, upTo: 100).allSatisfy { $0 < 7 }, "has a large element")
    }
    #expect(notes == ["n1", "a7"])
  }

  @Test("a list's sum is below 1000", arguments: seeds)
  func sum(seed: String) throws {
    let oneElement = try notes(seed) { draw in
      try expect(integers(draw, upTo: 1000).reduce(0, +) < 1000, "has a large sum")
    }
    #expect(oneElement == ["n1", "a1000"])
    let twoElements = try notes(seed) { draw in
      try expect(integers(draw, upTo: 900).reduce(0, +) < 1000, "has a large sum")
    }
    #expect(twoElements == ["n2", "a100", "a900"])
  }

  @Test("a list is sorted", arguments: seeds)
  func sorted(seed: String) throws {
    let notes = try notes(seed) { draw in
      let list = integers(draw, upTo: 100)
      try expect(list == list.sorted(), "is not sorted")
    }
    #expect(notes == ["n2", "a1", "a0"])
  }

  @Test("an index drawn below a length is below 5", arguments: seeds)
  func dependentDraws(seed: String) throws {
    let notes = try notes(seed) { draw in
      let n = draw.integer("n", in: 1...50)
      try expect(draw.integer("i", in: 0...n - 1) < 5, "is too large")
    }
    #expect(notes == ["n6", "i5"])
  }

  @Test("two extents never agree beyond 2", arguments: seeds)
  func equalExtents(seed: String) throws {
    let notes = try notes(seed) { draw in
      let (n, m) = (draw.size("n", upTo: 20), draw.size("m", upTo: 20))
      try expect(n != m || n <= 2, "agree")
    }
    #expect(notes == ["n3", "m3"])
  }

  @Test("integers on both sides of 0 shrink towards it", arguments: seeds)
  func signs(seed: String) throws {
    let mixed = try notes(seed) { try expect(abs($0.integer("i", in: -50...90)) < 10, "far") }
    #expect(mixed == ["i10"])
    let negative = try notes(seed) { try expect($0.integer("i", in: -90...50) > -10, "far") }
    #expect(negative == ["i-10"])
    let below = try notes(seed) { try expect($0.integer("i", in: -90...(-20)) > -30, "far") }
    #expect(below == ["i-30"])
  }

  @Test("a tensor has no NaN", arguments: seeds)
  func nan(seed: String) throws {
    let notes = try notes(seed) { draw in
      let x = draw.tensor("x", [draw.size("n"), draw.size("d")], .any)
      try expect(!x.storage.contains { $0.isNaN }, "has NaN")
    }
    #expect(notes == ["n1", "d1", "x=[[nan]]"])
  }

  @Test("a tensor has no element above 3", arguments: seeds)
  func largeElement(seed: String) throws {
    for values in [Values.ordinary, .finite, .any] {
      let notes = try notes(seed) { draw in
        let x = draw.tensor("x", [draw.size("g"), draw.size("n"), draw.size("d")], values)
        try expect(!x.storage.contains { $0 > 3 }, "has a large element")
      }
      #expect(notes == ["g1", "n1", "d1", "x=[[[4.0]]]"])
    }
  }

  @Test("no element is greater than the one above it", arguments: seeds)
  func column(seed: String) throws {
    let notes = try notes(seed) { draw in
      let (n, d) = (draw.size("n", upTo: 9), draw.size("d", upTo: 9))
      let x = draw.tensor("x", [n, d], .ordinary)
      try expect(
        !(1..<max(n, 1)).contains { i in (0..<d).contains { j in x[i, j] > x[i - 1, j] } },
        "has a greater element")
    }
    #expect(notes == ["n2", "d1", "x=[[0.0], [1.0]]"])
  }

  @Test("no large key has a large value: what shares an extent shrinks together", arguments: seeds)
  func sharedExtent(seed: String) throws {
    let notes = try notes(seed) { draw in
      let (m, dk) = (draw.size("m", upTo: 9), draw.size("dk", upTo: 6))
      let dv = draw.size("dv", upTo: 6)
      let k = draw.tensor("k", [m, dk], .ordinary)
      let v = draw.tensor("v", [m, dv], .ordinary)
      let isLarge = (0..<m).contains { j in
        k.slice(j).storage.contains { $0 > 4 } && v.slice(j).storage.contains { $0 < -4 }
      }
      try expect(!isLarge, "is large")
    }
    #expect(notes == ["m1", "dk1", "dv1", "k=[[5.0]]", "v=[[-5.0]]"])
  }

  @Test("a loop over blocks of 16 drops its remainder", arguments: seeds)
  func remainder(seed: String) throws {
    let failure = try counterexample(seed: seed) { draw in
      let x = draw.tensor("x", [draw.size("n", upTo: 200, blocks: [16])], .ordinary).storage
      let sum = x.prefix(x.count / 16 * 16).reduce(0, +)
      try expect(x.count < 16 || sum == x.reduce(0, +), "lost the remainder")
    }
    #expect(failure.notes == ["n17", "x=17"])
    #expect(failure.tensors[0].tensor.storage == Array(repeating: 1, count: 17))
  }

  @Test("subnormal and negative zero shrink to themselves", arguments: seeds)
  func edges(seed: String) throws {
    let subnormal = try notes(seed, cases: 1000) {
      try expect(!$0.value("x").isSubnormal, "is subnormal")
    }
    #expect(subnormal == ["x=1e-45"])
    let zero = try notes(seed, cases: 1000) { draw in
      let x = draw.value("x")
      try expect(x != 0 || x.sign == .plus, "is negative")
    }
    #expect(zero == ["x=-0.0"])
  }

  @Test("every row sees a key", arguments: seeds)
  func emptyRow(seed: String) throws {
    let notes = try notes(seed) { draw in
      let (n, m) = (draw.size("n", from: 1), draw.size("m", from: 1))
      let keep = draw.mask(rows: n, columns: m).mask.keep?.broadcast(to: [n, m])
      let isEmpty = (0..<n).contains { keep?.slice($0).storage.allSatisfy { !$0 } ?? false }
      try expect(!isEmpty, "sees nothing")
    }
    #expect(notes == ["n1", "m1", "last row empty", "keep=[[0.0]]"])
  }

  @Test("a random mask hides no key between two that are seen", arguments: seeds)
  func hole(seed: String) throws {
    let notes = try notes(seed) { draw in
      let (n, m) = (draw.size("n", upTo: 12), draw.size("m", upTo: 12))
      let (mask, kind) = draw.mask(rows: n, columns: m)
      guard kind == .random, let keep = mask.keep else { return }
      let hasHole = (0..<n).contains { i in
        (0..<m).dropLast(2).contains { keep[i, $0] && !keep[i, $0 + 1] && keep[i, $0 + 2] }
      }
      try expect(!hasHole, "has a hole")
    }
    #expect(notes == ["n1", "m3", "random", "keep=[[1.0, 0.0, 1.0]]"])
  }

  @Test("a permutation leaves everything in place", arguments: seeds)
  func permutation(seed: String) throws {
    let notes = try notes(seed) { draw in
      let order = draw.permutation("order", count: draw.size("n"))
      try expect(order == order.sorted(), "moves something")
    }
    #expect(notes == ["n2", "order=[1, 0]"])
  }

  @Test("draws that do not matter take the simplest choice", arguments: seeds)
  func irrelevant(seed: String) throws {
    let notes = try notes(seed) { draw in
      let c = draw.value("c")
      let isCausal = draw.bool("causal")
      let fill = draw.element("fill", of: ["excluded", "replaced", "added"])
      draw.note("c is \(c)", isCausal && fill == "none")
      try expect(draw.size("n") < 8, "is long")
    }
    #expect(notes == ["c=0.0", "fill=excluded", "n8"])
  }

  @Test("a draw that does not matter costs a run, not one for each of its choices")
  func irrelevantInOneRun() throws {
    let failure = try counterexample(shrinkBudget: 50) { draw in
      let orders = (0..<3).map { _ in draw.permutation("", count: 40) }
      draw.note("sorted", orders.allSatisfy { $0 == $0.sorted() })
      try expect(draw.size("n") < 8, "is long")
    }
    #expect(failure.notes.suffix(2) == ["sorted", "n8"])
  }
}
