import Equations
import Notation
import TestSupport

/// The mistakes that can be made with every recurrent network.
func wrongRecurrences<Kind: RecurrentKind>(
  of kind: Kind.Type
) -> [WrongVersion<RecurrentFunction<Kind>>] {
  wrongParameters() + wrongStates() + wrongReading()
}

/// A network with something changed before the equation is evaluated.
func wrong<Kind: RecurrentKind>(
  _ name: String, _ change: @escaping @Sendable (inout RecurrentCase<Double, Kind>) -> Void
) -> WrongVersion<RecurrentFunction<Kind>> {
  WrongVersion(name, of: Kind.equation, given: change)
}

/// A network with the same change of the parameters of both directions.
func wrongGates<Kind: RecurrentKind>(
  _ name: String, _ change: @escaping @Sendable (inout StackedGates<Double>, Kind.Form) -> Void
) -> WrongVersion<RecurrentFunction<Kind>> {
  wrong(name) { input in
    change(&input.network, input.form)
    if input.reverse != nil { change(&input.reverse!, input.form) }
  }
}

/// A network whose every step is another.
func wrongCell<Kind: RecurrentKind>(
  _ name: String, _ cell: @escaping @Sendable (CellStep<Double>, Kind.Form) -> CellResult<Double>
) -> WrongVersion<RecurrentFunction<Kind>> {
  WrongVersion(name) { unrolled($0, cell: cell) }
}

/// Every other order of the gates.
func permutedGates<Kind: RecurrentKind>(
  _ count: Int, of kind: Kind.Type
) -> [WrongVersion<RecurrentFunction<Kind>>] {
  permutations(count).filter { $0 != Array(0..<count) }.map { order in
    wrongGates("the gates are stored in the order \(order)") { network, form in
      if Kind.gates(form) == count {
        network.input = network.input.gates(order)
        network.recurrent = network.recurrent.gates(order)
      }
    }
  }
}

private func permutations(_ count: Int) -> [[Int]] {
  guard count > 0 else { return [[]] }
  return permutations(count - 1).flatMap { rest in
    (0..<count).map { at in Array(rest[..<at]) + [count - 1] + Array(rest[at...]) }
  }
}

private func wrongParameters<Kind: RecurrentKind>() -> [WrongVersion<RecurrentFunction<Kind>>] {
  [
    wrongGates("the state's weights are transposed") { network, form in
      network.recurrent = network.recurrent.eachGate(Kind.gates(form)) { $0.transposed }
    },
    wrongGates("the input's weights are transposed where they are square") { network, form in
      guard network.input.inputs == network.width else { return }
      network.input = network.input.eachGate(Kind.gates(form)) { $0.transposed }
    },
    wrongGates("the weights are exchanged where they are of one shape") { network, _ in
      let (input, recurrent) = (network.input.weight, network.recurrent.weight)
      guard input.shape == recurrent.shape else { return }
      (network.input.weight, network.recurrent.weight) = (recurrent, input)
    },
    wrongGates("nothing comes from the state before") { network, _ in
      network.recurrent.weight = network.recurrent.weight.map { _ in 0 }
    },
    wrongGates("the state itself is added, without a weight") { network, form in
      network.recurrent = network.recurrent.eachGate(Kind.gates(form)) { u in
        Tensor(
          shape: u.shape, storage: u.storage.indices.map { $0 % (u.shape[1] + 1) == 0 ? 1 : 0 })
      }
    },
    wrongGates("the input's bias is forgotten") { network, _ in network.input.bias = nil },
    wrongGates("the state's bias is forgotten") { network, _ in network.recurrent.bias = nil },
    wrongGates("the input's bias stands for both") { network, _ in
      if let b = network.input.bias, network.recurrent.bias != nil { network.recurrent.bias = b }
    },
  ]
}

private func wrongStates<Kind: RecurrentKind>() -> [WrongVersion<RecurrentFunction<Kind>>] {
  [
    wrongGates("the first state is taken as 0") { network, _ in network.hidden = nil },
    wrong("both directions begin with one state") { $0.reverse?.hidden = $0.network.hidden },
    WrongVersion("the states before the steps are returned") { input in
      var results = Kind.equation(input)
      guard input.reverse == nil else { return results }
      let hidden = results["hidden"]!
      let first = input.network.hidden?.rows ?? results[Kind.last[0]]!.rows.map { _ in 0 }
      results["hidden"] = input.eachSequence { g, order in
        order.indices.map { k in
          k == 0 ? first.slice(g) : hidden.matrices.slice(g).slice(order[k - 1])
        }
      }
      return results
    },
    WrongVersion("every step begins with the first state") { input in
      var results = Kind.equation(input)
      guard input.reverse == nil else { return results }
      results["hidden"] = input.eachSequence { g, order in
        order.map { at in
          var alone = input
          alone.x = input.x.matrices.keeping(g).rows([at])
          alone.network.hidden = input.network.hidden?.rows.keeping(g)
          alone.network.cell = input.network.cell?.rows.keeping(g)
          alone.lengths = nil
          return Kind.equation(alone)["hidden"]!.rows.slice(0)
        }
      }
      return results
    },
    WrongVersion("a sequence goes on where the one before it ended") { input in
      guard input.reverse == nil, input.x.rank == 3, input.x.shape[0] > 1 else {
        return Kind.equation(input)
      }
      var results = Kind.equation(input)
      for g in 1..<input.x.shape[0] {
        var next = input
        next.network.hidden = shifted(results[Kind.last[0]]!, into: input.network.hidden, at: g)
        results["hidden"] = replacing(
          results["hidden"]!, by: Kind.equation(next)["hidden"]!, at: g)
      }
      return results
    },
    WrongVersion("the last state is that of the last position, padding or not") { input in
      var results = Kind.equation(input)
      guard input.reverse == nil, input.x.matrices.shape[1] > 0 else { return results }
      let hidden = results["hidden"]!
      let end = input.direction == .forward ? hidden.matrices.shape[1] - 1 : 0
      results[Kind.last[0]] = hidden.rows([end]).reshaped(results[Kind.last[0]]!.shape)
      return results
    },
    WrongVersion("a sequence without positions ends in 0, not in its first state") { input in
      var results = Kind.equation(input)
      guard input.reverse == nil, let lengths = input.lengths else { return results }
      for name in Kind.last {
        let width = results[name]!.shape.last!
        for i in results[name]!.storage.indices where lengths.storage[i / width] == 0 {
          results[name]!.storage[i] = 0
        }
      }
      return results
    },
    WrongVersion("the last state is repeated beyond a length") { input in
      var results = Kind.equation(input)
      guard input.reverse == nil, let lengths = input.lengths else { return results }
      let (last, h) = (results[Kind.last[0]]!.rows, input.network.width)
      var hidden = results["hidden"]!.matrices
      for g in 0..<hidden.shape[0] {
        for at in lengths.storage[g]..<hidden.shape[1] {
          for j in 0..<h { hidden[g, at, j] = last[g, j] }
        }
      }
      results["hidden"] = hidden.reshaped(results["hidden"]!.shape)
      return results
    },
  ]
}

private func wrongReading<Kind: RecurrentKind>() -> [WrongVersion<RecurrentFunction<Kind>>] {
  [
    wrong("padding is run through") { $0.lengths = nil },
    wrong("the first length is everybody's") { input in
      input.lengths = input.lengths.map { lengths in lengths.map { _ in lengths.storage[0] } }
    },
    wrong("every sequence is one position shorter") { input in
      let t = input.x.shape[input.x.rank - 2]
      let lengths = input.lengths ?? Tensor(shape: input.x.leadingShape, repeating: t)
      input.lengths = lengths.map { max($0 - 1, 0) }
    },
    WrongVersion("padding counts as zeros where it is read backwards") { input in
      guard let lengths = input.lengths, input.direction == .reverse || input.reverse != nil else {
        return Kind.equation(input)
      }
      func cut(_ x: Tensor<Double>) -> Tensor<Double> {
        let (t, d) = (x.shape[x.rank - 2], x.shape[x.rank - 1])
        return Tensor(
          shape: x.shape,
          storage: x.storage.indices.map { i in
            i / d % t < lengths.storage[i / d / t] ? x.storage[i] : 0
          })
      }
      var padded = input
      (padded.x, padded.lengths) = (cut(input.x), nil)
      return Kind.equation(padded).mapValues { $0.rank == input.x.rank ? cut($0) : $0 }
    },
    wrong("forwards whatever the direction") { $0.direction = .forward },
    wrong("backwards whatever the direction") { input in
      if input.reverse == nil { input.direction = .reverse }
    },
    WrongVersion("what is read backwards stands in the order of reading") { input in
      var results = Kind.equation(input)
      guard input.direction == .reverse else { return results }
      let hidden = results["hidden"]!.matrices
      results["hidden"] = input.eachSequence { g, order in
        order.indices.map { hidden.slice(g).slice(order[order.count - 1 - $0]) }
      }
      return results
    },
    wrong("both directions have the parameters of one") { input in
      guard let reverse = input.reverse else { return }
      input.reverse!.input = input.network.input
      input.reverse!.recurrent = input.network.recurrent
      input.reverse!.hidden = reverse.hidden
    },
    WrongVersion("both networks read forwards") { input in
      guard let reverse = input.reverse else { return Kind.equation(input) }
      var alone = input
      alone.reverse = nil
      let first = Kind.equation(alone)["hidden"]!
      alone.network = reverse
      return ["hidden": sideBySide(first, Kind.equation(alone)["hidden"]!)]
    },
    WrongVersion("the reverse network's states come first") { input in
      guard input.reverse != nil else { return Kind.equation(input) }
      let hidden = Kind.equation(input)["hidden"]!
      let (h, width) = (input.network.width, hidden.shape.last!)
      return ["hidden": hidden.columns(Array(h..<width) + Array(0..<h))]
    },
    WrongVersion("the states of both directions are added") { input in
      guard input.reverse != nil else { return Kind.equation(input) }
      let hidden = Kind.equation(input)["hidden"]!
      let (h, width) = (input.network.width, hidden.shape.last!)
      let sum = hidden.columns(Array(0..<h)) + hidden.columns(Array(h..<width))
      return ["hidden": sideBySide(sum, sum)]
    },
    WrongVersion("positions are taken for sequences where they are as many") { input in
      let x = input.x
      guard x.rank == 3, x.shape[0] == x.shape[1] else { return Kind.equation(input) }
      var turned = input
      turned.x = turnedBatch(x)
      return Kind.equation(turned).mapValues { $0.rank == 3 ? turnedBatch($0) : $0 }
    },
  ]
}

// MARK: - Parts

extension AffineMap<Double> {
  /// The same gates in another order.
  func gates(_ order: [Int]) -> AffineMap {
    let h = outputs / order.count
    let rows = order.flatMap { Array($0 * h..<($0 + 1) * h) }
    return AffineMap(
      weight: weight.rows(rows),
      bias: bias.map { bias in Tensor(shape: bias.shape, storage: rows.map { bias[$0] }) })
  }

  /// The same map with the weight of every gate changed.
  func eachGate(_ count: Int, _ change: (Tensor<Double>) -> Tensor<Double>) -> AffineMap {
    let blocks = weight.reshaped([count, outputs / count, inputs])
    return AffineMap(
      weight: Tensor(
        shape: weight.shape, storage: (0..<count).flatMap { change(blocks.slice($0)).storage }),
      bias: bias)
  }
}

extension RecurrentCase where S == Double {
  /// The states … × t × h that a function gives for the positions of each sequence in the order in
  /// which they are read, 0 elsewhere.
  fileprivate func eachSequence(
    _ states: (_ g: Int, _ order: [Int]) -> [Tensor<Double>]
  ) -> Tensor<Double> {
    let (b, t, h) = (x.matrices.shape[0], x.matrices.shape[1], network.width)
    var hidden = Tensor<Double>(shape: [b, t, h], repeating: 0)
    for g in 0..<b {
      let read = Array(0..<(lengths?.storage[g] ?? t))
      let order = direction == .forward ? read : read.reversed()
      for (at, state) in zip(order, states(g, order)) {
        for j in 0..<h { hidden[g, at, j] = state[j] }
      }
    }
    return hidden.reshaped(x.shape.dropLast() + [h])
  }
}

/// The first states, that of sequence g being the last of the sequence before it.
private func shifted(
  _ last: Tensor<Double>, into first: Tensor<Double>?, at g: Int
) -> Tensor<Double> {
  replacing(
    first ?? last.map { _ in 0 },
    by: last.rows([0] + Array(0..<last.shape[0] - 1)), at: g)
}

/// A batch with sequence g from another.
private func replacing(
  _ batch: Tensor<Double>, by other: Tensor<Double>, at g: Int
) -> Tensor<Double> {
  var batch = batch
  let size = batch.count / batch.shape[0]
  batch.storage.replaceSubrange(g * size..<(g + 1) * size, with: other.slice(g).storage)
  return batch
}

/// b × t × d as t × b × d.
private func turnedBatch(_ x: Tensor<Double>) -> Tensor<Double> {
  let (b, t, d) = (x.shape[0], x.shape[1], x.shape[2])
  return Tensor(
    shape: [t, b, d],
    storage: (0..<t * b * d).map { i in x[i / d % b, i / d / b, i % d] })
}
