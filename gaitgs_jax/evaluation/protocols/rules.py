"""What a protocol says: which rows are gallery and probes, and how they count.

A row is a sequence and a column what is known of it: 'subject', 'condition',
'view', and whatever else a dataset says, such as 'probe' or 'camera'.
"""

import dataclasses
import fnmatch
import hashlib
import json
import re
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np

from gaitgs_jax.errors import UserError, listed, wrong_choice
from gaitgs_jax.evaluation.protocols.forms import FORMS
from gaitgs_jax.fields import Share

COLUMNS = ('subject', 'condition', 'view')
MEANS = ('cells', 'views', 'probes')
INVALID = ('errors', 'excluded', 'both')
CLASSIFICATION = ('accuracy', 'precision', 'recall', 'f1')
# Of a gallery of all views, in addition to 'rank1', 'rank5', ...
_RANKED = ('CMC', 'mAP', 'mINP')
_INCLUDING = '_including_identical'
_GIVEN = ('name', 'title', 'probes', 'gallery')
# What changes no number: what it is called, and which numbers are wanted.
_NAMES = ('name', 'title', 'metrics', 'submission')

# What is in the column 'sensor' of `Protocol.across`.
GALLERY, PROBES = 'gallery', 'probes'

Values = bool | tuple[str, ...]


@dataclasses.dataclass(frozen=True)
class Rule:
  """Some rows: in each column named they have one of its values.

  Attributes:
    values: column -> names, or patterns with * and ?; of a column of bools,
      which of the two.
    excluded: of those rows, the ones that do not belong.
  """

  values: Mapping[str, Values] = dataclasses.field(default_factory=dict)
  excluded: 'Rule | None' = None

  def rows(self, columns: Mapping[str, np.ndarray]) -> np.ndarray:
    """Returns which of the N rows belong, bool [N]."""
    belong = np.ones(len(columns['subject']), bool)
    for name, wanted in self.values.items():
      belong &= _matches(columns[name], wanted, name)
    if self.excluded is not None:
      belong &= ~self.excluded.rows(columns)
    return belong

  def columns(self) -> set[str]:
    """Returns the columns it looks at."""
    other = self.excluded.columns() if self.excluded else set()
    return {*self.values, *other}

  def plain(self) -> dict[str, Any]:
    """Returns the rule in JSON's own types."""
    values: dict[str, Any] = {
      column: wanted if isinstance(wanted, bool) else list(wanted)
      for column, wanted in self.values.items()
    }
    return {**values, 'not': self.excluded.plain()} if self.excluded else values

  def __str__(self) -> str:
    if not (self.values or self.excluded):
      return 'all'
    # Most protocols distinguish conditions only.
    texts = [
      ('' if name == 'condition' else f'{name} ')
      + (text(wanted) if isinstance(wanted, bool) else ', '.join(wanted))
      for name, wanted in self.values.items()
    ]
    if self.excluded:
      texts.append(f'not {self.excluded}')
    return ' and '.join(texts)


def text(value: bool | str) -> str:
  """Returns a value as a file of rules writes it."""
  return str(value).lower() if isinstance(value, bool) else value


def where(*conditions: str, **values: Values | str) -> Rule:
  """Returns the rule of some conditions, and of other columns by name."""
  if conditions:
    values = {'condition': conditions, **values}
  return Rule(
    {
      name: (wanted,) if isinstance(wanted, str) else wanted
      for name, wanted in values.items()
    }
  )


def _matches(column: np.ndarray, wanted: Values, name: str) -> np.ndarray:
  if isinstance(wanted, bool) != (column.dtype == bool):
    has, needs = (
      ('bools', 'names') if column.dtype == bool else ('names', 'bools')
    )
    raise UserError(
      f'column {name!r} holds {has}, and the protocol compares it with {needs}'
    )
  if isinstance(wanted, bool):
    return column == wanted
  found, inverse = np.unique(column, return_inverse=True)
  chosen = [_is_one(str(each), wanted) for each in found.tolist()]
  return np.array(chosen, bool)[inverse]


def _is_one(name: str, wanted: tuple[str, ...]) -> bool:
  return name in wanted or any(
    fnmatch.fnmatchcase(name, pattern) for pattern in wanted
  )


@dataclasses.dataclass(frozen=True)
class Rerank:
  """Numbers of k-reciprocal re-ranking, see `ranking.rerank`."""

  k1: int = 6
  k2: int = 6
  weight: Share = 0.3


@dataclasses.dataclass(frozen=True)
class Protocol:
  """One way to count.

  Attributes:
    name: what it is called in configs and results.
    title: the benchmark's name and which of its tables this is.
    probes: name in the results -> the probes of that name. The name '' has
      plain keys ('rank1'), others stand before theirs ('NM/rank1').
    gallery: the gallery of all probes, or that of each name of theirs.
    mean_over: 'cells': each gallery view is a gallery of its own, and the mean
      is over gallery views, then over probe views. Otherwise all views are one
      gallery; the mean is over probe 'views' or over all 'probes'.
    dropped: columns; what agrees with the probe in all of them is dropped from
      its gallery. With 'cells', ('view',) or nothing.
    metrics: numbers wanted, the one that says which model is best first:
      'rank1' (or any rank), 'CMC', 'mAP', 'mINP'; with 'cells' any rank, also
      as 'rank1_including_identical'; with `classes` those of `CLASSIFICATION`.
    invalid: how probes count that have nothing to find: as 'errors', not at
      all ('excluded'), or 'both' in two numbers. They never have an AP.
    ignored: rows that are neither gallery nor probes, nor have a view.
    view_until: a view is what stands before this text; all of it without.
    rerank: how distances are re-ranked, None if they are not.
    submission: of `forms.FORMS`: who the probes are is withheld, and
      the ranking is written to a file instead; '' otherwise.
    classes: what embeddings [N,p,k] are logits of; no gallery then.
    truth: column of the right class.
    truth_until: the class is what stands before this text there; all of it
      without.
  """

  name: str
  title: str
  probes: Mapping[str, Rule]
  gallery: Rule | Mapping[str, Rule] = Rule()
  mean_over: str = 'cells'
  dropped: tuple[str, ...] = ('view',)
  metrics: tuple[str, ...] = ('rank1',)
  invalid: str = 'errors'
  ignored: Rule | None = None
  view_until: str = ''
  rerank: Rerank | None = None
  submission: str = ''
  classes: tuple[str, ...] = ()
  truth: str = 'condition'
  truth_until: str = ''

  def __post_init__(self) -> None:
    _check(self)

  def gallery_of(self, name: str) -> Rule:
    """Returns the gallery of the probes of that name."""
    return (
      self.gallery if isinstance(self.gallery, Rule) else self.gallery[name]
    )

  def columns(self) -> set[str]:
    """Returns the columns it looks at."""
    found = {*self.dropped} if self.mean_over != 'cells' else set()
    if self.classes:
      found.add(self.truth)
    rules = [*self.probes.values(), *map(self.gallery_of, self.probes)]
    if self.ignored:
      rules.append(self.ignored)
    return found.union(*(rule.columns() for rule in rules))

  def across(self) -> 'Protocol':
    """Returns the protocol with a gallery of one sensor and probes of another.

    Which a sequence is of is told by its column 'sensor', of `GALLERY` and
    `PROBES`.
    """

    def of(rule: Rule, sensor: str) -> Rule:
      values = {**rule.values, 'sensor': (sensor,)}
      return dataclasses.replace(rule, values=values)

    if isinstance(self.gallery, Rule):
      gallery: Rule | dict[str, Rule] = of(self.gallery, GALLERY)
    else:
      gallery = {name: of(rule, GALLERY) for name, rule in self.gallery.items()}
    return dataclasses.replace(
      self,
      name=f'{self.name}_across',
      title=f'{self.title}, across sensors',
      gallery=gallery,
      probes={name: of(rule, PROBES) for name, rule in self.probes.items()},
    )

  @property
  def identical(self) -> bool:
    """Whether cells of identical views count."""
    return not self.dropped

  @property
  def fingerprint(self) -> str:
    """Eight letters that differ where a number would mean something else."""
    return fingerprint(
      {k: v for k, v in self.plain().items() if k not in _NAMES}
    )

  def plain(self) -> dict[str, Any]:
    """Returns the protocol in JSON's own types, without what is default."""
    plain: dict[str, Any] = {}
    for field in dataclasses.fields(self):
      value = getattr(self, field.name)
      if field.name in _GIVEN or value != field.default:
        plain[field.name] = _plain(value)
    return plain


def fingerprint(rules: Mapping[str, Any]) -> str:
  """Returns eight letters that differ where rules do; see `Protocol`."""
  text = json.dumps(rules, sort_keys=True)
  return hashlib.sha256(text.encode()).hexdigest()[:8]


def _plain(value: Any) -> Any:
  if isinstance(value, Rule):
    return value.plain()
  if isinstance(value, Rerank):
    return dataclasses.asdict(value)
  if isinstance(value, Mapping):
    return {name: _plain(each) for name, each in value.items()}
  return list(value) if isinstance(value, tuple) else value


def key(name: str, number: str) -> str:
  """Returns a result's key, such as 'NM/rank1', or 'rank1' of the name ''."""
  return f'{name}/{number}' if name else number


def rank_of(metric: str) -> int | None:
  """Returns the k of 'rank<k>', None of another metric."""
  found = re.fullmatch(r'rank([1-9]\d{0,3})', metric.removesuffix(_INCLUDING))
  return int(found[1]) if found else None


def counts_identical(metric: str) -> bool:
  """Returns whether a metric counts identical views whatever is dropped."""
  return metric.endswith(_INCLUDING)


def _check(protocol: Protocol) -> None:
  """Raises UserError where the rules contradict one another."""
  _choose('mean_over', protocol.mean_over, MEANS)
  _choose('invalid', protocol.invalid, INVALID)
  if protocol.submission:
    _choose('submission', protocol.submission, FORMS)
  cells = protocol.mean_over == 'cells'
  for name in (protocol.name, *protocol.probes):
    if '/' in name or not name.isprintable():
      raise UserError(f'the name {name!a} must be printable, without a /')
  if not protocol.probes:
    raise UserError('probes names none: give at least one set of them')
  if not isinstance(protocol.gallery, Rule):
    _same_names(protocol.gallery, protocol.probes)
  if cells and protocol.dropped not in ((), ('view',)):
    raise UserError(
      f'dropped is {listed(protocol.dropped)}; with mean_over "cells" it can '
      'be "view" or nothing'
    )
  if cells and protocol.rerank:
    raise UserError('rerank needs one gallery: mean_over "views" or "probes"')
  if not protocol.metrics:
    raise UserError('metrics names none: give at least one')
  for metric in protocol.metrics:
    if not has_metric(protocol, metric):
      raise wrong_choice(
        f'unknown metric {metric!r}', metric, _metrics(protocol)
      )


def has_metric(protocol: Protocol, metric: str) -> bool:
  """Returns whether a protocol could count a metric, wanted or not."""
  if protocol.classes:
    return metric in CLASSIFICATION
  cells = protocol.mean_over == 'cells'
  if rank_of(metric):
    return cells or not counts_identical(metric)
  return metric in _metrics(protocol)


def _metrics(protocol: Protocol) -> tuple[str, ...]:
  if protocol.classes:
    return CLASSIFICATION
  ranks = ('rank1', 'rank5', 'rank10', 'rank20')
  if protocol.mean_over == 'cells':
    return (*ranks, *(f'{rank}{_INCLUDING}' for rank in ranks))
  # A curve over few probes of a view says nothing.
  left_out = ('CMC',) if protocol.mean_over == 'views' else ()
  return (*ranks, *(name for name in _RANKED if name not in left_out))


def _choose(field: str, given: str, allowed: Iterable[str]) -> None:
  if given not in allowed:
    raise wrong_choice(f'{field} is {given!r}', given, allowed)


def _same_names(
  gallery: Mapping[str, Rule], probes: Mapping[str, Rule]
) -> None:
  if set(gallery) != set(probes):
    raise UserError(
      f'gallery is given for {listed(gallery)}, and probes for '
      f'{listed(probes)}: name the same, or give one gallery for all'
    )
