from training.monitoring import screen


def test_a_warning_has_a_line_of_its_own(capsys):
    with screen.bar("Training", 100) as bar:
        screen.warn("the disk\nis full")
        bar.update(100)
    parts = capsys.readouterr().err.replace("\n", "\r").split("\r")
    assert "Warning: the disk is full" in parts
    assert sum(part.startswith("Training:") for part in parts) >= 2
