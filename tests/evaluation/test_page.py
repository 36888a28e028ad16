import html.parser
import re
import xml.etree.ElementTree as tree

import numpy as np
import pytest

from gaitgs_jax.evaluation import charts, page


def parse(element):
  """Returns what a browser sees of an element."""
  return tree.fromstring(tree.tostring(element))


def words(element):
  return ' '.join(''.join(element.itertext()).split())


def test_accuracy_table_has_a_row_per_label_and_marks_the_best():
  results = {
    'untrained': {'NM/rank1': 9.0},
    'step_000300': {'NM/rank1': 80.25, 'CL/rank1': float('nan')},
  }
  found = parse(page.accuracy_table(results, 'casia_b', {'NM/rank1': 97.9}))
  rows = [words(row) for row in found.iter('tr')]
  assert rows[1:] == [
    'Untrained network9.0-',
    'Trained, step 30080.2-',
    'Published97.9-',
  ]
  best = [cell.text for cell in found.iter('td') if cell.get('class') == 'best']
  # The published number is no competitor of ours.
  assert '80.2' in best and '97.9' not in best


def test_heat_map_shows_every_cell_and_marks_identical_views():
  matrix = np.array([[100.0, 25.4], [np.nan, 3.0]])
  found = parse(page.heat_map(matrix, ['000', '090'], 'a <caption>'))
  cells = list(found.iter('td'))
  assert [cell.text for cell in cells] == ['100', '25', '\N{EN DASH}', '3']
  same = ['same' in cell.get('class', '') for cell in cells]
  assert same == [True, False, False, True]
  assert cells[1].get('title') == 'probe 000, gallery 090: 25.4 %'
  assert next(found.iter('figcaption')).text == 'a <caption>'


def test_chart_draws_each_series_inside_its_frame():
  steps = np.arange(1.0, 1001.0)
  found = parse(
    charts.chart(
      'Scores', {'NM': (steps, np.sin(steps)), 'CL': (steps[:3], steps[:3])}
    )
  )
  lines = list(found.iter('polyline'))
  assert len(lines) == 2
  for line in lines:
    points = re.findall(r'([\d.-]+),([\d.-]+)', line.get('points'))
    x, y = np.array(points, float).T
    assert x.min() >= 0 and x.max() <= 360
    assert y.min() >= 0 and y.max() <= 190
  assert len(lines[0].get('points').split()) == 300
  assert 'NM' in words(found) and 'CL' in words(found)


@pytest.mark.parametrize(
  'steps, values', [([], []), ([1.0], [np.nan]), ([1.0, 2.0], [np.inf, np.nan])]
)
def test_nothing_finite_draws_nothing(steps, values):
  assert charts.chart('x', {'x': (np.array(steps), np.array(values))}) is None


@pytest.mark.parametrize('value', [0.0, 5.0, -2.0, 1e-4])
def test_a_constant_or_single_value_can_be_drawn(value):
  for count in (1, 4):
    curve = (np.arange(1.0, count + 1), np.full(count, value))
    parse(charts.chart('x', {'x': curve}))


def test_thin_keeps_the_mean():
  steps, values = charts.thin(np.arange(1000.0), np.arange(1000.0) * 2)
  assert len(steps) == 300
  np.testing.assert_allclose(values, 2 * steps)
  assert steps[0] == 1.0


def test_ticks_are_round_and_span_the_range():
  assert charts.ticks(0, 90, 4) == [0, 50, 100]
  assert charts.ticks(1, 300, 4) == [0, 100, 200, 300]
  assert charts.ticks(0, 1e-4, 4) == [0, 5e-05, 1e-4]


def test_label_names():
  assert page.label_name('step_012300') == 'Trained, step 12,300'
  assert page.label_name('mine') == 'mine'


HOSTILE = '\'"><img src=x onerror=alert(1)><script>alert(2)</script>&amp;\x1b'


class Tags(html.parser.HTMLParser):
  """Notes the tags and attributes that a browser finds in a page."""

  def __init__(self, text):
    super().__init__()
    self.tags, self.attributes = [], []
    self.feed(text)
    self.close()

  def handle_starttag(self, tag, attrs):
    self.tags.append(tag)
    self.attributes += [name for name, _ in attrs]


def whole(word):
  """Returns a page in which every text from outside is one word."""
  results = {word: {'NM/rank1': 9.0}, 'untrained': {'NM/rank1': 8.0}}
  steps = np.arange(3.0)
  return page.page(
    word,
    word,
    [
      page.section(
        word,
        page.accuracy_table(results, 'casia_b'),
        page.definition_list([(word, word)], word),
        page.heat_map(np.array([[9.0, np.nan]] * 2), [word, word], word),
        page.grid(
          [charts.chart(word, {word: (steps, steps), 'b': (steps, steps)})]
        ),
        page.note(word),
        page.folded(word, page.note(word)),
      ),
      page.section('Empty', None, page.grid([None])),
    ],
    word,
  )


def test_no_text_becomes_a_tag_or_an_attribute():
  plain, hostile = Tags(whole('word')), Tags(whole(HOSTILE))
  assert len(plain.tags) > 50
  assert hostile.tags == plain.tags
  assert hostile.attributes == plain.attributes
  assert '\x1b' not in whole(HOSTILE)
  assert {'img', 'script'}.isdisjoint(hostile.tags)
  assert not [name for name in hostile.attributes if name.startswith('on')]


def test_a_page_needs_and_allows_nothing_else():
  text = page.page('a <b>', 'c & d', [page.section('One', page.note('1'))], 'e')
  assert text.startswith('<!doctype html>\n<html lang="en"><head><meta ')
  assert '<h1>a &lt;b&gt;</h1><p>c &amp; d</p>' in text
  assert 'http:' not in text and 'https:' not in text
  policy = re.search('Content-Security-Policy" content="([^"]*)"', text)[1]
  assert "default-src 'none'" in policy and 'script' not in policy
  # The style is as it was written.
  assert "content: '';" in text and 'details[open] summary {' in text


@pytest.mark.parametrize('value', [1e300, -1e300, 1e30, -1e30, 1e-300, 1e15])
def test_curves_of_any_size_can_be_drawn(value):
  steps = np.array([0.0, 1e300, 1e12, 5.0, np.nan])
  values = np.array([value, -value, np.nextafter(value, 0), value, 1.0])
  chart = charts.chart('x', {'x': (steps, values)})
  assert (chart is None) == (abs(value) > 1e30)
  if chart is not None:
    assert 'nan' not in tree.tostring(chart, encoding='unicode')
