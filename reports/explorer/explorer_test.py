"""The page in a browser: what it computes is TensorFlow's, and everybody can use it."""

import base64
import dataclasses
import io
import json
import re

import numpy as np
import pytest
from PIL import Image
from scipy import ndimage

from reports import trained_network
from reports.conftest import PAIRS
from reports.drawing import picture_files
from reports.explorer import browser
from reports.explorer.browser import answer_time, draw, find, find_all, until, wait
from reports.explorer.page import halved, page
from training.config import Config
from training.monitoring.routing_maps import routing_maps

pytestmark = pytest.mark.skipif(browser.missing() is not None, reason=str(browser.missing()))

SEVEN = [(0.3, 0.2), (0.5, 0.2), (0.7, 0.2), (0.6, 0.5), (0.5, 0.85)]


def write(config, path, examples):
    """Writes a page; returns the network with the weights as stored there, and the test images."""
    network, data = trained_network.load(dataclasses.replace(config, precision="float32"))
    made = page(network, data, examples)
    path.write_text(made.html(), encoding="utf-8")
    for name, variable in network.variable_paths().items():
        variable.assign(halved(name, variable.numpy()).astype(np.float32))
    return network, made.images[..., np.newaxis]


def lengths(driver):
    return [float(meter.get_attribute("aria-valuenow")) for meter in find_all(driver, ".track")]


def pixels(driver, selector):
    """The ink on a canvas, float [height, width] in [0, 1]."""
    url = driver.execute_script(
        "return document.querySelector(arguments[0]).toDataURL();", selector)
    with Image.open(io.BytesIO(base64.b64decode(url.partition(",")[2]))) as image:
        return np.asarray(image)[..., 3] / 255


def shares_and_lengths(driver):
    """What the maps' labels say: percentages of the votes, and lengths of the capsules."""
    labels = [picture.get_attribute("aria-label") for picture in find_all(driver, "#maps canvas")]
    found = [re.fullmatch(r"Class \w+: (.*) % of the votes in iteration \d+, length (.*)", label)
             for label in labels]
    return np.array([[float(number) for number in label.groups()] for label in found]).T


def assert_quiet(driver):
    """Nothing was written to the console, and nothing asked for from outside the page."""
    assert driver.get_log("browser") == []
    messages = [json.loads(entry["message"])["message"] for entry in driver.get_log("performance")]
    addresses = [message["params"]["request"]["url"] for message in messages
                 if message["method"] == "Network.requestWillBeSent"]
    assert addresses
    assert {address.partition(":")[0] for address in addresses} <= {"file", "data", "blob"}


@pytest.fixture(scope="module")
def shipped(tmp_path_factory):
    """The page of the network that ships, open in a browser, with network and images."""
    path = tmp_path_factory.mktemp("explorer") / "page.html"
    checkpoint = trained_network.shipped_checkpoint("mnist_small")
    network, images = write(Config(train=False, checkpoint=checkpoint), path, 20)
    with browser.opened(path) as driver:
        yield driver, network, images


@pytest.fixture
def driver(shipped):
    """The page of the network that ships, with nothing drawn."""
    driver, _, _ = shipped
    driver.refresh()
    wait(driver)
    return driver


def assert_same_as_tensorflow(driver, network, images):
    """Compares the page with a network for all its test images: answers, pictures, routing."""
    inferred, maps = network({"images": images}), routing_maps(network, images)
    buttons, times = find_all(driver, "#examples button"), []
    assert len(buttons) == len(images)
    for number, button in enumerate(buttons):
        button.click()
        wait(driver)
        times.append(answer_time(driver))
        expected = inferred.logits[number].numpy()
        np.testing.assert_allclose(lengths(driver), expected, atol=1e-3)
        names = [str(target) for target in np.argsort(-expected)[:network.num_targets]]
        assert find(driver, "#verdict").text.startswith(f"Read as {' and '.join(names)}, length")
        for place, figure in enumerate(find_all(driver, ".reconstruction")):
            assert figure.text.endswith(f"({names[place]})")
            np.testing.assert_allclose(
                pixels(driver, f".reconstruction:nth-of-type({2 + place}) canvas"),
                inferred.reconstructions[number, place, ..., 0], atol=1.01 / 255)
    for iteration, choice in enumerate(find_all(driver, "#iterations button")):
        choice.click()
        shares, lengths_now = shares_and_lengths(driver)
        expected = 100 * maps.shares()[iteration, -1].mean(axis=(1, 2))
        np.testing.assert_allclose(shares, expected, atol=0.051)
        np.testing.assert_allclose(lengths_now, maps.lengths[iteration, -1], atol=0.006)
    assert iteration + 1 == network.hparams.routing
    assert 0 < np.median(times) < 1500          # on a busy machine; about 50 on others
    assert_quiet(driver)


def test_the_page_reads_twenty_test_digits_as_tensorflow_does(shipped):
    assert_same_as_tensorflow(*shipped)


@pytest.mark.parametrize("overrides, data", [
    ("leaky=true,routing=2", {}),
    ("padding=SAME,remake=false,routing=1", {}),
    ("routing=3", dict(data_dir=PAIRS, num_targets=2)),
])
def test_other_networks_are_computed_as_by_tensorflow(untrained, tmp_path, overrides, data):
    path = tmp_path / "page.html"
    config = trained_network.of_checkpoint(untrained(overrides, **data), **data)
    network, images = write(config, path, 2)
    with browser.opened(path) as driver:
        assert_same_as_tensorflow(driver, network, images)
        assert find(driver, "#dimensions").is_displayed() == (network.decoder is not None)
        assert find(driver, "#prepare-row").is_displayed() == (network.num_targets == 1)


def test_a_drawing_is_prepared_as_in_python_and_read(driver):
    draw(driver, SEVEN)
    wait(driver)
    expected = picture_files.as_digit(pixels(driver, "#pad").astype(np.float32), 28, 28)
    found = pixels(driver, "#input")
    assert np.abs(found - expected).mean() < 0.01
    np.testing.assert_allclose(ndimage.center_of_mass(found), ndimage.center_of_mass(expected),
                               atol=0.2)
    assert find(driver, "#verdict").text.startswith("Read as 7, length 0.")
    until(lambda: find(driver, "#spoken").get_attribute("textContent") ==
          find(driver, "#verdict").text)
    find(driver, "#prepare").click()
    wait(driver)
    assert np.abs(pixels(driver, "#input") - found).mean() > 0.01
    find(driver, "#clear").click()
    wait(driver)
    assert find(driver, "#verdict").text == "Nothing drawn yet"
    assert_quiet(driver)


def test_the_keyboard_draws_chooses_iterations_and_turns_dimensions(driver):
    def pressed(selector, *keys):
        find(driver, selector).send_keys(*keys)
        wait(driver)

    pressed("#pad", " ", *[browser.DOWN] * 14, " ")      # a stroke downwards
    assert find(driver, "#verdict").text.startswith("Read as 1,")
    pressed("#iterations button", browser.ENTER)
    np.testing.assert_array_equal(shares_and_lengths(driver)[0], 10)
    assert find(driver, "#iterations button").get_attribute("aria-pressed") == "true"
    decoded = pixels(driver, "#turned")
    pressed("#sliders input", *[browser.RIGHT] * 30)
    assert np.abs(pixels(driver, "#turned") - decoded).max() > 0.05
    pressed("#reset", browser.ENTER)
    np.testing.assert_array_equal(pixels(driver, "#turned"), decoded)
    pressed("#capsule", "of 8")
    assert np.abs(pixels(driver, "#turned") - decoded).max() > 0.05
    pressed("#pad", browser.DELETE)
    assert pixels(driver, "#pad").max() == 0
    pressed("#examples button:nth-of-type(4)", " ")
    assert find(driver, "#verdict").text.startswith("Read as 3,")
    assert_quiet(driver)


def test_every_control_and_picture_has_a_name(driver):
    find(driver, "#examples button").click()
    wait(driver)
    controls = find_all(driver, "button, input, select, [role=img], [role=meter], #pad")
    names = [control.accessible_name for control in controls]
    assert len(names) > 60 and all(names)
    assert "Dimension 16" in names and "Test image" in " ".join(names)
