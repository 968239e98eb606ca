import subprocess

import pytest

from training.run_folder import commit


def git(folder, *words):
    return subprocess.run(
        ["git", "-c", "user.name=x", "-c", "user.email=x@x", *words], cwd=folder, check=True,
        capture_output=True, text=True).stdout.strip()


@pytest.fixture
def checkout(tmp_path):
    git(tmp_path, "init", "--quiet")
    (tmp_path / "code.py").write_text("1\n")
    git(tmp_path, "add", "code.py")
    git(tmp_path, "commit", "--quiet", "--message=Add code")
    git(tmp_path, "tag", "--annotate", "--message=v1", "v1")
    return tmp_path


def test_the_commit_says_whether_its_files_were_changed(checkout):
    expected = git(checkout, "rev-parse", "HEAD")[:12]
    assert commit.checked_out(checkout) == expected
    (checkout / "run").mkdir()
    assert commit.checked_out(checkout) == expected
    (checkout / "code.py").write_text("2\n")
    assert commit.checked_out(checkout) == f"{expected}-dirty"


def test_another_worktree_has_its_own_commit(checkout):
    before = commit.checked_out(checkout)
    git(checkout, "worktree", "add", "--quiet", "other")
    (checkout / "code.py").write_text("2\n")
    git(checkout, "commit", "--quiet", "--all", "--message=Change code")
    assert commit.checked_out(checkout / "other") == before != commit.checked_out(checkout)


def test_without_a_checkout_or_git_there_is_no_commit(checkout, monkeypatch):
    (checkout / "unpacked").mkdir()
    assert commit.checked_out(checkout / "unpacked") is None
    monkeypatch.setenv("PATH", "")
    assert commit.checked_out(checkout) is None
