struct Growth: Codable, Equatable {}
