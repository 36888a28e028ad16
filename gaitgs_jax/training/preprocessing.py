"""What a run's model sees: sizes, copies and transforms of the inputs."""

from typing import Any

import jax
import jax.numpy as jnp

from gaitgs_jax import losses, modalities
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import augment, datasets, sampling, sizes, transform_lists
from gaitgs_jax.training import settings

# The batch on which a model and its losses are tried, without computing.
ROWS, FRAMES = 4, 6


def input_sizes(config: Any) -> modalities.Shapes:
  """Returns the shape of the frames that the model sees, by modality.

  Raises:
    UserError: config.inputs is wrong.
  """
  return sizes.of(config.inputs, datasets.get(config.dataset.name))


def skeleton(config: Any) -> str:
  """Returns the skeleton of the data's keypoints; '' of none."""
  facts = datasets.get(config.dataset.name)
  return sizes.skeleton(input_sizes(config), facts)


def skeleton_seen(config: Any, *, training: bool = True) -> str:
  """Returns the skeleton of the keypoints that the model sees; '' of none.

  Args:
    config: the run's.
    training: whether in training; otherwise in an evaluation.

  Raises:
    UserError: the list of transforms is wrong.
  """
  chosen, where = config.augment, 'config.augment'
  if not training:
    chosen = config.evaluation.transform
    where = 'config.evaluation.transform'
  return transform_lists.skeleton_after(chosen, skeleton(config), where)


def copies(config: Any) -> int | None:
  """Returns how many copies of a sequence a batch holds; None if it has none.

  Raises:
    UserError: both the sampler and config.augment make some.
  """
  several, made = windows(config), transform_lists.copies(config.augment)
  if several > 1 and made is not None:
    raise UserError(
      f'config.batch.sampler is {config.batch.sampler!r}, whose {several} '
      "windows of a sequence are copies already: leave 'copies' out of "
      'config.augment'
    )
  return several if several > 1 else made


def windows(config: Any) -> int:
  """Returns how many windows of a sequence the sampler takes."""
  return sampling.batch_spec(config.batch).sampler.windows


def create_augmentation(config: Any) -> augment.Transform:
  """Returns what config.augment does to training inputs.

  Raises:
    UserError: an unknown name or option, or copies of a sampler's windows.
  """
  copies(config)
  return _create(config, config.augment, 'config.augment')


def create_transform(config: Any) -> augment.Transform:
  """Returns what config.evaluation.transform does to the inputs.

  Raises:
    UserError: an unknown name or option, or a random one.
  """
  return _create(
    config,
    config.evaluation.transform,
    'config.evaluation.transform',
    random=False,
  )


def _create(
  config: Any, chosen: Any, where: str, *, random: bool = True
) -> augment.Transform:
  """Returns a transform that was tried on a small batch, without computing."""
  seen = input_sizes(config)
  transform = augment.create(
    chosen,
    skeleton=skeleton(config),
    modalities=tuple(seen),
    width={
      name: modalities.get(name).width(size) for name, size in seen.items()
    },
    where=where,
    random=random,
  )
  inputs = small_inputs(config, whole=transform.crops)
  mask = jax.ShapeDtypeStruct((ROWS, FRAMES), jnp.bool_)
  with settings.in_section(where):
    jax.eval_shape(transform, inputs, mask, jax.random.key(0))
  return transform


def small_inputs(config: Any, *, whole: bool) -> Any:
  """Describes a small batch before its transforms.

  Args:
    config: the run's.
    whole: whether they cut the columns; then frames are about square.
  """
  found = {}
  for name, size in input_sizes(config).items():
    row = modalities.get(name)
    frame = row.input_frame(row.uncut(size) if whole else size)
    shape = (ROWS, FRAMES, *frame)
    found[name] = jax.ShapeDtypeStruct(shape, jnp.float32)
  return found if len(found) > 1 else next(iter(found.values()))


def small_batch(config: Any) -> dict[str, jax.ShapeDtypeStruct]:
  """Describes a small batch as a loss may read it."""
  count = copies(config)
  axis = () if count is None else (count,)
  label = jax.ShapeDtypeStruct((ROWS,), jnp.int32)
  return {
    **dict.fromkeys(losses.LABELS, label),
    'mask': jax.ShapeDtypeStruct((ROWS, *axis, FRAMES), jnp.bool_),
  }
