import html.parser
import re

import numpy as np
import pytest

from gaitgs_jax.pages import page, plots


class Tags(html.parser.HTMLParser):
  """Notes the tags, attributes and words that a browser finds in a page."""

  def __init__(self, text):
    super().__init__()
    self.tags, self.attributes, self.words = [], [], []
    self.feed(text)
    self.close()

  def handle_starttag(self, tag, attrs):
    self.tags.append(tag)
    self.attributes += [name for name, _ in attrs]

  def handle_data(self, data):
    self.words += data.split()


def test_accuracy_has_a_row_per_label_and_marks_the_best():
  results = {
    'untrained': {'NM/rank1': 9.0, 'NM/EER': 30.0},
    'step_000300': {
      'NM/rank1': 80.25,
      'NM/rank1_interval': np.array([71.0, 86.0]),
      'CL/rank1': float('nan'),
    },
  }
  table = page.accuracy(results, 'casia_b', {'NM/rank1': 97.9})
  assert table.columns == [('NM', 'rank-1'), ('CL', 'rank-1')]
  names = [row.name for row in table.rows]
  assert names == ['Untrained network', 'Trained, step 300', 'Published']
  texts = [[cell.text for cell in row.cells] for row in table.rows]
  assert texts == [['9.0', '-'], ['80.2', '-'], ['97.9', '-']]
  best = [cell.text for row in table.rows for cell in row.cells if cell.is_best]
  # The published number is no competitor of ours.
  assert best == ['80.2']
  assert table.rows[1].cells[0].interval == '71.0-86.0'
  errors = page.errors(results['untrained'], 'casia_b')
  assert [row.name for row in errors.rows] == ['EER']
  assert page.errors(results['step_000300'], 'casia_b') is None
  odd = {'NM/EER': np.ones(3), 'NM/threshold@1e-2': np.ones((2, 2))}
  assert page.errors(odd, 'casia_b') is None


def test_heat_map_has_every_cell_and_marks_identical_views():
  matrix = np.array([[100.0, 25.4], [np.nan, 3.0]])
  found = page.heat_map(matrix, ['000', '090'], 'a <caption>')
  cells = [cell for _, row in found.rows for cell in row]
  assert [cell[0] for cell in cells] == ['100', '25', '\N{EN DASH}', '3']
  same = ['same' in cell[1] for cell in cells]
  assert same == [True, False, False, True]
  assert cells[1][3] == 'probe 000, gallery 090: 25.4 %'


def test_curves_are_of_the_colours_of_the_page():
  steps = np.arange(1.0, 1001.0)
  plot = plots.curves(
    'Scores', {'NM': (steps, np.sin(steps)), 'CL': (steps[:3], steps[:3])}
  )
  assert plot.keys == [(0, '', 'NM'), (1, '', 'CL')]
  assert plot.svg.startswith('<svg') and 'stroke: var(--c1)' in plot.svg
  for word in ('http', 'style>', '#0', 'pt"', 'NM'):
    assert word not in re.sub(r'(?<=href=")#|url\(#', '', plot.svg)


@pytest.mark.parametrize(
  'steps, values', [([], []), ([1.0], [np.nan]), ([1.0, 2.0], [np.inf, np.nan])]
)
def test_nothing_finite_draws_nothing(steps, values):
  assert plots.curves('x', {'x': (np.array(steps), np.array(values))}) is None


@pytest.mark.parametrize('value', [0.0, -2.0, 1e300, 1e30, -1e30, 1e-300])
def test_curves_of_any_size_can_be_drawn(value):
  steps = np.array([0.0, 1e300, 1e12, 5.0, np.nan])
  values = np.array([value, -value, np.nextafter(value, 0), value, 1.0])
  plot = plots.curves('x', {'x': (steps, values)})
  assert (plot is None) == (abs(value) > 1e30)
  if plot is not None:
    assert 'nan' not in plot.svg


def test_logarithmic_axes_have_plain_numbers():
  curve = np.array([0.01, 1.0, 100.0]), np.array([1.0, 10.0, 90.0])
  plot = plots.curves('x', {'x': curve}, scale=('log', 'log'))
  texts = re.findall('>([^<>]+)</text>', plot.svg)
  assert '0.01' in texts and not any('$' in each for each in texts)


def test_histograms_are_drawn_of_finite_numbers_alone():
  bars = np.array([[1.0, 2.0, 3.0], [50.0, 50.0, 0.0], [0.0, 10.0, 90.0]])
  plot = plots.histograms('x', bars, 1.5)
  assert [name for *_, name in plot.keys] == [
    'same person',
    'different people',
  ]
  assert plots.histograms('x', bars[:2], 1.5) is None
  assert plots.histograms('x', bars * np.nan, None) is None


def test_thin_keeps_the_mean():
  steps, values = plots.thin(np.arange(1000.0), np.arange(1000.0) * 2)
  assert len(steps) == 300
  np.testing.assert_allclose(values, 2 * steps)
  assert steps[0] == 1.0


def test_label_names():
  assert page.label_name('step_012300') == 'Trained, step 12,300'
  assert page.label_name('mine') == 'mine'


HOSTILE = '\'"><img src=x onerror=alert(1)><script>alert(2)</script>&amp;\x1b'


def whole(word):
  """Returns a page in which every text from outside is one word."""
  results = {word: {'NM/rank1': 9.0}, 'untrained': {'NM/rank1': 8.0}}
  steps = np.arange(3.0)
  curve = plots.curves('x', {word: (steps, steps), 'b': (steps, steps)})
  heat = page.heat_map(np.array([[9.0, np.nan]] * 2), [word, word], word)
  group = {
    'title': word,
    'accuracy': page.accuracy(results, 'casia_b'),
    'rules': [(word, word)],
    'newest': word,
    'maps': [(word, [heat]), (word, [heat])],
    'maps_note': word,
    'errors': page.errors({'NM/EER': 3.0}, 'casia_b'),
    'errors_note': word,
    'ranks': [curve],
    'map': plots.embedding_map('Map', np.ones((1, 2)), [word]),
    'map_count': 1,
    'mistakes': [[(word, word, word, '')]],
    'mistakes_note': word,
  }
  return page.render(
    'report.html',
    title=word,
    subtitle=word,
    sections=[('accuracy1', word)],
    foot=word,
    groups=[group],
    walkers=None,
    looks=[(word, 'AAAA')],
    curves=[curve._replace(title=word)],
    facts=[(word, word)],
    folded=[(word, [(word, word)])],
  )


def test_no_text_becomes_a_tag_or_an_attribute():
  plain, hostile = Tags(whole('word')), Tags(whole(HOSTILE))
  assert len(plain.tags) > 50
  assert hostile.tags == plain.tags
  assert hostile.attributes == plain.attributes
  assert plain.words.count('word') > 25
  assert '\x1b' not in whole(HOSTILE)
  assert 'script' not in hostile.tags
  assert not [name for name in hostile.attributes if name.startswith('on')]


def test_a_page_needs_and_allows_nothing_else():
  text = whole('a <b>')
  assert text.startswith('<!doctype html>\n<html lang="en">\n<head>\n<meta ')
  assert '<h1>a &lt;b&gt;</h1>' in text
  assert 'http:' not in text and 'https:' not in text
  policy = re.search('Content-Security-Policy" content="([^"]*)"', text)[1]
  assert "default-src 'none'" in policy and 'script' not in policy
  # The style is as it was written.
  assert "content: '';" in text and 'details[open] summary {' in text
