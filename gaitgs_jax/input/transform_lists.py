"""Lists of transforms in a config: the names there are, and the checks."""

from collections.abc import Iterator, Mapping
from typing import Any

import jax
import jax.numpy as jnp

from gaitgs_jax import dotted
from gaitgs_jax.errors import (
  BadValue,
  UserError,
  one_line,
  wrong_choice,
  wrong_value,
)
from gaitgs_jax.input.map_transforms import MAPS, NUMBERS, RGB, SILHOUETTES
from gaitgs_jax.input.point_transforms import POINTS
from gaitgs_jax.input.pose_transforms import POSES
from gaitgs_jax.input.time_transforms import TIME
from gaitgs_jax.input.transform import Entry

# Modality -> its transforms by name.
TABLES: dict[str, dict[str, Entry]] = {
  'silhouettes': SILHOUETTES | TIME,
  'heatmaps': NUMBERS | TIME,
  'depth': NUMBERS | TIME,
  'rgb': RGB | TIME,
  'parsing': MAPS | TIME,
  'keypoints': POSES | TIME,
  'points': POINTS | TIME,
  'smpl': TIME,
  'features': TIME,
}
COPIES = 'copies'
# In the order in which they were applied when a config could not choose it: the
# name of a transform then and now.
_EARLIER = {
  'views': COPIES,
  COPIES: COPIES,
  'flip': 'horizontal_flip',
  'rotate': 'rotation',
  'erase': 'random_erasing',
  'shift': 'shift',
  'repair': 'repair',
  'reflect': 'reflect',
  'reverse': 'reverse',
  'crop': 'random_frames',
  'centre': 'middle_frames',
  'swap_sides': 'swap_sides',
  'joint_noise': 'joint_noise',
  'point_noise': 'point_noise',
  'move': 'move',
}


def copies(chosen: Any) -> int | None:
  """Returns how many copies of a sequence a list makes; None if it has none."""
  counts = [each['count'] for each in chosen if each['name'] == COPIES]
  return counts[0] if counts else None


def skeleton_after(chosen: Any, skeleton: str, where: str) -> str:
  """Returns whose joints a list leaves of keypoints.

  Args:
    chosen: the list, of which nothing is known.
    skeleton: of the keypoints; '' of none.
    where: what the config calls the list.

  Raises:
    UserError: it is not such a list.
  """
  poses = TABLES['keypoints']
  for _, name, _ in checked(chosen, where):
    if skeleton and name in poses:
      skeleton = poses[name].skeleton or skeleton
  return skeleton


def checked(
  chosen: Any,
  where: str,
  tables: Mapping[str, Mapping[str, Entry]] | None = None,
) -> Iterator[tuple[str, str, dict[str, Any]]]:
  """Yields (its place in the config, name, options) of each transform.

  Args:
    chosen: the list, of which nothing is known.
    where: what the config calls it.
    tables: of the modalities that there are, with the user's own transforms,
      see `with_own`; by default of all, and the user's own are not checked.

  Raises:
    UserError: it is not such a list, or a name or an option is wrong.
  """
  known = TABLES if tables is None else tables
  made = 0
  for place, each in enumerate(_list(chosen, where)):
    name, options = each['name'], {k: v for k, v in each.items() if k != 'name'}
    within = f'{where}[{place}] ({one_line(name)})'
    made += name == COPIES
    if made > 1:
      raise UserError(f'{within}: a list makes copies once')
    # The user's own are looked up where they are used.
    if '.' not in name or tables is not None:
      for entry in _entries(name, known, options, f'{where}[{place}]'):
        entry.check(options, within)
    yield within, name, options


def with_own(
  chosen: Any, where: str, tables: Mapping[str, Mapping[str, Entry]]
) -> dict[str, dict[str, Entry]]:
  """Returns tables with the transforms of the user's own that a list names.

  'mypackage.transforms.wiggle' is a function as `Entry.function` or an `Entry`,
  and is for all modalities.

  Args:
    chosen: the list, of which nothing is known.
    where: what the config calls it.
    tables: of the modalities that there are.

  Raises:
    UserError: it is not such a list, or there is no such function.
  """
  own = {}
  for place, each in enumerate(_list(chosen, where)):
    if '.' in each['name']:
      own[each['name']] = _own(each['name'], f'{where}[{place}]')
  return {modality: {**table, **own} for modality, table in tables.items()}


def _own(name: str, where: str) -> Entry:
  try:
    found = dotted.attribute(name, 'transform')
  except BadValue as error:
    raise UserError(f'{where}: {error}') from error
  entry = found if isinstance(found, Entry) else Entry(found)
  problem = entry.problem()
  if problem:
    raise UserError(f'{where}: {name} {problem}')
  return entry


def _list(chosen: Any, where: str) -> list[Any]:
  if hasattr(chosen, 'keys'):
    if not chosen:
      return []
    raise UserError(
      f'{where} is a list now, whose order is that of the transforms. Write '
      f'{where} = {_translated(chosen)}'
    )
  if not isinstance(chosen, list | tuple):
    wanted = "a list such as (dict(name='shift'),)"
    raise wrong_value(where, chosen, wanted)
  for place, each in enumerate(chosen):
    if not hasattr(each, 'keys') or not isinstance(each.get('name'), str):
      wanted = "a dict with the name of a transform, such as dict(name='shift')"
      raise wrong_value(f'{where}[{place}]', each, wanted)
  return list(chosen)


def _translated(chosen: Mapping[str, Any]) -> str:
  """Returns a dict of earlier versions as the list that does the same."""
  found = []
  for old, name in _EARLIER.items():
    if old in chosen:
      given = chosen[old]
      options = dict(given) if hasattr(given, 'keys') else {}
      # Which frames change was an option of this one alone.
      if 'share' in options and name == 'swap_sides':
        options = {'probability': options['share'], 'per': 'frame'}
      words = ''.join(f', {k}={v!r}' for k, v in options.items())
      found.append(f'dict(name={name!r}{words})')
  return f'({", ".join(found)},)' if found else '()'


def _entries(
  name: str,
  tables: Mapping[str, Mapping[str, Entry]],
  options: Mapping[str, Any],
  where: str,
) -> list[Entry]:
  """Returns a name's entries in the tables of the modalities that it is for."""
  if name == COPIES:
    return [COMMON[COPIES]]
  chosen = options.get('inputs')
  if isinstance(chosen, list | tuple):
    for each in chosen:
      if each not in TABLES:
        raise wrong_choice(f'{where}.inputs has {each!r}', each, TABLES)
    tables = {key: table for key, table in tables.items() if key in chosen}
  found = [table[name] for table in tables.values() if name in table]
  if not found:
    names = dict.fromkeys([COPIES, *(n for t in tables.values() for n in t)])
    if name in _EARLIER and _EARLIER[name] in names:
      raise UserError(
        f'{where}: {name} is called {_EARLIER[name]} in a list of transforms'
      )
    raise wrong_choice(f'{where} is {name!r}', name, names)
  return found


def _copied(x: jax.Array, *, count: int) -> jax.Array:
  """Makes copies of each sequence, on an axis of their own.

  What follows in the list is drawn for each copy separately.

  Args:
    x: sequence [s,...].
    count: how many copies.
  """
  return jnp.stack([x] * count)


# For every modality, in addition to `TIME`.
COMMON = {COPIES: Entry(_copied, None, by_frame=False, masks=True)}
