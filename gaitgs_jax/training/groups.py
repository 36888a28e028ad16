"""Groups of weights that learn in another way: `config.optimizer.groups`.

A group names its weights by patterns of their paths, such as 'extractor/*' or
'*/bias'; parameters.txt in a workdir lists the paths, and '*' stands for any
part of one. A weight may be in several groups: its rate is then the product of
theirs, and each of them can exempt it from the decay.
"""

import dataclasses
import fnmatch
import inspect
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import jax
from flax import nnx

from gaitgs_jax import fields
from gaitgs_jax.errors import UserError, did_you_mean, listed
from gaitgs_jax.models import norms
from gaitgs_jax.training import paths
from gaitgs_jax.training.states import Arrays

_WHERE = 'config.optimizer.groups'


@dataclasses.dataclass(frozen=True)
class Group:
  """Weights that learn in another way.

  Attributes:
    paths: a pattern of their paths, or several.
    rate: times the learning rate; 0 freezes them.
    decay: whether the weight decay counts for them.
    statistics: whether their BatchNorm layers normalise by the batch and learn
      its statistics; if not, they use the running ones, which stay.
  """

  paths: str | Sequence[str]
  rate: float = 1.0
  decay: bool = True
  statistics: bool = True

  def has(self, path: str) -> bool:
    """Returns whether a weight is in the group."""
    return matches(path, self.paths)


def matches(path: str, patterns: str | Sequence[str]) -> bool:
  """Returns whether a path fits a pattern, or one of several."""
  several = (patterns,) if isinstance(patterns, str) else patterns
  return any(fnmatch.fnmatchcase(path, pattern) for pattern in several)


@dataclasses.dataclass(frozen=True)
class Groups:
  """All groups of a config, by name."""

  groups: Mapping[str, Group]

  def rate(self, path: str) -> float:
    """Returns the factor of a weight's learning rate."""
    factor = 1.0
    for group in self.groups.values():
      factor *= group.rate if group.has(path) else 1.0
    return factor

  def decays(self, path: str) -> bool:
    """Returns whether the weight decay counts for a weight."""
    return all(group.decay for group in self._of(path))

  def learns_statistics(self, path: str) -> bool:
    """Returns whether running statistics are learned."""
    return all(group.statistics for group in self._of(path))

  def _of(self, path: str) -> list[Group]:
    return [group for group in self.groups.values() if group.has(path)]

  @property
  def freeze(self) -> bool:
    """Whether a group's weights stay as they are."""
    return any(group.rate == 0 for group in self.groups.values())

  def hold(self, params: Arrays) -> Arrays:
    """Returns the weights, of which the frozen ones get no gradient."""
    if not self.freeze:
      return params
    frozen = each(params, lambda path: self.rate(path) == 0)
    return jax.tree.map(
      lambda x, stays: jax.lax.stop_gradient(x) if stays else x, params, frozen
    )

  def hold_statistics(self, model: nnx.Module) -> None:
    """Makes the BatchNorm layers of these groups use their running statistics.

    Raises:
      UserError: a layer of these groups is of another kind.
    """
    if all(group.statistics for group in self.groups.values()):
      return
    for path, module in nnx.iter_modules(model):
      name = '/'.join(map(str, path))
      own = [
        key
        for key, value in vars(module).items()
        if isinstance(value, nnx.BatchStat)
        and not self.learns_statistics(f'{name}/{key}')
      ]
      if own and isinstance(module, norms.BatchNorm):
        module.frozen = True
      elif own:
        raise UserError(
          f'{_WHERE}: the statistics of {name} cannot be held, as it is not a '
          'BatchNorm of gaitgs_jax.models.layers'
        )


def each(tree: Any, function: Callable[[str], Any]) -> Any:
  """Returns a tree of what a function gives for the path of each leaf."""
  return jax.tree_util.tree_map_with_path(
    lambda path, _: function(paths.name(path)), tree
  )


def read(groups: Mapping[str, Mapping[str, Any]]) -> Groups:
  """Reads `config.optimizer.groups`: name -> the fields of a `Group`.

  Raises:
    UserError: a field is unknown, missing or wrong.
  """
  if not isinstance(groups, Mapping) and not hasattr(groups, 'items'):
    raise UserError(f'{_WHERE} is {groups!r}; it must be a section of groups')
  found = {}
  for name, options in groups.items():
    if not hasattr(options, 'items'):
      raise UserError(
        f'{_WHERE}.{name} is {options!r}; it must be a section, such as '
        "dict(paths='extractor/*', rate=0.1)"
      )
    given = dict(options.items())
    fields.check(inspect.signature(Group).parameters, given, f'{_WHERE}.{name}')
    found[name] = Group(**given)
  return Groups(found)


def check(groups: Groups, params: Arrays, stats: Arrays) -> None:
  """Checks that the groups are of a model's weights.

  Raises:
    UserError: a pattern fits no weight, a group with `statistics=False` has no
      statistics, or nothing is left to learn.
  """
  weights, running = list(paths.flatten(params)), list(paths.flatten(stats))
  for name, group in groups.groups.items():
    several = (group.paths,) if isinstance(group.paths, str) else group.paths
    for pattern in several:
      check_pattern(pattern, [*weights, *running], f'{_WHERE}.{name}.paths')
    if not group.statistics and not any(map(group.has, running)):
      raise UserError(
        f'{_WHERE}.{name}.statistics is False, but {group.paths!r} fits no '
        'BatchNorm layer'
      )
  if weights and not any(groups.rate(path) for path in weights):
    raise UserError(f'{_WHERE} freezes every weight: nothing is left to learn')


def check_pattern(pattern: str, names: Iterable[str], where: str) -> None:
  """Raises UserError for a pattern that fits none of the names."""
  names = list(names)
  if not any(matches(name, pattern) for name in names):
    first = sorted({name.split('/')[0] for name in names})
    plain = pattern.split('/')[0]
    raise UserError(
      f'{where}: {pattern!r} fits no weight of the model'
      f'{did_you_mean(plain, first)}; their paths begin with '
      f'{listed(first, 12)}, and parameters.txt in a workdir lists them'
    )
