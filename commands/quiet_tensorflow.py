"""Imports TensorFlow without its start-up lines on the screen."""

import contextlib
import os
import sys
import tempfile

from commands.errors import UsageError

# The settings of Keras that the networks need, named as in keras.json and keras.config.
KERAS = {"backend": "tensorflow", "floatx": "float32", "image_data_format": "channels_last"}


def load(show_lines=False, before_use=lambda: None):
    """Imports TensorFlow and Keras and uses them once.

    TensorFlow prints its first lines to file descriptor 2 before it reads any of its settings, so
    the descriptor is redirected meanwhile.

    Args:
      show_lines: whether to show the lines after all.
      before_use: function to call between import and first use, when devices can be chosen.

    Returns:
      str, the hidden lines, to be shown if the program fails.

    Raises:
      UsageError: if Keras has settings that the networks cannot use, or there is no folder for
        temporary files.
    """
    if "tensorflow" in sys.modules or show_lines:
        _first_use(before_use)
        return ""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    with _temporary_file() as kept:
        screen = os.dup(2)
        os.dup2(kept.fileno(), 2)
        try:
            _first_use(before_use)
        except Exception as error:
            kept.seek(0)
            error.add_note(kept.read().decode(errors="replace"))    # shown with a traceback
            raise
        finally:
            sys.stderr.flush()
            os.dup2(screen, 2)
            os.close(screen)
        kept.seek(0)
        return kept.read().decode(errors="replace")


def _temporary_file():
    try:
        return tempfile.TemporaryFile()
    except OSError as error:    # AutoGraph needs one, too
        raise UsageError(f"No folder for temporary files can be used ({error.strerror}); set "
                         "TMPDIR to one.") from None


def _first_use(before_use):
    os.environ.setdefault("KERAS_BACKEND", KERAS["backend"])    # overrides keras.json
    _check_keras("backend", os.environ["KERAS_BACKEND"])        # before an import that may fail
    import keras
    import tensorflow as tf

    for name in KERAS:
        _check_keras(name, getattr(keras.config, name)())
    with contextlib.suppress(RuntimeError):     # TensorFlow was in use before
        for gpu in tf.config.list_physical_devices("GPU"):
            # So a training and the follower of its checkpoints can share a card.
            tf.config.experimental.set_memory_growth(gpu, True)
    before_use()
    tf.zeros([]) + 1
    tf.zeros([], tf.float16)        # oneDNN prints a line on its first use


def _check_keras(name, found):
    if found != KERAS[name]:
        where = "KERAS_BACKEND" if name == "backend" else f"{name} in keras.json, in ~/.keras,"
        raise UsageError(f"Keras: expected {name} {KERAS[name]}, found {found}; set {where} to "
                         f"{KERAS[name]}.")
