"""What MkDocs does besides for the site: pages from outside docs/ belong to it, and all links lead to its own pages."""

import re
from pathlib import Path, PurePosixPath
from posixpath import normpath

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from mkdocs.structure.pages import Page

ROOT = Path(__file__).parent.parent
OUTSIDE = {"README.md": "index.md", "benchmarks/README.md": "benchmarks.md", "CHANGELOG.md": "changelog.md"}
_LINK = re.compile(r'(\]\(|src=")([\w./-]+)')


def on_files(files: Files, *, config: MkDocsConfig) -> Files:
    """Add the pages from outside."""
    for path, name in OUTSIDE.items():
        files.append(File.generated(config, name, content=(ROOT / path).read_text(encoding="utf-8")))
    return files


def on_page_markdown(markdown: str, *, page: Page, config: MkDocsConfig, files: Files) -> str:
    """Change the links, which are right in the repository, to those that are right in the site."""
    source = {name: path for path, name in OUTSIDE.items()}.get(page.file.src_uri, f"docs/{page.file.src_uri}")
    folder = PurePosixPath(source).parent

    def in_site(link: re.Match[str]) -> str:
        target = normpath(folder / link[2])
        return link[1] + OUTSIDE.get(target, target.removeprefix("docs/"))

    return _LINK.sub(in_site, markdown)
