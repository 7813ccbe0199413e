// Owns the map as fits use it: a small plan for each pair of shapes, to which the maps of that shape are lent in turn.
package import NeuralNetworks

/// The map between two shapes, compiled once for all maps between them.
package final class MapPlan {
  /// Where the front's activations are to be written.
  package let input: Junction
  private let plan: Plan
  private let parameters: ParameterSet

  /// - Parameter output: the end's input.
  package init(
    _ map: StitchingLayer, input: Junction, output: Junction, trains: Bool, room: PlanRoom
  ) throws {
    self.input = input
    parameters = ParameterSet(map)
    var joints = PlanJoints()
    joints.input = input
    joints.output = output
    joints.room = room
    plan = try Network(segments: [.map(map, frozen: !trains, parameters: parameters)]).compile(
      batch: input.batch, taps: [], wants: Wants(parameters: trains), joints: joints)
  }

  /// What a map makes of the front's activations of a batch.
  package func forward(_ map: ParameterSet, _ front: [FrozenRow]) throws {
    input.fill(front.map(\.values))
    parameters.load(map)
    try plan.forward()
  }

  /// The gradients of the map that went forward last, from that in its output.
  package func backward() throws -> ParameterGradients {
    try plan.backward()
    return plan.gradients(of: 0)
  }
}

extension Stitch {
  /// What the front's activations are kept as: at the end's positions where those aren't more, since a resize that
  /// shrinks comes before the map (`StitchingLayer`), and then needs doing but once; else as they are.
  package var keptInput: ActivationShape {
    let moved = input.atPositions(of: output)!
    return moved.count <= input.count ? moved : input
  }

  /// The front's point that the map is fed from.
  package var frontPoint: FrozenPoint { FrozenPoint(.cut(from), at: keptInput == input ? nil : output) }

  /// A map as its plan takes it: from what is kept.
  package func fromKept(_ map: StitchingLayer) throws -> StitchingLayer {
    try StitchingLayer(input: keptInput, output: output, weight: map.weight, bias: map.bias)
  }
}
