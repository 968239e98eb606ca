"""What commands have in common, seen by a tiny command."""

import pytest
import tensorflow as tf
from absl import flags

from commands import command_line


def run(work, *names):
    """Runs some work as a command with whole numbers for flags."""
    values = command_line.new_flags()
    for name in names:
        flags.DEFINE_integer(name, 1, "A number.", flag_values=values)
    return command_line.run(["a/b.py"], values, bool, work, "", tensorflow=False)


def no_memory(_):
    raise MemoryError


def large_tensor(_):
    tf.zeros([10**6, 10**7]) + 1


def large_tensor_in_a_function(_):
    tf.function(lambda count: tf.reduce_sum(tf.ones([count, 10**7]) * 2))(tf.constant(10**6))


def large_constant(_):
    raise tf.errors.InvalidArgumentError(None, None, "Cannot parse tensor from proto: DT_FLOAT")


@pytest.mark.parametrize("work, names, start, end", [
    (no_memory, [], "MemoryError", ")."),
    (large_constant, [], "Cannot parse tensor from proto", ")."),
    (no_memory, ["batch_size"], "MemoryError", "; a smaller --batch_size takes less."),
    (large_tensor, [], "OOM when allocating tensor with shape[1000000,10000000]", ")."),
    (large_tensor_in_a_function, ["micro_batch", "batch_size"],
     "OOM when allocating tensor with shape[1000000,10000000]",
     "); a smaller --batch_size or --micro_batch takes less."),
])
def test_out_of_memory_is_one_line(work, names, start, end, capsys):
    assert run(work, *names) == 2
    line = capsys.readouterr().err
    assert line.startswith(f"b.py: error: Out of memory ({start}") and line.endswith(f"{end}\n")
    assert len(line) < 300


def test_a_full_disk_is_not_out_of_memory():
    def save(_):
        raise tf.errors.ResourceExhaustedError(None, None, "/x; No space left on device")

    with pytest.raises(tf.errors.ResourceExhaustedError):
        run(save)
