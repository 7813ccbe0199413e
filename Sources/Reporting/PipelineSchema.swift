// Owns the JSON Schema (draft 2020-12) of the pipeline file, by which editors complete and check it. What a kind
// takes derives from its declaration.

import Canonical
import ContentStore
import Workflow

/// The schema of the whole pipeline file.
public func pipelineSchema(_ catalogue: KindCatalogue) -> JSON {
  let kinds = catalogue.all.filter { !$0.takesCommands }
  let stage: JSON = [
    "type": "object", "additionalProperties": false,
    "properties": .object(
      stageProperties(kinds, types: catalogue.receivers.map(\.type.name) + [ArtifactType.file.name])),
    "oneOf": [
      ["required": ["uses"], "not": ["anyOf": .array(ofCommands.map { ["required": [.string($0)]] })]],
      ["required": ["run", "outputs"], "not": ["required": ["with"]]],
    ],
    "allOf": .array(kinds.map(condition)),
  ]
  return [
    "$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Bobbin pipeline file",
    "type": "object", "additionalProperties": false, "required": ["version"],
    "anyOf": [["required": ["stages"]], ["required": ["params"]], ["required": ["import"]]],
    "properties": [
      "version": ["const": 1, "description": "the format's version"],
      "import": [
        "type": "array", "items": ["type": "string"],
        "description": "files whose params and stages are taken over; paths count from this file",
      ],
      "params": [
        "type": "object",
        "description": "values for ${params.name}; --set and --params override them",
      ],
      "remote": [
        "description": "where the team shares results: one place, or several that are asked in order",
        "anyOf": [
          ["$ref": "#/$defs/remote"], ["type": "array", "items": ["$ref": "#/$defs/remote"]],
        ],
      ],
      "stages": [
        "type": "object", "minProperties": 1, "propertyNames": ["pattern": .string(namePattern)],
        "additionalProperties": ["$ref": "#/$defs/stage"],
      ],
    ],
    "$defs": [
      "stage": stage,
      "remote": [
        "description": "a folder, a URL, or the name of a remote of bobbin.yaml or the user's settings",
        "anyOf": [
          ["type": "string", "minLength": 1],
          [
            "type": "object", "additionalProperties": false, "required": ["url"],
            "properties": [
              "name": ["type": "string", "pattern": "^[A-Za-z][A-Za-z0-9_-]*$"],
              "url": ["type": "string", "minLength": 1], "access": ["enum": ["read-write", "read-only"]],
            ],
          ],
        ],
      ],
      "reference": [
        "type": "string", "pattern": "\\$\\{", "description": "a value with ${…} in it",
      ],
    ],
  ]
}

private let namePattern = "^[A-Za-z_][A-Za-z0-9_-]*$"

/// The keys that stages with `run` alone have.
private let ofCommands = ["shell", "arguments", "workdir", "code", "inputs", "outputs", "resume"]

private func stageProperties(_ kinds: [KindDescription], types: [String]) -> [String: JSON] {
  let texts: JSON = ["type": "array", "items": ["type": "string"]]
  return [
    "uses": ["enum": .array(kinds.map { .string($0.name) }), "description": "the stage kind"],
    "with": ["type": "object", "description": "the kind's parameters and inputs"],
    "matrix": [
      "type": "object", "minProperties": 1, "propertyNames": ["pattern": .string(namePattern)],
      "description": "axes; the stage has an instance for every combination",
      "additionalProperties": [
        "anyOf": [
          ["type": "array", "minItems": 1], ["type": "object", "minProperties": 1],
          ["$ref": "#/$defs/reference"],
        ]
      ],
    ],
    "where": described(texts, "comparisons such as ${matrix.a != matrix.b}; all must hold"),
    "run": ["type": "string", "description": "a command, instead of 'uses'; see `bobbin kinds command`"],
    "shell": [
      "anyOf": [["enum": ["sh", "bash"]], ["type": "array", "minItems": 1, "items": ["type": "string"]]],
      "description": "what reads the command: sh -e, bash with pipefail, or a program such as [python3, -c]",
    ],
    "arguments": described(texts, "words that the command gets after its text"),
    "workdir": [
      "enum": ["private", "project"],
      "description": "whether it runs in a folder of its own with what is declared, or in the project's root",
    ],
    "trace": [
      "type": "boolean",
      "description": "whether files that it opens without declaring them are reported, and count",
    ],
    "sandbox": ["enum": ["none", "strict"], "description": "strict: it sees only what it declares"],
    "network": ["type": "boolean", "description": "whether it has the network in a strict sandbox"],
    "inputs": [
      "type": "object", "propertyNames": ["pattern": .string(namePattern)],
      "additionalProperties": ["type": ["string", "null"]],
      "description":
        "what the command reads, by name: paths, folders, patterns or references, for ${in.name}",
    ],
    "code": described(texts, "files whose content is the command's code, as paths or patterns"),
    "outputs": [
      "type": "object", "minProperties": 1,
      "additionalProperties": [
        "anyOf": [
          ["type": "string"],
          [
            "type": "object", "additionalProperties": false, "required": ["file"],
            "properties": [
              "file": ["type": "string", "description": "what the command writes"],
              "type": [
                "anyOf": [["enum": .array(types.map(JSON.string))], ["$ref": "#/$defs/reference"]],
                "description": "what it becomes, checked as it arrives",
              ],
            ],
          ],
        ]
      ],
      "description": "what the command writes: name → file name, or { file, type }",
    ],
    "resume": [
      "type": "string", "pattern": .string(#"^\$\{out\.[A-Za-z_][A-Za-z0-9_-]*\}$"#),
      "description": "the output that holds the command's state while it runs, as ${out.name}",
    ],
    "environment": [
      "type": "array",
      "items": [
        "anyOf": [
          ["type": "string"],
          [
            "type": "object", "minProperties": 1, "maxProperties": 1,
            "additionalProperties": ["const": "secret"],
          ],
        ]
      ],
      "description":
        "names of environment variables that it sees, and that are in its key; of { NAME: secret } a keyed digest",
    ],
    "retry": [
      "anyOf": [
        ["type": "integer", "minimum": 0, "maximum": 100],
        [
          "type": "object", "additionalProperties": false, "required": ["times"],
          "properties": [
            "times": resource("integer", "how often"),
            "on": [
              "type": "array", "items": ["enum": .array(Retry.Sort.allCases.map { .string($0.rawValue) })],
            ],
            "wait": resource("string", "how long before the first time, such as 10s; then twice as long"),
          ],
        ],
        ["$ref": "#/$defs/reference"],
      ],
      "description": "how often it is tried again when it fails, or after which failures",
    ],
    "executor": [
      "enum": ["local"], "description": "local: it runs on this machine, whatever --executor says of others",
    ],
    "resources": [
      "type": "object", "additionalProperties": false, "description": "what it needs while it runs",
      "properties": [
        "cpus": resource("integer", "cores"), "memory": resource("string", "such as 500M or 2G"),
        "gpus": resource("integer", "GPUs, for itself, as CUDA_VISIBLE_DEVICES"),
        "time": resource("string", "its time limit, such as 90s or 1h30m"),
      ],
    ],
  ]
}

private func described(_ schema: JSON, _ text: String) -> JSON {
  guard case .object(var members) = schema else { return schema }
  members["description"] = .string(text)
  return .object(members)
}

private func resource(_ type: String, _ help: String) -> JSON {
  ["anyOf": [["type": .string(type)], ["$ref": "#/$defs/reference"]], "description": .string(help)]
}

/// If a stage uses this kind, its `with` is what the kind declares.
private func condition(_ kind: KindDescription) -> JSON {
  guard case .object(var with) = kind.schema, case .object(let properties)? = with["properties"] else {
    preconditionFailure("BUG: a kind's schema is an object's")
  }
  with["properties"] = .object(properties.mapValues(orReference))
  with["description"] = .string(kind.summary)
  let isRequired = with["required"]?.arrayValue?.isEmpty == false
  return [
    "if": ["properties": ["uses": ["const": .string(kind.name)]], "required": ["uses"]],
    "then": ["properties": ["with": .object(with)], "required": isRequired ? ["with"] : []],
  ]
}

/// Any value may be written as `${…}`, at any depth, and `null` means not written.
private func orReference(_ schema: JSON) -> JSON {
  guard case .object(var inner) = schema else { return schema }
  var outer: [String: JSON] = [:]
  for name in ["description", "default"] { outer[name] = inner.removeValue(forKey: name) }
  if let properties = inner["properties"]?.objectValue {
    inner["properties"] = .object(properties.mapValues(orReference))
  }
  for name in ["items", "additionalProperties"] where inner[name]?.objectValue != nil {
    inner[name] = orReference(inner[name]!)
  }
  if let choices = inner["anyOf"]?.arrayValue { inner["anyOf"] = .array(choices.map(orReference)) }
  outer["anyOf"] = [.object(inner), ["$ref": "#/$defs/reference"], ["type": "null"]]
  return .object(outer)
}
