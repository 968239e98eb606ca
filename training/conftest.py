"""What the tests of trainings share."""

import pytest

from training import loop


@pytest.fixture
def steps(monkeypatch):
    """The steps that were trained, as they come; `steps.then[n] = action` is done after step n."""
    make_step, found = loop.make_train_step, Steps()

    def noting(network, optimizer, **options):
        step = make_step(network, optimizer, **options)

        def noted(*arguments):
            outcome = step(*arguments)
            found.append(int(optimizer.iterations.numpy()))
            found.then.pop(found[-1], lambda: None)()
            return outcome

        return noted

    monkeypatch.setattr(loop, "make_train_step", noting)
    return found


class Steps(list):
    """Numbers of steps, and what is to be done after some of them."""

    def __init__(self):
        super().__init__()
        self.then = {}
