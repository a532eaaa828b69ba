import CKernels
import KernelChecks
import Tensors
import Testing

/// Every public kernel against naive references in double precision, written in C so that
/// Scripts/checks/portability.sh can run the same claims on processors that are only emulated here.
@Suite struct KernelChecksTests {
  final class Results {
    var claims: [(claim: String, error: Double, bound: Double, holds: Bool)] = []
  }

  @Test(
    "every kernel keeps its bound, and its bits depend neither on threads nor on what is computed beside it",
    .serialized, arguments: Device.InstructionSet.allCases.filter { $0 != .best && $0.isAvailable })
  func claims(set: Device.InstructionSet) {
    let results = Results()
    let failures = nk_check_all(
      nk_isa(set.rawValue), 3,
      { context, claim, error, bound, holds in
        guard let context, let claim else { return }
        Unmanaged<Results>.fromOpaque(context).takeUnretainedValue().claims.append(
          (String(cString: claim), error, bound, holds))
      }, Unmanaged.passUnretained(results).toOpaque())
    for result in results.claims {
      #expect(result.holds, "\(result.claim): \(result.error) is beyond \(result.bound)")
    }
    #expect(failures == 0)
    #expect(results.claims.count > 150)
  }
}
