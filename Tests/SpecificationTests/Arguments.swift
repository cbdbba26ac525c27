import Notation

/// The arguments of one call, each asked for by what the function needs it to be.
struct Arguments {
  private let positional: [Value]
  private let labelled: [String: Value]

  /// Sorts the arguments, and throws unless they are the ones that the function takes.
  init(
    _ arguments: [(label: String?, value: Value)], of function: Function, named name: String
  ) throws(Fault) {
    positional = arguments.filter { $0.label == nil }.map(\.value)
    if let count = function.positional, positional.count != count {
      throw Fault("\(name) takes \(count) arguments without a label: got \(positional.count)")
    }
    var labelled: [String: Value] = [:]
    for case (let label?, let value) in arguments {
      guard function.labels.contains(label) else {
        throw Fault("\(name) has no argument “\(label)”")
      }
      guard labelled.updateValue(value, forKey: label) == nil else {
        throw Fault("\(name) got “\(label)” twice")
      }
    }
    self.labelled = labelled
  }

  func has(_ label: String) -> Bool { labelled[label] != nil }

  // MARK: - Tensors and numbers

  func numbers(_ key: some Key) throws(Fault) -> Tensor<Double> {
    guard case .numbers(let tensor, _)? = self[key] else { throw wrong(key, "numbers") }
    return tensor
  }

  /// The numbers as the kernels get them.
  func floats(_ key: some Key) throws(Fault) -> Tensor<Float> {
    try exactFloats(try numbers(key))
  }

  func booleans(_ key: some Key) throws(Fault) -> Tensor<Bool> {
    guard case .booleans(let tensor)? = self[key] else { throw wrong(key, "true and false") }
    return tensor
  }

  func integers(_ key: some Key) throws(Fault) -> Tensor<Int> {
    let numbers = try numbers(key)
    guard numbers.storage.allSatisfy({ Int(exactly: $0) != nil }) else {
      throw wrong(key, "integers")
    }
    return numbers.map { Int($0) }
  }

  func number(_ key: some Key) throws(Fault) -> Double {
    let numbers = try numbers(key)
    guard numbers.rank == 0 else { throw wrong(key, "a single number") }
    return numbers.storage[0]
  }

  func integer(_ key: some Key) throws(Fault) -> Int {
    guard let integer = Int(exactly: try number(key)) else { throw wrong(key, "an integer") }
    return integer
  }

  func positionalIntegers() throws(Fault) -> [Int] {
    var integers: [Int] = []
    for place in positional.indices { integers.append(try integer(place)) }
    return integers
  }

  /// All arguments without a label, each of any shape.
  func positionalNumbers() throws(Fault) -> [Tensor<Double>] {
    var tensors: [Tensor<Double>] = []
    for place in positional.indices { tensors.append(try numbers(place)) }
    return tensors
  }

  // MARK: - Options, each with its default

  func mask(
    _ label: String = "mask", otherwise: AttentionMask<Double> = .none
  ) throws(Fault) -> AttentionMask<Double> {
    guard let value = labelled[label] else { return otherwise }
    guard case .mask(let mask) = value else { throw wrong(label, "a mask") }
    return mask
  }

  /// A dialect or a set of parameters, and without a default one that must be there.
  func option<Option>(_ key: some Key, _ fallback: Option? = nil) throws(Fault) -> Option {
    guard let value = self[key] else {
      guard let fallback else { throw wrong(key, "\(Option.self)") }
      return fallback
    }
    guard case .option(let option as Option) = value else { throw wrong(key, "\(Option.self)") }
    return option
  }

  /// Sets of parameters in their order, `[]` for none.
  func options<Option>(_ key: some Key) throws(Fault) -> [Option] {
    if case .options(let options)? = self[key], let options = options as? [Option] {
      return options
    }
    if case .numbers(let none, _)? = self[key], none.shape == [0] { return [] }
    throw wrong(key, "a list of \(Option.self)")
  }

  /// A set of parameters that there may be.
  func ifGiven<Option>(_ label: String) throws(Fault) -> Option? {
    try has(label) ? option(label) : nil
  }

  /// What `probability` and `seed` drop, at a `site` if there is one; without them nothing.
  func dropout() throws(Fault) -> Dropout {
    guard has("probability") else { return .none }
    let drop = Dropout(probability: try number("probability"), seed: try seed())
    return has("site") ? drop.site(try integer("site")) : drop
  }

  /// The `seed` of a stream of words.
  func seed() throws(Fault) -> UInt64 {
    guard let seed = UInt64(exactly: try number("seed")) else { throw wrong("seed", "a seed") }
    return seed
  }

  // MARK: - Parameters

  /// The map of `weight`, or of `inputsByOutputs`, and `bias`.
  func affineMap() throws(Fault) -> AffineMap<Double> {
    let bias = try has("bias") ? numbers("bias") : nil
    return has("inputsByOutputs")
      ? AffineMap(inputsByOutputs: try numbers("inputsByOutputs"), bias: bias)
      : AffineMap(weight: try numbers("weight"), bias: bias)
  }

  /// The maps of `query`, `key` and `value` with their biases.
  func projections() throws(Fault) -> AttentionProjections<Double> {
    AttentionProjections(
      query: try affineMap(named: "query"), key: try affineMap(named: "key"),
      value: try affineMap(named: "value"))
  }

  /// The map whose weight has this label, and whose bias has it with “Bias” behind.
  func affineMap(named name: String) throws(Fault) -> AffineMap<Double> {
    AffineMap(
      weight: try numbers(name), bias: try has(name + "Bias") ? numbers(name + "Bias") : nil)
  }

  // MARK: - Lookup

  private subscript(key: some Key) -> Value? {
    if let label = key as? String { return labelled[label] }
    if let place = key as? Int, positional.indices.contains(place) { return positional[place] }
    return nil
  }

  private func wrong(_ key: some Key, _ kind: String) -> Fault {
    let name = (key as? Int).map { "argument \($0 + 1)" } ?? "“\(key)”"
    return Fault(self[key] == nil ? "\(name) is missing" : "\(name) must be \(kind)")
  }
}

/// A label, or the place of an argument without one.
protocol Key {}
extension String: Key {}
extension Int: Key {}

/// The same numbers as `Float`, so that equation and kernel begin with the same.
func exactFloats(_ x: Tensor<Double>) throws(Fault) -> Tensor<Float> {
  for element in x.storage where !element.isNaN && Double(Float(element)) != element {
    throw Fault("\(element) is not exact in Float: kernel and equation would differ from the start")
  }
  return x.converted()
}
