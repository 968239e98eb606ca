"""Imports TensorFlow without its start-up lines on the screen."""

import contextlib
import os
import sys
import tempfile


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
    """
    if "tensorflow" in sys.modules or show_lines:
        _first_use(before_use)
        return ""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    sys.stderr.flush()
    screen = os.dup(2)
    with tempfile.TemporaryFile() as kept:
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


def _first_use(before_use):
    import keras  # noqa: F401  (the longest of the later imports)
    import tensorflow as tf

    with contextlib.suppress(RuntimeError):     # it was used before, in this process
        for gpu in tf.config.list_physical_devices("GPU"):
            # A trainer and the follower of its checkpoints can so share a card.
            tf.config.experimental.set_memory_growth(gpu, True)
    before_use()
    tf.zeros([]) + 1
    tf.zeros([], tf.float16)        # of which oneDNN has something to say, once
