"""TensorFlow is imported quietly, or one line says why not."""

import json
import os
import subprocess
import sys
import tempfile

import keras
import pytest

from commands import command_line, quiet_tensorflow
from commands.errors import UsageError
from conftest import ROOT


def test_another_backend_is_refused_before_keras_is_imported(monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "torch")
    with pytest.raises(UsageError, match="found torch; set KERAS_BACKEND to tensorflow"):
        quiet_tensorflow.load()


@pytest.mark.parametrize("name, found", [
    ("floatx", "float16"), ("floatx", "float64"), ("image_data_format", "channels_first")])
def test_other_settings_of_keras_are_refused(monkeypatch, name, found):
    monkeypatch.setattr(keras.config, name, lambda: found)
    with pytest.raises(UsageError, match=rf"expected {name} .*, found {found}; set .* keras\.json"):
        quiet_tensorflow.load()


def test_the_users_own_file_is_read_and_its_backend_does_not_matter(tmp_path):
    (tmp_path / "keras.json").write_text(json.dumps({"backend": "jax", "floatx": "float16"}))
    code = ("import sys; from commands import command_line; sys.exit(command_line.run(['b.py'], "
            "command_line.new_flags(), bool, print, ''))")
    environment = {name: value for name, value in os.environ.items() if name != "KERAS_BACKEND"}
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True,
                          check=False, env={**environment, "KERAS_HOME": str(tmp_path)})
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == ("b.py: error: Keras: expected floatx float32, found float16; set floatx "
                           "in keras.json, in ~/.keras, to float32.\n")


def test_without_a_folder_for_temporary_files_one_line_says_so(monkeypatch, capsys):
    monkeypatch.delitem(sys.modules, "tensorflow")      # as before it is imported
    monkeypatch.setattr(tempfile, "tempdir", "/nowhere")
    assert command_line.run(["b.py"], command_line.new_flags(), bool, print, "") == 2
    assert capsys.readouterr().err == (
        "b.py: error: No folder for temporary files can be used (No such file or directory); set "
        "TMPDIR to one.\n")
