import Generation
import Synchronization

/// The generation requests of one HTTP request, one a prompt. Gone, they are cancelled: a response that is never
/// written, or not to its end, costs nothing more.
final class Run: Sendable {
  let mailbox: Mailbox
  private let pass: RequestGate.Pass
  private let runs: ActiveRuns

  /// Throws where the service does not take all of them; none runs then.
  init(
    _ requests: [GenerationRequest], on service: any GenerationService, pass: RequestGate.Pass,
    among runs: ActiveRuns
  ) throws(APIError) {
    let mailbox = Mailbox(prompts: requests.count)
    self.mailbox = mailbox
    self.pass = pass
    self.runs = runs
    for (prompt, request) in requests.enumerated() {
      do {
        mailbox.add(try service.submit(request) { mailbox.put($0, prompt: prompt) })
      } catch {
        mailbox.close(.clientIsGone)
        mailbox.cancel()
        throw APIError(error)
      }
    }
    runs.insert(mailbox)
  }

  deinit {
    runs.remove(mailbox)
    mailbox.close(.clientIsGone)
    mailbox.cancel()
  }
}

/// All runs of a server.
final class ActiveRuns: Sendable {
  private let mailboxes = Mutex<[ObjectIdentifier: Mailbox]>([:])

  func insert(_ mailbox: Mailbox) { mailboxes.withLock { $0[ObjectIdentifier(mailbox)] = mailbox } }

  func remove(_ mailbox: Mailbox) {
    mailboxes.withLock { $0[ObjectIdentifier(mailbox)] = nil }
  }

  /// Ends them all: their time at a shutdown is over.
  func endAll() {
    for mailbox in mailboxes.withLock({ Array($0.values) }) { mailbox.close(.shutdown) }
  }
}
