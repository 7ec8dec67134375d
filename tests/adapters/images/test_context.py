"""What belongs to a build context, and when its digest changes."""

import os
from pathlib import Path

import pytest

from console.adapters.images.context import digest_context, read_context
from console.adapters.images.hashes import FileHashes
from console.model.errors import BuildError

FILES = (
    "app/main.py",
    "app/main.pyc",
    "app/cache/x.pyc",
    "README.md",
    "docs/README.md",
    "node_modules/a/b.js",
    ".git/HEAD",
)


@pytest.fixture
def root(tmp_path) -> Path:
    root = tmp_path / "context"
    for name in FILES:
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(name)
    return root


def _files(root: Path, dockerfile: Path | None = None) -> set[str]:
    return {entry.path for entry in read_context(root, dockerfile or root / "Dockerfile") if not entry.is_folder}


def _digest(root: Path, hashes: FileHashes | None = None) -> str:
    return digest_context(read_context(root, root / "Dockerfile"), hashes or FileHashes(None, root))


@pytest.mark.parametrize(
    ("ignore", "left_out"),
    [
        ("", set()),
        ("# a comment\n\n", set()),
        ("node_modules\n.git/", {"node_modules/a/b.js", ".git/HEAD"}),
        ("/README.md", {"README.md"}),
        ("README.md", {"README.md"}),
        ("**/README.md", {"README.md", "docs/README.md"}),
        ("*.md", {"README.md"}),
        ("**/*.pyc", {"app/main.pyc", "app/cache/x.pyc"}),
        ("./docs/", {"docs/README.md"}),
        ("node_modules\n!node_modules/a/b.js\n.git", {".git/HEAD"}),
        ("*\n!app/main.py", set(FILES) - {"app/main.py"}),
        ("app/*\n!app/*.py", {"app/main.pyc", "app/cache/x.pyc"}),
        ("!README.md\nREADME.md", {"README.md"}),
    ],
)
def test_dockerignore_decides_as_docker_does(root, ignore, left_out):
    (root / ".dockerignore").write_text(ignore)
    assert set(FILES) - _files(root) == left_out


def test_an_ignore_file_named_after_the_dockerfile_goes_before(root, tmp_path):
    (root / ".dockerignore").write_text("app")
    dockerfile = tmp_path / "backend.Dockerfile"
    (tmp_path / "backend.Dockerfile.dockerignore").write_text("docs")
    assert set(FILES) - _files(root, dockerfile) == {"docs/README.md"}


def test_the_digest_is_of_content_not_of_place_or_time(root, tmp_path):
    before = _digest(root)
    os.utime(root / "README.md", (1, 1))
    moved = root.rename(tmp_path / "elsewhere")
    assert _digest(moved) == before


def _change(root):
    (root / "README.md").write_text("other")


def _rename(root):
    (root / "README.md").rename(root / "LIESMICH.md")


def _make_executable(root):
    (root / "README.md").chmod(0o755)


def _add_empty_folder(root):
    (root / "empty").mkdir()


def _replace_by_link(root):
    (root / "README.md").unlink()
    (root / "README.md").symlink_to("docs/README.md")


@pytest.mark.parametrize("change", [_change, _rename, _make_executable, _add_empty_folder, _replace_by_link])
def test_the_digest_changes_with(root, change):
    before = _digest(root)
    change(root)
    assert _digest(root) != before


def test_what_is_ignored_does_not_count(root):
    (root / ".dockerignore").write_text("docs")
    before = _digest(root)
    (root / "docs" / "README.md").write_text("other")
    assert _digest(root) == before


def _settle(root):
    """Makes every file old enough to be remembered."""
    for entry in root.rglob("*"):
        os.utime(entry, (1, 1))


def test_a_remembered_file_is_not_read_again(root, tmp_path):
    _settle(root)
    hashes = FileHashes(tmp_path / "hashes", root)
    before = _digest(root, hashes)
    hashes.save()
    info = (root / "README.md").stat()
    (root / "README.md").write_text("readme.MD")
    os.utime(root / "README.md", ns=(info.st_atime_ns, info.st_mtime_ns))
    assert _digest(root, FileHashes(tmp_path / "hashes", root)) == before
    assert _digest(root) != before


def test_a_file_of_the_last_two_seconds_is_not_trusted_by_its_time(root, tmp_path):
    hashes = FileHashes(tmp_path / "hashes", root)
    before = _digest(root, hashes)
    hashes.save()
    info = (root / "README.md").stat()
    (root / "README.md").write_text("readme.MD")
    os.utime(root / "README.md", ns=(info.st_atime_ns, info.st_mtime_ns))
    assert _digest(root, FileHashes(tmp_path / "hashes", root)) != before


def test_a_broken_memory_is_forgotten(root, tmp_path):
    _settle(root)
    hashes = FileHashes(tmp_path / "hashes", root)
    before = _digest(root, hashes)
    hashes.save()
    for file in (tmp_path / "hashes").iterdir():
        file.write_text("{broken")
    assert _digest(root, FileHashes(tmp_path / "hashes", root)) == before


def test_a_context_that_is_not_there_is_said_with_its_path(tmp_path):
    with pytest.raises(BuildError, match="the build context is not a folder") as caught:
        read_context(tmp_path / "nowhere", tmp_path / "Dockerfile")
    assert caught.value.where == str(tmp_path / "nowhere")
