import Notation
import TestSupport
import Testing

@Suite("A cache of keys and values grows in place")
struct KeyValueCacheTests {
  @Test("positions added one by one, or in pieces, are those added at once")
  func appended() {
    var stream = RandomStream(seed: 40)
    let keys = Tensor<Double>.normal([2, 3, 9, 4], from: &stream)
    let values = Tensor<Double>.normal([2, 3, 9, 5], from: &stream)
    for sizes in [[0, 9], [1, 1, 1, 1, 1, 1, 1, 1, 1], [4, 0, 3, 2], [9]] {
      var cache = cache(keys, values, 0..<0)
      for size in sizes {
        cache.append(self.cache(keys, values, cache.length..<cache.length + size))
      }
      #expect(cache.length == 9 && cache.keys == keys && cache.values == values)
    }
  }

  @Test("room is doubled when it is used up, and not at all where it was reserved")
  func room() {
    var stream = RandomStream(seed: 41)
    let keys = Tensor<Float>.normal([2, 100, 3], from: &stream)
    func capacities(_ cache: KeyValueCache<Float>) -> Set<Int> {
      var (cache, capacities) = (cache, Set<Int>())
      for i in cache.length..<100 {
        cache.append(self.cache(keys, keys, i..<i + 1))
        capacities.insert(cache.keyRows.capacity)
      }
      #expect(cache.keys == keys)
      return capacities
    }
    #expect(capacities(cache(keys, keys, 0..<3)) == [6, 12, 24, 48, 96, 192])
    var reserved = cache(keys, keys, 0..<3)
    reserved.reserve(100)
    #expect(reserved.keys == cache(keys, keys, 0..<3).keys)
    #expect(capacities(reserved) == [100])
    reserved.reserve(50)
    #expect(reserved.keyRows.capacity == 100)
  }

  @Test("positions are forgotten from the end, and others may take their place")
  func truncated() {
    var stream = RandomStream(seed: 42)
    let keys = Tensor<Float>.normal([2, 7, 3], from: &stream)
    var cache = cache(keys, keys, 0..<7)
    cache.truncate(to: 4)
    #expect(cache.length == 4 && cache.keys == self.cache(keys, keys, 0..<4).keys)
    cache.append(self.cache(keys, keys, 4..<6))
    #expect(cache.values == self.cache(keys, keys, 0..<6).values)
    cache.truncate(to: 0)
    #expect(cache.keys == Tensor(shape: [2, 0, 3], storage: []))
  }

  @Test("copies do not change with the original")
  func copies() {
    var cache = KeyValueCache<Float>(keys: [[1], [2]], values: [[3], [4]])
    cache.reserve(3)
    let copy = cache
    cache.append(KeyValueCache(keys: [[5]], values: [[6]]))
    #expect(copy.keys == [[1], [2]] && cache.keys == [[1], [2], [5]])
    #expect(cache.converted(to: Double.self).values == [[3], [4], [6]])
  }

  @Test("what is no cache, and a cut behind the end, are refused")
  func refused() async {
    let rank = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      _ = KeyValueCache<Float>(keys: [1, 2], values: [[1]])
    }
    expectSentence("a cache holds … × m × width: got 2", from: rank)
    let cut = await #expect(processExitsWith: .failure, observing: [\.standardErrorContent]) {
      var cache = KeyValueCache<Float>(keys: [[1], [2]], values: [[3], [4]])
      cache.truncate(to: 3)
    }
    expectSentence("a cache of 2 positions cannot be cut to 3", from: cut)
  }

  private func cache<S>(
    _ keys: Tensor<S>, _ values: Tensor<S>, _ range: Range<Int>
  ) -> KeyValueCache<S> {
    func rows(_ x: Tensor<S>) -> Tensor<S> {
      let x3 = x.matrices
      let parts = (0..<x3.shape[0]).flatMap { g in range.map { x3.slice(g).slice($0).storage } }
      return Tensor(
        shape: x.leadingShape + [range.count, x3.shape[2]], storage: parts.flatMap { $0 })
    }
    return KeyValueCache(keys: rows(keys), values: rows(values))
  }
}
