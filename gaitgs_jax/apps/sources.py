"""Walks of whatever --source is: folders and files of walks, or a video."""

import contextlib
import pathlib
import tempfile
from collections.abc import Iterator
from typing import NamedTuple

from gaitgs_jax import local
from gaitgs_jax.apps import silhouettes
from gaitgs_jax.apps.embedder import Embedder
from gaitgs_jax.errors import UserError, listed, one_line
from gaitgs_jax.input import walks
from gaitgs_jax.modalities import Arrays, Shapes
from gaitgs_jax.skeletons import SKELETONS
from gaitgs_jax.training import preprocessing
from gaitgs_jax.video import frames, pipeline
from gaitgs_jax.video.quality import Quality

# What a video gives, and joints of its skeletons.
_OF_VIDEO = ('silhouettes', 'keypoints')
_JOINTS = len(SKELETONS['coco17'].joints)


class Walk(NamedTuple):
  """A walk of a source.

  Attributes:
    name: its path; of a video the video's and the person in it.
    place: where it lies while its source is open.
    quality: of a walk of a video, else None.
  """

  name: str
  place: walks.Place
  quality: Quality | None = None

  def read(self, model: Embedder, *, quiet: bool = False) -> Arrays:
    """Returns its frames; prints what is odd about them unless `quiet`.

    Raises:
      UserError: it cannot be read, or does not fit the model.
    """
    notes: list[str] = []
    arrays = model.read(self.place, notes)
    for note in [] if quiet else notes:
      print(f'note: {one_line(self.name)}: {note}')
    return arrays


@contextlib.contextmanager
def opened(model: Embedder, source: str) -> Iterator[list[Walk]]:
  """Gives the walks of a source, which may be read until it is closed.

  Args:
    model: that will embed them.
    source: a path that `Embedder.find` takes, or a video file.

  Raises:
    UserError: there is no such source or no walk in it, or a video does not
      give what the model sees.
  """
  sizes = preprocessing.input_sizes(model.config)
  with as_tree(source, sizes) as (tree, found):
    places = model.find(tree)
    if not found:
      yield [Walk(str(place), place) for place in places]
      return
    qualities = {each.name: each for each in found}
    video, root = local.path(source).absolute(), pathlib.Path(tree)
    given = []
    for place in places:
      name = place.path.relative_to(root).parts[0]
      given.append(Walk(f'{video}#{name}', place, qualities[name]))
    yield given


def the_one(given: list[Walk], option: str, source: str) -> Walk:
  """Returns the only walk of a source.

  Args:
    given: of `opened`.
    option: which named the source, such as '--source'.
    source: for messages.

  Raises:
    UserError: there are several; it says how to choose one.
  """
  if len(given) == 1:
    return given[0]
  first = given[0]
  if first.quality is None:
    raise UserError(
      f'{option}={source}: holds {len(given)} walks, such as {first.name}; pass'
      ' the path of one'
    )
  people = [each.quality for each in given if each.quality]
  shown = listed(f'{each.name} in {each.used} frames' for each in people)
  raise UserError(
    f'{option}={source}: shows {len(given)} people ({shown}); choose one:'
    f' `gaitgs silhouettes --source={source} --out=TREE` writes their walks,'
    ' TREE/overlay.mp4 shows who is who; then pass'
    f' {option}=TREE/{people[0].name}'
  )


@contextlib.contextmanager
def as_tree(source: str, sizes: Shapes) -> Iterator[tuple[str, list[Quality]]]:
  """Gives the walks of a video as a tree, which is removed afterwards.

  Args:
    source: a video file; anything else is given as it is.
    sizes: of the frames that the model sees, by modality.

  Returns:
    The tree, and the quality of each walk; of what is not a video none.

  Raises:
    UserError: as `silhouettes.write`, or a video does not give what the model
      sees.
  """
  if not frames.is_video(source) or local.path(source).is_dir():
    yield source, []
    return
  settings = _settings(source, sizes)
  with tempfile.TemporaryDirectory(prefix='gaitgs-walks-') as folder:
    tree = pathlib.Path(folder).resolve() / 'walks'
    found, _ = silhouettes.write(source, tree, settings)
    yield str(tree), found


def _settings(source: str, sizes: Shapes) -> pipeline.Settings:
  """Returns how a video becomes what a model sees.

  Raises:
    UserError: it does not.
  """
  for name, size in sizes.items():
    if name not in _OF_VIDEO:
      raise UserError(
        f'{source}: a video gives {" and ".join(_OF_VIDEO)}, but the model'
        f' sees {name}'
      )
    if name == 'keypoints' and size[0] != _JOINTS:
      raise UserError(
        f'{source}: a video gives skeletons of {_JOINTS} joints (COCO), but'
        f' those that the model sees have {size[0]}'
      )
  height = sizes.get('silhouettes', (pipeline.Settings.size,))[0]
  # What is of another height is pretreated once more.
  return pipeline.Settings(size=height + height % 2)
