"""From a batch to a model's inputs, on the device.

Batches travel as they are stored; everything here is jitted. `config.augment`
lists what happens to the inputs in training, `config.evaluation.transform` in
evaluation, in the order in which it is done:

  (dict(name='rotation', probability=0.3), dict(name='random_erasing'), ...)

What each does to one sequence is in `map_transforms`, `pose_transforms`,
`point_transforms` and `time_transforms`.
"""

import dataclasses
import functools
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from gaitgs_jax import modalities as modality_rows
from gaitgs_jax import skeletons
from gaitgs_jax.errors import UserError
from gaitgs_jax.input.transform import Entry
from gaitgs_jax.input.transform_lists import COPIES, TABLES, checked, with_own
from gaitgs_jax.modalities import Shapes

# One modality alone, [n,s,...], or a dict of several by name.
Inputs = Any
# (modality -> x [s,...], mask [s], key) -> the same, of one sequence.
Step = Callable[
  [dict[str, jax.Array], jax.Array, jax.Array],
  tuple[dict[str, jax.Array], jax.Array],
]


def inputs(
  batch: Mapping[str, jax.Array], sizes: Shapes, *, whole: bool = False
) -> Inputs:
  """Returns a model's inputs: images in 0..1, numbers and labels as they are.

  Args:
    batch: with an array [n,s,...] of each modality that the model sees.
    sizes: of the frames that it sees, such as {'silhouettes': (64, 44)}: the
      middle columns are cut out, of 64 x 64 as published 44.
    whole: whether to leave the columns to a transform.

  Returns:
    float32 [n,s,h,w,1] of silhouettes, [n,s,v,3] of keypoints, ...; of several
    modalities a dict of such arrays by name.

  Raises:
    UserError: no such size can be cut from the batch.
  """
  found = {
    name: _input(batch[name], name, tuple(size), whole)
    for name, size in sizes.items()
  }
  return found if len(found) > 1 else next(iter(found.values()))


@functools.partial(jax.jit, static_argnames=('name', 'size', 'whole'))
def _input(
  frames: jax.Array, name: str, size: tuple[int, ...], whole: bool
) -> jax.Array:
  modality = modality_rows.get(name)
  if misfit := modality.misfit(frames.shape[2:], size):
    raise UserError(f'{misfit}; set it to fit the data')
  return modality.to_input(frames, frames.shape[2:] if whole else size)


@dataclasses.dataclass(frozen=True)
class Transform:
  """What is done to the inputs of a batch.

  Attributes:
    modality: of inputs that are one array.
    shared: what is done first, each sequence with random numbers of its own.
    copies: how many copies are made then, on an axis of their own; None makes
      none.
    own: what is done to each copy, with random numbers of its own.
    crops: whether it cuts the columns that a model sees out of whole frames.
  """

  modality: str = ''
  shared: tuple[Step, ...] = ()
  copies: int | None = None
  own: tuple[Step, ...] = ()
  crops: bool = False

  def __call__(
    self, inputs: Inputs, mask: jax.Array, key: jax.Array | None = None
  ) -> tuple[Inputs, jax.Array]:
    """Returns inputs and mask, whose padded frames are 0.

    Args:
      inputs: [n,s,...], or such arrays by modality, which are drawn alike.
      mask: bool [n,s].
      key: may be None where nothing is random.

    Returns:
      [n,s',...] and [n,s']; of copies [n,a,s',...] and [n,a,s'].
    """
    if self == keep:
      return inputs, mask
    # Those that draw nothing ask for no key, but vmap wants one.
    key = jax.random.key(0) if key is None else key
    alone = not isinstance(inputs, dict)
    x = {self.modality: inputs} if alone else dict(inputs)
    x, mask = _apply(self.shared, x, mask, key)
    if self.copies is not None:
      # Other keys than those of the steps so far.
      later = jax.random.fold_in(key, len(self.shared)) if self.shared else key
      made = [
        _apply(self.own, x, mask, each)
        for each in jax.random.split(later, self.copies)
      ]
      x, mask = jax.tree.map(lambda *each: jnp.stack(each, axis=1), *made)
    return x[self.modality] if alone else x, mask

  def of_batch(
    self,
    batch: Mapping[str, jax.Array],
    sizes: Shapes,
    key: jax.Array | None = None,
  ) -> tuple[Inputs, jax.Array]:
    """Returns the changed inputs of a batch, see `inputs`, and their mask.

    Windows of a sequence, [n,a,s,...], are changed separately, as copies are.
    """
    windows = batch['mask'].shape[1:-1]
    if windows:
      batch = {
        name: x.reshape(-1, *x.shape[2:]) if x.ndim > 1 else x
        for name, x in batch.items()
      }
    seen = self(inputs(batch, sizes, whole=self.crops), batch['mask'], key)
    if not windows:
      return seen
    return jax.tree.map(lambda x: x.reshape(-1, *windows, *x.shape[1:]), seen)


# Changes nothing: the transform of a config that lists none.
keep = Transform()


def _apply(
  steps: tuple[Step, ...],
  x: dict[str, jax.Array],
  mask: jax.Array,
  key: jax.Array,
) -> tuple[dict[str, jax.Array], jax.Array]:
  for number, step in enumerate(steps):
    keys = jax.random.split(jax.random.fold_in(key, number), len(mask))
    x, mask = jax.vmap(step)(x, mask, keys)
  return jax.tree.map(lambda each: _where(mask, each, 0), x), mask


def _where(chosen: jax.Array, new: jax.Array, old: Any) -> jax.Array:
  """Takes new [...,...] or old by a condition over the first axes."""
  tail = (1,) * (new.ndim - chosen.ndim)
  return jnp.where(chosen.reshape(*chosen.shape, *tail), new, old)


def create(
  chosen: Any,
  *,
  skeleton: str = '',
  modalities: tuple[str, ...] = (),
  width: int | Mapping[str, int] | None = None,
  where: str = 'config.augment',
  random: bool = True,
) -> Transform:
  """Returns what a list of transforms does, in its order.

  Each is dict(name=..., options), and a name may come twice. Three options are
  of all those that keep the shape: `probability`, the share of the sequences
  that are changed; `per`, 'sequence' or 'frame', for what the dice are thrown;
  `inputs`, the modalities that it is for (by default all that have one of this
  name). `copies` with `count` makes so many of each sequence; what follows it
  is done to each copy separately.

  Args:
    chosen: the list.
    skeleton: of keypoints.
    modalities: of the inputs; by default keypoints where there is a skeleton
      and silhouettes where there is none.
    width: how many columns a model sees, of all modalities or by modality, for
      `crop`.
    where: what the config calls `chosen`, for messages.
    random: whether random ones may be among them.

  Raises:
    UserError: an unknown name or option, one that is missing or wrong, or a
      random transform where there may be none.
  """
  modalities = modalities or ('keypoints' if skeleton else 'silhouettes',)
  tables = with_own(chosen, where, {name: TABLES[name] for name in modalities})
  given = {
    'width': width,
    'skeleton': skeletons.get(skeleton) if skeleton else None,
  }
  steps: list[Step] = []
  split = count = None
  crops = False
  for place, name, options in checked(chosen, where, tables):
    if not random:
      _check_fixed(place, name, options, tables)
    if name == COPIES:
      split, count = len(steps), options['count']
      continue
    crops |= name == 'crop'
    steps.append(_step(name, options, tables, given))
    if name in (poses := tables.get('keypoints', {})) and poses[name].skeleton:
      # For what follows.
      given = {**given, 'skeleton': skeletons.get(poses[name].skeleton)}
  if split is None:
    return (
      Transform(modalities[0], tuple(steps), crops=crops) if steps else keep
    )
  return Transform(
    modalities[0], tuple(steps[:split]), count, tuple(steps[split:]), crops
  )


def _check_fixed(
  place: str,
  name: str,
  options: Mapping[str, Any],
  tables: Mapping[str, Mapping[str, Entry]],
) -> None:
  if name == COPIES:
    raise UserError(f'{place} is for training, not for an evaluation')
  for table in tables.values():
    if name in table:
      probability = options.get('probability', table[name].probability)
      if table[name].draws or (probability is not None and probability < 1):
        raise UserError(
          f'{place} is random, which an evaluation must not be'
          + ('' if table[name].draws else ': set its probability to 1')
        )


def _step(
  name: str,
  options: Mapping[str, Any],
  tables: Mapping[str, Mapping[str, Entry]],
  given: Mapping[str, Any],
) -> Step:
  """Returns what one transform does to a sequence: the one wrapper of all.

  All modalities get the same key, so that they are drawn alike.
  """
  own = dict(options)
  only, per = own.pop('inputs', None), own.pop('per', 'sequence')
  entries = {
    modality: table[name]
    for modality, table in tables.items()
    if name in table and (only is None or modality in only)
  }
  first = next(iter(entries.values())).probability
  probability = own.pop('probability', first)

  def change(
    x: dict[str, jax.Array], mask: jax.Array, key: jax.Array
  ) -> tuple[dict[str, jax.Array], jax.Array]:
    new, new_mask = dict(x), mask
    for modality, entry in entries.items():
      known = {**given, 'mask': mask, 'key': key}
      known['nearest'] = modality == 'parsing'
      if isinstance(given['width'], Mapping):
        known['width'] = given['width'].get(modality)
      arguments = [known[each] for each in entry.given]
      result = entry.function(x[modality], *arguments, **own)
      new[modality], new_mask = result if entry.masks else (result, mask)
    return new, new_mask

  if per == 'frame':
    return functools.partial(_by_frame, change, probability)
  if probability is None or probability >= 1:
    return change
  return functools.partial(_by_sequence, change, probability)


def _by_sequence(
  change: Step,
  probability: float,
  x: dict[str, jax.Array],
  mask: jax.Array,
  key: jax.Array,
) -> tuple[dict[str, jax.Array], jax.Array]:
  coin, key = jax.random.split(key)
  done = jax.random.uniform(coin) < probability
  new, _ = change(x, mask, key)
  return jax.tree.map(functools.partial(jnp.where, done), new, x), mask


def _by_frame(
  change: Step,
  probability: float,
  x: dict[str, jax.Array],
  mask: jax.Array,
  key: jax.Array,
) -> tuple[dict[str, jax.Array], jax.Array]:
  draw, coins = jax.random.split(key)
  done = jax.random.uniform(coins, mask.shape) < probability
  # Each frame is a sequence of its own.
  frames, each = jax.tree.map(lambda array: array[:, None], (x, mask))
  keys = jax.random.split(draw, len(mask))
  new, _ = jax.vmap(change)(frames, each, keys)
  return jax.tree.map(
    lambda new, old: _where(done, new[:, 0], old), new, x
  ), mask
