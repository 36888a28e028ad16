"""Starting from other weights, whole or in part: `config.init`.

What has the same name and shape is taken, of our checkpoints as of PyTorch's
files; the rest starts as the seed says. So a model with another number of
classes takes all but its head.
"""

import dataclasses
import inspect
import pathlib
from collections.abc import Mapping
from typing import Any

import numpy as np

from gaitgs_jax import cloud, fields, interop
from gaitgs_jax.errors import UserError, listed
from gaitgs_jax.interop import hub, torch_file
from gaitgs_jax.training import checkpoint, groups, paths, restoring
from gaitgs_jax.training.settings import Init
from gaitgs_jax.training.states import Arrays, TrainState

_WHERE = 'config.init'


@dataclasses.dataclass(frozen=True)
class Taken:
  """What a run starts from.

  Attributes:
    source: the checkpoint.
    arrays: what is taken, by the paths of the state: 'params/...', 'stats/...'.
    left: what else the checkpoint holds, as it is called there.
    new: what starts as the seed says, and why.
  """

  source: str
  arrays: dict[str, np.ndarray]
  left: list[str]
  new: list[str]

  def fill(self, tree: Arrays, prefix: str) -> Arrays:
    """Returns a tree, of 'params/' or of 'stats/', with what is taken."""
    leaves = paths.flatten(tree)
    return paths.fill(
      tree,
      {
        name: np.asarray(self.arrays.get(prefix + name, leaf), leaf.dtype)
        for name, leaf in leaves.items()
      },
    )

  def __str__(self) -> str:
    count = sum(array.size for array in self.arrays.values())
    return (
      f'starting from {self.source}: {len(self.arrays)} arrays taken '
      f'({count:,} numbers): {listed(map(_plain, self.arrays))}; '
      f'{len(self.left)} left there{_shown(self.left)}; '
      f'{len(self.new)} newly initialised{_shown(self.new)}'
    )

  def table(self) -> str:
    """Returns every name, one on a line."""
    lines = [f'# {self.source}']
    lines += [f'taken        {_plain(name)}' for name in self.arrays]
    lines += [f'left there   {name}' for name in self.left]
    lines += [f'initialised  {name}' for name in self.new]
    return '\n'.join(lines) + '\n'


def _plain(name: str) -> str:
  return name.partition('/')[2]


def _shown(names: list[str]) -> str:
  return f': {listed(names)}' if names else ''


def read(section: Mapping[str, Any]) -> Init:
  """Reads `config.init`.

  Raises:
    UserError: a field is unknown, missing or wrong.
  """
  given = dict(section.items())
  fields.check(inspect.signature(Init).parameters, given, _WHERE)
  return Init(**given)


def load(config: Any, like: TrainState) -> Taken:
  """Reads the weights that a run starts from.

  Args:
    config: the run's, with `config.init`.
    like: of the shapes and dtypes of its state.

  Raises:
    UserError: there is no such checkpoint, it is damaged, or it has nothing
      that the model can take.
  """
  init = read(config.init)
  wanted = paths.flatten({'params': like.params, 'stats': like.stats})
  several = (init.keep,) if isinstance(init.keep, str) else init.keep
  for pattern in several:
    groups.check_pattern(pattern, map(_plain, wanted), f'{_WHERE}.keep')
  if not init.checkpoint:
    raise UserError(f"{_WHERE}.checkpoint is ''; it must be a path")
  if hub.is_url(init.checkpoint):
    place = hub.fetch(init.checkpoint)
  else:
    place = cloud.folder(init.checkpoint)
  if place.is_file():
    found = _from_torch(config, place, init, wanted)
  else:
    found = _from_ours(place, init, wanted)
  if not found.arrays:
    raise UserError(
      f'{found.source} holds nothing that {_WHERE}.keep={init.keep!r} takes '
      f'for the model {config.model_name!r}: it holds '
      f'{listed(found.left) or "no weights"}; wanted: {listed(found.new)}'
    )
  return found


def _from_ours(
  place: pathlib.Path, init: Init, wanted: Mapping[str, Any]
) -> Taken:
  folder = checkpoint.find(place)
  there = restoring.model_shapes(folder)
  fits = {
    name: leaf for name, leaf in wanted.items() if _fits(name, leaf, there)
  }
  fits = {n: leaf for n, leaf in fits.items() if _is_kept(n, init)}
  arrays = restoring.read_some(folder, fits) if fits else {}
  left = [_plain(name) for name in there if name not in fits]
  return Taken(str(folder), arrays, left, _new(wanted, there, fits, init))


def _from_torch(
  config: Any, path: pathlib.Path, init: Init, wanted: Mapping[str, Any]
) -> Taken:
  found = interop.find(
    config.model_name,
    torch_file.read_checkpoint(path),
    **config.model.to_dict(),
  )
  kinds = {_plain(name): name for name in wanted}
  ours = {kinds[n]: array for n, array in found.arrays.items() if n in kinds}
  there = {name: array.shape for name, array in ours.items()}
  arrays = {
    name: array
    for name, array in ours.items()
    if _fits(name, wanted[name], there) and _is_kept(name, init)
  }
  left = [
    name
    for path_, names in found.names.items()
    if kinds.get(path_) not in arrays
    for name in names
  ]
  left += found.others
  return Taken(str(path), arrays, left, _new(wanted, there, arrays, init))


def _fits(name: str, leaf: Any, there: Mapping[str, tuple[int, ...]]) -> bool:
  return there.get(name) == tuple(leaf.shape)


def _is_kept(name: str, init: Init) -> bool:
  return groups.matches(_plain(name), init.keep)


def _new(
  wanted: Mapping[str, Any],
  there: Mapping[str, tuple[int, ...]],
  taken: Mapping[str, Any],
  init: Init,
) -> list[str]:
  """Returns what is not taken, and why."""
  found = []
  for name, leaf in wanted.items():
    if name in taken:
      continue
    if not _is_kept(name, init):
      why = 'not in keep'
    elif name not in there:
      why = 'not there'
    else:
      why = f'{list(there[name])} there, {list(leaf.shape)} here'
    found.append(f'{_plain(name)} ({why})')
  return found
