import ArgumentParser

struct TrainCommand: ParsableCommand {
  static let configuration = CommandConfiguration(
    commandName: "train",
    abstract: "Train a model as a recipe says.",
    discussion: """
      needletail train Recipes/demo.yaml --set data.prefix=corpus/book --set training.steps=500
      needletail train Recipes/demo.yaml --resume      goes on, bit for bit, where the run was stopped

      The run's directory (checkpoint.directory) holds the resolved recipe, checkpoints, metrics.jsonl, the
      loss curve and, at the end, the model. Ctrl-C, SIGTERM or SIGUSR1 writes a checkpoint and stops.

      Many ranks, of which mesh.tensor × mesh.pipeline hold a model and the rest read other samples:
        needletail train RECIPE --ranks 8 --set mesh.tensor=2 --set mesh.pipeline=2     threads of this process
        mpirun -n 8 needletail train RECIPE --set mesh.tensor=2 --set mesh.pipeline=2   processes, on any machines
        srun --mpi=pmix needletail train RECIPE …                                       the same under Slurm
      The loss is the same on every mesh, to rounding, and a checkpoint of any goes on on any.
      """)

  @OptionGroup var options: RecipeOptions

  @OptionGroup var launch: RunOptions

  func run() throws { try launch.train(options.resolve()) }
}
