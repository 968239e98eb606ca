"""What the tests of trainings share."""

import pytest

from training.loop import Hook


class Steps(Hook, list):
    """A hook that notes the steps as they come, and does `then[n]` after step n."""

    def __init__(self):
        super().__init__()
        self.then = {}

    def after_step(self, step, metrics):
        self.append(step)
        self.then.pop(step, lambda: None)()


@pytest.fixture
def steps():
    """The steps that were trained, for `experiment.main(argv, steps)`."""
    return Steps()
