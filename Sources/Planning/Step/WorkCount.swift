import Layers
import Models
import Training

/// Floating-point operations of a step, by the two conventions that are in use. Never compare one with the other.
package enum WorkCount {
  /// As the Nemotron reports count: 6 per matrix weight and token, the full square of attention, no recompute.
  package static let modelConvention = StepBenchmark.convention
  /// As PTD-P counts (eq. 3): what is computed twice counts twice.
  package static let hardwareConvention =
    "hardware FLOPs: model FLOPs + what is recomputed (PTD-P eq. 3: 96·B·s·l·h²·(1 + s/6h + V/16lh) where all is)"

  /// Of one token.
  package static func modelFLOPs(_ config: RunConfig) -> Double {
    config.model.modelFLOPs(perTokenOfLength: config.sequenceLength, predicted: config.predictedShare)
  }

  /// Of one token, what is computed again on the way back with it.
  package static func hardwareFLOPs(_ config: RunConfig) -> Double {
    let length = config.sequenceLength
    // A third of a model's FLOPs are its forward pass; without predictions those of its layers.
    let layers = config.model.modelFLOPs(perTokenOfLength: length, predicted: 0) / 3
    let heads = Double(config.model.heads * config.model.headSize)
    return modelFLOPs(config)
      + {
        switch config.training.recompute {
        case .none: 0
        case .selective: 4 * Double(config.model.layers) * heads * Double(length)
        case .full: layers
        }
      }()
  }
}

/// What PTD-P writes down of GPT models: the yardsticks of its Table 1.
package enum PublishedFormulas {
  /// Parameters, eq. 2: 12·l·h²·(1 + 13/(12h) + (V + s)/(12lh)).
  package static func parameters(layers: Double, width: Double, vocabulary: Double, length: Double) -> Double
  {
    12 * layers * width * width
      * (1 + 13 / (12 * width) + (vocabulary + length) / (12 * layers * width))
  }

  /// FLOPs of an iteration with everything recomputed, eq. 3: 96·B·s·l·h²·(1 + s/(6h) + V/(16lh)).
  package static func iterationFLOPs(
    batch: Double, layers: Double, width: Double, vocabulary: Double, length: Double
  ) -> Double {
    96 * batch * length * layers * width * width
      * (1 + length / (6 * width) + vocabulary / (16 * layers * width))
  }

  /// Seconds to train P parameters on T tokens at X FLOP/s on each of n devices, eq. 4: 8TP/(nX).
  package static func trainingSeconds(
    tokens: Double, parameters: Double, devices: Double, rate: Double
  ) -> Double {
    8 * tokens * parameters / (devices * rate)
  }
}
