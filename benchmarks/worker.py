"""A process that does one contestant's work, a few steps at a time.

    python -m benchmarks.worker

It reads lines of JSON: first the Contestant, then requests. To {"work": "train", "steps": 2} it
answers {"seconds": [0.5, 0.4], "items": 128}; to {"work": "memory"}, {"resident": 2000000000,
"device": null, "gpu": null}: the peaks in bytes of memory and of a GPU's, and the GPU's name. It
ends with its input. `benchmarks.contest` is the other end.
"""

import json
import os
import resource
import sys
import time

from commands import quiet_tensorflow


def serve(requests, answers):
    """Answers requests until there are no more.

    Args:
      requests: iterator of str, lines of JSON.
      answers: text file.
    """
    from benchmarks.contestants import Contestant, make_step

    contestant = Contestant(**json.loads(next(requests)))
    steps = {}
    for line in requests:
        request = json.loads(line)
        work = request["work"]
        if work == "memory":
            answer = peak_memory()
        else:
            if work not in steps:
                steps[work] = make_step(contestant, work)
            step, items = steps[work]
            answer = {"seconds": [_seconds(step) for _ in range(request["steps"])],
                      "items": items}
        print(json.dumps(answer), file=answers, flush=True)


def peak_memory():
    """Returns this process's peaks of memory in bytes, and the GPU's name, as the answer."""
    import tensorflow as tf

    unit = 1 if sys.platform == "darwin" else 1024
    resident = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
    device, name = None, None
    if gpus := tf.config.list_physical_devices("GPU"):
        device = tf.config.experimental.get_memory_info("GPU:0")["peak"]
        name = tf.config.experimental.get_device_details(gpus[0]).get("device_name", "GPU")
    return {"resident": resident, "device": device, "gpu": name}


def _seconds(step):
    start = time.perf_counter()
    step()
    return time.perf_counter() - start


def main():
    """Serves standard input and output."""
    # What a library prints must not come between the answers.
    with os.fdopen(os.dup(1), "w") as answers:
        os.dup2(2, 1)
        sys.stderr.write(quiet_tensorflow.load())
        serve(iter(sys.stdin), answers)


if __name__ == "__main__":
    main()
