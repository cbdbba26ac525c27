// swift-tools-version: 6.3

import Foundation
import PackageDescription

// Memory safety is checked everywhere, so that the few unsafe lines say so; a warning is an error.
let checked: [SwiftSetting] = [
  .strictMemorySafety(),
  .treatAllWarnings(as: .error),
]

// The x86-64 level that is compiled for: sixteen lanes where this machine has them, otherwise eight with
// fused multiply-adds. `TRANSFORMERSPEC_ARCH=x86-64-v3` compiles for machines without AVX-512. On arm64 the
// default has all that is used.
let processor = (try? String(contentsOfFile: "/proc/cpuinfo", encoding: .utf8)) ?? ""
let hasSixteenLanes = ["avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl"].allSatisfy {
  processor.contains($0)
}
let architecture =
  Context.environment["TRANSFORMERSPEC_ARCH"] ?? (hasSixteenLanes ? "x86-64-v4" : "x86-64-v3")

// Equations, kernels and what is called in their loops are optimised in debug builds too, so that a
// plain `swift test` runs the real kernels at full speed, and so that naive and optimised code are
// compiled with the same flags. `-num-threads` is what makes `-wmo` work in a debug build, and without
// `errno` the root of a vector is one instruction, not a branch for each lane.
var optimised: [SwiftSetting] =
  checked + [
    .unsafeFlags(["-O", "-wmo", "-num-threads", "2", "-disable-batch-mode"]),
    .unsafeFlags(["-Xcc", "-fno-math-errno"]),
  ]
#if arch(x86_64)
  optimised.append(.unsafeFlags(["-Xcc", "-march=\(architecture)"]))
  if architecture == "x86-64-v4" { optimised.append(.define("SIXTEEN_LANES")) }
#endif

// A test target's files are compiled together: one by one, each checks again what it uses of the others.
// That took EquationsTests 78 s of processor time instead of 62.
let tests: [SwiftSetting] =
  checked + [
    .unsafeFlags([
      "-wmo", "-num-threads", "2", "-disable-batch-mode", "-no-emit-module-separately-wmo",
    ])
  ]

let package = Package(
  name: "TransformerSpec",
  platforms: [.macOS(.v26)],  // InlineArray
  products: [
    .library(
      name: "TransformerSpec",
      targets: ["Notation", "Equations", "Kernels", "ErrorBounds", "SafeTensors", "Parameters"]),
    .executable(name: "bench", targets: ["bench"]),
    .executable(name: "spec", targets: ["spec"]),
  ],
  targets: [
    .target(name: "Notation", swiftSettings: optimised),
    .target(name: "Equations", dependencies: ["Notation"], swiftSettings: optimised),
    .target(name: "Kernels", dependencies: ["Notation"], swiftSettings: optimised),
    .target(name: "SafeTensors", dependencies: ["Notation"], swiftSettings: optimised),
    .target(
      name: "Parameters", dependencies: ["Notation", "SafeTensors"], swiftSettings: optimised),
    .target(
      name: "ErrorBounds", dependencies: ["Notation", "Equations"], swiftSettings: optimised),
    // SPEC.md, the inventory and the golden vectors, as the tests and the tool `spec` read them.
    .target(
      name: "Specification", dependencies: ["Notation", "SafeTensors"], swiftSettings: optimised),
    // Vector graphics: the charts of `bench`, the heat maps of `spec`.
    .target(name: "Pictures", swiftSettings: checked),

    .target(
      name: "TestSupport",
      dependencies: ["Notation", "SafeTensors", "Parameters", "Specification"],
      path: "Tests/TestSupport", swiftSettings: optimised),

    .testTarget(
      name: "NotationTests", dependencies: ["Notation", "TestSupport"], swiftSettings: tests),
    .testTarget(
      name: "SafeTensorsTests", dependencies: ["SafeTensors", "TestSupport"], swiftSettings: tests),
    .testTarget(
      name: "ParametersTests",
      dependencies: ["Parameters", "Equations", "Specification", "TestSupport"],
      swiftSettings: tests),
    .testTarget(name: "TestSupportTests", dependencies: ["TestSupport"], swiftSettings: tests),
    .testTarget(
      name: "EquationsTests",
      dependencies: [
        "Equations", "SafeTensors", "Parameters", "Specification", "TestSupport", "ErrorBounds",
      ],
      swiftSettings: tests),
    .testTarget(
      name: "KernelsTests",
      dependencies: [
        "Equations", "Kernels", "SafeTensors", "Parameters", "Specification", "TestSupport",
        "ErrorBounds",
      ],
      swiftSettings: tests),
    .testTarget(
      name: "SpecificationTests",
      dependencies: [
        "Equations", "Kernels", "SafeTensors", "Specification", "TestSupport", "ErrorBounds",
      ],
      swiftSettings: tests),

    .testTarget(name: "PicturesTests", dependencies: ["Pictures"], swiftSettings: tests),
    .testTarget(
      name: "BenchTests", dependencies: ["bench", "Notation", "Pictures"], swiftSettings: tests),
    .testTarget(
      name: "SpecTests", dependencies: ["spec", "Pictures", "Specification"],
      swiftSettings: tests),

    .executableTarget(
      name: "spec", dependencies: ["Equations", "Pictures", "Specification"],
      swiftSettings: checked),
    .executableTarget(
      name: "bench",
      dependencies: ["Equations", "Kernels", "ErrorBounds", "Pictures", "SafeTensors"],
      path: "Benchmarks", exclude: ["Peers", "README.md"], swiftSettings: optimised),
  ]
)
