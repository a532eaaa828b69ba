/// How a process knows that mpirun or srun has started it as one of many.
package struct MPILaunch: Equatable, Sendable {
  /// Processes of the job.
  package let ranks: Int
  /// Of them, those on this machine; nil where the launcher does not say.
  package let ranksHere: Int?
  /// "mpirun", for messages.
  package let launcher: String
  /// What to try first: the family of MPI whose launcher it is.
  package let libraries: [String]

  private static let openMPI = ["libmpi.so.40", "libmpi.so"]
  private static let mpich = ["libmpi.so.12", "libmpich.so.12"]

  /// What `environment` says of a launcher; nil where this process was started by itself.
  ///
  /// mpirun of Open MPI sets OMPI_COMM_WORLD_SIZE; that of MPICH and its kin sets PMI_SIZE, as `srun --mpi=pmi2`
  /// does; `srun --mpi=pmix` sets PMIX_RANK beside Slurm's own variables. Plain `srun -n 4` is four processes that
  /// do not know of each other, and would each train the whole model: that is refused.
  package init?(environment: [String: String]) throws(MPIFailure) {
    func number(_ name: String) -> Int? { environment[name].flatMap { Int($0) } }
    if let ranks = number("OMPI_COMM_WORLD_SIZE") {
      self.init(
        ranks: ranks, launcher: "mpirun", libraries: Self.openMPI + Self.mpich,
        ranksHere: number("OMPI_COMM_WORLD_LOCAL_SIZE"))
    } else if let ranks = number("PMI_SIZE") {
      self.init(
        ranks: ranks, launcher: "mpiexec", libraries: Self.mpich + Self.openMPI,
        ranksHere: number("MPI_LOCALNRANKS"))
    } else if let ranks = number("SLURM_STEP_NUM_TASKS"), environment["PMIX_RANK"] != nil {
      self.init(
        ranks: ranks, launcher: "srun", libraries: Self.openMPI + Self.mpich,
        // "2(x3),1": the nodes' counts; the first serves, since Slurm spreads evenly.
        ranksHere: environment["SLURM_STEP_TASKS_PER_NODE"].flatMap { Int($0.prefix { $0.isNumber }) })
    } else if let ranks = number("SLURM_STEP_NUM_TASKS"), ranks > 1 {
      throw MPIFailure(
        "srun has started \(ranks) processes that do not know of each other: start them with srun --mpi=pmix")
    } else {
      return nil
    }
  }

  /// Where nothing was launched and MPI is asked for all the same: a world of one.
  package static let none = MPILaunch(ranks: 1, launcher: "", libraries: openMPI + mpich)

  package init(ranks: Int, launcher: String, libraries: [String], ranksHere: Int? = nil) {
    self.ranks = ranks
    self.ranksHere = ranksHere.map { min(max(1, $0), ranks) }
    self.launcher = launcher
    self.libraries = libraries
  }

}
