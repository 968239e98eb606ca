"""Imports TensorFlow without its start-up lines on the screen."""

import contextlib
import os
import sys
import tempfile

from commands.errors import UsageError

# What Keras has to be set to, by the names in keras.json and in keras.config.
KERAS = {"backend": "tensorflow", "floatx": "float32", "image_data_format": "channels_last"}


def load(show_lines=False, before_use=lambda: None):
    """Imports TensorFlow and Keras and uses them once, so that later imports are free.

    The first lines that TensorFlow prints go straight to file descriptor 2, before any of its
    settings are read: only the descriptor itself, pointing elsewhere, keeps them away.

    Args:
      show_lines: whether the lines are shown after all.
      before_use: function that is called between import and first use, when devices can still be
        chosen.

    Returns:
      str, the lines kept away: what to show when the program ends badly.

    Raises:
      UsageError: if Keras is set to what the project's networks cannot take, or no folder for
        temporary files can be used.
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
            error.add_note(kept.read().decode(errors="replace"))    # shown if a traceback is
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
    except OSError as error:    # TensorFlow needs such a folder, too, for what AutoGraph writes
        raise UsageError(f"No folder for temporary files can be used ({error.strerror}); set "
                         "TMPDIR to one.") from None


def _first_use(before_use):
    os.environ.setdefault("KERAS_BACKEND", KERAS["backend"])    # whatever keras.json says
    _check_keras("backend", os.environ["KERAS_BACKEND"])        # others may not be installed
    import keras
    import tensorflow as tf

    for name in KERAS:
        _check_keras(name, getattr(keras.config, name)())
    with contextlib.suppress(RuntimeError):     # it was used before, in this process
        for gpu in tf.config.list_physical_devices("GPU"):
            # A trainer and the follower of its checkpoints can so share a card.
            tf.config.experimental.set_memory_growth(gpu, True)
    before_use()
    tf.zeros([]) + 1
    tf.zeros([], tf.float16)        # of which oneDNN has something to say, once


def _check_keras(name, found):
    if found != KERAS[name]:
        where = "KERAS_BACKEND" if name == "backend" else f"{name} in keras.json, in ~/.keras,"
        raise UsageError(f"Keras: expected {name} {KERAS[name]}, found {found}; set {where} to "
                         f"{KERAS[name]}.")
