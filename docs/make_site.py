"""What mkdocs asks while it builds the site: pages that lie elsewhere.

`make docs` runs it; see mkdocs.yml.
"""

import json
import pathlib
import posixpath
import re
from typing import Any

from mkdocs.structure.files import File, Files

ROOT = pathlib.Path(__file__).parents[1]
# Page -> the file that it is made of.
ELSEWHERE = {
  'index.md': 'README.md',
  'datasets.md': 'data/README.md',
  'contributing.md': 'CONTRIBUTING.md',
  'tour.md': 'docs/tour.ipynb',
}
_LINK = re.compile(r'(!?)\[([^\]]*)\]\(([^)#:\s]+)(#[^)\s]*)?\)')


def on_files(files: Files, config: Any) -> Files:
  """Adds pages that lie elsewhere, and those that the menu does not name."""
  for page, source in ELSEWHERE.items():
    path = ROOT / source
    text = path.read_text()
    if path.suffix == '.ipynb':
      text = notebook(text)
    files.append(File.generated(config, page, content=linked(text, source)))
  listed = set(re.findall(r"'([\w/]+\.md)'", repr(config['nav'])))
  others = [
    each.src_uri
    for each in files.documentation_pages()
    if each.src_uri not in listed
  ]
  if others:
    config['nav'].append({'More': others})
  return files


def on_page_markdown(markdown: str, page: Any, **_: Any) -> str:
  """Returns a page with links for the site."""
  if page.file.src_uri in ELSEWHERE:
    return markdown  # Done already.
  return linked(markdown, f'docs/{page.file.src_uri}')


def linked(text: str, source: str) -> str:
  """Returns a file's text with links between pages, and none out of the site.

  Args:
    text: of the file.
    source: its path in the project, from which its links start.
  """
  pages = {path: page for page, path in ELSEWHERE.items()}
  folder = posixpath.dirname(source)

  def change(match: re.Match[str]) -> str:
    mark, words, target, part = match.groups()
    path = posixpath.normpath(posixpath.join(folder, target))
    path = pages.get(path, path.removeprefix('docs/'))
    if path in pages.values() or (ROOT / 'docs' / path).is_file():
      return f'{mark}[{words}]({path}{part or ""})'
    return words if words.startswith('`') else f'`{words}`'

  return _LINK.sub(change, text)


def notebook(text: str) -> str:
  """Returns a notebook as a page: its texts, and its code as it stands."""
  parts = []
  for cell in json.loads(text)['cells']:
    source = ''.join(cell['source'])
    is_code = cell['cell_type'] == 'code'
    parts.append(f'```python\n{source}\n```' if is_code else source)
  return '\n\n'.join(parts)
