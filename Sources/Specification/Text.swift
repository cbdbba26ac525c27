extension String {
  /// The text with spaces at its end, so that columns stand one under the other.
  func padded(to width: Int) -> String {
    self + String(repeating: " ", count: max(width - count, 0))
  }

  /// Every line moved two columns to the right.
  var indented: String {
    components(separatedBy: "\n").map { $0.isEmpty ? "" : "  \($0)" }.joined(separator: "\n")
  }

  /// A paragraph without bold type, in lines of at most 96 characters.
  var wrapped: String {
    var lines = [""]
    for word in replacing("**", with: "").split(separator: " ") {
      let line = lines[lines.count - 1]
      if line.isEmpty {
        lines[lines.count - 1] = "\(word)"
      } else if line.count + 1 + word.count <= 96 {
        lines[lines.count - 1] += " \(word)"
      } else {
        lines.append("\(word)")
      }
    }
    return lines.joined(separator: "\n")
  }
}
