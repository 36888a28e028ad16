"""Which rows are gallery and which are probes."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np

from gaitgs_jax.errors import UserError, listed
from gaitgs_jax.evaluation.protocols.rules import COLUMNS, Protocol, Rule, text

Labels = Sequence[str] | np.ndarray


@dataclasses.dataclass(frozen=True)
class Group:
  """A gallery, and who is looked up in it.

  Attributes:
    gallery: int [m], rows.
    probes: name -> int [n], rows, at least one; a row may have several names.
  """

  gallery: np.ndarray
  probes: dict[str, np.ndarray]

  def probe_rows(self) -> np.ndarray:
    """Returns all of its probes, each row once."""
    return np.unique(np.concatenate(list(self.probes.values())))


@dataclasses.dataclass(frozen=True)
class Selection:
  """What a protocol makes of an index of N sequences.

  Attributes:
    subjects: int [N], equal where they are the same person.
    views: int [N], places in `view_names`; -1 where ignored.
    view_names: in the order of a result's matrices.
    same: int [N], equal where one drops the other from its gallery; None where
      nothing is dropped.
    groups: each gallery with its probes; a name without any is left out.
    columns: str or bool [N] by name.
  """

  subjects: np.ndarray
  views: np.ndarray
  view_names: list[str]
  same: np.ndarray | None
  groups: list[Group]
  columns: dict[str, np.ndarray]


def view_names(views: Labels) -> list[str]:
  """Returns the different views in the order of the result's matrices.

  By number where all are numbers ('000', '018', ...), else by name.
  """
  names = {str(view) for view in views}
  if all(name.isdecimal() for name in names):
    return sorted(names, key=lambda name: (int(name), name))
  return sorted(names)


def select(
  protocol: Protocol,
  subjects: Labels,
  conditions: Labels,
  views: Labels,
  columns: Mapping[str, Labels] | None = None,
) -> Selection:
  """Applies a protocol's rules to an index.

  Args:
    protocol: whose rules.
    subjects: N names.
    conditions: N names.
    views: N names.
    columns: further columns, N names or bools each.

  Raises:
    UserError: lengths differ, a column is missing, or there is no probe or no
      gallery for any of them.
  """
  table = _table(protocol, subjects, conditions, views, columns or {})
  if protocol.view_until:
    names, inverse = np.unique(table['view'], return_inverse=True)
    cut = [name.split(protocol.view_until)[0] for name in names.tolist()]
    table['view'] = np.array(cut, np.str_)[inverse]
  kept = np.ones(len(table['view']), bool)
  if protocol.ignored is not None:
    kept = ~protocol.ignored.rows(table)
  names, codes = np.unique(table['view'], return_inverse=True)
  seen = view_names(names[np.unique(codes[kept])])
  place = {name: number for number, name in enumerate(seen)}
  return Selection(
    subjects=np.unique(table['subject'], return_inverse=True)[1],
    views=np.array([place.get(name, -1) for name in names.tolist()], int)[
      codes
    ],
    view_names=seen,
    same=_same(table, protocol.dropped),
    groups=_groups(protocol, table, kept),
    columns=table,
  )


def _table(
  protocol: Protocol,
  subjects: Labels,
  conditions: Labels,
  views: Labels,
  columns: Mapping[str, Labels],
) -> dict[str, np.ndarray]:
  """Returns all columns as arrays of names or bools."""
  if taken := sorted({*columns} & {*COLUMNS}):
    raise UserError(
      f'columns holds {taken[0]!r}, which is an argument of its own'
    )
  given = dict(zip(COLUMNS, (subjects, conditions, views), strict=True))
  table = {}
  for name, values in {**given, **columns}.items():
    array = np.asarray(values)
    flags = array.dtype == bool and name not in COLUMNS
    table[name] = array if flags else array.astype(np.str_)
  shapes = {name: array.shape for name, array in table.items()}
  if any(shape != (len(table['view']),) for shape in shapes.values()):
    raise UserError(
      'every column must be a flat list of the same length; got shapes '
      + ', '.join(f'{name} {shape}' for name, shape in shapes.items())
    )
  if missing := sorted(protocol.columns() - {*table}):
    raise UserError(
      f'protocol {protocol.name!r} needs column {missing[0]!r} of the '
      f'sequences; there are {listed(sorted(table), 12)}'
    )
  return table


def _same(
  table: Mapping[str, np.ndarray], dropped: Sequence[str]
) -> np.ndarray | None:
  """Returns a number per row, equal where all of those columns are."""
  if not dropped:
    return None
  codes = np.zeros(len(table['view']), np.int64)
  for name in dropped:
    found, inverse = np.unique(table[name], return_inverse=True)
    codes = np.unique(codes * len(found) + inverse, return_inverse=True)[1]
  return codes


def _groups(
  protocol: Protocol, table: Mapping[str, np.ndarray], kept: np.ndarray
) -> list[Group]:
  def rows(rule: Rule) -> np.ndarray:
    return np.flatnonzero(kept & rule.rows(table))

  if isinstance(protocol.gallery, Rule):
    sets = [(protocol.gallery, dict(protocol.probes))]
  else:
    sets = [(protocol.gallery[n], {n: r}) for n, r in protocol.probes.items()]
  groups = [
    Group(rows(gallery), {name: rows(rule) for name, rule in rules.items()})
    for gallery, rules in sets
  ]
  # Logits are compared with nothing.
  found = [group for group in groups if len(group.gallery) or protocol.classes]
  if not found:
    raise _nothing('gallery', protocol, [gallery for gallery, _ in sets], table)
  found = [
    Group(group.gallery, present)
    for group in found
    if (present := {n: r for n, r in group.probes.items() if len(r)})
  ]
  if not found:
    raise _nothing('probe', protocol, [*protocol.probes.values()], table)
  if not (protocol.dropped or protocol.classes):
    for group in found:
      _check_apart(protocol, group)
  return found


def _check_apart(protocol: Protocol, group: Group) -> None:
  """Raises UserError where a probe would find itself in its gallery."""
  both = np.intersect1d(group.gallery, group.probe_rows())
  if len(both):
    raise UserError(
      f'protocol {protocol.name!r} has {len(both):,} sequences that are '
      f'gallery and probe at once (the first is row {both[0]}) and would find '
      'themselves: tell them apart, or drop what shares subject and view'
    )


def _nothing(
  what: str,
  protocol: Protocol,
  rules: Sequence[Rule],
  table: Mapping[str, np.ndarray],
) -> UserError:
  """Returns the error for a protocol that finds no such row."""
  wanted = ', '.join(dict.fromkeys(map(str, rules)))
  names = sorted({name for rule in rules for name in rule.columns()})
  values = {
    name: listed(map(text, np.unique(table[name]).tolist()), 12) or 'none'
    for name in names
  }
  if names == ['condition']:
    wanted, found = f'conditions {wanted}', values['condition']
  else:
    found = '; '.join(f'{name} {each}' for name, each in values.items())
  return UserError(
    f'no {what} sequence for protocol {protocol.name!r}: it takes {wanted}; '
    f'the sequences have {found or "none"}'
  )
