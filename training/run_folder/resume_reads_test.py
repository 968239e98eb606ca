"""Resuming costs no replaying: what is read does not depend on the step it goes on from."""

import pytest

import experiment
import input_data
import models
from input_data.pipeline import training_batches
from models.hparams import HParams
from training.checkpoints.write import CheckpointWriter
from training.optimizer import make_optimizer

SMALL = "num_prime_capsules=1,routing=1,remake=false"
BATCH, STEPS = 4, 2
PREFETCHED = 4      # batches that may be made ahead


@pytest.fixture
def reads(monkeypatch):
    """The numbers of the examples that the pipeline reads, by call."""
    load, found = input_data.load, []

    def counting(*arguments, **options):
        data = load(*arguments, **options)

        def read(numbers):
            found.append([int(number) for number in numbers])
            return data.read(numbers)

        return type(data)(data.info, data.source, read, data.prepare)

    monkeypatch.setattr(input_data, "load", counting)
    return found


def start(folder, step):
    """Leaves a checkpoint of a step, as a training does; the variables do not matter."""
    info = input_data.load("mnist", None, "train").info
    network = models.build("capsule", HParams().override(SMALL), info)
    optimizer = make_optimizer(network)
    optimizer.iterations.assign(step)
    (folder / "train").mkdir()
    CheckpointWriter(str(folder / "train"), network, optimizer, keep=1).save()


@pytest.mark.parametrize("step", [100, 50_000, 10**9])
def test_a_later_step_reads_no_more(tmp_path, reads, step):
    start(tmp_path, step)
    reads.clear()
    assert experiment.main(["experiment.py", f"--summary_dir={tmp_path}", f"--batch_size={BATCH}",
                            f"--hparams_override={SMALL}", f"--max_steps={step + STEPS}"]) == 0
    first, *batches = reads
    assert first == [0]         # its shapes are the batches' shapes
    assert STEPS <= len(batches) <= STEPS + PREFETCHED
    # And these are the batches of an uninterrupted training: any one follows from its number.
    reads.clear()
    data = input_data.load("mnist", None, "train")
    list(training_batches(data, BATCH, 0, step + 1).take(1))
    assert reads[1] == batches[1]
