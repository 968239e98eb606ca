"""The wall time of a training, and its speed."""

import time

SECONDS = "seconds"                         # wall time of the training so far, over all its starts
IMAGES_PER_SECOND = "images_per_second"     # since the last row of history.csv
WALL_TIME = (SECONDS, IMAGES_PER_SECOND)    # what differs between trainings that are the same


class Clock:
    """Measures the wall time of a training, with everything it does between steps.

    Args:
      step: int, the last step that was taken.
      seconds: float, the wall time up to that step.
      batch_size: int.
    """

    def __init__(self, step, seconds, batch_size):
        self._step, self._batch_size = step, batch_size
        self._lap_began = time.monotonic()
        self._began = self._lap_began - seconds

    def lap(self, step):
        """Returns the values of WALL_TIME after a step; images count from the call before."""
        now = time.monotonic()
        images = (step - self._step) * self._batch_size
        speed = images / (now - self._lap_began)
        self._step, self._lap_began = step, now
        return {SECONDS: round(now - self._began, 2), IMAGES_PER_SECOND: round(speed, 2)}
