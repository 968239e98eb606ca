import numpy as np
import pytest

from capsules import CapsNet, ConvCapsules
from reports.drawing.receptive_fields import receptive_fields


def test_the_papers_capsules_see_17_pixels_around_every_second():
    network = CapsNet(primary_types=2, decoder=False)
    fields = receptive_fields(network.encoder, network.image_shape)
    assert (fields.first.tolist(), fields.step, fields.size) == ([8, 8], 2, 17)
    assert fields.extent(6, 6) == (7, 19, 19, 7)


@pytest.mark.parametrize("padding, hidden", [("valid", ()), ("same", ()), ("same", (3,))])
def test_a_field_is_centred_on_the_pixels_that_change_its_capsule(padding, hidden):
    layers = [ConvCapsules(2, 8, kernel_size=size) for size in hidden]
    network = CapsNet((40, 44, 1), primary_types=2, filters=8, padding=padding, hidden=layers,
                      decoder=False)
    fields = receptive_fields(network.encoder, network.image_shape)
    image = np.random.default_rng(0).random((1, 40, 44, 1), np.float32)
    row, column = 5, 7      # not at the edge
    middle = fields.first + fields.step * np.array([row, column])
    first, last = (middle + side * (fields.size - 1) / 2 for side in (-1, 1))

    def answer(*pixel):
        changed = image.copy()
        changed[0, *np.array(pixel, int)] += 1
        return np.array(network.encode(changed))[0, row, column]

    before = np.array(network.encode(image))[0, row, column]
    for inside in (first, last):
        assert np.abs(answer(*inside) - before).max() > 1e-7
    for outside in (first - 1, last + 1):
        np.testing.assert_array_equal(answer(*outside), before)
