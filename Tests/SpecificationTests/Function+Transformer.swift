import Equations
import Notation

extension Function {
  static let transformer: [String: Function] = [:]
}
