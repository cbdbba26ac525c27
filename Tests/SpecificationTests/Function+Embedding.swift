import Equations
import ErrorBounds
import Kernels
import Notation
import TestSupport

extension Function {
  static let embedding: [String: Function] = [
    "tokenEmbedding": Function(
      1, ["table", "scale", "zeroing"],
      equation: { (a) throws(Fault) in
        .numbers(
          tokenEmbedding(
            try a.integers(0), table: try a.numbers("table"), scale: try a.scale(),
            zeroing: try a.zeroed()))
      },
      kernel: { (a) throws(Fault) in
        let (tokens, table) = (try a.integers(0), try a.numbers("table"))
        let (scale, zeroed) = (try a.scale(), try a.zeroed())
        guard let floats = try? exactFloats(table) else { return nil }
        return KernelResult(
          value: tokenEmbedding(tokens, table: floats, scale: scale, zeroing: zeroed),
          bound: tokenEmbeddingBound(tokens, table: table.finite, scale: scale, zeroing: zeroed))
      }),
    "transformerEmbedding": Function(
      1, ["table", "positions", "offset", "scale", "probability", "seed"],
      equation: { (a) throws(Fault) in
        .numbers(
          transformerEmbedding(
            try a.integers(0), table: try a.numbers("table"),
            positions: try a.positions("positions"), offset: try a.offset(),
            scale: try a.scale(), dropout: try a.dropout()))
      },
      kernel: { (a) throws(Fault) in
        let (tokens, table) = (try a.integers(0), try a.numbers("table"))
        let (positions, offset) = (try a.positions("positions"), try a.offset())
        let (scale, drop) = (try a.scale(), try a.dropout())
        guard let floats = try? exactFloats(table) else { return nil }
        return KernelResult(
          value: transformerEmbedding(
            tokens, table: floats, positions: try positions.exactFloats(), offset: offset,
            scale: scale, dropout: drop),
          bound: transformerEmbeddingBound(
            tokens, table: table.finite, positions: positions, offset: offset, scale: scale,
            dropout: drop))
      }),
    "positionalEncoding": Function(
      0, ["length", "width", "offset", "encoding"],
      equation: { (a) throws(Fault) in
        .numbers(
          positionalEncoding(
            length: try a.integer("length"), width: try a.integer("width"), offset: try a.offset(),
            try a.positions("encoding")))
      },
      kernel: { (a) throws(Fault) in
        let (t, d, offset) = (try a.integer("length"), try a.integer("width"), try a.offset())
        let encoding = try a.positions("encoding")
        return KernelResult(
          value: positionalEncoding(
            length: t, width: d, offset: offset, try encoding.exactFloats()),
          bound: positionalEncodingBound(length: t, width: d, offset: offset, encoding))
      }),
    "addPositions": Function(
      1, ["encoding", "offset"],
      equation: { (a) throws(Fault) in
        .numbers(
          addPositions(try a.numbers(0), try a.positions("encoding"), offset: try a.offset()))
      },
      kernel: { (a) throws(Fault) in
        let (x, encoding, offset) = (
          try a.numbers(0), try a.positions("encoding"), try a.offset()
        )
        return KernelResult(
          value: addPositions(try exactFloats(x), try encoding.exactFloats(), offset: offset),
          bound: addPositionsBound(x.finite, encoding, offset: offset))
      }),
    "sinusoidal": Function(1, ["maximumLength"]) { (a) throws(Fault) in
      .option(
        PositionalEncoding<Double>.sinusoidal(
          try a.option(0),
          maximumLength: try a.has("maximumLength") ? a.integer("maximumLength") : nil))
    },
    "learned": Function(1) { (a) throws(Fault) in
      .option(PositionalEncoding<Double>.learned(try a.numbers(0)))
    },
    "columns": Function(2) { (a) throws(Fault) in
      let (x, columns) = (try a.numbers(0).rows, try a.integers(1).storage)
      guard columns.allSatisfy((0..<x.shape[1]).contains) else { throw Fault("no such column") }
      return .numbers(
        Tensor(
          shape: [x.shape[0], columns.count],
          storage: (0..<x.shape[0]).flatMap { row in columns.map { x[row, $0] } }))
    },
  ]
}

extension Arguments {
  /// Sinusoids unless the call gives something else.
  fileprivate func positions(_ label: String) throws(Fault) -> PositionalEncoding<Double> {
    try option(label, .sinusoidal())
  }

  /// What the vectors of tokens are multiplied by, nothing unless the call gives something.
  fileprivate func scale() throws(Fault) -> EmbeddingScale {
    try option("scale", EmbeddingScale.none)
  }

  /// The token whose vector is zeros.
  fileprivate func zeroed() throws(Fault) -> Int? {
    try has("zeroing") ? integer("zeroing") : nil
  }

  /// The first position, 0 unless the call gives another.
  fileprivate func offset() throws(Fault) -> Int { try has("offset") ? integer("offset") : 0 }
}

extension PositionalEncoding<Double> {
  /// The same encoding as the kernels get it.
  fileprivate func exactFloats() throws(Fault) -> PositionalEncoding<Float> {
    if case .learned(let table) = self { _ = try SpecificationTests.exactFloats(table) }
    return converted()
  }
}
