import Testing

@testable import Collectives

@Suite struct MPILaunchTests {
  @Test("a process that nobody launched is alone")
  func alone() throws {
    for environment in [["HOME": "/root", "SLURM_NTASKS": "4"], ["SLURM_STEP_NUM_TASKS": "1"]] {
      let launch = try MPILaunch(environment: environment)
      #expect(launch == nil)
    }
  }

  @Test(
    "launchers are known by what they set",
    arguments: [
      (["OMPI_COMM_WORLD_SIZE": "4", "PMIX_RANK": "1"], 4, "mpirun", "libmpi.so.40"),
      (["PMI_SIZE": "8", "PMI_RANK": "0"], 8, "mpiexec", "libmpi.so.12"),
      (["SLURM_STEP_NUM_TASKS": "2", "PMIX_RANK": "1"], 2, "srun", "libmpi.so.40"),
    ])
  func launchers(environment: [String: String], ranks: Int, launcher: String, library: String) throws {
    let known = try MPILaunch(environment: environment)
    let launch = try #require(known)
    #expect(launch.ranks == ranks)
    #expect(launch.launcher == launcher)
    #expect(launch.libraries.first == library)
  }

  @Test("processes of srun that do not know of each other are refused")
  func plainSrun() {
    #expect(throws: MPIFailure.self) { _ = try MPILaunch(environment: ["SLURM_STEP_NUM_TASKS": "4"]) }
  }

  @Test("where no MPI is installed, the error says what to install")
  func missing() {
    let text = failure(opening: "libmpi-not-here.so.40")
    #expect(text.contains("apt install openmpi-bin") && text.contains("libmpi-not-here.so.40"))
  }

  @Test("a library that is no MPI is refused")
  func another() { #expect(failure(opening: "libc.so.6").contains("libc.so.6 has no MPI_Init_thread")) }

  private func failure(opening library: String) -> String {
    do throws(MPIFailure) {
      _ = try MPILibrary([library])
      return "none"
    } catch {
      return error.description
    }
  }
}
