import Foundation
import Kernels
import Equations
import Notation
func now() -> Double { var t = timespec(); unsafe clock_gettime(CLOCK_MONOTONIC,&t); return Double(t.tv_sec)+Double(t.tv_nsec)*1e-9 }
func med(_ n: Int, _ f: () -> Void) -> Double { f(); f(); var b: [Double] = []; for _ in 0..<n { let t = now(); f(); b.append(now()-t) }; b.sort(); return b[0] }
var r = RandomStream(seed: 1)
if CommandLine.arguments.contains("s") { let x = Tensor<Float>.normal([4096, 512], from: &r); Threads.$count.withValue(1) { print(med(2000) { _ = Kernels::softmax(x) }) }; exit(0) }
if CommandLine.arguments.contains("t") { for n in [8, 32, 128, 1024, 4096] { let x = Tensor<Float>.normal([n, 512], from: &r); Threads.$count.withValue(1) { let t = med(2000) { _ = Kernels::softmax(x) }; print(n, t, t*4.1e9/Double(n*64)) } }; exit(0) }
if CommandLine.arguments.contains("g") { let a = Tensor<Float>.normal([512, 512], from: &r); let c = Tensor<Float>.normal([1024, 1024], from: &r); for th in [1,2] { Threads.$count.withValue(th) { print(th, med(100) { _ = Kernels::matrixProduct(a, a) }, med(30) { _ = Kernels::matrixProduct(c, c) }) } }; exit(0) }
let only = CommandLine.arguments.dropFirst().first
for th in only == nil ? [1, 2] : [1] {
 Threads.$count.withValue(th) {
  for n in [512, 1024] {
    let a = Tensor<Float>.normal([n, n], from: &r), b = Tensor<Float>.normal([n, n], from: &r)
    let t = med(15) { _ = Kernels::matrixProduct(a, b) }
    let w = AffineMap(weight: b)
    let u = med(15) { _ = Kernels::affineMap(a, w) }
    print(th, "gemm", n, t*1e3, 2*Double(n*n*n)/t/1e9, "affine", 2*Double(n*n*n)/u/1e9)
  }
  for n in [512, 2048] {
    let q = Tensor<Float>.normal([1, 8, n, 64], from: &r), k = Tensor<Float>.normal([1, 8, n, 64], from: &r), v = Tensor<Float>.normal([1, 8, n, 64], from: &r)
    let t = med(9) { _ = Kernels::scaledDotProductAttention(queries: q, keys: k, values: v) }
    let c = med(9) { _ = Kernels::scaledDotProductAttention(queries: q, keys: k, values: v, mask: .causal) }
    print(th, "attention", n, t*1e3, 4*8*Double(n*n*64)/t/1e9, "causal", c*1e3, c/t)
  }
  let x = Tensor<Float>.normal([4096, 512], from: &r)
  let t = med(50) { _ = Kernels::softmax(x) }
  print(th, "softmax", t*1e3, 4096*512*8/t/1e9)
 }
}
