// Wrong pipeline files, each with all that `bobbin check` says of it: the place, what is wrong and what to do. Nothing of
// it waits for a run.

import Canonical
import Foundation
import Testing

struct WrongFile: Sendable, CustomTestStringConvertible {
  let what: String
  let text: String
  let sets: [String]
  let params: String?
  /// Without `error: ` before them; paths in the project begin with `ROOT/`.
  let errors: String

  init(_ what: String, _ text: String, sets: [String] = [], params: String? = nil, errors: String) {
    self.what = what
    self.text = text
    self.sets = sets
    self.params = params
    self.errors = errors
  }

  var testDescription: String { what }
}

private let wrongFiles: [WrongFile] = [
  WrongFile(
    "sandboxes and traces that can't be",
    """
    version: 1
    stages:
      a: { run: "true", outputs: { x: x.txt }, sandbox: strct }
      b: { run: "true", outputs: { x: x.txt }, sandbox: strict, workdir: project }
      c: { run: "true", outputs: { x: x.txt }, network: true }
      d: { run: "true", outputs: { x: x.txt }, trace: true, resume: "${out.x}" }
      e: { run: "true", outputs: { x: x.txt }, trace: perhaps }
    """,
    errors: """
      p.yaml:3:53: stage 'a': sandbox: expected one of none, strict, found 'strct'. Did you mean 'strict'?
      p.yaml:4:53: stage 'b': sandbox: strict shows a command a tree of its own, and with workdir: project it has none
      p.yaml:5:53: stage 'c': network: goes with sandbox: strict; without that a command has the network
      p.yaml:6:51: stage 'd': trace: doesn't go with resume: what it opened before it was cut short wouldn't be known
      p.yaml:7:51: stage 'e': trace: expected true or false, found 'perhaps'
      """),
  WrongFile(
    "an empty file",
    "",
    errors: """
      p.yaml:1:1: the file is empty
      """),
  WrongFile(
    "a list that isn't closed",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: [1 }
    """,
    errors: """
      p.yaml:3:56: not valid YAML: did not find expected ',' or ']' while parsing a flow sequence
      """),
  WrongFile(
    "a tab",
    """
    version: 1
    stages:
    \timages: { uses: dataset/synthetic }
    """,
    errors: """
      p.yaml:3:1: a tab can't indent or begin a value; use spaces
      """),
  WrongFile(
    "a reference without quotes inside braces",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model: { uses: train, with: { data: ${images}, architecture: small_cnn } }
    """,
    errors: """
      p.yaml:4:39: quote "${…}" inside { } and [ ]
      """),
  WrongFile(
    "a key twice",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic }
      images: { uses: dataset/synthetic }
    """,
    errors: """
      p.yaml:3:3: 'images' is written twice in one map
      """),
  WrongFile(
    "an anchor",
    """
    version: 1
    stages:
      images: &i { uses: dataset/synthetic }
    """,
    errors: """
      p.yaml:3:11: anchors (&) and aliases (*) are not read; put the value under 'params' and write ${params.name}
      """),
  WrongFile(
    "a glob without quotes",
    """
    version: 1
    stages:
      c: { run: ls, code: [*.py], outputs: { a: a.txt } }
    """,
    errors: """
      p.yaml:3:25: quote text that begins with '*'
      """),
  WrongFile(
    "a colon in a command",
    """
    version: 1
    stages:
      c:
        run: echo a: b > ${out.a}
        outputs: { a: a.txt }
    """,
    errors: """
      p.yaml:4:16: a ': ' inside a text looks like another key; quote the text, or write it on lines of its own after '|'
      """),
  WrongFile(
    "no version",
    """
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
    """,
    errors: """
      p.yaml:1:1: 'version: 1' is missing
      """),
  WrongFile(
    "a later version",
    """
    version: 3
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
    """,
    errors: """
      p.yaml:1:10: version 3 is newer than this program, which reads version 1
      """),
  WrongFile(
    "an unknown key of the file",
    """
    version: 1
    param: { epochs: 3 }
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
    """,
    errors: """
      p.yaml:2:1: unknown key 'param'. Did you mean 'params'?
      """),
  WrongFile(
    "stages as a list",
    """
    version: 1
    stages:
      - uses: dataset/synthetic
    """,
    errors: """
      p.yaml:3:3: stages: expected a map, found a list
      """),
  WrongFile(
    "an unknown kind",
    """
    version: 1
    stages:
      images: { uses: dataset/sythetic }
    """,
    errors: """
      p.yaml:3:19: stage 'images': there is no stage kind 'dataset/sythetic'. Did you mean 'dataset/synthetic'?
      """),
  WrongFile(
    "an unknown key of a stage",
    """
    version: 1
    stages:
      images: { use: dataset/synthetic }
    """,
    errors: """
      p.yaml:3:13: stage 'images': unknown key 'use'. Did you mean 'uses'?
      """),
  WrongFile(
    "neither uses nor run",
    """
    version: 1
    stages:
      images: { with: { train: 100 } }
    """,
    errors: """
      p.yaml:3:3: stage 'images': has neither 'uses: KIND' nor 'run: COMMAND'
      """),
  WrongFile(
    "both uses and run",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, run: ls, outputs: { a: a } }
    """,
    errors: """
      p.yaml:3:43: stage 'images': a stage has either 'uses' or 'run', not both
      """),
  WrongFile(
    "a name that is no name",
    """
    version: 1
    stages:
      my images: { uses: dataset/synthetic }
    """,
    errors: """
      p.yaml:3:3: stage 'my images': not a name for a stage: letters, digits, _ and -, a letter first; params, matrix, in, out are taken
      """),
  WrongFile(
    "resources that aren't",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, resources: { cpus: 0, memory: 2, time: 1x } }
    """,
    errors: """
      p.yaml:3:57: stage 'images': resources: cpus: expected a whole number from 1 to 4096, found '0'
      p.yaml:3:68: stage 'images': resources: memory: expected a size such as 500M or 2G, found '2'
      p.yaml:3:77: stage 'images': resources: time: expected a time such as 90s, 10m or 1h30m, found '1x'
      """),
  WrongFile(
    "unknown parameters, a wrong value and a missing one at once",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { trian: 5, test: many } }
      model: { uses: train, with: { data: "${images}", epoch: 3 } }
    """,
    errors: """
      p.yaml:3:46: stage 'images': unknown parameter 'trian'. Did you mean 'train'?
      p.yaml:3:62: stage 'images': test: expected a whole number, found 'many'
      p.yaml:4:31: stage 'model': 'architecture' is missing: which network (a name such as resnet20, or a map of the name and parameters of its family; `bobbin kinds train` lists them)
      p.yaml:4:52: stage 'model': unknown parameter 'epoch'. Did you mean 'epochs'?
      """),
  WrongFile(
    "another spelling",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model: { uses: train, with: { data: "${images}", architecture: small_cnn, batch: 50, learningRate: 0.1 } }
    """,
    errors: """
      p.yaml:4:88: stage 'model': unknown parameter 'learningRate'. Did you mean 'learning_rate'?
      """),
  WrongFile(
    "a number in quotes",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: "100" } }
    """,
    errors: """
      p.yaml:3:53: stage 'images': train: expected a whole number, found '100', which its quotes make a text; take them away
      """),
  WrongFile(
    "out of bounds",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 5, difficulty: 11 } }
    """,
    errors: """
      p.yaml:3:53: stage 'images': train: expected a number at least 10, found 5
      p.yaml:3:68: stage 'images': difficulty: expected a number from 0 to 10, found 11
      """),
  WrongFile(
    "a fraction for a whole number",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 1e3 } }
    """,
    errors: """
      p.yaml:3:53: stage 'images': train: expected a whole number, found '1e3'
      """),
  WrongFile(
    "an unknown choice",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model: { uses: train, with: { data: "${images}", architecture: small_cnn, augment: [flap] } }
    """,
    errors: """
      p.yaml:4:87: stage 'model': augment: expected one of flip, crop, cutout, mixup, or a map with kind and what belongs to it, found 'flap'. Did you mean 'flip'?
      """),
  WrongFile(
    "an unknown architecture",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model: { uses: train, with: { data: "${images}", architecture: resnet19 } }
    """,
    errors: """
      p.yaml:4:66: stage 'model': architecture: unknown architecture 'resnet19'. Did you mean 'resnet14'?
      """),
  WrongFile(
    "an unknown measure",
    """
    version: 1
    stages:
      a: { uses: activations/import, with: { path: a.npy } }
      s: { uses: similarity, with: { x: "${a}", y: "${a}", measures: [linear_cka, procustes] } }
    """,
    errors: """
      p.yaml:4:79: stage 's': measures: there is no measure 'procustes'. Did you mean 'procrustes'?
      """),
  WrongFile(
    "a slip inside a group of parameters",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        uses: train
        with:
          data: ${images}
          architecture: small_cnn
          adversary: { epsilon: -2, step: 3 }
    """,
    errors: """
      p.yaml:9:29: stage 'model': adversary: epsilon: expected a number at least 0, found -2
      p.yaml:9:33: stage 'model': adversary: unknown parameter 'step'. Did you mean 'steps'?
      """),
  WrongFile(
    "parameters that don't go together",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        matrix: { seed: [0, 1] }
        uses: train
        with: { data: "${images}", architecture: small_cnn, batch: 50, seed: "${matrix.seed}" }
      s:
        uses: stitch
        with:
          front: ${model[seed=0]}
          from: conv1
          end: ${model[seed=1]}
          to: conv1
          data: ${images}
          method: direct
          objective: { task: 1 }
    """,
    errors: """
      p.yaml:17:18: stage 's': objective: method direct has a closed form and no loss; choose another method
      """),
  WrongFile(
    "a value of params",
    """
    version: 1
    params: { epochs: ten }
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        matrix: { seed: [0, 1] }
        uses: train
        with: { data: "${images}", architecture: small_cnn, batch: 50, epochs: "${params.epochs}", seed: "${matrix.seed}" }
    """,
    errors: """
      p.yaml:2:19: stage 'model': epochs: expected a whole number, found 'ten' (all 2 instances)
      """),
  WrongFile(
    "a value of --set",
    """
    version: 1
    params: { epochs: 10 }
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        matrix: { seed: [0, 1] }
        uses: train
        with: { data: "${images}", architecture: small_cnn, batch: 50, epochs: "${params.epochs}", seed: "${matrix.seed}" }
    """,
    sets: ["epochs=ten"],
    errors: """
      --set epochs=ten: stage 'model': epochs: expected a whole number, found 'ten' (all 2 instances)
      """),
  WrongFile(
    "a value of --params",
    """
    version: 1
    params: { epochs: 10 }
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        matrix: { seed: [0, 1] }
        uses: train
        with: { data: "${images}", architecture: small_cnn, batch: 50, epochs: "${params.epochs}", seed: "${matrix.seed}" }
    """,
    params: """
      # for a quick look
      epochs: -1
      """,
    errors: """
      quick.yaml:2:9: stage 'model': epochs: expected a number at least 1, found -1 (all 2 instances)
      """),
  WrongFile(
    "a parameter that --set doesn't find",
    """
    version: 1
    params: { epochs: 10 }
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        uses: train
        with: { data: "${images}", architecture: small_cnn, batch: 50, epochs: "${params.epochs}" }
    """,
    sets: ["epoch=3"],
    errors: """
      --set epoch=3: there is no parameter 'epoch'. Did you mean 'epochs'?
      """),
  WrongFile(
    "a parameter that --params doesn't find",
    """
    version: 1
    params: { epochs: 10 }
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        uses: train
        with: { data: "${images}", architecture: small_cnn, batch: 50, epochs: "${params.epochs}" }
    """,
    params: """
      epochs: 3
      sedes: [1]
      """,
    errors: """
      quick.yaml:2:1: there is no parameter 'sedes'. Known: epochs
      """),
  WrongFile(
    "a parameter that isn't there",
    """
    version: 1
    params: { epochs: 10 }
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        uses: train
        with: { data: "${images}", architecture: small_cnn, batch: 50, epochs: "${params.epoch}" }
    """,
    errors: """
      p.yaml:7:76: stage 'model': epochs: ${params.epoch}: there is no parameter 'epoch'. Did you mean 'epochs'?
      """),
  WrongFile(
    "params in a cycle",
    """
    version: 1
    params: { a: "${params.b}", b: "${params.a}" }
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
    """,
    errors: """
      p.yaml:2:32: params refer to each other in a cycle: a → b → a
      """),
  WrongFile(
    "an empty axis",
    """
    version: 1
    params: { seeds: [] }
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        matrix: { seed: "${params.seeds}" }
        uses: train
        with: { data: "${images}", architecture: small_cnn, batch: 50, seed: "${matrix.seed}" }
    """,
    errors: """
      p.yaml:2:18: stage 'model': axis 'seed' is empty: a matrix over nothing
      """),
  WrongFile(
    "a value twice on an axis",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        matrix: { seed: [0, 1, 0] }
        uses: train
        with: { data: "${images}", architecture: small_cnn, batch: 50, seed: "${matrix.seed}" }
    """,
    errors: """
      p.yaml:5:28: stage 'model': axis 'seed' has 0 twice
      """),
  WrongFile(
    "a single value as an axis",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        matrix: { seed: 3 }
        uses: train
        with: { data: "${images}", architecture: small_cnn, batch: 50, seed: "${matrix.seed}" }
    """,
    errors: """
      p.yaml:5:21: stage 'model': axis 'seed': expected a list, a map of labels or a group such as ${stage}, found '3'
      """),
  WrongFile(
    "an axis that isn't there",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        matrix: { seed: [0, 1] }
        uses: train
        with: { data: "${images}", architecture: small_cnn, batch: 50, seed: "${matrix.sed}" }
    """,
    errors: """
      p.yaml:7:74: stage 'model': seed: ${matrix.sed}: the matrix has no axis 'sed'. Did you mean 'seed'? (all 2 instances)
      """),
  WrongFile(
    "an axis without its root",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        matrix: { seed: [0, 1] }
        uses: train
        with: { data: "${images}", architecture: small_cnn, batch: 50, seed: "${seed}" }
    """,
    errors: """
      p.yaml:7:74: stage 'model': there is no stage 'seed'. Did you mean '${matrix.seed}'?
      """),
  WrongFile(
    "conditions that nothing fulfils",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        matrix: { seed: [0, 1] }
        where: ["${matrix.seed > 5}"]
        uses: train
        with: { data: "${images}", architecture: small_cnn, batch: 50, seed: "${matrix.seed}" }
    """,
    errors: """
      p.yaml:6:13: stage 'model': where: none of the 2 points holds: a matrix over nothing
      """),
  WrongFile(
    "a wrong member among many",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        matrix:
          rate: [0.1, -1, 0.01]
          seed: [0, 1, 2, 3]
        uses: train
        with: { data: "${images}", architecture: small_cnn, batch: 50, learning_rate: "${matrix.rate}", seed: "${matrix.seed}" }
    """,
    errors: """
      p.yaml:6:19: stage 'model': learning_rate: expected a number above 0, found -1 (4 of 12 instances)
      """),
  WrongFile(
    "a stage that isn't there",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        uses: train
        with: { data: "${image}", architecture: small_cnn, batch: 50 }
    """,
    errors: """
      p.yaml:6:19: stage 'model': there is no stage 'image'. Did you mean 'images'?
      """),
  WrongFile(
    "a value instead of a reference",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        uses: train
        with: { data: images, architecture: small_cnn, batch: 50 }
    """,
    errors: """
      p.yaml:6:19: stage 'model': 'data' takes one dataset: expected a reference such as ${images}, found 'images'
      """),
  WrongFile(
    "a group where one is wanted",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        matrix: { seed: [0, 1] }
        uses: train
        with: { data: "${images}", architecture: small_cnn, batch: 50, seed: "${matrix.seed}" }
      scores: { uses: evaluate, with: { model: "${model}", data: "${images}" } }
    """,
    errors: """
      p.yaml:8:44: stage 'scores': 'model' takes one model or stitched_model; ${model} is a group of 2 (seed). Bind it, or make it an axis.
      """),
  WrongFile(
    "a figure of a stage with a mistake: its axes aren't missing",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        matrix: { seed: [0, 1] }
        uses: train
        with: { data: "${images}", architecture: small_cnn, batch: 50, seed: "${matrix.seed}" }
      scores:
        matrix: { network: "${model}" }
        uses: evaluate
        with: { model: "${matrix.network}", data: "${images}", samples: 0 }
      map: { uses: heatmap, with: { rows: "${scores}", x: seed, y: regime, value: accuracy } }
      table: { uses: table, with: { rows: "${scores}", over: [seed] } }
    """,
    errors: """
      p.yaml:11:69: stage 'scores': samples: expected a number at least 1, found 0 (all 2 instances)
      """),
  WrongFile(
    "an artifact of another type",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        uses: train
        with: { data: "${images}", architecture: small_cnn, batch: 50 }
      scores: { uses: evaluate, with: { model: "${images}", data: "${model}" } }
    """,
    errors: """
      p.yaml:7:44: stage 'scores': 'model' takes one model or stitched_model; 'images' has no such output; it has dataset (dataset)
      p.yaml:7:63: stage 'scores': 'data' takes one dataset; 'model' has no such output; it has model (model), history (scores)
      """),
  WrongFile(
    "an output that isn't there",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        uses: train
        with: { data: "${images}", architecture: small_cnn, batch: 50 }
      scores: { uses: evaluate, with: { model: "${model.modl}", data: "${images}" } }
    """,
    errors: """
      p.yaml:7:44: stage 'scores': 'model' has no output 'modl'. Did you mean 'model'?
      """),
  WrongFile(
    "a selection of nothing",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        matrix: { seed: [0, 1] }
        uses: train
        with: { data: "${images}", architecture: small_cnn, batch: 50, seed: "${matrix.seed}" }
      scores: { uses: evaluate, with: { model: "${model[seed=7]}", data: "${images}" } }
    """,
    errors: """
      p.yaml:8:44: stage 'scores': no instance of 'model' has seed=7; it has 0, 1
      """),
  WrongFile(
    "a selection by an axis that isn't there",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        matrix: { seed: [0, 1] }
        uses: train
        with: { data: "${images}", architecture: small_cnn, batch: 50, seed: "${matrix.seed}" }
      scores: { uses: evaluate, with: { model: "${model[sed=1]}", data: "${images}" } }
    """,
    errors: """
      p.yaml:8:44: stage 'scores': 'model' has no axis 'sed'. Did you mean 'seed'?
      """),
  WrongFile(
    "stages in a cycle",
    """
    version: 1
    stages:
      a: { run: "cat ${b} > ${out.o}", outputs: { o: o } }
      b: { run: "cat ${a} > ${out.o}", outputs: { o: o } }
    """,
    errors: """
      p.yaml:3:13: stage 'a': stages refer to each other in a cycle: a → b → a
      """),
  WrongFile(
    "a command without outputs",
    """
    version: 1
    stages:
      c: { run: python3 probe.py }
    """,
    errors: """
      p.yaml:3:3: stage 'c': 'outputs' is missing: what the command writes, { name: file }
      """),
  WrongFile(
    "an output that a command doesn't declare",
    """
    version: 1
    stages:
      c: { run: "ls > ${out.listing}", outputs: { list: list.txt } }
    """,
    errors: """
      p.yaml:3:13: stage 'c': run: ${out.listing} is not among 'outputs'. Did you mean 'list'?
      """),
  WrongFile(
    "a cut that the architecture lacks",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        matrix: { seed: [0, 1] }
        uses: train
        with: { data: "${images}", architecture: small_cnn, batch: 50, seed: "${matrix.seed}" }
      stitched:
        matrix: { cut: [conv1, conv5], method: [direct, fula] }
        uses: stitch
        with:
          front: ${model[seed=1]}
          from: ${matrix.cut}
          end: ${model[seed=0]}
          to: ${matrix.cut}
          method: ${matrix.method}
          data: ${images}
          batch: 50
    """,
    errors: """
      p.yaml:9:28: stage 'stitched': from: small_cnn has no cut 'conv5'. Did you mean 'conv1'? It has conv1, conv2, conv3, conv4 (2 of 4 instances)
      p.yaml:9:28: stage 'stitched': to: small_cnn has no cut 'conv5'. Did you mean 'conv1'? It has conv1, conv2, conv3, conv4 (2 of 4 instances)
      """),
  WrongFile(
    "a cut of another architecture",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        uses: train
        with: { data: "${images}", architecture: small_cnn, batch: 50 }
      a: { uses: activations, with: { model: "${model}", data: "${images}", cut: stage1.0, samples: 50 } }
    """,
    errors: """
      p.yaml:7:78: stage 'a': cut: small_cnn has no cut 'stage1.0'. It has conv1, conv2, conv3, conv4
      """),
  WrongFile(
    "more samples than there are",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        uses: train
        with: { data: "${images}", architecture: small_cnn, batch: 50 }
      a: { uses: activations, with: { model: "${model}", data: "${images}", cut: conv1 } }
    """,
    errors: """
      p.yaml:7:33: stage 'a': samples: synthetic/test has 50 samples, fewer than the 1000 asked for; write 50, or null for all
      """),
  WrongFile(
    "a batch larger than the data",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        uses: train
        with: { data: "${images}", architecture: small_cnn }
    """,
    errors: """
      p.yaml:6:11: stage 'model': batch: synthetic/train has 100 samples, fewer than one batch of 128
      """),
  WrongFile(
    "augmentation beyond the images",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        uses: train
        with:
          data: "${images}"
          architecture: small_cnn
          batch: 20
          augment: [flip, { kind: crop, padding: 33 }, { kind: cutout, size: 65 }]
    """,
    errors: """
      p.yaml:10:23: stage 'model': augment: crop: a padding of 33 pixels; images of 3×32×32 take 1 to 32
      p.yaml:10:52: stage 'model': augment: cutout: a square of 65 pixels for images of 3×32×32, expected 1 to 64
      """),
  WrongFile(
    "an adversary that does nothing",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        uses: train
        with: { data: "${images}", architecture: small_cnn, batch: 20, adversary: { steps: 0 } }
    """,
    errors: """
      p.yaml:6:88: stage 'model': adversary: steps: none from the images themselves attack nothing; leave the \
      adversary out for standard training
      """),
  WrongFile(
    "a transformer with bf16",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      vit: { uses: train, with: { data: "${images}", architecture: vit_tiny, batch: 20, compute: bf16 } }
    """,
    errors: """
      p.yaml:4:94: stage 'vit': compute: vit_tiny can't be computed with bf16: attention and linear maps of tokens are \
      in fp32
      """),
  WrongFile(
    "a shortcut over a shortcut",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      marked: { uses: dataset/shortcut, with: { data: "${images}" } }
      again: { uses: dataset/shortcut, with: { data: "${marked}" } }
    """,
    errors: """
      p.yaml:5:50: stage 'again': data: synthetic has a shortcut already, and another would take its place; mark the \
      images that it was made of
      """),
  WrongFile(
    "fewer images than classes",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        uses: train
        with: { data: "${images}", architecture: small_cnn, samples: 3, batch: 2 }
    """,
    errors: """
      p.yaml:6:19: stage 'model': data: 3 images of synthetic/train can't be of all its 10 classes, and a class without \
      one isn't learnt; take more
      """),
  WrongFile(
    "images of another size",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      digits: { uses: dataset/mnist, with: { path: mnist } }
      model:
        uses: train
        with: { data: "${images}", architecture: small_cnn, batch: 50 }
      scores: { uses: evaluate, with: { model: "${model}", data: "${digits}" } }
    """,
    errors: """
      p.yaml:8:62: stage 'scores': data: the network wants 3×32×32 images, mnist/test has 1×28×28
      """),
  WrongFile(
    "more images than a file has",
    """
    version: 1
    stages:
      digits: { uses: dataset/mnist, with: { path: mnist, train: 60000 } }
    """,
    errors: """
      p.yaml:3:62: stage 'digits': train: ROOT/mnist has 20 of these images, fewer than the 60000 asked for; write 20, or null for all
      """),
  WrongFile(
    "a folder without the files",
    """
    version: 1
    stages:
      digits: { uses: dataset/cifar10, with: { path: mnist } }
    """,
    errors: """
      p.yaml:3:50: stage 'digits': path: ROOT/mnist: has no data_batch_1.bin … data_batch_5.bin (CIFAR-10's binary version)
      """),
  WrongFile(
    "weights of another architecture",
    """
    version: 1
    stages:
      m: { uses: model/import, with: { path: weights.safetensors, architecture: resnet20 } }
    """,
    errors: """
      p.yaml:3:42: stage 'm': path: resnet20: parameter 'conv1.weight' has shape [8, 3, 3, 3]; it should be [16, 3, 3, 3]
      """),
  WrongFile(
    "networks of different classes",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        uses: train
        with: { data: "${images}", architecture: small_cnn, batch: 50 }
      other: { uses: model/import, with: { path: later.safetensors, architecture: resnet20, classes: 100 } }
      scores: { uses: evaluate, with: { model: "${model}", reference: "${other}", data: "${images}" } }
    """,
    errors: """
      p.yaml:8:67: stage 'scores': reference: the network tells 10 classes apart, the reference 100; their outputs can't be compared
      """),
  WrongFile(
    "marks that nobody painted",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        uses: train
        with: { data: "${images}", architecture: small_cnn, batch: 50 }
      scores: { uses: evaluate, with: { model: "${model}", data: "${images}", marking: rolled } }
    """,
    errors: """
      p.yaml:7:84: stage 'scores': marking: synthetic/test has no shortcut whose marks could be rolled; see dataset/shortcut
      """),
  WrongFile(
    "different samples compared",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        uses: train
        with: { data: "${images}", architecture: small_cnn, batch: 50 }
      a:
        matrix: { split: [train, test] }
        uses: activations
        with: { model: "${model}", data: "${images}", cut: conv1, split: "${matrix.split}", samples: 50 }
      s: { uses: similarity, with: { x: "${a[split=train]}", y: "${a[split=test]}" } }
    """,
    errors: """
      p.yaml:11:61: stage 's': y: x is of synthetic/train, y of synthetic/test; only representations of the same samples can be compared
      """),
  WrongFile(
    "activations laid out into different rows",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        uses: train
        with: { data: "${images}", architecture: small_cnn, batch: 50 }
      a:
        matrix: { cut: [conv1, conv2] }
        uses: activations
        with: { model: "${model}", data: "${images}", cut: "${matrix.cut}", samples: 50 }
      s: { uses: similarity, with: { x: "${a[cut=conv1]}", y: "${a[cut=conv2]}", layout: space_as_samples } }
    """,
    errors: """
      p.yaml:11:86: stage 's': layout: x has 256 rows a sample with layout space_as_samples, y 64; take flatten or pool, which give one row a sample
      """),
  WrongFile(
    "scores and axes that a table won't have",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        matrix: { seed: [0, 1] }
        uses: train
        with: { data: "${images}", architecture: small_cnn, batch: 50, seed: "${matrix.seed}" }
      stitched:
        matrix: { cut: [conv1, conv2], method: [direct, fula] }
        uses: stitch
        with:
          front: ${model[seed=1]}
          from: ${matrix.cut}
          end: ${model[seed=0]}
          to: ${matrix.cut}
          method: ${matrix.method}
          data: ${images}
          batch: 50
      scores:
        matrix: { network: "${stitched}" }
        uses: evaluate
        with: { model: "${matrix.network}", data: "${images}" }
      table: { uses: table, with: { rows: "${scores}", columns: [accuracy, agrement], over: [sed] } }
    """,
    errors: """
      p.yaml:23:72: stage 'table': columns: there is no score 'agrement'. Did you mean 'agreement'?
      p.yaml:23:90: stage 'table': over: 'rows' has no axis 'sed'. Known: cut, method
      """),
  WrongFile(
    "scores and axes that a figure won't have",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        matrix: { seed: [0, 1] }
        uses: train
        with: { data: "${images}", architecture: small_cnn, batch: 50, seed: "${matrix.seed}" }
      stitched:
        matrix: { cut: [conv1, conv2], method: [direct, fula] }
        uses: stitch
        with:
          front: ${model[seed=1]}
          from: ${matrix.cut}
          end: ${model[seed=0]}
          to: ${matrix.cut}
          method: ${matrix.method}
          data: ${images}
          batch: 50
      scores:
        matrix: { network: "${stitched}" }
        uses: evaluate
        with: { model: "${matrix.network}", data: "${images}" }
      plot:
        uses: heatmap
        with: { rows: "${scores}", x: cut, y: methode, facets: [seed], value: robust_accuracy }
    """,
    errors: """
      p.yaml:25:43: stage 'plot': y: 'rows' has no axis 'methode'. Did you mean 'method'?
      p.yaml:25:61: stage 'plot': facets: 'rows' has no axis 'seed'. Known: cut, method
      p.yaml:25:75: stage 'plot': value: there is no score 'robust_accuracy'. Known: accuracy, affine_rank, agreement, calibration_error, chance_agreement, disagreement, effective_rank, error_consistency, jensen_shannon_divergence, r2, reference_accuracy, relative_accuracy, structural_error
      """),
  WrongFile(
    "weights for too few cuts",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        matrix: { seed: [0, 1] }
        uses: train
        with: { data: "${images}", architecture: small_cnn, batch: 50, seed: "${matrix.seed}" }
      s:
        uses: stitch
        with:
          front: ${model[seed=0]}
          from: conv1
          end: ${model[seed=1]}
          to: conv2
          data: ${images}
          batch: 50
          method: fula
          objective: { fula: 1, cut_weights: [1, 2] }
    """,
    errors: """
      p.yaml:18:42: stage 's': objective: cut_weights: 2 weights for the 3 cuts from 'conv2' on: write one for each
      """),
  WrongFile(
    "many mistakes at once",
    """
    version: 1
    params: { cuts: [conv1, conv7] }
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        matrix: { seed: [0, 1] }
        uses: train
        with: { data: "${images}", architecture: small_cnn, batch: 50, seed: "${matrix.seed}" }
      stitched:
        matrix: { cut: "${params.cuts}", method: [direct, fula] }
        uses: stitch
        with:
          front: ${model[seed=1]}
          from: ${matrix.cut}
          end: ${model[seed=0]}
          to: ${matrix.cut}
          method: ${matrix.method}
          data: ${images}
          batch: 50
      table: { uses: tabel, with: { rows: "${stitched}" } }
    """,
    errors: """
      p.yaml:2:25: stage 'stitched': from: small_cnn has no cut 'conv7'. Did you mean 'conv1'? It has conv1, conv2, conv3, conv4 (2 of 4 instances)
      p.yaml:2:25: stage 'stitched': to: small_cnn has no cut 'conv7'. Did you mean 'conv1'? It has conv1, conv2, conv3, conv4 (2 of 4 instances)
      p.yaml:20:18: stage 'table': there is no stage kind 'tabel'. Did you mean 'table'?
      """),
  WrongFile(
    "a reference that isn't closed",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        uses: train
        with: { data: "${images", architecture: small_cnn, batch: 50 }
    """,
    errors: """
      p.yaml:6:19: stage 'model': expected '}', found the end in '${images'
      """),
  WrongFile(
    "a comparison outside of where",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      model:
        matrix: { seed: [0, 1] }
        uses: train
        with: { data: "${images}", architecture: small_cnn, batch: 50, seed: "${matrix.seed == 1}" }
    """,
    errors: """
      p.yaml:7:74: stage 'model': seed: comparisons (==) stand in 'where' only (all 2 instances)
      """),
  WrongFile(
    "labels that aren't there",
    """
    version: 1
    stages:
      own: { uses: dataset/arrays, with: { path: arrays } }
      model: { uses: train, with: { data: "${own}", architecture: small_cnn, batch: 4 } }
    """,
    errors: """
      p.yaml:4:39: stage 'model': data: training needs labels, arrays/train has none; dataset/arrays takes them from an array 'labels' of a folder's file, from 'train_labels' of a single file, or from train.labels.npy
      """),
  WrongFile(
    "vectors where images are wanted",
    """
    version: 1
    stages:
      own: { uses: dataset/arrays, with: { path: vectors, classes: 2 } }
      model: { uses: train, with: { data: "${own}", architecture: small_cnn, batch: 4 } }
    """,
    errors: """
      p.yaml:4:39: stage 'model': data: networks take images (channels × height × width), arrays/train has samples of shape [5]
      p.yaml:4:39: stage 'model': data: training needs labels, arrays/train has none; dataset/arrays takes them from an array 'labels' of a folder's file, from 'train_labels' of a single file, or from train.labels.npy
      """),
  WrongFile(
    "an array that a file lacks",
    """
    version: 1
    stages:
      a: { uses: activations/import, with: { path: weights.safetensors, array: layer1 } }
    """,
    errors: """
      p.yaml:3:48: stage 'a': path: ROOT/weights.safetensors: has no array 'layer1'; it has conv1.weight
      """),
  WrongFile(
    "own activations of other samples",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      a: { uses: activations/import, with: { path: weights.safetensors, data: "${images}" } }
    """,
    errors: """
      p.yaml:4:48: stage 'a': path: ROOT/weights.safetensors is of 8 samples, synthetic/test has 50; if it is of the first so many, write samples: 8, else add an array 'indices'
      """),
  WrongFile(
    "classes, shares and patches that can't be",
    """
    version: 1
    stages:
      images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
      few: { uses: dataset/subset, with: { data: "${images}", classes: [wolfe, "3"] } }
      bad: { uses: dataset/corrupt, with: { data: "${images}", patches: 5 } }
      half: { uses: dataset/subset, with: { data: "${images}", share: 0.6, skip: 0.5 } }
      worse: { uses: dataset/shortcut, with: { data: "${images}", correlation: 1.5 } }
    """,
    errors: """
      p.yaml:4:69: stage 'few': classes: synthetic has no class 'wolfe'. It has 0…9
      p.yaml:5:69: stage 'bad': patches: synthetic: 5 by 5 patches don't divide images of 32×32 evenly
      p.yaml:6:78: stage 'half': skip: 0.5 passed over and 0.6 taken are more than there is
      p.yaml:7:76: stage 'worse': correlation: expected a number from 0 to 1, found 1.5
      """),
]

@Suite struct WrongFilesTests {
  /// A project with small data files of each sort.
  private func project() throws -> Project {
    let project = try Project()
    for (half, count) in [("train", 20), ("t10k", 10)] {
      try project.write("mnist/\(half)-images-idx3-ubyte", Files.idx(images: count, seed: 1))
      try project.write("mnist/\(half)-labels-idx1-ubyte", Files.idx(labels: count))
    }
    try project.write("arrays/train.npy", Files.npy([8, 3, 32, 32]))
    try project.write("vectors/train.npy", Files.npy([8, 5]))
    try project.write("weights.safetensors", Files.safetensors("conv1.weight", [8, 3, 3, 3]))
    return project
  }

  @Test(arguments: wrongFiles) func aWrongFileIsToldBeforeAnythingRuns(_ file: WrongFile) throws {
    let project = try project()
    try project.write("p.yaml", file.text.isEmpty ? "" : file.text + "\n")
    var arguments = ["check", "p.yaml"] + file.sets.flatMap { ["--set", $0] }
    if let params = file.params {
      try project.write("quick.yaml", params + "\n")
      arguments += ["--params", "quick.yaml"]
    }
    let run = try project.bobbin(arguments)
    #expect(run.status == 2)
    #expect(run.output == "")
    #expect(run.errors.replacing(project.root.path + "/", with: "ROOT/") == "error: \(file.errors)\n")
    #expect(!FileManager.default.fileExists(atPath: project.root.appending(path: "cache").path))
  }

  @Test func thereAreFiftyAndMore() { #expect(Set(wrongFiles.map(\.text)).count >= 50) }

  @Test(arguments: [
    ["run", "p.yaml"], ["run", "p.yaml", "--dry-run"], ["status", "p.yaml"], ["graph", "p.yaml"],
    ["get", "p.yaml", "images"],
  ])
  func whateverReadsAFileChecksIt(_ arguments: [String]) throws {
    let project = try project()
    try project.write("p.yaml", wrongFiles.first { $0.what == "a cut of another architecture" }!.text)
    let run = try project.bobbin(arguments)
    #expect(run.status == 2)
    #expect(try run.errors == project.bobbin("check", "p.yaml").errors)
  }

  private let right = """
    version: 1
    params: { train: 20, epochs: 3 }
    stages:
      images: { uses: dataset/synthetic, with: { train: "${params.train}", test: 10 } }
      far: { uses: dataset/mnist, with: { path: elsewhere } }
      own:
        matrix: { seed: [0, 1] }
        run: echo ${matrix.seed} > ${out.note}
        outputs: { note: note.txt }
    """

  @Test func aRightFileIsCounted() throws {
    let project = try project()
    try project.write("p.yaml", right)
    let check = try project.bobbin("check", "p.yaml")
    #expect(check.status == 0)
    #expect(check.output == "p.yaml: ok, 3 stages, 4 instances\n")
    #expect(
      check.errors == """
        warning: p.yaml:2:22: nothing uses the parameter 'epochs': write ${params.epochs} where it is meant, or take it out
        warning: p.yaml:5:45: stage 'far': path: \(project.root.path)/elsewhere: no such file or directory

        """)
    #expect(!FileManager.default.fileExists(atPath: project.root.appending(path: "cache").path))
    // What nobody uses is told wherever something is about to run.
    let run = try project.bobbin("run", "p.yaml", "own")
    #expect(run.status == 0)
    #expect(run.errors.contains("warning: p.yaml:2:22: nothing uses the parameter 'epochs'"))
  }

  /// As when it runs: `front.seed` of what is compared is `network.front.seed` of the rows.
  @Test func axesOfReferencesAreThoseOfTheRows() throws {
    let project = try project()
    try project.write(
      "p.yaml",
      """
      version: 1
      stages:
        images: { uses: dataset/synthetic, with: { train: 100, test: 50 } }
        model:
          matrix: { seed: [0, 1] }
          uses: train
          with: { data: "${images}", architecture: small_cnn, batch: 50, seed: "${matrix.seed}" }
        stitched:
          matrix: { front: "${model}", cut: [conv1, conv2] }
          uses: stitch
          with:
            front: ${matrix.front}
            from: ${matrix.cut}
            end: ${model[seed=0]}
            to: ${matrix.cut}
            method: direct
            data: ${images}
        scores:
          matrix: { network: "${stitched}" }
          uses: evaluate
          with: { model: "${matrix.network}", data: "${images}" }
        alone:
          matrix: { front: "${model}" }
          uses: evaluate
          with: { model: "${matrix.front}", data: "${images}" }
        table: { uses: table, with: { rows: "${scores}", references: "${alone}", over: [seed] } }
      """)
    let check = try project.bobbin("check", "p.yaml")
    #expect(check.errors == "")
    #expect(check.output == "p.yaml: ok, 6 stages, 14 instances\n")
  }

  @Test func editorsGetJSON() throws {
    let project = try project()
    try project.write("p.yaml", right)
    let ok = try project.bobbin("check", "p.yaml", "--json").json
    #expect(ok["ok"] == true && ok["stages"] == 3 && ok["instances"] == 4 && ok["errors"] == [])
    #expect(ok["warnings"]?.arrayValue?.count == 2)

    let wrong = wrongFiles.first { $0.what == "a wrong member among many" }!
    try project.write("p.yaml", wrong.text)
    let run = try project.bobbin("check", "p.yaml", "--json")
    #expect(run.status == 2)
    #expect(run.errors == "")
    #expect(
      try run.json == [
        "ok": false, "stages": .null, "instances": .null, "warnings": [],
        "errors": [
          [
            "file": "p.yaml", "line": 6, "column": 19, "count": 4,
            "message": "stage 'model': learning_rate: expected a number above 0, found -1",
          ]
        ],
      ])

    try project.write("p.yaml", "version: 1\nstages: [\n")
    let broken = try project.bobbin("check", "p.yaml", "--json").json
    #expect(broken["errors"]?.arrayValue?.first?["line"] == 3)
  }
}

extension Files {
  /// A NumPy file of zeros, one byte each.
  fileprivate static func npy(_ shape: [Int]) -> Data {
    let extents = shape.map(String.init).joined(separator: ", ")
    var header = "{'descr': '|u1', 'fortran_order': False, 'shape': (\(extents)), }"
    while (10 + header.utf8.count + 1) % 64 != 0 { header += " " }
    return Data([0x93] + Array("NUMPY".utf8) + [1, 0, UInt8(header.utf8.count + 1), 0])
      + Data((header + "\n").utf8)
      + Data(count: shape.reduce(1, *))
  }

  /// A safetensors file with one tensor of zeros.
  fileprivate static func safetensors(_ name: String, _ shape: [Int]) -> Data {
    let bytes = 4 * shape.reduce(1, *)
    let header = #"{"\#(name)":{"dtype":"F32","shape":\#(shape),"data_offsets":[0,\#(bytes)]}}"#
    let length = (0..<8).map { UInt8(truncatingIfNeeded: header.utf8.count >> (8 * $0)) }
    return Data(length) + Data(header.utf8) + Data(count: bytes)
  }
}
