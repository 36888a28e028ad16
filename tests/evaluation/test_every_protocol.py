"""Every protocol where there is little to count: few, one view, nobody.

Published evaluators stop or print NaN there. Ours gives the number, if it is
defined, or says why there is none.
"""

import re

import numpy as np
import pytest

from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import (
  protocols,
  report,
  submissions,
  tiles,
  verification,
  walks,
)
from gaitgs_jax.evaluation.protocols import Evaluation

VIEWS, PEOPLE = ('000', '090'), (0, 1, 2)
WHY = re.compile('|'.join([
  r'no (gallery|probe) sequence for protocol',
  r'no probe of protocol \S+ has its subject in the gallery',
  r'a submission of protocol .* ranks \d+',
]))  # fmt: skip
NOTES = ('seen from one view', 'no probe has its subject', 'too few impostors')


def fitting(rule, role, person, rules):
  """Returns the columns of a walk that a rule takes."""
  columns = {'subject': f'{person:04d}', 'condition': role}
  for name, wanted in rule.values.items():
    is_flag = isinstance(wanted, bool)
    columns[name] = wanted if is_flag else wanted[0].strip('*')
  if rules.classes:
    name = rules.classes[person % len(rules.classes)]
    columns[rules.truth] = f'{name}{rules.truth_until}{person}'
    if not rules.truth_until:
      columns[rules.truth] = name
  return columns


def drawn(rules):
  """Returns walks as dicts; each person has a gallery and every probe."""
  random = np.random.default_rng(0)
  every = []
  roles = [
    *((f'gallery {n}', rules.gallery_of(n)) for n in [*rules.probes][:1]),
    *((f'probe {n}', rule) for n, rule in rules.probes.items()),
  ]
  if not isinstance(rules.gallery, protocols.Rule):
    roles += [(f'gallery {n}', rule) for n, rule in rules.gallery.items()]
  for role, rule in dict(roles).items():
    for person in PEOPLE:
      for view in VIEWS:
        walk = fitting(rule, role, person, rules)
        walk |= {'view': view, 'role': role.split()[0], 'person': person}
        width = len(rules.classes) or 2
        noise = random.normal(size=(1, width))
        walk['embedding'] = np.float32(person + noise)
        every.append(walk)
  return every


def one_in_the_gallery(every):
  first = next(each for each in every if each['role'] == 'gallery')
  return [each for each in every if each['role'] == 'probe'] + [first]


CASES = {
  'whole': lambda every: every,
  'one view': lambda every: [e for e in every if e['view'] == '000'],
  'one person': lambda every: [e for e in every if e['person'] == 0],
  'strangers': lambda every: [
    e for e in every if (e['person'] == 0) == (e['role'] == 'gallery')
  ],
  'one in the gallery': one_in_the_gallery,
  'one probe': lambda every: [
    e for e in every if e['role'] == 'gallery'
  ] + [next(e for e in every if e['role'] == 'probe')],
  'views apart': lambda every: [
    e for e in every if (e['view'] == '000') == (e['role'] == 'gallery')
  ],
  'no gallery': lambda every: [e for e in every if e['role'] == 'probe'],
  'no probe': lambda every: [e for e in every if e['role'] == 'gallery'],
}  # fmt: skip


def evaluation_of(rules, every):
  names = {'subject', 'condition', 'view', 'embedding', 'role', 'person'}
  columns = {
    name: [each.get(name, False) for each in every]
    for name in {*every[0]} - names
  }
  known = [
    [each[n] for each in every] for n in ('subject', 'condition', 'view')
  ]
  embeddings = np.stack([each['embedding'] for each in every])
  return Evaluation.of(rules, embeddings, *known, columns=columns)


def rank1(evaluation, name):
  """Counts rank-1 of a name of probes, probe by probe."""
  rules, chosen = evaluation.rules, evaluation.selection
  group = next(each for each in chosen.groups if name in each.probes)
  cells: dict[tuple[int, int], list[bool]] = {}
  by_view = rules.mean_over == 'cells'
  for probe in group.probes[name]:
    for view in range(len(chosen.view_names)) if by_view else [-1]:
      rows = group.gallery
      if by_view:
        rows = rows[chosen.views[rows] == view]
      if chosen.same is not None:
        rows = rows[chosen.same[rows] != chosen.same[probe]]
      right = chosen.subjects[rows] == chosen.subjects[probe]
      if (by_view and not len(rows)) or (
        rules.invalid == 'excluded' and not right.any()
      ):
        continue
      apart = evaluation.embeddings[rows, 0] - evaluation.embeddings[probe, 0]
      nearest = np.linalg.norm(apart, axis=-1).argmin() if len(rows) else 0
      cell = (chosen.views[probe] if rules.mean_over != 'probes' else 0, view)
      cells.setdefault(cell, []).append(right.any() and right[nearest])
  views: dict[int, list[float]] = {}
  for (view, _), found in cells.items():
    views.setdefault(view, []).append(100 * np.mean(found))
  means = [np.mean(found) for found in views.values()]
  return np.mean(means) if means else np.nan


@pytest.mark.parametrize('case', CASES)
@pytest.mark.parametrize('name', protocols.PROTOCOLS)
def test_a_number_or_why_there_is_none(name, case, tmp_path, monkeypatch):
  # One shape of tiles, which is compiled once.
  monkeypatch.setattr(tiles, 'rows_per_tile', lambda *_: 8)
  rules = protocols.get_protocol(name)
  try:
    evaluation = evaluation_of(rules, CASES[case](drawn(rules)))
    result, each = protocols.count(evaluation)
    if rules.submission:
      submissions.write(tmp_path / 'x.csv', evaluation)
      assert (tmp_path / 'x.csv').read_text().count('\n') > 1
  except UserError as error:
    assert case != 'whole' or name == 'grew'
    assert WHY.match(str(error))
    return
  assert each or rules.submission
  if not (rules.submission or rules.classes):
    result |= verification.count(evaluation).result
    walks.save(walks.look(evaluation, str), tmp_path / 'x.npz')
    curves = walks.curves(walks.load(tmp_path / 'x.npz'))
  table = report.table({'x': result}, rules)
  for key, probes, _ in report.rows({'x': result}, rules):
    value = result[key]
    assert np.isnan(value) or 0 <= value <= 100
    assert not np.isnan(value) or any(note in table for note in NOTES)
    if key == protocols.key(probes, 'rank1'):
      wanted = rank1(evaluation, probes)
      np.testing.assert_allclose(value, wanted, rtol=1e-6)
      if not np.isnan(value):
        assert curves[probes][1][0] == pytest.approx(value, rel=1e-5)
