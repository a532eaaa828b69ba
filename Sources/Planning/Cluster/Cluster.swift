import Recipes

/// Machines that a run could be made on: what they can do at most, how they are wired, how their software works, and
/// how much of the rated figures is reached.
///
/// A file of it is a dozen lines; `Clusters/` has some. Rates are bytes, not bits; TFLOP/s are dense.
package struct Cluster: Codable, Sendable, Equatable {
  /// For people.
  package var name = "cluster"
  package var device = Device()
  package var node = Node()
  package var network = Network()
  package var software = Software()
  package var efficiency = Efficiency()
  /// Measured times of operations, in place of `efficiency`, where the machine was at hand.
  package var operations: [MeasuredOperation] = []

  package init() {}

  package struct Device: Codable, Sendable, Equatable {
    /// GiB.
    package var memory = 0.0
    /// GiB that driver, libraries and communication buffers take.
    package var reserved = 0.0
    /// GB/s to and from its memory.
    package var bandwidth = 0.0
    package var peak = Peak()
    /// What works on a tile of a product at a time (streaming multiprocessors); 0: products have no tiles.
    package var units = 0
    /// Money per device and hour; 0: not known.
    package var price = 0.0

    package init() {}
  }

  /// TFLOP/s of matrix products by the type of their operands; nil: the device computes in f32.
  package struct Peak: Codable, Sendable, Equatable {
    package var f32 = 0.0
    package var f16: Double?
    package var bf16: Double?

    package init() {}
  }

  package struct Node: Codable, Sendable, Equatable {
    package var devices = 1
    /// GB/s each way between devices of a node, per device.
    package var bandwidth = 0.0
    /// Microseconds of one step of a transfer.
    package var latency = 0.0

    package init() {}
  }

  package struct Network: Codable, Sendable, Equatable {
    /// Nodes there are; 0: as many as wanted.
    package var nodes = 0
    /// GB/s each way of a node's adapters together; its devices share them evenly.
    package var bandwidth = 0.0
    /// Microseconds of one step of a transfer.
    package var latency = 0.0

    package init() {}
  }

  package struct Software: Codable, Sendable, Equatable {
    package enum Attention: String, Codable, Sendable, CaseIterable {
      /// Scores never leave the chip (Dao 2023), as this engine computes them.
      case fused
      /// Two products with softmax and dropout between, each through memory (Megatron-LM in 2021).
      case materialized
    }

    package enum Epilogues: String, Codable, Sendable, CaseIterable {
      /// Bias, activation and residual ride on the product.
      case fused
      /// They read the product again.
      case separate
    }

    package var attention = Attention.fused
    package var epilogues = Epilogues.fused
    /// The axes whose transfers run under computation; others are waited for where they begin.
    package var overlap: [Axis] = [.tensor, .data, .pipeline]

    package enum Axis: String, Codable, Sendable, CaseIterable { case tensor, data, pipeline }

    package init() {}
  }

  /// Shares of the rated figures that large work reaches; by default those that fit PTD-P's Table 1.
  package struct Efficiency: Codable, Sendable, Equatable {
    /// Of the peak, by products whose tiles fill the units.
    package var products = 0.719
    /// Of the peak, by fused attention.
    package var attention = 0.55
    /// Of the memory's bandwidth, by operations that do no products.
    package var memory = 0.724
    /// Of the bandwidth between a node's devices, by collectives.
    package var links = 0.78
    /// Of a node's bandwidth to others.
    package var network = 0.8
    /// Microseconds from one operation to the next.
    package var launch = 5.0

    package init() {}
  }

  /// What an operation takes, measured: seconds = call + FLOPs / rate + bytes / bandwidth.
  package struct MeasuredOperation: RecipeSection, Sendable, Equatable {
    /// As a profile names it: "product", "attention", …
    package var name = ""
    /// Microseconds of a call.
    package var call = 0.0
    /// Nanoseconds per thousand FLOPs.
    package var perKiloflop = 0.0
    /// Nanoseconds per thousand bytes.
    package var perKilobyte = 0.0

    package init() {}
  }
}
