import Notation

// PyTorch's recurrent networks hold their layers and directions side by side, each tensor with all gates
// one below the other: `weight_ih_l0`, `weight_hh_l0`, `bias_ih_l0`, `bias_hh_l0`, then
// `weight_ih_l0_reverse` and so on, then `l1`. A layer after the first takes h numbers of each direction.

extension ParameterReader {
  /// One layer and direction of `nn.RNN`, at this reader's place.
  ///
  /// - Parameters:
  ///   - inputs: d, of a later layer h, or 2h after both directions.
  ///   - width: h.
  ///   - layer: Which layer, counted from 0.
  ///   - direction: Which direction.
  ///   - hasBias: Whether the maps have biases.
  ///   - activation: PyTorch's `nonlinearity`, tanh or relu.
  public func elmanRNN(
    inputs: Int, width: Int, layer: Int = 0, direction: Direction = .forward,
    hasBias: Bool = true, activation: Activation = .tanh
  ) -> ElmanRNN<S> {
    let maps = gates(1, inputs, width, layer, direction, hasBias)
    return ElmanRNN(input: maps.input, recurrent: maps.recurrent, activation: activation)
  }

  /// One layer and direction of `nn.LSTM`, at this reader's place.
  ///
  /// - Parameters:
  ///   - inputs: d, of a later layer h, or 2h after both directions.
  ///   - width: h.
  ///   - layer: Which layer, counted from 0.
  ///   - direction: Which direction.
  ///   - hasBias: Whether the maps have biases.
  public func lstm(
    inputs: Int, width: Int, layer: Int = 0, direction: Direction = .forward, hasBias: Bool = true
  ) -> LSTM<S> {
    let maps = gates(4, inputs, width, layer, direction, hasBias)
    return LSTM(input: maps.input, recurrent: maps.recurrent)
  }

  /// One layer and direction of `nn.GRU`, at this reader's place.
  ///
  /// - Parameters:
  ///   - inputs: d, of a later layer h, or 2h after both directions.
  ///   - width: h.
  ///   - layer: Which layer, counted from 0.
  ///   - direction: Which direction.
  ///   - hasBias: Whether the maps have biases.
  public func gru(
    inputs: Int, width: Int, layer: Int = 0, direction: Direction = .forward, hasBias: Bool = true
  ) -> GRU<S> {
    let maps = gates(3, inputs, width, layer, direction, hasBias)
    return GRU(input: maps.input, recurrent: maps.recurrent)
  }

  /// The maps of all gates of one layer and direction.
  private func gates(
    _ count: Int, _ inputs: Int, _ width: Int, _ layer: Int, _ direction: Direction,
    _ hasBias: Bool
  ) -> (input: AffineMap<S>, recurrent: AffineMap<S>) {
    let suffix = "l\(layer)" + (direction == .reverse ? "_reverse" : "")
    func map(_ name: String, _ inputs: Int) -> AffineMap<S> {
      let rows = count * width
      return AffineMap(
        weight: tensor("weight_\(name)_\(suffix)", [rows, inputs]),
        bias: hasBias ? tensor("bias_\(name)_\(suffix)", [rows]) : nil)
    }
    return (map("ih", inputs), map("hh", width))
  }
}
