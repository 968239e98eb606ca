import pytest

from docs.pages import Page


@pytest.fixture
def page_of(tmp_path):
    """Returns a function that makes a Page of a text, beside a page `other.md`."""
    def make(text):
        (tmp_path / "other.md").write_text("# One\n\n## Two `words`, or 3\n\n## One\n")
        (tmp_path / "code.py").write_text("class Known:\n    def method(self): ...\n")
        (tmp_path / "page.md").write_text(text)
        return Page(tmp_path / "page.md", tmp_path)
    return make
