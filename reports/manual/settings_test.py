from models.hparams import HParams
from reports.manual import pages, settings
from training.config import SETTINGS


def test_the_page_is_what_the_command_writes():
    assert (pages.REFERENCE / "settings.md").read_text() == settings.page(pages.REFERENCE), (
        "out of date: python -m reports.manual.settings --page=docs/reference/settings.md")


def test_every_flag_and_hyperparameter_has_a_row():
    lines = settings.page(pages.REFERENCE).splitlines()
    named = [line.split("`")[1] for line in lines if line.startswith("| `")]
    assert sorted(named) == sorted([*(f"--{name}" for name in SETTINGS), *vars(HParams())])


def test_rows_say_who_reads_a_hyperparameter():
    lines = settings.page(pages.REFERENCE).splitlines()
    leaky, = (line for line in lines if line.startswith("| `leaky`"))
    assert leaky.endswith("| `false` | capsule, deep |")
