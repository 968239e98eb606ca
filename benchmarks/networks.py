"""The measured networks: hyperparameters and sizes of images."""

from input_data.dataset import DatasetInfo
from models.hparams import HParams

CLASSES = tuple(map(str, range(10)))
INFOS = {
    "mnist": DatasetInfo("mnist", 28, 28, 1, 10, CLASSES),
    "multimnist": DatasetInfo("mnist", 36, 36, 1, 10, CLASSES, num_targets=2),
    "cifar10": DatasetInfo("cifar10", 24, 24, 3, 10, CLASSES),
}
HPARAMS = {
    "mnist": HParams(),
    "multimnist": HParams(),
    "cifar10": HParams(num_prime_capsules=64, padding="SAME", leaky=True, remake=False),
}
