"""Which frames of a sequence's modalities belong together."""

from collections.abc import Collection, Mapping, Sequence

import numpy as np

from gaitgs_jax import modalities
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import untrusted

# What config.dataset.pair may say of frames that not all modalities have.
CHOICES = ('exact', 'intersect')


def check(lengths: Mapping[str, int], where: str) -> None:
  """Refuses modalities of different numbers of frames.

  Args:
    lengths: frames of each modality.
    where: the sequence, for the message.

  Raises:
    UserError: they differ.
  """
  if len(set(lengths.values())) > 1:
    raise UserError(
      f'{where}: {counted(lengths)}, which cannot be paired frame by frame;'
      " config.dataset.pair='intersect' takes the frames that all have"
    )


def common_sequences(
  sequences: Mapping[str, Collection[str]], how: str
) -> list[str]:
  """Returns the names of the sequences that all modalities have, sorted.

  Args:
    sequences: names of those of each modality.
    how: one of `CHOICES`.

  Raises:
    UserError: one lacks a modality and `how` is 'exact'.
  """
  common = set.intersection(*map(set, sequences.values()))
  for name, own in sequences.items():
    others = [each for each in own if each not in common]
    if others and how == 'exact':
      raise UserError(
        f'{len(others)} sequences of {modalities.get(name).title}, such as'
        f' {min(others)}, are not in all modalities;'
        " config.dataset.pair='intersect' takes the sequences that all have"
      )
  return sorted(common)


def pair(
  lengths: Mapping[str, int],
  names: Mapping[str, Sequence[str]],
  how: str,
  where: str,
) -> tuple[int, dict[str, np.ndarray]]:
  """Returns how many frames a sequence has, and which of each modality.

  Args:
    lengths: frames of each modality.
    names: of the frames of each modality; where one of them has none, frames
      are paired by their number.
    how: one of `CHOICES`.
    where: the sequence, for messages.

  Returns:
    The number of common frames, and their places in each modality that has
    others too, or in another order.

  Raises:
    UserError: there are no common frames, or not all are common and `how` is
      'exact'.
  """
  if len(lengths) == 1:
    return next(iter(lengths.values())), {}
  for name, own in names.items():
    if len(set(own)) < len(own):
      raise UserError(
        f'{where}: two frames of the {modalities.get(name).title} have the same'
        ' name'
      )
  if lengths.keys() != names.keys():
    if how == 'exact':
      check(lengths, where)
    count = min(lengths.values())
    places = {name: np.arange(count) for name in lengths}
  else:
    common = set.intersection(*map(set, names.values()))
    if how == 'exact':
      _check_names(lengths, names, common, where)
    order = untrusted.in_order(common)
    count = len(order)
    places = {}
    for name, own in names.items():
      place = {frame: number for number, frame in enumerate(own)}
      places[name] = np.asarray([place[frame] for frame in order], np.int64)
  if not count:
    raise UserError(f'{where}: {counted(lengths)}, but no frame in common')
  return count, {
    name: each
    for name, each in places.items()
    if not np.array_equal(each, np.arange(lengths[name]))
  }


def _check_names(
  lengths: Mapping[str, int],
  names: Mapping[str, Sequence[str]],
  common: set[str],
  where: str,
) -> None:
  for name, own in names.items():
    if others := [frame for frame in own if frame not in common]:
      raise UserError(
        f'{where}: {counted(lengths)}, of which {len(common)} have the same'
        f' name; frame {others[0]!r:.80} of the'
        f' {modalities.get(name).title} is not in all;'
        " config.dataset.pair='intersect' takes the frames that all have"
      )


def counted(lengths: Mapping[str, int]) -> str:
  """Returns '89 silhouettes and 98 skeletons'."""
  return ' and '.join(
    f'{count} {modalities.get(name).title}' for name, count in lengths.items()
  )
