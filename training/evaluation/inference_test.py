import contextlib

import numpy as np
import pytest
import tensorflow as tf

import models
from input_data.dataset import Dataset, DatasetInfo
from models.hparams import HParams
from models.inferred import Inferred
from training.evaluation.counts import Evaluation, gather
from training.evaluation.inference import Inference

LOGITS = np.eye(5, dtype=np.float32)[[0, 1, 2, 3, 4, 0, 1]]
TARGETS = np.array([[0], [1], [0], [3], [0], [0], [2]], np.int32)      # 4 right, 3 wrong


class FixedLogits:
    """A network that answers each image with the logits it holds."""

    hparams = HParams()

    def cache_kernels(self):
        """It has none."""
        return contextlib.nullcontext()

    def __call__(self, batch):
        return Inferred(tf.reshape(batch["images"], [-1, 5]))


def data():
    def read(numbers):
        return {"images": LOGITS[numbers].reshape(-1, 1, 5, 1), "targets": TARGETS[numbers]}

    def prepare(values, seed):
        return {**values, "target_images": values["images"][:, tf.newaxis]}

    return Dataset(DatasetInfo("answers", 1, 5, 1, 5, (), num_examples=7), "", read, prepare)


def evaluate(batch_size, limit):
    answers = Inference(FixedLogits(), batch_size).over(data(), limit)
    return Evaluation.of(gather(answers), split_examples=7, seconds=1.0)


@pytest.mark.parametrize("batch_size", [1, 3, 7, 100])
@pytest.mark.parametrize("limit, examples, wrong", [(10000, 7, 3), (5, 5, 2)])
def test_every_example_counts_once(batch_size, limit, examples, wrong):
    evaluation = evaluate(batch_size, limit)
    assert (evaluation.examples, evaluation.wrong) == (examples, wrong)
    assert evaluation.split_examples == 7
    assert evaluation.almost_wrong == wrong
    assert evaluation.reconstruction == 0 and evaluation.classification > 0
    confusion = evaluation.confusion
    assert confusion.examples.tolist() == ([4, 1, 1, 1, 0] if examples == 7 else [3, 1, 0, 1, 0])
    assert confusion.matrix[0].tolist() == [2 if examples == 7 else 1, 0, 1, 0, 1]
    assert confusion.wrong.sum() == wrong


def test_losses_do_not_depend_on_the_batches():
    by_one, by_three = (evaluate(size, 7) for size in (1, 3))
    assert by_one.classification == pytest.approx(by_three.classification, rel=1e-5)


@pytest.mark.parametrize("examples, wrong, line", [
    (10000, 25, "Total wrong predictions: 25, wrong percent: 0.25%"),
    (10000, 634, "Total wrong predictions: 634, wrong percent: 6.34%"),
    (300, 100, "Total wrong predictions: 100, wrong percent: 33.33%"),
    (10, 0, "Total wrong predictions: 0, wrong percent: 0%"),
])
def test_result_line(examples, wrong, line):
    evaluation = Evaluation(examples, examples, examples - wrong, examples, 0.0, 0.0, 1.0, None)
    assert evaluation.line() == line


def test_a_changed_network_is_evaluated_as_it_is_now(digits):
    """Kernels are transformed once an evaluation, not once and for all."""
    images, labels = digits
    images = (images[:20, ..., None] / 255).astype(np.float32)

    def read(numbers):
        return {"images": images[numbers], "targets": labels[numbers, None]}

    def prepare(values, seed):
        return {**values, "target_images": values["images"][:, tf.newaxis]}

    info = DatasetInfo("digits", 28, 28, 1, 10, (), num_examples=20)
    network = models.build("capsule", HParams(num_prime_capsules=2), info, "spectral")
    inference = Inference(network, 8)
    for scale in (1.0, 0.5):
        for variable in network.variables:
            variable.assign(scale * variable)
        found = [answer.logits for _, answer in
                 inference.over(Dataset(info, "", read, prepare), 20)]
        fresh = models.build("capsule", HParams(num_prime_capsules=2), info, "direct")
        fresh.set_weights(network.get_weights())
        np.testing.assert_allclose(np.concatenate(found), fresh({"images": images}).logits,
                                   atol=1e-5)
