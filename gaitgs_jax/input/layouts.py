"""Layouts: what the folders of a tree mean, '{subject}/{condition}/{view}'."""

import re
from collections.abc import Iterator
from pathlib import Path

from gaitgs_jax.errors import UserError, listed
from gaitgs_jax.input import untrusted

# CASIA-B (`GaitDatasetB-silh/001/nm-01/000/001-nm-01-000-001.png`) and
# OpenGait's own trees.
OPENGAIT = '{subject}/{condition}/{view}'
# OU-MVLP (`Silhouette_000-00/00001/0001.png`).
OUMVLP = 'Silhouette_{view}-{condition}/{subject}'
# OUMVLP-Pose (`00001/000_00/0001_keypoints.json`).
OUMVLP_POSE = '{subject}/{view}_{condition}'
# CASIA-C (`001/fn00/001.png`) and most trees of users: a folder per person, in
# it one per walk, or the other way round.
PEOPLE = '{subject}/{condition}'
WALKS = '{condition}/{subject}'

# Names of walks in CASIA-B and CASIA-C, which nobody gives to a person.
_CONDITION = re.compile(r'(nm|bg|cl)-?\d\d|f[nsqb]\d\d')
FIELDS = ('subject', 'condition', 'view')
# Names shown of each level of a tree.
_SHOWN = 3


def detect(root: Path, sample: Path) -> str:
  """Returns the layout of a tree.

  Args:
    root: of the tree.
    sample: one of its files.

  Raises:
    UserError: it could be several, or none; the message lists them.
  """
  folders = sample.relative_to(root).parts[:-1]
  if folders and _pattern(OUMVLP.split('/')[0]).fullmatch(folders[0]):
    return OUMVLP
  is_json = sample.suffix.lower() == '.json'
  # Scoliosis1K has views such as 000_180 in folders of three levels.
  if is_json and re.fullmatch(r'\d+_\d\d', sample.parent.name):
    if len(folders) == 2:
      return OUMVLP_POSE
  elif len(folders) == 2:
    return _read_names(root)
  elif len(folders) == 3:
    if not _CONDITION.fullmatch(folders[0]):
      return OPENGAIT
    raise UserError(
      f'{root}: its outer folders, such as {folders[0]}, look like walks rather'
      ' than people; pass --layout with what the folders are, for example'
      " --layout='{condition}/{subject}/{view}'"
    )
  inner = f'; is it {root / folders[0]} that you mean' if folders else ''
  raise UserError(
    f'{root}: {sample.relative_to(root)} lies {len(folders)} folders deep, but'
    f' {OPENGAIT}, {OUMVLP}, {OUMVLP_POSE}, {PEOPLE} or {WALKS} is'
    f' expected{inner}? Or pass --layout with what the folders are, for example'
    " --layout='{subject}'"
  )


def _read_names(root: Path) -> str:
  """Returns which of two levels of folders is people, if names prove it.

  Raises:
    UserError: they prove nothing; the message gives both readings.
  """
  levels: tuple[set[str], set[str]] = (set(), set())
  for outer, _ in match(root, [_pattern('{subject}'), _pattern('{condition}')]):
    parts = outer.relative_to(root).parts
    for level, name in zip(levels, parts, strict=False):
      level.add(name)
  walks = [all(map(_CONDITION.fullmatch, level)) for level in levels]
  if walks[0] != walks[1]:
    return WALKS if walks[0] else PEOPLE
  outer_names, inner_names = (listed(sorted(level), _SHOWN) for level in levels)
  raise UserError(
    f'{root}: its folders can be read in two ways; pass --layout={PEOPLE!r} if'
    f' the outer ones ({outer_names}) are people and the inner ones'
    f' ({inner_names}) their walks, or --layout={WALKS!r} if the outer ones are'
    ' walks and the inner ones people'
  )


def _pattern(component: str) -> re.Pattern[str]:
  """Returns what one folder's name of a layout looks like."""
  parts = re.split(r'\{(\w*)\}', component)
  pattern = re.escape(parts[0])
  for field, text in zip(parts[1::2], parts[2::2], strict=True):
    pattern += f'(?P<{field}>.+?)' + re.escape(text)
  return re.compile(pattern)


def parse(layout: str) -> tuple[list[re.Pattern[str]], set[str]]:
  """Returns what the folders of each level look like, and the fields named.

  Raises:
    UserError: the layout names no subject, an unknown field, or one twice that
      is not the condition.
  """
  fields = re.findall(r'\{(\w*)\}', layout)
  once = [field for field in fields if field != 'condition']
  wrong = set(fields) - set(FIELDS) or len(once) != len(set(once))
  if wrong or 'subject' not in fields:
    raise UserError(
      f'layout {layout!r}: name {{subject}} once, {{view}} at most once, and'
      ' {condition} as often as a walk is told by several folders'
    )
  patterns = [_pattern(component) for component in layout.split('/')]
  return patterns, set(fields)


def match(
  folder: Path,
  patterns: list[re.Pattern[str]],
  folders: untrusted.Folders | None = None,
) -> Iterator[tuple[Path, dict[str, str]]]:
  """Yields the folders that the patterns lead to, and the fields' values.

  Of several folders that tell the condition the names are joined: 'H-scene1'.
  A folder in which no name fits the next pattern is yielded itself, with the
  fields so far.

  Args:
    folder: where to start.
    patterns: one for each level.
    folders: of the same walk, where it began above this folder.

  Raises:
    UserError: a folder cannot be listed, or links lead in circles.
  """
  folders = folders or untrusted.Folders()
  matches = []
  for entry in untrusted.entries(folder) if patterns else ():
    fit = patterns[0].fullmatch(entry.name)
    if fit and folders.is_folder(entry):
      matches.append((Path(entry.path), fit.groupdict()))
  if not matches:
    yield folder, {}
  for inner, found in matches:
    for deepest, more in match(inner, patterns[1:], folders):
      names = [
        each['condition'] for each in (found, more) if 'condition' in each
      ]
      joined = {'condition': '-'.join(names)} if names else {}
      yield deepest, {**found, **more, **joined}
