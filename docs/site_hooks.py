"""What is linked from ``docs/`` and stands outside becomes part of the site; the README is its front page.

Links are right for readers of the repository. The hooks rewrite them for the site.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parents[1]
LINK = re.compile(r'(\]\(|src=")(?!https?://|#|mailto:)([^)#"\s]+)')


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add what is linked from a page and stands outside ``docs/``, and what is linked from that."""
    for file in list(files):
        if file.src_uri.endswith(".md"):
            assert file.abs_src_path is not None
            _add_linked(Path(file.abs_src_path).relative_to(ROOT).as_posix(), files, config)
    _add("README.md", files, config)
    return files


def on_page_markdown(markdown: str, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Write the links of a page for the site."""
    assert page.file.abs_src_path is not None
    here = Path(page.file.abs_src_path).relative_to(ROOT).as_posix()
    folder = posixpath.dirname(page.file.src_uri)

    def written(match: re.Match[str]) -> str:
        target = _on_site(_resolved(here, match[2]))
        if match[1].startswith("src"):  # HTML is not MkDocs' to resolve: it needs the address of the page
            folder_of_page = posixpath.dirname(page.file.dest_uri)
            return match[1] + posixpath.relpath(target, folder_of_page or ".")
        return match[1] + posixpath.relpath(target, folder or ".")

    return LINK.sub(written, markdown)


def _add(path: str, files: Files, config: MkDocsConfig) -> None:
    if path.startswith("docs/") or files.get_file_from_path(_on_site(path)) is not None:
        return
    files.append(File.generated(config, _on_site(path), abs_src_path=str(ROOT / path)))
    if path.endswith(".md"):
        _add_linked(path, files, config)


def _add_linked(path: str, files: Files, config: MkDocsConfig) -> None:
    for _, link in LINK.findall((ROOT / path).read_text(encoding="utf-8")):
        target = _resolved(path, link)
        if (ROOT / target).is_file():
            _add(target, files, config)


def _resolved(path: str, link: str) -> str:
    """Return the file of the repository that a link leads to; a folder stands for its README."""
    target = posixpath.normpath(posixpath.join(posixpath.dirname(path), link))
    readme = posixpath.join(target, "README.md")
    return readme if (ROOT / readme).is_file() else target


def _on_site(path: str) -> str:
    """Return the path of a file of the repository on the site.

    >>> [_on_site(path) for path in ("README.md", "docs/data.md", "results/README.md")]
    ['index.md', 'data.md', 'results/README.md']
    """
    return "index.md" if path == "README.md" else path.removeprefix("docs/")
