import Foundation
import Specification

let help = """
  swift run spec list               prints every id by topic: whether SPEC.md specifies it, its
                                    kind, its name, and the documents that have it
  swift run spec show ID            prints what stands anywhere about an id, such as ATT-1, or a
                                    topic, such as softmax: statement, definition, dialects,
                                    files, sources and golden vectors
  swift run spec show ID --case ID  prints one of these vectors with its numbers
  swift run spec coverage           prints for each topic of how many ids there is what they
                                    must have, what is missing, and the share of complete ids
  swift run spec attention WORDS    prints which word attends to which: a heat map of the weights
                                    of a layer that has learnt nothing; --help after it says more
  swift run spec --help             prints this

  Exit status: 0, or 2 if the command line asks for what there is not.
  """

/// The text that the command line asks for.
func answer(to arguments: [String]) throws -> String {
  if arguments.first == "attention" { return try attention(Array(arguments.dropFirst())) }
  if arguments.isEmpty || arguments.contains("--help") || arguments.contains("-h") { return help }
  let (command, words) = (arguments[0], Array(arguments.dropFirst()))
  if let option = words.first(where: { $0.hasPrefix("-") && $0 != "--case" }) {
    throw refusal("there is no option “\(option)”")
  }
  switch command {
  case "list":
    guard words.isEmpty else { throw refusal("list takes nothing: got “\(words[0])”") }
    return try SpecificationTool().list()
  case "coverage":
    guard words.isEmpty else { throw refusal("coverage takes nothing: got “\(words[0])”") }
    return try Coverage.current().matrix
  case "show":
    let end = words.firstIndex(of: "--case") ?? words.endIndex
    let (name, vector) = (words[..<end].joined(separator: " "), words[end...].dropFirst())
    guard !name.isEmpty else { throw refusal("show takes an id or the name of a topic") }
    if end == words.endIndex { return try SpecificationTool().show(name) }
    guard vector.count == 1 else { throw refusal("--case takes the name of one case") }
    return try SpecificationTool().show(name, case: vector[end + 1])
  default: throw refusal("there is no command “\(command)”")
  }
}

func refusal(_ sentence: String) -> SpecificationTool.Refusal {
  SpecificationTool.Refusal("\(sentence); --help says what there is")
}

do {
  print(try answer(to: Array(CommandLine.arguments.dropFirst())))
} catch {
  let sentence = (error as? SpecificationTool.Refusal)?.sentence ?? error.localizedDescription
  FileHandle.standardError.write(Data("spec: \(sentence)\n".utf8))
  exit(2)
}
