@testable import Generation
import Testing

@Suite struct StepPlanTests {
  @Test("a plan that went to another rank is the same plan")
  func roundTrip() {
    var plan = StepPlan()
    _ = plan.append([5, 6, 7], at: 10, pages: [3, 1])
    _ = plan.append([9], at: 0, pages: [2])
    plan.copies = [(4, 2)]
    plan.logitRows = [2, 3]
    plan.hiddenRows = [0]
    let copy = StepPlan(encoded: plan.encoded)
    #expect(copy == plan && copy.positions == [10, 11, 12, 0] && copy.tables == [[3, 1], [2]])
  }
}
