import Checkpoints
import Corpus
import Layers
import Models
import Optimizers
import Recipes

/// A whole training run: what a recipe says, section by section. Each section belongs to the component that
/// it configures.
package struct RunConfig: Codable, Sendable {
  package var model = Transformer.Config()
  package var data = DataConfig()
  package var training = TrainingConfig()
  package var mesh = MeshConfig()
  package var optimizer = Optimizer.Config()
  package var schedule = LearningRateSchedule.Config()
  package var batchRamp = BatchSizeRamp.Config()
  package var lossScale = DynamicLossScale.Config()
  package var recovery = RecoveryConfig()
  package var checkpoint = CheckpointConfig()
  package var telemetry = TelemetryConfig()

  package init() {}

  /// Tokens of a training sequence.
  package var sequenceLength: Int { training.sequenceLength ?? model.context }

  /// Tokens that go through the model together; a sample is one sequence, or one for each choice of a question.
  package var tokensPerMicrobatch: Int { training.microbatch * tokensPerSample }

  /// Of the tokens, those that the model predicts.
  package var predictedShare: Double { model.kind == .encoder ? data.masking.maskingProbability : 1 }

  package var tokensPerSample: Int { model.choices * sequenceLength }
}

/// How long and in what portions a model is trained.
package struct TrainingConfig: Codable, Sendable, Equatable {
  /// Optimizer updates.
  package var steps = 1000
  /// Sequences of an update, over all microbatches.
  package var globalBatch = 8
  /// Sequences that go through the model together; a divisor of the global batch.
  package var microbatch = 8
  /// Tokens of a sequence; nil: the model's context.
  package var sequenceLength: Int?
  /// A model's directory, or a safetensors file, whose weights the run begins with; nil: random ones.
  package var initialModel: String?
  /// Of the initial weights, the order of the data and dropout.
  package var seed = 1234
  /// Worker threads; nil: one for each processor.
  package var threads: Int?
  /// What blocks keep between forward and backward.
  package var recompute = Recompute.none
  /// How weights and gradients are stored; arithmetic and the optimizer stay f32.
  package var precision = Precision.f32
  /// Steps between measurements of the held-out loss; 0: none.
  package var evaluationInterval = 100
  /// Sequences of one such measurement, at most.
  package var evaluationSequences = 64

  package init() {}
}

/// Where the tokens come from.
package struct DataConfig: Codable, Sendable, Equatable {
  /// A Megatron dataset without its `.bin`/`.idx`, when there is just one.
  package var prefix: String?
  /// Several datasets, drawn from by weight.
  package var blend: [Component] = []
  /// Shares of training, validation and test, in order of the documents.
  package var split = "969,30,1"
  /// The tokenizer's file or directory, carried along with the model; nil: beside the dataset's tokens only.
  package var tokenizer: String?
  /// What a pretrained encoder is finetuned for, in place of datasets of tokens; nil: it is not.
  package var task: TaskConfig?
  /// Which tokens an encoder has to predict.
  package var masking = BERTDataset.Options()
  /// Whether the token after an end-of-text is not predicted.
  package var masksEndOfText = false

  package init() {}

  package struct Component: RecipeSection, Sendable, Equatable {
    package var prefix = ""
    package var weight = 1.0

    package init() {}
  }

  /// The datasets with their weights.
  package var components: [Component] {
    guard let prefix else { return blend }
    var only = Component()
    only.prefix = prefix
    return [only]
  }
}

/// The questions of a finetuning run.
package struct TaskConfig: RecipeSection, Sendable, Equatable {
  package var kind = TaskKind.mnli
  /// Files, or RACE's folders, to learn from.
  package var training: [String] = []
  /// The same to measure loss and accuracy on.
  package var validation: [String] = []

  package init() {}
}

/// Where a run stands on disk and how much of it is kept.
package struct CheckpointConfig: Codable, Sendable, Equatable {
  /// The run's directory: recipe, checkpoints, metrics, the finished model.
  package var directory = "runs/default"
  /// Steps between checkpoints; 0: only at the end.
  package var interval = 500
  /// Which checkpoints stay when a new one has been written.
  package var keep = KeepPolicy()

  package init() {}
}

/// What a run records beside its checkpoints.
package struct TelemetryConfig: Codable, Sendable, Equatable {
  /// Whether scalars are written as TensorBoard event files into `<directory>/tensorboard`.
  package var tensorboard = false
  /// Whether a Chrome trace is written to `<directory>/timeline.json`.
  package var timeline = false

  package init() {}
}
