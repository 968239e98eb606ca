"""Writes a trained network as a small checkpoint, to keep or to give away.

    python -m training.export --checkpoint=/tmp/run/train/model.ckpt-1000 --output=network

The new checkpoint holds no optimizer state, the moving average of the weights where the training
kept one, and 16-bit numbers: a sixth or less of the space. It works like any other checkpoint.
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
# Settings that describe the network; the others name places on one machine.
KEPT = kept(Keep.ALWAYS)

FLAGS = command_line.new_flags()
flags.DEFINE_string("checkpoint", None, "The network's checkpoint.", flag_values=FLAGS)
flags.DEFINE_string("output", None, "The folder to make.", flag_values=FLAGS)
flags.DEFINE_enum("dtype", DTYPES[0], list(DTYPES), "Of the numbers written.", flag_values=FLAGS)


def export(checkpoint, output, dtype="float16"):
    """Writes a checkpoint's network, its settings and hyperparameters into a new folder.

    Args:
      checkpoint: str, the name of a checkpoint.
      output: str, the folder; it appears whole or not at all.
      dtype: "float16" or "float32".

    Returns:
      str, the name of the new checkpoint.

    Raises:
      HParamsError, RunError: if files cannot be read or written, or a number is too large for
        the dtype.
    """
    import tensorflow as tf

    from training.checkpoints.read import CHECKPOINT_NAME, StoredCheckpoint

    stored = StoredCheckpoint(checkpoint)
    output = os.path.normpath(output)
    aside = f"{output}.part-{os.getpid()}"
    try:
        os.mkdir(aside)
        try:
            _write(stored, os.path.join(aside, f"{CHECKPOINT_NAME}-{stored.step}"), dtype)
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


def _write(stored, name, dtype):
    import numpy as np
    import tensorflow as tf

    from training.checkpoints.write import nested

    variables = {}
    for path, array in stored.network_arrays().items():
        with np.errstate(over="ignore"):
            rounded = array.astype(dtype)
        if not np.isfinite(rounded).all():
            raise RunError(f"{stored.name}: {path} has numbers too large for {dtype}; "
                           "--dtype=float32 holds them.")
        variables[path] = tf.Variable(rounded)
    tf.train.Checkpoint(network=nested(variables),
                        step=tf.Variable(stored.step, dtype=tf.int64)).write(name)


def _settings(values):
    for name in ("checkpoint", "output"):
        if not values[name].value:
            raise UsageError(f"--{name} is missing.")
    if os.path.lexists(values.output):
        raise UsageError(f"--output: {values.output} is there already.")
    if not os.path.isdir(os.path.dirname(os.path.abspath(values.output))):
        raise UsageError(f"--output: there is no folder for {values.output}.")
    return values


def _main(values):
    name = export(values.checkpoint, values.output, values.dtype)
    size = sum(entry.stat().st_size for entry in os.scandir(values.output))
    print(f"Wrote {name}: {size / 1e6:.1f} MB with what is beside it.")


main = command_line.command(FLAGS, _settings, _main, __doc__)


if __name__ == "__main__":
    sys.exit(main(sys.argv))
