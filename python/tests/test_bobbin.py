"""What scripts rely on. Run with: python3 -m unittest discover -s python/tests"""

import json
import os
import struct
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))

import bobbin

try:
    import numpy as np
except ImportError:
    np = None
try:
    import torch
except ImportError:
    torch = None

needs_numpy = unittest.skipIf(np is None, "numpy isn't here")
needs_torch = unittest.skipIf(torch is None or np is None, "PyTorch isn't here")


class Case(unittest.TestCase):
    """A folder of its own, and an environment that is put back."""

    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        before = dict(os.environ)

        def restore():
            os.environ.clear()
            os.environ.update(before)

        self.addCleanup(restore)
        for name in ("BOBBIN_INPUTS", "BOBBIN_PROGRESS"):
            os.environ.pop(name, None)

    def path(self, name):
        return os.path.join(self.folder, name)

    def stage(self, inputs=None, outputs=None, resume=None):
        """Makes this program a stage with these inputs and outputs."""
        manifest = {"inputs": inputs or {}, "outputs": outputs or {}}
        if resume is not None:
            manifest["resume"] = resume
        with open(self.path("inputs.json"), "w", encoding="utf-8") as file:
            json.dump(manifest, file)
        os.environ["BOBBIN_INPUTS"] = self.path("inputs.json")

    def complaint(self, function, *arguments, **named):
        with self.assertRaises(bobbin.BobbinError) as caught:
            function(*arguments, **named)
        return str(caught.exception)


class StageTests(Case):
    def test_inputs_come_with_paths_stages_and_axes(self):
        self.stage(
            inputs={
                "scores": [
                    {"path": "/a.json", "stage": "scores", "axes": {"front.seed": "0", "method": "fula"}},
                    {"path": "/b.json", "stage": "scores", "axes": {"front.seed": "1", "method": "fula"}},
                ],
                "brain": [{"path": "/s01.npy"}],
            }
        )
        self.assertTrue(bobbin.is_running())
        self.assertEqual(sorted(bobbin.inputs()), ["brain", "scores"])
        members = bobbin.inputs("scores")
        self.assertEqual([os.fspath(member) for member in members], ["/a.json", "/b.json"])
        self.assertEqual(members[1].axes, {"front.seed": "1", "method": "fula"})
        self.assertEqual(members[1].stage, "scores")
        self.assertEqual(bobbin.input("brain").path, "/s01.npy")
        self.assertEqual(bobbin.input("brain").axes, {})
        self.assertEqual(self.complaint(bobbin.inputs, "scors"), "there is no input 'scors'. The stage has 'scores', 'brain'")
        self.assertEqual(self.complaint(bobbin.input, "scores"), "input 'scores' has 2 members. Take inputs('scores')")

    def test_outputs_are_found_by_name_by_type_or_alone(self):
        self.stage(outputs={"acts": {"path": "/acts.npy", "type": "activations"}, "log": {"path": "/log", "type": "file"}})
        self.assertEqual(os.fspath(bobbin.output("log")), "/log")
        self.assertEqual(bobbin.output(type="activations").path, "/acts.npy")
        self.assertEqual(self.complaint(bobbin.output), "which output? The stage has 'acts', 'log'")
        self.assertEqual(self.complaint(bobbin.output, "x"), "there is no output 'x'. The stage has 'acts', 'log'")
        self.stage(outputs={"only": {"path": "/only"}})
        self.assertEqual(bobbin.output().path, "/only")

    def test_without_bobbin_defaults_stand(self):
        self.assertFalse(bobbin.is_running())
        self.assertEqual(bobbin.input("brain", default="data/s01.npy").path, "data/s01.npy")
        self.assertEqual(bobbin.output("acts", default="acts.npy").path, "acts.npy")
        self.assertIn("isn't run by Bobbin", self.complaint(bobbin.inputs))
        self.assertIn("output=PATH", self.complaint(bobbin.save_scores, {"x": 1}))

    def test_a_checkpoint_is_moved_to_the_state_and_told(self):
        self.stage(outputs={"state": {"path": self.path("state"), "type": "file"}})
        self.assertEqual(
            self.complaint(bobbin.state),
            "the stage doesn't say which output holds its state. Write resume: ${out.NAME}",
        )
        self.stage(outputs={"state": {"path": self.path("state"), "type": "file"}}, resume="state")
        os.environ["BOBBIN_PROGRESS"] = self.path("progress")
        self.assertEqual(os.fspath(bobbin.state()), self.path("state"))
        for content in ("one", "two"):
            with open(self.path("new"), "w", encoding="utf-8") as file:
                file.write(content)
            bobbin.checkpoint(self.path("new"), f"epoch {content}")
            with open(self.path("state"), encoding="utf-8") as file:
                self.assertEqual(file.read(), content)
            self.assertFalse(os.path.exists(self.path("new")))
        bobbin.checkpoint(self.path("state"))
        with open(self.path("progress"), encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        self.assertEqual(lines, [{"checkpoint": "epoch one"}, {"checkpoint": "epoch two"}, {"checkpoint": True}])

    def test_a_folder_takes_the_place_of_the_state_before(self):
        self.stage(outputs={"state": {"path": self.path("state"), "type": "file"}}, resume="state")
        for content in ("one", "two"):
            os.mkdir(self.path("new"))
            with open(os.path.join(self.path("new"), content), "w", encoding="utf-8"):
                pass
            bobbin.checkpoint(self.path("new"))
            self.assertEqual(os.listdir(self.path("state")), [content])

    def test_without_bobbin_a_checkpoint_is_a_file(self):
        with open(self.path("new"), "w", encoding="utf-8"):
            pass
        bobbin.checkpoint(self.path("new"), default=self.path("state"))
        self.assertTrue(os.path.exists(bobbin.state(default=self.path("state"))))

    def test_progress_is_lines_of_json(self):
        bobbin.progress(0.5)
        os.environ["BOBBIN_PROGRESS"] = self.path("progress")
        bobbin.progress(0.25, epoch="1/4", loss=float("nan"), step=3)
        bobbin.progress(7)
        bobbin.progress(float("nan"))
        with open(self.path("progress"), encoding="utf-8") as file:
            lines = [json.loads(line) for line in file]
        self.assertEqual(lines[0], {"progress": 0.25, "epoch": "1/4", "loss": "nan", "step": 3})
        self.assertEqual([line["progress"] for line in lines], [0.25, 1, 0])

    def test_importing_needs_the_standard_library_alone(self):
        code = (
            "import sys\n"
            "sys.modules['numpy'] = sys.modules['torch'] = None\n"
            "import bobbin\n"
            "bobbin.save_scores({'x': 1}, output=sys.argv[1])\n"
            "try: bobbin.save_activations([[1]], output='x.npy')\n"
            "except bobbin.BobbinError as error: print(error)\n"
        )
        folder = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
        done = subprocess.run(
            [sys.executable, "-c", code, self.path("x.json")],
            env={**os.environ, "PYTHONPATH": folder},
            capture_output=True,
            text=True,
            check=True,
        )
        self.assertEqual(done.stdout, "saving activations needs numpy: pip install numpy\n")
        self.assertEqual(bobbin.load(self.path("x.json")), {"x": 1})


class ScoresTests(Case):
    def test_scores_are_a_json_object_with_sorted_names(self):
        self.stage(outputs={"scores": {"path": self.path("s.json"), "type": "scores"}, "x": {"path": "/x", "type": "file"}})
        bobbin.save_scores({"b": 2, "a": 0.5, "history": [1, 2.5]})
        with open(self.path("s.json"), encoding="utf-8") as file:
            self.assertEqual(file.read(), '{"a": 0.5, "b": 2, "history": [1, 2.5]}\n')

    def test_what_is_no_number_is_refused(self):
        for value, text in [("high", "'high'"), (None, "None"), (True, "True"), (float("inf"), "inf")]:
            message = self.complaint(bobbin.save_scores, {"x": value}, output=self.path("s.json"))
            self.assertIn(f"the score 'x' is {text}", message)
        self.assertFalse(os.path.exists(self.path("s.json")))

    @needs_numpy
    def test_numbers_of_numpy_are_numbers(self):
        bobbin.save_scores({"x": np.float32(0.5), "y": np.arange(2)}, output=self.path("s.json"))
        self.assertEqual(bobbin.load(self.path("s.json")), {"x": 0.5, "y": [0, 1]})


class LoadTests(Case):
    def write(self, name, content):
        os.makedirs(os.path.dirname(self.path(name)), exist_ok=True)
        with open(self.path(name), "wb") as file:
            file.write(content)
        return self.path(name)

    def test_tables_are_rows_with_numbers(self):
        path = self.write("t.csv", b'cut,method,accuracy\nconv1,"a, b",0.5\nconv2,fula,1\n')
        self.assertEqual(
            bobbin.load(path),
            [{"cut": "conv1", "method": "a, b", "accuracy": 0.5}, {"cut": "conv2", "method": "fula", "accuracy": 1}],
        )

    def test_other_files_are_refused(self):
        path = self.write("x.bin", b"\0" * 100)
        self.assertIn("expected safetensors, npy, npz, json or csv", self.complaint(bobbin.load, path))
        path = self.write("y.bin", b"")
        self.assertIn("expected safetensors", self.complaint(bobbin.load, path))

    def test_metadata_need_no_numpy(self):
        text = b'{"__metadata__":{"architecture":"small_cnn"}}'
        path = self.write("m.safetensors", struct.pack("<Q", len(text)) + text)
        self.assertEqual(bobbin.metadata(path), {"architecture": "small_cnn"})
        path = self.write("n.safetensors", struct.pack("<Q", 1 << 40) + text)
        self.assertIn("is no safetensors file", self.complaint(bobbin.metadata, path))

    @needs_numpy
    def test_arrays_of_every_format_are_read(self):
        values = np.arange(6, dtype=np.float32).reshape(2, 3)
        np.save(self.path("x.npy"), values)
        np.savez(self.path("x.npz"), a=values)
        np.testing.assert_array_equal(bobbin.load(self.path("x.npy")), values)
        np.testing.assert_array_equal(bobbin.load(self.path("x.npz"))["a"], values)
        # An input's copy may have no extension at all.
        os.rename(self.path("x.npy"), self.path("x"))
        np.testing.assert_array_equal(bobbin.load(self.path("x")), values)

    @needs_numpy
    def test_a_dataset_is_its_halves(self):
        from bobbin._arrays import write_safetensors

        for half, count in [("train", 4), ("test", 2)]:
            self.write(f"data/{half}/description.json", b'{"dataset": "toy"}')
            write_safetensors(
                self.path(f"data/{half}/samples.safetensors"),
                {"samples": np.zeros((count, 3, 8, 8), np.uint8), "labels": np.arange(count)},
            )
        data = bobbin.load(self.path("data"))
        self.assertEqual(data["train"]["samples"].shape, (4, 3, 8, 8))
        self.assertEqual(data["test"]["labels"].tolist(), [0, 1])
        self.assertEqual(data["test"]["description"]["dataset"], "toy")
        self.write("data/train/description.json", b'{"shortcut": {"seed": "1"}}')
        self.assertIn("Take the dataset without the shortcut", self.complaint(bobbin.load, self.path("data")))

    @needs_numpy
    def test_a_damaged_file_is_refused(self):
        text = b'{"x":{"dtype":"F32","shape":[4],"data_offsets":[0,16]}}'
        path = self.write("short.safetensors", struct.pack("<Q", len(text)) + text + b"\0" * 12)
        self.assertIn("'x' doesn't fit into the file", self.complaint(bobbin.load, path))


@needs_numpy
class ActivationsTests(Case):
    def test_they_come_back(self):
        values = np.random.default_rng(0).normal(size=(5, 2, 3))
        for name in ["a.npy", "a.npz", "a.safetensors"]:
            bobbin.save_activations(values, output=self.path(name))
            found = bobbin.load(self.path(name))
            found = found if name == "a.npy" else found["activations"]
            self.assertEqual(found.dtype, np.float32)
            np.testing.assert_array_equal(found, values.astype(np.float32))

    def test_they_say_of_which_samples_they_are(self):
        self.stage(outputs={"acts": {"path": self.path("a.safetensors"), "type": "activations"}})
        bobbin.save_activations(np.zeros((3, 2)), samples=[7, 1, 4])
        self.assertEqual(bobbin.load(self.path("a.safetensors"))["indices"].tolist(), [7, 1, 4])

    def test_equal_values_give_equal_bytes(self):
        for name in ["a", "b"]:
            bobbin.save_activations(np.ones((3, 2)), samples=range(3), output=self.path(name + ".safetensors"))
        with open(self.path("a.safetensors"), "rb") as a, open(self.path("b.safetensors"), "rb") as b:
            self.assertEqual(a.read(), b.read())

    def test_nonsense_is_refused(self):
        path = self.path("a.safetensors")
        save = bobbin.save_activations
        self.assertIn("expected samples first", self.complaint(save, [1, 2], output=path))
        self.assertIn("no numbers", self.complaint(save, [[float("nan")]], output=path))
        self.assertIn("one for each row", self.complaint(save, [[1], [2]], samples=[0], output=path))
        self.assertIn("whole numbers", self.complaint(save, [[1], [2]], samples=[0.5, 1], output=path))
        self.assertIn("holds one array", self.complaint(save, [[1]], samples=[0], output=self.path("a.npy")))


@needs_torch
class TorchTests(Case):
    def test_a_model_comes_back(self):
        model = torch.nn.Sequential(torch.nn.Conv2d(3, 4, 3), torch.nn.BatchNorm2d(4))
        bobbin.save_model(model, output=self.path("m.safetensors"), metadata={"made": "here"})
        found = bobbin.load(self.path("m.safetensors"), torch=True)
        for name, value in model.state_dict().items():
            self.assertTrue(torch.equal(found[name], value), name)
        self.assertEqual(bobbin.metadata(self.path("m.safetensors")), {"made": "here"})

    def test_tensors_of_a_graph_are_saved(self):
        values = torch.ones(2, 3, requires_grad=True, dtype=torch.bfloat16) * 2
        bobbin.save_activations(values, output=self.path("a.npy"))
        self.assertEqual(bobbin.load(self.path("a.npy")).tolist(), [[2, 2, 2], [2, 2, 2]])
        bobbin.save_scores({"x": torch.tensor(0.5)}, output=self.path("s.json"))
        self.assertEqual(bobbin.load(self.path("s.json")), {"x": 0.5})


if __name__ == "__main__":
    unittest.main()
