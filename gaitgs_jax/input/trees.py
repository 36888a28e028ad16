"""Trees of raw silhouettes, skeletons or OpenGait's pickles.

A layout says what the folders below a root are called, for example
'{subject}/{condition}/{view}'; the last folder holds the frames of one
sequence: as images, as one json file per frame, or as one pickle.
"""

import collections
import dataclasses
import os
from collections.abc import Sequence
from pathlib import Path

from gaitgs_jax import local, modalities
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import layouts, pickles, tree_files, untrusted
from gaitgs_jax.input.dataset import Dataset, Part

# What a field is called that the layout leaves out.
_DEFAULTS = {'condition': '00', 'view': '000'}


@dataclasses.dataclass(frozen=True, order=True)
class TreeSequence:
  """One sequence of a tree.

  Attributes:
    subject: for example '001'.
    condition: for example 'nm-01'.
    view: for example '090'.
    folder: where its files lie, or the csv file.
    spans: where its rows begin and end in the csv file, in bytes; none of a
      folder.
  """

  subject: str
  condition: str
  view: str
  folder: str
  spans: tuple[tuple[int, int], ...] = ()

  @property
  def name(self) -> str:
    """'subject/condition/view'."""
    return f'{self.subject}/{self.condition}/{self.view}'

  @property
  def place(self) -> str:
    """The folder, or the csv file and the name, for messages."""
    return f'{self.folder}: {self.name}' if self.spans else self.folder


@dataclasses.dataclass(frozen=True)
class Tree:
  """Every sequence below a root, sorted by subject, condition and view.

  Attributes:
    root: the folder.
    layout: how the folders below it are called.
    kind: what the frames are stored as, 'images', 'pickles', 'json', 'texts' or
      'csv'.
    sequences: one per folder that the layout names, empty ones included.
    hollow: folders on the way to sequences that lead to none.
  """

  root: Path
  layout: str
  kind: str
  sequences: tuple[TreeSequence, ...]
  hollow: tuple[str, ...] = ()


def open_tree(
  root: str | os.PathLike,
  layout: str | tuple[Part, ...] = '',
  texts: bool = False,
) -> Tree:
  """Lists a tree; reads no frame.

  Args:
    root: its folder.
    layout: what its folders are called; found out where empty. Or the parts of
      a release, of which those are listed that are there; without any of them
      it is found out.
    texts: whether texts are skeletons.

  Raises:
    UserError: there is no tree, or its layout cannot be detected.
  """
  root = local.path(root)
  if isinstance(layout, tuple):
    parts = [each for each in layout if (root / each.folder).is_dir()]
    if parts:
      return _joined(root, parts, texts)
    layout = ''
  sample = _first_file(root, layout, texts)
  layout = layout or layouts.detect(root, sample)
  patterns, fields = layouts.parse(layout)
  sequences, hollow = [], []
  for folder, found in layouts.match(root, patterns):
    if found.keys() == fields:
      names = {**_DEFAULTS, **found}
      subject, condition, view = (names[field] for field in layouts.FIELDS)
      sequences.append(TreeSequence(subject, condition, view, str(folder)))
    elif folder != root:
      hollow.append(str(folder))
  if not sequences:
    raise UserError(
      f'{root}: no folder is like {layout}; the first file is'
      f' {sample.relative_to(root)}; pass --layout with what its folders are'
    )
  return Tree(
    root,
    layout,
    _kind(sample, texts),
    tuple(sorted(sequences)),
    tuple(sorted(hollow)),
  )


def _kind(sample: Path, texts: bool) -> str:
  kinds = {tree_files.PICKLE: 'pickles', tree_files.JSON: 'json'}
  kind = kinds.get(sample.suffix.lower(), 'images')
  if texts and kind == 'images':
    names = [entry.name for entry in untrusted.entries(sample.parent)]
    return 'texts' if tree_files.texts(names) else kind
  return kind


def _joined(root: Path, parts: Sequence[Part], texts: bool) -> Tree:
  """Returns the parts of a release as one tree."""
  trees = [_open_part(root / part.folder, part, texts) for part in parts]
  kinds = {tree.kind for tree in trees}
  if len(kinds) > 1:
    raise UserError(
      f'{root}: its parts hold {" and ".join(sorted(kinds))}; give those of one'
      ' kind'
    )
  return Tree(
    root,
    ', '.join(f'{part.folder}/{part.layout}' for part in parts),
    kinds.pop(),
    tuple(sorted(each for tree in trees for each in tree.sequences)),
    tuple(sorted(each for tree in trees for each in tree.hollow)),
  )


def _open_part(folder: Path, part: Part, texts: bool) -> Tree:
  # A layout needs people; where the part has none, all are called the same.
  layout = part.layout
  if '{subject}' not in layout:
    layout = layout.replace('{view}', '{subject}')
  tree = open_tree(folder, layout, texts)
  walks: collections.Counter[str] = collections.Counter()
  sequences = []
  for each in tree.sequences:
    view = each.view
    if layout != part.layout:
      view = each.subject
    subject = part.subject.format(subject=each.subject)
    walks[subject] += 1
    condition = part.condition or each.condition
    if condition == '#':
      condition = f'{walks[subject]:02d}'
    sequences.append(
      dataclasses.replace(
        each, subject=subject, condition=condition, view=part.view or view
      )
    )
  return dataclasses.replace(tree, sequences=tuple(sequences))


def _first_file(root: Path, layout: str, texts: bool) -> Path:
  """Returns a file of frames below the root, as deep as a layout is or usual.

  Raises:
    UserError: there is none.
  """
  if not root.is_dir():
    raise UserError(f'{root}: no such folder; give the one that holds the tree')
  depth = max(tree_files.MAX_DEPTH, layout.count('/') + 3)
  wanted = tree_files.is_text if texts else None
  found = next(tree_files.frame_files(root, wanted, depth), None)
  if found is None:
    raise UserError(
      f'{root}: no image, pickle or json below it; {tree_files.hint(root)}'
    )
  return found


def modality(tree: Tree) -> str:
  """Returns which modality a tree holds, by its first sequence.

  A tree that holds several is taken for one of silhouettes.
  """
  if tree.kind != 'pickles':
    return 'silhouettes' if tree.kind == 'images' else 'keypoints'
  files = tree_files.sequence_files(tree.sequences[0].folder)
  named = modalities.of_file(files[0].name) if files else ''
  if named:
    return named
  try:
    is_pose = bool(files) and pickles.load_shape(files[0])[-1:] == (3,)
  except pickles.PickleError:
    return 'silhouettes'
  return 'keypoints' if is_pose else 'silhouettes'


def modalities_of(tree: Tree) -> tuple[str, ...]:
  """Returns which modalities a tree holds, by its first sequence.

  Several only where the names of its pickles say so.
  """
  if tree.kind != 'pickles':
    return (modality(tree),)
  named = {
    modalities.of_file(name)
    for name in tree_files.pickle_names(tree.sequences[0].folder)
  }
  found = tuple(name for name in modalities.MODALITIES if name in named)
  return found if len(found) > 1 else (modality(tree),)


def check_modality(tree: Tree, dataset: Dataset) -> None:
  """Refuses silhouettes for a dataset of skeletons, and the other way round.

  Raises:
    UserError: they are; pickles, which may be of both kinds, never are.
  """
  held = modality(tree)
  wanted = dataset.modalities
  if tree.kind == 'images' and dataset.images == 'labels':
    return
  if tree.kind != 'pickles' and wanted and held not in wanted:
    titles = ' and '.join(modalities.get(name).title for name in wanted)
    raise UserError(
      f'{tree.root}: holds {modalities.get(held).title} ({tree.kind}), but'
      f' {dataset.name} is a dataset of {titles}; pass --dataset with which it'
      ' is'
    )
