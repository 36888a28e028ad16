"""config.inputs: which modalities a model sees, and in which size."""

import inspect
from collections.abc import Mapping
from typing import Any, NamedTuple

from gaitgs_jax import fields, modalities, skeletons
from gaitgs_jax.errors import UserError, wrong_value
from gaitgs_jax.input.dataset import Dataset
from gaitgs_jax.modalities import Shapes, shown_size

# Longest axis. Silhouettes have 64 or 128 pixels, a point cloud 1,024 points.
_MOST = 1 << 14


class _Options(NamedTuple):
  """What config.inputs may say of a modality."""

  size: object = None
  files: str = ''


FIELDS = _Options._fields


def of(inputs: Mapping[str, Mapping[str, Any]], facts: Dataset) -> Shapes:
  """Returns the shape of the frames that a model sees, by modality.

  Without the channel of images of one channel.

  Args:
    inputs: `config.inputs`.
    facts: on the dataset, which know the joints of its skeletons.

  Raises:
    UserError: an unknown modality or field, or a size that is missing or wrong.
  """
  if not inputs or not hasattr(inputs, 'items'):
    raise UserError(
      'config.inputs is empty: say what the model sees, such as'
      ' config.inputs = dict(silhouettes=dict(size=(64, 44)))'
    )
  found = {}
  for name, options in inputs.items():
    modality = modalities.get(name)
    where = f'config.inputs.{name}'
    if not hasattr(options, 'keys'):
      raise wrong_value(where, options, 'a dict of fields')
    fields.check(inspect.signature(_Options).parameters, options, where)
    if facts.modalities and name not in facts.modalities:
      raise UserError(
        f'config.inputs names {name}, but {facts.name} is a dataset of'
        f' {" and ".join(facts.modalities)}'
      )
    size = options.get('size')
    if size is None and name == 'keypoints' and facts.skeleton:
      size = (len(skeletons.get(facts.skeleton).joints), 3)
    given = tuple(size) if isinstance(size, list | tuple) else ()
    if not modality.fits(given) or max(given) > _MOST:
      axes = ', '.join(map(str, modality.axes))
      wanted = f'({axes}) of {modality.title}, up to {_MOST:,} each'
      raise wrong_value(f'{where}.size', size, wanted)
    found[name] = given
  return found


def files(
  inputs: Mapping[str, Mapping[str, Any]], facts: Dataset
) -> dict[str, str]:
  """Returns the pattern of the files of each modality in a tree, or ''.

  Args:
    inputs: `config.inputs`, of which `of` finds nothing wrong.
    facts: on the dataset, whose patterns are taken where `inputs` has none.
  """
  return {
    name: options.get('files', '') or facts.files.get(name, '')
    for name, options in inputs.items()
  }


def skeleton(sizes: Shapes, facts: Dataset) -> str:
  """Returns in which skeleton's order the joints come; '' without keypoints.

  Raises:
    UserError: no skeleton has so many joints.
  """
  if 'keypoints' not in sizes:
    return ''
  joints = sizes['keypoints'][0]
  found = skeletons.of_joints(joints)
  if facts.skeleton:
    return facts.skeleton
  if found is None:
    raise UserError(
      f'no skeleton has the {joints} joints of config.inputs.keypoints.size;'
      ' known are '
      + ', '.join(
        f'{each.name} of {len(each.joints)}'
        for each in skeletons.SKELETONS.values()
      )
    )
  return found.name


def check(stored: Shapes, sizes: Shapes, facts: Dataset) -> None:
  """Refuses frames that a model's input cannot be cut from.

  Args:
    stored: shapes of the frames of a source.
    sizes: what the model sees.
    facts: on the dataset that the model was made for.

  Raises:
    UserError: they are of another size, or have another number of joints.
  """
  for name, size in sizes.items():
    modality = modalities.get(name)
    if name == 'keypoints' and facts.skeleton:
      _check_joints(stored[name], size, facts)
    elif misfit := modality.misfit(stored[name], size):
      hint = f'set it to {tuple(stored[name])!r}, or take other data'
      if modality.pretreated:
        hint = (
          f'take data of height {size[0]}, for example of `python -m'
          f' gaitgs_jax pretreat --size={size[0]}`'
        )
      raise UserError(f'{misfit}; {hint}')


def _check_joints(
  stored: tuple[int, ...], size: tuple[int, ...], facts: Dataset
) -> None:
  joints = len(skeletons.get(facts.skeleton).joints)
  if stored[0] != joints:
    raise UserError(
      f'the skeletons have {stored[0]} joints, but those of {facts.name}'
      f' {joints} ({facts.skeleton}); take the data as it is published, or'
      ' dataset.name of another dataset of skeletons'
    )
  if size[0] != joints:
    raise UserError(
      f'config.inputs.keypoints.size is {shown_size(size)}, but the skeletons'
      f' of {facts.name} have {joints} joints; leave it out, or set it to'
      f' ({joints}, 3)'
    )
