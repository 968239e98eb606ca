import numpy as np
from PIL import Image

from capsules import CapsNet
from reports.manual import network_diagram


def test_shapes_and_parameters_are_the_networks():
    network = CapsNet((20, 20, 3), num_classes=5, filters=12, primary_types=4, atoms=6, routing=2)
    figure = network_diagram.diagram(network, np.zeros([20, 20, 3], np.float32))
    texts = [text.get_text().replace("\N{MULTIPLICATION SIGN}", "x")
             for text in figure.axes[0].texts]
    for shape in ("20x20x3", "12x12x12", "2x2x4 of 8 numbers", "5 of 6 numbers", "5x6", "512",
                  "1200"):
        assert shape in texts
    assert any("2 iterations" in text for text in texts)
    numbers = [int(text.replace(",", "")) for text in texts if text.replace(",", "").isdecimal()]
    layers = [*network.encoder, network.class_capsules, *network.decoder.dense_layers]
    assert {layer.count_params() for layer in layers} <= set(numbers)
    assert f"The capsule network: {network.count_params():,} parameters" in texts


def test_command_draws_the_network_that_comes_with_the_library(tmp_path, one_line):
    arguments = ["reports.manual.network_diagram", f"--output={tmp_path}/network.png"]
    assert network_diagram.main(arguments) == 0
    with Image.open(tmp_path / "network.png") as picture:
        assert picture.size == (2 * network_diagram.WIDTH, 2 * network_diagram.HEIGHT)
    assert network_diagram.main(arguments) == 2 and "is there already" in one_line()
    assert network_diagram.main([*arguments[:1], "--example=2000"]) == 2
    assert "--example" in one_line()
