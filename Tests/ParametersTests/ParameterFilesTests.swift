import Equations
import Foundation
import Notation
import Parameters
import SafeTensors
import Specification
import TestSupport
import Testing

@Suite("Files that PyTorch wrote are read, and compute what PyTorch computed")
struct ParameterFilesTests {
  @Test("nn.MultiheadAttention")
  func attention() throws {
    let stem = "pytorch-multihead-attention"
    let p = try load(stem) { $0.multiHeadAttention(dModel: 8, heads: 2, naming: .pyTorch) }
    try check(
      stem,
      multiHeadAttention(
        queries: try stored(stem, "queries"), keys: try stored(stem, "keys"),
        values: try stored(stem, "values"), p))
  }

  @Test("nn.MultiheadAttention with widths of their own for keys and values")
  func unequalAttention() throws {
    let stem = "pytorch-multihead-attention-unequal"
    let p = try load(stem) {
      $0.multiHeadAttention(
        dModel: 8, keyWidth: 6, valueWidth: 10, heads: 2, naming: .pyTorch)
    }
    try check(
      stem,
      multiHeadAttention(
        queries: try stored(stem, "queries"), keys: try stored(stem, "keys"),
        values: try stored(stem, "values"), p))
  }

  @Test("nn.TransformerEncoderLayer")
  func encoder() throws {
    let stem = "pytorch-encoder-layer"
    let p = try load(stem) {
      $0.encoderLayer(form(.postNorm, epsilon: 1e-5), naming: .pyTorch)
    }
    try check(stem, encoderLayer(try stored(stem, "x"), p))
  }

  @Test("nn.TransformerDecoderLayer")
  func decoder() throws {
    let stem = "pytorch-decoder-layer"
    let p = try load(stem) {
      $0.decoderLayer(form(.preNorm, epsilon: 1e-6, activation: .gelu), naming: .pyTorch)
    }
    try check(
      stem, decoderLayer(try stored(stem, "x"), memory: try stored(stem, "memory"), p))
  }

  @Test("nn.Transformer")
  func stacks() throws {
    let stem = "pytorch-transformer"
    let p = try load(stem) {
      $0.transformerStacks(form(.postNorm, epsilon: 1e-5), encoderLayers: 2, decoderLayers: 1)
    }
    let memory = Equations::encoder(
      try stored(stem, "source"), layers: p.encoderLayers, norm: p.encoderNorm)
    try check(
      stem,
      Equations::decoder(
        try stored(stem, "target"), memory: memory, layers: p.decoderLayers, norm: p.decoderNorm))
  }

  @Test("nn.RNN")
  func elman() throws {
    let p = try load("pytorch-rnn") {
      $0.elmanRNN(inputs: 8, width: 5, activation: .relu)
    }
    try check("pytorch-rnn", elmanRNN(try stored("pytorch-rnn", "x"), p))
  }

  @Test("nn.LSTM with two layers in both directions")
  func lstm() throws {
    let layers = try load("pytorch-lstm") { reader in
      [8, 10].enumerated().map { layer, inputs in
        Direction.allCases.map {
          reader.lstm(inputs: inputs, width: 5, layer: layer, direction: $0)
        }
      }
    }
    let y = layers.reduce(try stored("pytorch-lstm", "x")) { x, layer in
      Equations::lstm(x, forward: layer[0], reverse: layer[1])
    }
    try check("pytorch-lstm", y)
  }

  @Test("nn.GRU with two layers and without biases")
  func gru() throws {
    let layers = try load("pytorch-gru") { reader in
      [8, 5].enumerated().map { layer, inputs in
        reader.gru(inputs: inputs, width: 5, layer: layer, hasBias: false)
      }
    }
    try check(
      "pytorch-gru",
      layers.reduce(try stored("pytorch-gru", "x")) { Equations::gru($0, $1) })
  }

  @Test("a recurrent network must be read to its last layer and direction, with its biases")
  func recurrentRest() throws {
    let error = #expect(throws: ParameterError.self) {
      try load("pytorch-lstm") { $0.lstm(inputs: 8, width: 4) }
    }
    #expect(error?.misshapen.map(\.name).first == "weight_ih_l0")
    #expect(error?.misshapen.first?.expected == [16, 8])
    #expect(error?.extra.count == 12 && error?.extra.contains("bias_hh_l1_reverse") == true)
    let biases = #expect(throws: ParameterError.self) {
      try load("pytorch-gru") { reader in
        _ = reader.gru(inputs: 8, width: 5)
        _ = reader.gru(inputs: 5, width: 5, layer: 1, hasBias: false)
      }
    }
    #expect(biases?.missing.map(\.name) == ["bias_ih_l0", "bias_hh_l0"])
  }

  @Test("the documents' own classes")
  func documents() throws {
    let of000 = form(.preNorm, epsilon: 1e-5)
    let of002 = form(.postNorm, epsilon: 1e-12)
    _ = try load("document000-self-attention") { $0.sharedHeadAttention(dModel: 8, heads: 2) }
    _ = try load("document000-masked-self-attention") { $0.maskedSelfAttention(dModel: 8) }
    _ = try load("document000-multihead-attention") {
      $0.multiHeadAttention(dModel: 8, heads: 2, naming: .document000)
    }
    _ = try load("document000-encoder-layer") { $0.encoderLayer(of000, naming: .document000) }
    _ = try load("document000-decoder-layer") { $0.decoderLayer(of000, naming: .document000) }
    let translator = try load("document000-seq2seq") {
      $0.document000Seq2Seq(inputs: 8, width: 5, outputs: 9)
    }
    #expect(translator.inputs == 9 && translator.output.outputs == 9)
    _ = try load("document002-multihead-attention") {
      $0.multiHeadAttention(dModel: 8, heads: 2, naming: .document002)
    }
    _ = try load("document002-encoder-layer") { $0.encoderLayer(of002, naming: .document002) }
    _ = try load("document002-decoder-layer") { $0.decoderLayer(of002, naming: .document002) }
    _ = try load("document002-layer-norm") { reader in
      LayerNorm(
        gain: reader.tensor("gamma", [8]), bias: reader.tensor("beta", [8]), epsilon: 1e-12)
    }
    let vocabularies = ["encoder": 7, "decoder": 9]
    for (stack, vocabulary) in vocabularies {
      let layers = try load("document002-\(stack)") { reader in
        _ = reader.tensor("emb.tok_emb.weight", [vocabulary, 8])
        if stack == "encoder" {
          return reader.layers(2) { $0.encoderLayer(of002, naming: .document002) }.count
        }
        _ = reader.affineMap("linear", inputs: 8, outputs: vocabulary)
        return reader.layers(2) { $0.decoderLayer(of002, naming: .document002) }.count
      }
      #expect(layers == 2)
    }
    let whole = try load("document002-transformer") {
      $0.document002Transformer(
        of002, encoderLayers: 2, decoderLayers: 2, sourceVocabulary: 7, targetVocabulary: 9,
        sourcePadding: 0, targetPadding: 1)
    }
    #expect(whole.stacks.encoderLayers.count == 2 && whole.output.outputs == 9)
  }

  @Test("queries, keys and values are not confused, whatever order a class declares them in")
  func order() throws {
    let file = try parameterFile("document000-multihead-attention")
    let p = try load("document000-multihead-attention") {
      $0.multiHeadAttention(dModel: 8, heads: 2, naming: .document000)
    }
    #expect(p.query.weight == (try file.doubles("q_linear.weight")))
    #expect(p.key.weight == (try file.doubles("k_linear.weight")))
    #expect(p.value.weight == (try file.doubles("v_linear.weight")))
    #expect(Set([p.query.weight, p.key.weight, p.value.weight]).count == 3)
  }
}

private func form(
  _ placement: NormPlacement, epsilon: Double, activation: Activation = .relu
) -> LayerForm {
  LayerForm(
    dModel: 8, heads: 2, dFF: 12, placement: placement, epsilon: epsilon, activation: activation)
}

private func parameterFile(_ stem: String) throws -> SafeTensorsFile {
  try SafeTensorsFile(
    contentsOf: packageRoot.appending(path: "Reference/Parameters/\(stem).safetensors"))
}

private func load<Model>(
  _ stem: String, _ build: (ParameterReader<Double>) -> Model
) throws -> Model {
  try loadParameters(from: try parameterFile(stem), build)
}

/// An input of a model, or PyTorch's output for it in float64.
private func stored(_ stem: String, _ name: String) throws -> Tensor<Double> {
  try parameterFile("outputs").doubles("\(stem)/\(name)")
}

/// Throws unless every element is within 1e-12 of the largest from PyTorch's.
private func check(_ stem: String, _ got: Tensor<Double>) throws {
  let expected = try stored(stem, "output")
  let largest = expected.storage.map(abs).max()!
  try ErrorGauge(got: got, expected: expected, bound: expected.map { _ in 1e-12 * largest })
}
