"""Writes a trained network as a small checkpoint, to keep or to give away.

    python -m training.export --checkpoint=/tmp/run/train/model.ckpt-1000 --output=network

The new checkpoint holds no optimizer state, the moving average of the weights where the training
kept one, and 16-bit numbers: a sixth or less of the space. It works like any other checkpoint.
With --format=reference it is one that the reference restores, to evaluate it or to train it on:
32-bit numbers under the reference's names, with the state of an Adam that starts afresh.
"""

import os
import shutil
import sys

from absl import flags

from commands import command_line
from commands.errors import RunError, UsageError, reason
from training.config import Keep, kept
from training.run_folder import contents

DTYPES = ("float16", "float32")
FORMATS = {"own": "float16", "reference": "float32"}        # each with its usual dtype
# Settings that describe the network; the others name places on one machine.
KEPT = kept(Keep.ALWAYS)

FLAGS = command_line.new_flags()
flags.DEFINE_string("checkpoint", None, "The network's checkpoint.", flag_values=FLAGS)
flags.DEFINE_string("output", None, "The folder to make.", flag_values=FLAGS)
flags.DEFINE_enum("format", "own", list(FORMATS), "Whose checkpoint to write.", flag_values=FLAGS)
flags.DEFINE_enum("dtype", None, list(DTYPES), "Of the numbers written. Without it: float16, and "
                  "float32 with --format=reference.", flag_values=FLAGS)


def export(checkpoint, output, file_format="own", dtype=None):
    """Writes a checkpoint's network, its settings and hyperparameters into a new folder.

    Args:
      checkpoint: str, the name of a checkpoint.
      output: str, the folder; it appears whole or not at all.
      file_format: "own", or "reference" for a checkpoint that the reference restores.
      dtype: "float16", "float32" (the reference reads no other), or None for the usual one of
        the format.

    Returns:
      str, the name of the new checkpoint.

    Raises:
      HParamsError, RunError: if files cannot be read or written, a number is too large for the
        dtype, or the reference has no such network.
    """
    import tensorflow as tf

    from training.checkpoints.read import CHECKPOINT_NAME, StoredCheckpoint

    write = {"own": _write_own, "reference": _write_reference}[file_format]
    stored = StoredCheckpoint(checkpoint)
    arrays = _arrays(stored, dtype or FORMATS[file_format])
    output = os.path.normpath(output)
    aside = f"{output}.part-{os.getpid()}"
    try:
        os.mkdir(aside)
        try:
            write(stored, arrays, os.path.join(aside, f"{CHECKPOINT_NAME}-{stored.step}"))
            for name, kept in ((contents.FLAGS, KEPT), (contents.DATASET, None)):
                values = contents.read(stored.folder, name)
                if values is not None:
                    contents.write(aside, name, {key: value for key, value in values.items()
                                                  if kept is None or key in kept})
            hparams = contents.read_hparams(stored.folder)
            if hparams is not None:
                contents.write_text(aside, contents.HPARAMS, hparams.to_json())
            os.rename(aside, output)
        finally:
            shutil.rmtree(aside, ignore_errors=True)
    except (OSError, tf.errors.OpError) as error:
        raise RunError(f"--output: {output} cannot be written ({reason(error)}).") from None
    return os.path.join(output, f"{CHECKPOINT_NAME}-{stored.step}")


def _arrays(stored, dtype):
    """Returns a checkpoint's network in a dtype, as {path: NumPy array}."""
    import numpy as np

    arrays = {}
    for path, array in stored.network_arrays().items():
        with np.errstate(over="ignore"):
            arrays[path] = array.astype(dtype) if array.dtype.kind == "f" else array
        if not np.isfinite(arrays[path]).all():
            raise RunError(f"{stored.name}: {path} has numbers too large for {dtype}; "
                           "--dtype=float32 holds them.")
    return arrays


def _write_own(stored, arrays, name):
    import tensorflow as tf

    from training.checkpoints.write import nested

    variables = {path: tf.Variable(array) for path, array in arrays.items()}
    tf.train.Checkpoint(network=nested(variables),
                        step=tf.Variable(stored.step, dtype=tf.int64)).write(name)


def _write_reference(stored, arrays, name):
    """Writes a name-based checkpoint, and the state file in which the reference looks for it."""
    import tensorflow as tf

    from training.checkpoints import tf1_names

    hparams = contents.read_hparams(stored.folder)
    if hparams is not None and hparams.routing_type != "dynamic":
        raise RunError(f"{stored.name}: the reference has dynamic routing alone, found "
                       f"routing_type={hparams.routing_type}.")
    layers = tf1_names.layers(arrays)
    if layers not in tf1_names.NETWORKS:
        raise RunError(f"{stored.name}: the reference has capsule and baseline networks, none with "
                       f"the layers {', '.join(sorted(layers))}.")
    tensors = tf1_names.tensors(arrays, stored.step)
    tf.raw_ops.SaveV2(prefix=name, tensor_names=list(tensors),
                      shape_and_slices=[""] * len(tensors), tensors=list(tensors.values()))
    folder, name = os.path.split(name)
    contents.write_text(folder, contents.STATE, f'model_checkpoint_path: "{name}"\n'
                                                f'all_model_checkpoint_paths: "{name}"\n')


def _settings(values):
    for name in ("checkpoint", "output"):
        if not values[name].value:
            raise UsageError(f"--{name} is missing.")
    if os.path.lexists(values.output):
        raise UsageError(f"--output: {values.output} is there already.")
    if not os.path.isdir(os.path.dirname(os.path.abspath(values.output))):
        raise UsageError(f"--output: there is no folder for {values.output}.")
    if values.format == "reference" and values.dtype == "float16":
        raise UsageError("--dtype: the reference reads float32 alone.")
    return values


def _main(values):
    name = export(values.checkpoint, values.output, values.format, values.dtype)
    size = sum(entry.stat().st_size for entry in os.scandir(values.output))
    print(f"Wrote {name}: {size / 1e6:.1f} MB with what is beside it.")


main = command_line.command(FLAGS, _settings, _main, __doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
