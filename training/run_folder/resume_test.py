import pytest

from commands.errors import RunError, UsageError
from input_data.dataset import Dataset, DatasetInfo
from models.hparams import HParams
from training.config import Config
from training.run_folder import contents, resume, trained_data
from training.run_folder.resume import StoredRun

STORED = {"model": "mlp", "dataset": "mnist", "num_targets": 1, "seed": 3, "batch_size": 8,
          "micro_batch": 4, "validate": True, "shift": None, "hparams_override": "verbose=true",
          "data_dir": None, "save_step": 7, "checkpoint": None}


def training(**asked):
    run = StoredRun("run", STORED, HParams(loss_type="softmax", verbose=True))
    return resume.for_training(Config(summary_dir="x", **asked), run)


def evaluation(*runs, **asked):
    runs = [StoredRun(f"run{number}", run) for number, run in enumerate(runs)]
    return resume.for_evaluation(Config(train=False, checkpoint="x", **asked), runs)


def test_a_resumed_training_keeps_what_its_start_decided():
    config, hparams = training()
    assert (config.model, config.seed, config.batch_size, config.validate) == ("mlp", 3, 8, True)
    assert (config.micro_batch, config.hparams_override) == (4, "verbose=true")
    assert (config.save_step, config.keep_checkpoints) == (7, 1000)
    assert config.max_steps == 1000     # belongs to one start
    assert hparams.loss_type == "softmax"
    assert training(micro_batch=2)[0].micro_batch == 2
    assert training(seed=3, hparams_override="verbose=true")[0].seed == 3


@pytest.mark.parametrize("asked, message", [
    ({"seed": 4}, "run was started with --seed=3, found --seed=4; give the same"),
    ({"shift": 1}, "started with no --shift, found --shift=1"),
    ({"model": "cnn"}, "--model=mlp, found --model=cnn"),
    ({"checkpoint": "other"}, "started with no --checkpoint, found --checkpoint=other"),
    ({"hparams_override": "verbose=false"}, "verbose=True, found --hparams_override"),
])
def test_a_resumed_training_refuses_another_start(asked, message):
    with pytest.raises(RunError, match=message):
        training(**asked)


def test_a_new_training_takes_the_defaults():
    config, hparams = resume.for_training(Config(summary_dir="x"), None)
    assert (config.model, config.dataset, config.seed, config.batch_size) == (
        "capsule", "mnist", 0, 128)
    assert (config.precision, config.validate, hparams) == ("float32", False, HParams())


def test_an_evaluation_takes_network_and_data_from_the_run(tmp_path):
    config = evaluation({**STORED, "num_targets": 2, "data_dir": str(tmp_path),
                         "validation_fraction": 0.1})
    assert (config.model, config.num_targets, config.data_dir) == ("mlp", 2, str(tmp_path))
    assert (config.validation_fraction, config.validate) == (0.1, False)
    assert (config.batch_size, config.max_steps) == (None, None)    # its own
    assert evaluation({}).model == "capsule"        # a folder without flags.json


@pytest.mark.parametrize("asked, message", [
    ({"model": "cnn"}, "run0: trained with --model=mlp, found --model=cnn"),
    ({"num_targets": 2}, "trained with --num_targets=1, found --num_targets=2"),
    ({"validation_seed": 1}, "trained with no --validation_seed, found --validation_seed=1: "
                             "images that were trained on"),
])
def test_an_evaluation_refuses_another_network(asked, message):
    with pytest.raises(RunError, match=message):
        evaluation(STORED, **asked)


def test_an_ensembles_members_have_to_agree():
    with pytest.raises(RunError, match="run1: trained with --model=cnn, found --model=mlp"):
        evaluation(STORED, {**STORED, "model": "cnn"})
    with pytest.raises(RunError, match="run1: trained with --validation_seed=2, found no"):
        evaluation(STORED, {**STORED, "validation_seed": 2})


def test_records_that_were_trained_on_are_not_evaluated(tmp_path):
    records = tmp_path / "train.tfrecords"
    records.touch()
    run = {**STORED, "data_dir": str(records)}
    with pytest.raises(RunError, match=r"run0: trained on the records .*; name those to evaluate"):
        evaluation(run)
    with pytest.raises(RunError, match=r"run0: trained on the records .*; an evaluation needs"):
        evaluation(run, data_dir=str(records))
    assert evaluation(run, data_dir=str(tmp_path)).data_dir == str(tmp_path)


def data(num_examples=60, kind="IDX files", classes=2):
    names = tuple(map(str, range(classes)))
    return Dataset(DatasetInfo("mnist", 8, 8, 1, classes, names, num_examples=num_examples), "here",
                   None, None, kind=kind)


def test_data_to_resume_with_are_the_same(tmp_path):
    trained_data.write(str(tmp_path), data())
    run = resume.read(str(tmp_path))
    trained_data.check(run, data(), resuming=True)
    trained_data.check(run, data(num_examples=20, kind="records"))      # to evaluate
    for other, message in ((data(num_examples=540), "60 examples of IDX files, found 540 exam"),
                           (data(kind="records"), "found 60 examples of records in here"),
                           (data(classes=3), "number 2 was none, found 2")):
        with pytest.raises(RunError, match=message):
            trained_data.check(run, other, resuming=True)


def test_what_was_broken_on_the_way_may_be_left_out(tmp_path):
    trained_data.write(str(tmp_path), data())
    run = resume.read(str(tmp_path))
    trained_data.check(run, data(num_examples=59), resuming=True, skip_broken=True)
    with pytest.raises(RunError, match="found 59 examples"):
        trained_data.check(run, data(num_examples=59), resuming=True)
    with pytest.raises(RunError, match="found 61 examples"):
        trained_data.check(run, data(num_examples=61), resuming=True, skip_broken=True)


def test_a_folder_of_data_that_has_gone_is_named(tmp_path):
    with pytest.raises(UsageError, match=f"there is no folder or file {tmp_path}/gone"):
        evaluation({**STORED, "data_dir": f"{tmp_path}/gone"})


def test_a_run_of_before_says_nothing_of_the_kind(tmp_path):
    contents.write(str(tmp_path), contents.DATASET, {"height": 8, "width": 8, "depth": 1,
                                                     "class_names": ["0", "1"]})
    trained_data.check(resume.read(str(tmp_path)), data(), resuming=True)


@pytest.mark.parametrize("name", [*contents.KEYS, *contents.BEGINNINGS, contents.PICTURE])
def test_files_of_somebody_else_are_left_alone(tmp_path, name):
    (tmp_path / name).write_text('{"mine": 1}')
    with pytest.raises(RunError, match=f"{name} was not written by a run; move it away"):
        contents.make_folder(str(tmp_path))
    assert (tmp_path / name).read_text() == '{"mine": 1}'
