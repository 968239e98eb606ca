import pytest

from commands.errors import UsageError, check_path, reason


@pytest.mark.parametrize("path", [None, "a", "/tmp/ü/{}", "C:/x", "a:b", "multi@10", "a//b"])
def test_paths_of_this_machine(path):
    assert check_path("--summary_dir", path) == path


@pytest.mark.parametrize("path, message", [
    ("", "--summary_dir is empty; name a path, or leave it out."),
    ("gs://bucket/x", "--summary_dir: expected a path on this machine, found gs://bucket/x"),
    ("file:///x", "found file:///x"), ("s3://a", "found s3://a"),
    ("/tmp/\udcff", r"--summary_dir: expected a path in UTF-8, found '/tmp/\udcff'."),
])
def test_other_paths_are_refused(path, message):
    with pytest.raises(UsageError) as caught:
        check_path("--summary_dir", path)
    assert message in str(caught.value)


@pytest.mark.parametrize("text, line", [
    ("{{function_node __wrapped__Fill_device_/job:a}} no\n memory [Op:Fill] name: ", "no memory"),
    ("{{function_node __inference}} no memory\n\t [[{{node ones}}]]\nHint: look [Op:_f]",
     "no memory"),
    ('Graph execution error:\n\nDetected at node a defined at (most recent call last):\n  File '
     '"a b.py", line 7, in <module>\n\n  File "c.py", line 12, in f\n\nno memory\n\t [[{{node}}]]',
     "no memory"),
])
def test_a_reason_is_what_went_wrong_alone(text, line):
    assert reason(ValueError(text)) == line
