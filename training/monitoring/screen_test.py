import sys

from training.monitoring import screen


def test_a_warning_has_a_line_of_its_own(capsys):
    with screen.bar("Training", 100) as bar:
        screen.warn("the disk\nis full")
        bar.update(100)
    parts = capsys.readouterr().err.replace("\n", "\r").split("\r")
    assert "Warning: the disk is full" in parts
    assert sum(part.startswith("Training:") for part in parts) >= 2


def test_a_screen_that_cannot_be_written_ends_nothing(monkeypatch):
    class Full:
        """A log on a full disk."""

        def write(self, text):
            raise OSError(28, "No space left on device")

        flush = isatty = lambda self: self.write("")

    monkeypatch.setattr(sys, "stderr", Full())
    monkeypatch.setattr(Full, "isatty", lambda self: False)
    with screen.bar("Training", 100) as bar:
        screen.warn("unseen")
        bar.update(100)
    assert bar.n == 100
