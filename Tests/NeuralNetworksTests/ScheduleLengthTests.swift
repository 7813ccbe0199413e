// What of a schedule decides the steps so far: the ground on which a longer training begins with a shorter one's state.

import NeuralNetworks
import Testing

struct ScheduleLengthTests {
  static let schedules: [any Schedule] = [
    ConstantSchedule(), StepSchedule(), StepSchedule(milestones: [2, 4]),
    StepSchedule(milestones: [2, 4, 5]),
    StepSchedule(milestones: [4, 2], factor: 0.5), StepSchedule(milestones: [1.5, 0.5]), CosineSchedule(),
    CosineSchedule(end: 0.5), OneCycleSchedule(), OneCycleSchedule(rise: 0.5),
  ]

  private func factors(_ schedule: any Schedule, before epoch: Int, of epochs: Int) -> [Double] {
    (0..<epoch).flatMap { epoch in
      (0..<3).map { step in
        schedule.factor(at: TrainingClock(epoch: epoch, step: step, stepsPerEpoch: 3, epochs: epochs))
      }
    }
  }

  @Test func whereWhatDecidesIsTheSameTheFactorsAre() {
    var equal = 0
    for one in Self.schedules {
      for other in Self.schedules where type(of: one) == type(of: other) {
        for (n, m) in [(6, 6), (6, 7), (6, 9), (3, 12)] {
          for epoch in 0...min(n, m)
          where one.deciding(before: epoch, of: n) == other.deciding(before: epoch, of: m) {
            equal += 1
            #expect(
              factors(one, before: epoch, of: n) == factors(other, before: epoch, of: m), "\(one) \(other)")
          }
        }
      }
    }
    #expect(equal > 100)
  }

  @Test func aLongerTrainingBeginsWithAShorterOneWhereLengthDecidesNothing() {
    for schedule in Self.schedules {
      let same = schedule.deciding(before: 6, of: 6) == schedule.deciding(before: 6, of: 9)
      #expect(same == !schedule.dependsOnLength, "\(schedule)")
    }
    // Before the first fall a rate that falls at shares of the length is as constant as any.
    #expect(StepSchedule().deciding(before: 2, of: 6) == StepSchedule().deciding(before: 2, of: 9))
    // A milestone that is still to come decides nothing.
    let (two, three) = (Self.schedules[2], Self.schedules[3])
    #expect(two.deciding(before: 5, of: 5) == three.deciding(before: 5, of: 9))
    #expect(two.deciding(before: 6, of: 6) != three.deciding(before: 6, of: 9))
  }
}
