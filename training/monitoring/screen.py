"""Shows a run's data, network, progress and warnings on the screen."""

import sys
import threading
import time

from tqdm import tqdm

from models.hparams import parse_overrides


def show_data(data):
    """Prints the source, number and size of a Dataset's images."""
    info = data.info
    print(f"Data: {data.source}: {info.num_examples} images of "
          f"{info.height}x{info.width}x{info.depth}.")
    for note in data.notes:
        print(note)


def show_network(network):
    """Prints a Network's convolutions, a table of its variables, and their total size."""
    for name, convolution in network.convolutions().items():
        print(f"{name}: {convolution.algorithm} convolution ({convolution.reason}).")
    for layer in network.layers:
        if hasattr(layer, "chosen_implementation"):
            print(f"{layer.name}: {layer.chosen_implementation} routing.")
    paths = network.variable_paths()
    width = max(map(len, paths))
    for path, variable in paths.items():
        print(f"{path:{width}}  {'x'.join(map(str, variable.shape)):>14}")
    print(f"total_params: {network.count_params()}", flush=True)


def compile_routing(network):
    """Compiles fused routing, if a network has it, and says so where that takes long."""
    if any(getattr(layer, "chosen_implementation", None) == "fused" for layer in network.layers):
        from capsules.routing import fused

        start = time.monotonic()
        line = threading.Timer(1, print, ["Numba compiles the routing, once for this machine."],
                               {"flush": True})
        line.start()
        fused.compile_now()
        line.cancel()
        if time.monotonic() - start > 1:
            print(f"Compiled in {time.monotonic() - start:.0f} seconds.", flush=True)


def bar(what, total, done=0):
    """Returns a tqdm bar that counts images.

    Args:
      what: str, its label, or None for no bar.
      total: int, number of images.
      done: int, number of images of earlier starts.
    """
    # A log file gets a line now and then instead of a redrawn bar.
    interval = 0.5 if sys.stderr.isatty() else 30
    return tqdm(total=total, initial=done, desc=what, unit=" images", unit_scale=True,
                mininterval=interval, maxinterval=interval, dynamic_ncols=True,
                file=sys.stderr, disable=what is None)


def warn(text):
    """Shows a warning of one line, above any bar."""
    tqdm.write("Warning: " + " ".join(text.split()), file=sys.stderr)


def warn_of_unused(network, overrides):
    """Warns of overrides, "key=value,key=value", that have no effect on a Network."""
    unused = network.unused(parse_overrides(overrides), network.hparams)
    if unused:
        warn(f"--hparams_override: {', '.join(unused)}: without effect on the network "
             f"{network.name}.")
