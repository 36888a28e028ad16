"""PyTorch state dicts: the originals' names and layouts to ours, and back.

Only numpy arrays pass through here; `torch_file` reads and writes the files. A
model's file says what the original calls its arrays:

  torch_names(**config): our path, their names and the layout of each weight;
  torch_constants(**config), optional: name and value of what the original
    saves and never learns, such as the adjacency of a skeleton's joints;
  torch_container(**config), optional: see `container`.
"""

import importlib
import types
from collections.abc import Callable, Container, Iterable, Iterator, Mapping
from typing import Any, NamedTuple

import jax.numpy as jnp
import numpy as np
from flax import nnx

from gaitgs_jax import models, skeletons
from gaitgs_jax.errors import UserError, listed, wrong_choice

# Torch counts batches next to running statistics; nothing reads the number.
_COUNTER, _COUNTED = 'num_batches_tracked', 'running_var'
# In front of the names of a data-parallel or compiled model, or of one that is
# part of a Lightning module.
_PREFIXES = ('module.', '_orig_mod.', 'backbone.', 'model.', 'net.')
# Share of the names of a model, and of a file that looks like it, in both.
_ALIKE = 0.9
# Between a graph's constants as computed there and here.
_ROUNDING = 1e-6


def _kernel(array: np.ndarray) -> np.ndarray:
  """[d,c,*taps] -> [*taps,c,d]."""
  return np.moveaxis(array, (0, 1), (-1, -2))


def _torch_kernel(array: np.ndarray) -> np.ndarray:
  """[*taps,c,d] -> [d,c,*taps]."""
  return np.moveaxis(array, (-1, -2), (0, 1))


class Layout(NamedTuple):
  """How arrays of torch's become one of ours, and back."""

  ours: Callable[[list[np.ndarray]], np.ndarray]
  theirs: Callable[[np.ndarray], list[np.ndarray]]


def _folded(last: int, turned: bool) -> Layout:
  """Returns the layout of flat arrays that are ours with a last axis, or .T."""

  def ours(arrays: list[np.ndarray]) -> np.ndarray:
    array = arrays[0].reshape(-1, last)
    return array.T if turned else array

  return Layout(
    ours, lambda array: [(array.T if turned else array).reshape(-1)]
  )


_JOINTS = sorted({len(each.joints) for each in skeletons.SKELETONS.values()})
LAYOUTS = {
  'same': Layout(lambda arrays: arrays[0], lambda array: [array]),
  'kernel': Layout(
    lambda arrays: _kernel(arrays[0]), lambda array: [_torch_kernel(array)]
  ),
  # One kernel a part, stacked: [p,*taps,c,d].
  'part kernels': Layout(
    lambda arrays: np.stack([_kernel(each) for each in arrays]),
    lambda array: [_torch_kernel(each) for each in array],
  ),
  # One array a part, stacked: [p,...].
  'parts': Layout(np.stack, list),
  # [1,c,1,p] -> [p,c].
  'token': Layout(
    lambda arrays: arrays[0][0, :, 0].T,
    lambda array: [array.T[None, :, None]],
  ),
  # [v*c] -> [v,c].
  **{f'joints of {c} channels': _folded(c, False) for c in (1, 2, 10)},
  # [c*v] -> [v,c].
  **{f'channels of {v} joints': _folded(v, True) for v in _JOINTS},
}


def from_torch(
  name: str, state_dict: Mapping[str, np.ndarray], **config: Any
) -> nnx.Module:
  """Builds a model with the weights of the original's state dict.

  Args:
    name: the model's, such as 'gaitgs'.
    state_dict: the original's names to numpy arrays; what wrappers put
      in front, such as 'module.', '_orig_mod.' and 'backbone.', is dropped.
    **config: the fields of `config.model`. Those of `models.FACTS`, such as
      num_classes, are read from the weights unless given. Those of
      `models.unseen`, such as GaitGL's strips, must be given.

  Returns:
    The model, ready to call.

  Raises:
    UserError: if names are missing or unexpected, shapes differ, the
      checkpoint is of another graph, or a field of `models.unseen` is not
      given; the message has the first of them.
  """
  _check_given(name, config)
  config = {**_built_with(name, state_dict, config), **config}
  table, constants = _table(name, config), _constants(name, config)
  known = {key for names, _ in table.values() for key in names}
  known |= {*constants, *_counters(known)}
  given, state_dict = state_dict, _without_prefixes(state_dict, known)
  graphdef, state = nnx.split(
    nnx.eval_shape(lambda: models.create(name, rngs=nnx.Rngs(0), **config))
  )
  leaves = [
    (path, leaf, *table['/'.join(map(str, path))])
    for path, leaf in nnx.to_flat_state(state)
  ]
  problems = {
    'missing': [
      key for *_, names, _ in leaves for key in names if key not in state_dict
    ],
    'unexpected': [key for key in state_dict if key not in known],
    'of another shape': [
      wrong
      for _, leaf, names, layout in leaves
      for wrong in _misshapen(names, layout, state_dict, leaf.shape)
    ],
    'of another graph': _differing(constants, state_dict),
  }
  _raise_on_mismatch(name, problems, given)
  filled = {}
  for path, leaf, names, layout in leaves:
    array = layout.ours([np.asarray(state_dict[key]) for key in names])
    filled[path] = leaf.replace(jnp.asarray(array, leaf.dtype))
  return nnx.merge(graphdef, nnx.from_flat_state(filled))


def _check_given(name: str, config: Mapping[str, Any]) -> None:
  """Raises UserError if a field that the weights do not show is left out."""
  _module(name)  # Knows the model, or raises.
  for field, released in models.unseen(name).items():
    if field not in config:
      raise UserError(
        f'weights of {name!r} do not show its {field}, and the released ones '
        f'differ: set {field} (config.model.{field}) to {released}'
      )


class Found(NamedTuple):
  """What a state dict holds of a model.

  Attributes:
    arrays: our path -> the array in our layout, of whatever size.
    names: our path -> the names in the state dict that it was made of.
    others: names of which the model knows nothing.
  """

  arrays: dict[str, np.ndarray]
  names: dict[str, list[str]]
  others: list[str]


def find(
  name: str, state_dict: Mapping[str, np.ndarray], **config: Any
) -> Found:
  """Finds what a state dict holds of a model, which may be a part of either.

  Args:
    name: the model's, such as 'gaitgs'.
    state_dict: as for `from_torch`.
    **config: the fields of `config.model`.

  Raises:
    UserError: the model has no table of names.
  """
  table, constants = _table(name, config), _constants(name, config)
  known = {key for names, _ in table.values() for key in names}
  known |= {*constants, *_counters(known)}
  state_dict = _without_prefixes(state_dict, known)
  arrays, names = {}, {}
  others = [key for key in state_dict if key not in known]
  for path, (theirs, layout) in table.items():
    there = [key for key in theirs if key in state_dict]
    if len(there) < len(theirs):
      others += there
      continue
    given = [np.asarray(state_dict[key]) for key in theirs]
    try:
      arrays[path] = layout.ours(given)
    except (ValueError, IndexError):  # Of another number of axes.
      others += there
      continue
    names[path] = there
  return Found(arrays, names, others)


def to_torch(
  name: str, model: nnx.Module, **config: Any
) -> dict[str, np.ndarray]:
  """Returns the model's weights under the original's names and layouts.

  Args:
    name: the model's, such as 'gaitgs'.
    model: the model.
    **config: the fields of `config.model` that it was built with. Those of
      `models.FACTS` may be left out.

  Returns:
    The original's names to numpy arrays: every entry of its own state dict,
    the counters of batches (0) and the constants included.
  """
  _module(name)  # Knows the model, or raises.
  state = nnx.to_flat_state(nnx.state(model, (nnx.Param, nnx.BatchStat)))
  shapes = {'/'.join(map(str, path)): leaf.shape for path, leaf in state}
  config = {**models.built_with(name, shapes), **config}
  table = _table(name, config)
  state_dict: dict[str, np.ndarray] = {}
  for path, leaf in state:
    names, layout = table['/'.join(map(str, path))]
    arrays = layout.theirs(np.asarray(leaf[...]))
    state_dict |= dict(zip(names, arrays, strict=True))
  counters = {key: np.zeros((), np.int64) for key in _counters(state_dict)}
  return state_dict | counters | _constants(name, config)


def container(name: str, **config: Any) -> tuple[str, str]:
  """Returns how the original keeps a state dict in the file that it saves.

  Args:
    name: the model's, such as 'gaitgs'.
    **config: the fields of `config.model`.

  Returns:
    The state dict's key in the file, '' where the file is nothing else; and
    what stands in front of every name. OpenGait's ('model', '') unless the
    model's file says otherwise.
  """
  declared = getattr(_module(name), 'torch_container', None)
  return declared(**config) if declared else ('model', '')


def _module(name: str) -> types.ModuleType:
  if name not in models.names():
    raise wrong_choice(f'unknown model {name!r}', name, models.names())
  return importlib.import_module(f'gaitgs_jax.models.{name}')


def _table(
  name: str, config: Mapping[str, Any]
) -> dict[str, tuple[list[str], Layout]]:
  """Returns our paths with the original's names and the layout.

  Raises:
    UserError: the model has no such table.
  """
  module = _module(name)
  if not hasattr(module, 'torch_names'):
    raise UserError(
      f'the model {name!r} has no PyTorch names, so that its weights can '
      'neither be imported nor exported: its file needs a function torch_names'
    )
  return {
    ours: (theirs, LAYOUTS[layout])
    for ours, theirs, layout in module.torch_names(**config)
  }


def _built_with(
  name: str, state_dict: Mapping[str, np.ndarray], config: Mapping[str, Any]
) -> dict[str, Any]:
  """Returns the facts that a state dict's weights show."""
  # Any number, for the names of weights that there are with classes alone.
  found = find(
    name, state_dict, **{**dict.fromkeys(models.COUNTS, 1), **config}
  )
  shapes = {path: array.shape for path, array in found.arrays.items()}
  return models.built_with(name, shapes)


def _constants(name: str, config: Mapping[str, Any]) -> dict[str, np.ndarray]:
  declared = getattr(_module(name), 'torch_constants', None)
  return dict(declared(**config)) if declared else {}


def _counters(names: Iterable[str]) -> Iterator[str]:
  """Yields the counters that torch keeps next to these running variances."""
  for name in names:
    if name.endswith(_COUNTED):
      yield name.removesuffix(_COUNTED) + _COUNTER


def _differing(
  constants: Mapping[str, np.ndarray], state_dict: Mapping[str, np.ndarray]
) -> list[str]:
  """Names the constants that are there with other values."""
  return [
    key
    for key, array in constants.items()
    if key in state_dict
    and not (
      np.shape(state_dict[key]) == array.shape
      and np.allclose(state_dict[key], array, rtol=0, atol=_ROUNDING)
    )
  ]


def _misshapen(
  names: list[str],
  layout: Layout,
  state_dict: Mapping[str, np.ndarray],
  shape: tuple[int, ...],
) -> list[str]:
  """Names the arrays that are there in another shape than the model's."""
  expected = layout.theirs(np.broadcast_to(np.float32(0), shape))
  return [
    f'{key} {np.shape(state_dict[key])} for {array.shape}'
    for key, array in zip(names, expected, strict=True)
    if key in state_dict and np.shape(state_dict[key]) != array.shape
  ]


def _without_prefixes(
  state_dict: Mapping[str, np.ndarray], known: Container[str]
) -> dict[str, np.ndarray]:
  """Drops what wrappers put in front of the known names."""
  found = {}
  for key, value in state_dict.items():
    own = key
    while own not in known and own.startswith(_PREFIXES):
      own = own.partition('.')[2]
    # Other names stay as they are in the file, to be reported as unexpected; so
    # does a second array of one name, such as an average's.
    taken = own not in known or own in state_dict or own in found
    found[key if taken else own] = value
  return found


def _raise_on_mismatch(
  name: str,
  problems: Mapping[str, list[str]],
  given: Mapping[str, np.ndarray],
) -> None:
  found = [
    f'{len(keys)} {what}: {listed(keys)}'
    for what, keys in problems.items()
    if keys
  ]
  if found:
    raise UserError(
      f'this state dict does not fit the model {name!r}{_likely(name, given)}; '
      f'check config.model against the checkpoint: {"; ".join(found)}'
    )


def _likely(name: str, given: Mapping[str, np.ndarray]) -> str:
  """Returns what a file looks like that has the names of other models."""
  # Models that differ in shapes alone have the same names.
  alike = [other for other in models.names() if _is_alike(other, given)]
  if not alike or name in alike:
    return ''
  return f', but looks like one of the model {" or ".join(map(repr, alike))}'


def _is_alike(name: str, given: Mapping[str, np.ndarray]) -> bool:
  """Returns whether a file has the names of a model, and few others."""
  if not hasattr(_module(name), 'torch_names'):
    return False
  names = {key for keys, _ in _table(name, {}).values() for key in keys}
  own = _without_prefixes(given, names).keys()
  # All of one model's names may be among another's.
  weights = sum(1 for key in own if not key.endswith(_COUNTER))
  return len(names & own) > _ALIKE * max(len(names), weights)
