"""From a batch to a model's inputs, on the device.

Silhouettes travel as uint8 and skeletons as float32; everything here is
jitted. `config.augment` names what happens to the inputs in training,
`config.evaluation.transform` in evaluation: a dict of names and options, of
`silhouette_transforms` or `pose_transforms`.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from gaitgs_jax import fields, skeletons
from gaitgs_jax.errors import UserError, wrong_choice
from gaitgs_jax.input import pose_transforms, silhouette_transforms

# (inputs [n,s,...], mask [n,s], key) -> inputs and mask.
Transform = Callable[
  [jax.Array, jax.Array, jax.Array | None], tuple[jax.Array, jax.Array]
]

# Which share of the sequences is changed by those that a coin decides on.
PROBABILITY = 0.5
BY_COIN = (*silhouette_transforms.TRANSFORMS, 'reverse', 'swap_sides')


def keep(
  inputs: jax.Array, mask: jax.Array, key: jax.Array | None = None
) -> tuple[jax.Array, jax.Array]:
  """Changes nothing: the transform of a config that names none."""
  del key
  return inputs, mask


def inputs(batch: Mapping[str, jax.Array], size: tuple[int, ...]) -> jax.Array:
  """Returns a model's inputs: silhouettes in 0..1, or skeletons as they are.

  Of silhouettes the middle w' columns are cut out: 64 x 64 frames to 44, as
  published, 128 to 88.

  Args:
    batch: with `frames` uint8 [n,s,h,w] or `keypoints` float32 [n,s,v,3].
    size: (h, w') or (v, 3), of the model.

  Returns:
    float32 [n,s,h,w',1] or [n,s,v,3].

  Raises:
    UserError: no such size can be had from the batch.
  """
  if 'keypoints' in batch:
    return _skeletons(batch['keypoints'], size)
  return _silhouettes(batch['frames'], size)


def _skeletons(keypoints: jax.Array, size: tuple[int, ...]) -> jax.Array:
  if keypoints.shape[2:] != tuple(size):
    raise UserError(
      f'the skeletons have {keypoints.shape[2]} joints, but the model expects '
      f'{size[0]}; set dataset.size to fit the data'
    )
  return keypoints


@functools.partial(jax.jit, static_argnames='size')
def _silhouettes(frames: jax.Array, size: tuple[int, int]) -> jax.Array:
  height, width = frames.shape[-2:]
  spare = width - size[1]
  if height != size[0] or spare < 0 or spare % 2:
    raise UserError(
      f'the frames are {height}x{width}, but the model expects'
      f' {size[0]}x{size[1]}; set dataset.size to fit the data, or prepare'
      ' the data at that height'
    )
  cut = frames[..., spare // 2 : width - spare // 2, None]
  return cut.astype(jnp.float32) / 255


def create(
  chosen: Mapping[str, Mapping[str, Any]],
  *,
  skeleton: str = '',
  where: str = 'config.augment',
  random: bool = True,
) -> Transform:
  """Returns the function that applies the chosen transforms.

  They are applied in the order in which their table lists them, each sequence
  of the batch with random numbers of its own. Padded frames come back as
  zeros. `probability` is an option of those that a coin decides on. `copies`
  with `count` makes so many of each sequence, each changed by itself; they
  have an axis of their own: [n,a,s,...], and masks [n,a,s].

  Args:
    chosen: name -> options.
    skeleton: of the dataset; '' for silhouettes.
    where: what the config calls `chosen`, for messages.
    random: whether random ones may be among them.

  Raises:
    UserError: an unknown name or option, one that is missing, or a random
      transform where there may be none.
  """
  chosen = {name: dict(options) for name, options in chosen.items()}
  copies = chosen.pop('copies', None)
  table = _table(skeleton)
  for name in chosen:
    if name not in table:
      raise wrong_choice(f'{where} has no transform {name!r}', name, table)
  steps = [
    _bind(name, function, chosen[name], f'{where}.{name}', random)
    for name, function in table.items()
    if name in chosen
  ]
  if copies is not None:
    if not random:
      raise UserError(f'{where}.copies is for training, not for an evaluation')
    fields.check(fields.keyword_only(_apply_each), copies, f'{where}.copies')
    return functools.partial(_apply_each, steps, **copies)
  return functools.partial(_apply, steps) if steps else keep


def _table(skeleton: str) -> dict[str, Callable[..., Any]]:
  """Returns functions of (x, mask, key) or (x, mask) by name."""
  if not skeleton:
    return {
      name: _keeping_the_mask(function)
      for name, function in silhouette_transforms.TRANSFORMS.items()
    }
  swap = skeletons.get(skeleton).swap
  swapping = functools.partial(pose_transforms.swap_sides, swap=swap)
  return {**pose_transforms.TRANSFORMS, 'swap_sides': swapping}


def _keeping_the_mask(
  function: Callable[..., jax.Array],
) -> Callable[..., tuple[jax.Array, jax.Array]]:
  @functools.wraps(function)
  def kept(
    x: jax.Array, mask: jax.Array, key: jax.Array, **options: Any
  ) -> tuple[jax.Array, jax.Array]:
    # All channels of a frame alike.
    change = functools.partial(function, key=key, **options)
    return jax.vmap(change, in_axes=-1, out_axes=-1)(x), mask

  return kept


def _bind(
  name: str,
  function: Callable[..., Any],
  options: Mapping[str, Any],
  where: str,
  random: bool,
) -> Callable[..., tuple[jax.Array, jax.Array]]:
  """Returns the function of (x, mask, key) with its options set."""
  draws = 'key' in inspect.signature(function).parameters
  if draws and not random:
    raise UserError(f'{where} is random, which an evaluation must not be')
  allowed = fields.keyword_only(function)
  # The skeleton says which joints change places, not the config.
  allowed.pop('swap', None)
  if name in BY_COIN:
    allowed |= fields.keyword_only(_sometimes)
  fields.check(allowed, options, where)
  options = dict(options)
  probability = options.pop('probability', PROBABILITY)
  bound = functools.partial(function, **options)
  if not draws:
    return lambda x, mask, key: bound(x, mask)
  if name not in BY_COIN:
    return bound
  return _sometimes(bound, probability=probability)


def _sometimes(
  function: Callable[..., tuple[jax.Array, jax.Array]],
  *,
  probability: float = PROBABILITY,
) -> Callable[..., tuple[jax.Array, jax.Array]]:
  def changed(
    x: jax.Array, mask: jax.Array, key: jax.Array
  ) -> tuple[jax.Array, jax.Array]:
    coin, key = jax.random.split(key)
    done = jax.random.uniform(coin) < probability
    return jnp.where(done, function(x, mask, key)[0], x), mask

  return changed


def _apply(
  steps: list[Callable[..., tuple[jax.Array, jax.Array]]],
  x: jax.Array,
  mask: jax.Array,
  key: jax.Array | None,
) -> tuple[jax.Array, jax.Array]:
  # Those that draw nothing ask for no key, but vmap wants one.
  key = jax.random.key(0) if key is None else key
  for number, step in enumerate(steps):
    keys = jax.random.split(jax.random.fold_in(key, number), len(x))
    x, mask = jax.vmap(step)(x, mask, keys)
  tail = (1,) * (x.ndim - 2)
  return jnp.where(mask.reshape(*mask.shape, *tail), x, 0), mask


def _apply_each(
  steps: list[Callable[..., tuple[jax.Array, jax.Array]]],
  x: jax.Array,
  mask: jax.Array,
  key: jax.Array,
  *,
  count: int,
) -> tuple[jax.Array, jax.Array]:
  copies = [_apply(steps, x, mask, k) for k in jax.random.split(key, count)]
  xs, masks = zip(*copies, strict=True)
  return jnp.stack(xs, axis=1), jnp.stack(masks, axis=1)
