"""The tab HParams of TensorBoard, as its own plugin reads it from a run's folder."""

import json
import urllib.parse

import pytest
import tensorflow as tf
from tensorboard.backend.event_processing.data_provider import MultiplexerDataProvider
from tensorboard.backend.event_processing.plugin_event_multiplexer import EventMultiplexer
from tensorboard.plugins import base_plugin
from tensorboard.plugins.hparams.hparams_plugin import HParamsPlugin
from werkzeug.test import Client

from training.config import Config
from training.evaluation.follow import follow
from training.monitoring import hparams_tab
from training.run_folder import contents
from training.train import train


def rows(folder):
    """Returns the tab's rows: (hyperparameters, metrics) of each."""
    events = EventMultiplexer()
    events.AddRunsFromDirectory(str(folder))
    events.Reload()
    provider = MultiplexerDataProvider(events, str(folder))
    plugin = HParamsPlugin(base_plugin.TBContext(data_provider=provider, logdir=str(folder)))
    apps = plugin.get_plugin_apps()

    def ask(route, **request):
        query = urllib.parse.urlencode({"request": json.dumps(request)})
        answer = Client(apps[route]).get(f"{route}?{query}")
        assert answer.status_code == 200, answer.text
        return json.loads(answer.text)

    columns = ask("/experiment")
    groups = ask("/session_groups", startIndex=0, sliceSize=10,
                 allowedStatuses=["STATUS_UNKNOWN"])["sessionGroups"]
    names = {info["name"]["tag"]: info.get("displayName") for info in columns["metricInfos"]}
    assert names == {"hparams/" + name: words for name, words in hparams_tab.METRICS.items()}
    return [(group["hparams"], {value["name"]["tag"]: value["value"]
                                for value in group["metricValues"]}) for group in groups]


@pytest.fixture(scope="module")
def folder(tmp_path_factory, digits):
    """Two runs of one step; the first is evaluated."""
    folder = tmp_path_factory.mktemp("runs")
    for number in range(2):
        settings = Config(
            summary_dir=str(folder / f"run{number}"), max_steps=1, batch_size=2, seed=number,
            hparams_override=f"num_prime_capsules=2,routing={number + 1},leaky=true")
        assert train(settings) is None
    assert follow(Config(train=False, summary_dir=str(folder / "run0"), eval_size=10,
                         patience_minutes=0)) is None
    return folder


def test_each_run_has_one_row(folder):
    first, second = sorted(rows(folder), key=lambda row: row[0]["seed"])
    assert first[0]["routing"] == 1 and second[0]["routing"] == 2
    assert first[0]["leaky"] is True and first[0]["padding"] == "VALID"
    assert first[0]["model"] == "capsule" and first[0]["batch_size"] == 2
    assert first[0]["learning_rate"] == 0.001
    assert set(first[1]) == {"hparams/" + name for name in hparams_tab.METRICS}
    assert set(second[1]) == {"hparams/training_loss"}


def test_a_row_holds_what_the_run_found(folder):
    (_, metrics), = rows(folder / "run0")
    result = contents.read(str(folder / "run0" / "test"), contents.RESULT)
    assert metrics["hparams/evaluation_error"] == pytest.approx(result["wrong_percent"])
    with open(folder / "run0" / "train" / "history.csv") as file:
        header, last = (line.strip().split(",") for line in file.readlines())
    loss = dict(zip(header, last))["total_loss"]
    assert metrics["hparams/training_loss"] == pytest.approx(float(loss), rel=1e-5)
    assert metrics["hparams/evaluation_loss"] != metrics["hparams/training_loss"]


def test_a_folder_without_settings_has_no_row(tmp_path):
    with tf.summary.create_file_writer(str(tmp_path / "test")).as_default(0):
        hparams_tab.write_row(str(tmp_path / "test"), str(tmp_path))
    assert hparams_tab._values(str(tmp_path)) is None
