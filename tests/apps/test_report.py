import base64
import html
import json
import os
import re
import shutil
import struct
import subprocess

import numpy as np
import pytest

import gaitgs_jax.__main__ as program
from gaitgs_jax.apps import report as app
from gaitgs_jax.apps import workdir_files
from gaitgs_jax.evaluation import result_files, walks

VIEWS = ['000', '090']
CONFIG = {
  'seed': 0,
  'total_steps': 300,
  'model_name': 'gaitgs',
  'dataset': {'name': 'casia_b', 'size': [64, 44]},
  'batch': {'subjects': 8, 'sequences': 4, 'frames': 30},
  'evaluation': {'protocol': 'casia_b', 'metric': 'euclidean'},
  'published': {
    'protocol': 'casia_b',
    'dataset': 'casia_b',
    'model_name': 'gaitgs',
    'size': [64, 44],
    'numbers': {'NM/rank1': 97.9},
  },
}
PNG = b'\x89PNG\r\n\x1a\n'


def result(value):
  return {
    'NM/rank1': value,
    'NM/rank1_by_view': np.full((2, 2), value),
    'NM/probes': 4.0,
  }


@pytest.fixture
def workdir(tmp_path):
  folder = tmp_path / 'run'
  folder.mkdir()
  for label, value in (
    ('step_000300', 88.8),
    ('untrained', 11.1),
    ('gait_energy', 22.2),
    ('step_000100', 44.4),
  ):
    result_files.save(
      result(value),
      folder / 'evaluation' / f'{label}.json',
      protocol='casia_b',
      metric='euclidean',
      views=VIEWS,
    )
  (folder / 'config.json').write_text(json.dumps(CONFIG))
  (folder / 'versions.json').write_text('{"jax": "0.0.0-test"}')
  (folder / 'metrics.csv').write_text(
    'step,loss,my_term,NM/rank1\n1,0.5,7,\n2,0.25,8,44.4\n3,torn'
  )
  return folder


def run(folder, *flags):
  return program.main(['report', f'--workdir={folder}', *flags])


def test_the_page_shows_every_label_in_order(workdir, capsys):
  assert run(workdir) == 0
  text = (workdir / 'report.html').read_text()
  places = [text.index(value) for value in ('22.2', '11.1', '44.4', '88.8')]
  assert places == sorted(places)
  assert '>Published<' in text  # Published, the run being of the same.
  assert '<h1>GaitGS on CASIA-B</h1>' in text
  assert 'probe 000, gallery 090: 88.8 %' in text
  assert 'my_term' in text and '0.0.0-test' in text
  assert 'biometric' in text
  out = capsys.readouterr().out
  assert 'NM rank-1         22.2       11.1         44.4         88.8' in out
  assert out.rstrip().endswith(f'report: {workdir / "report.html"}')
  assert not list(workdir.glob('.*.tmp'))


# Shows a page in a frame as wide as a phone, and notes what a browser makes of
# it: what is written here ends up in the DOM that is printed.
PROBE = """<!doctype html><iframe id="f" width="390" height="800"
srcdoc="{}"></iframe><pre id="out"></pre><script>
document.getElementById('f').onload = event => {{
  const page = event.target.contentDocument;
  const text = each => each.textContent.trim();
  const every = what => [...page.querySelectorAll(what)];
  document.getElementById('out').textContent = JSON.stringify({{
    rows: every('#accuracy1 tbody tr').map(r => [...r.cells].map(text)),
    errors: every('#errors1 tbody tr').map(r => [...r.cells].map(text)),
    mistakes: every('#mistakes1 figcaption').map(text),
    plots: every('svg').filter(each => each.getBBox().width > 100).length,
    wide: page.documentElement.scrollWidth,
    keyless: every('.scroll:not([tabindex="0"])').length,
    astray: every('nav a').filter(
      a => !page.querySelector(a.getAttribute('href'))).length,
    loaded: event.target.contentWindow.performance
      .getEntriesByType('resource').length,
  }});
}};
</script>"""
BROWSER = next(
  filter(None, map(shutil.which, ('chromium', 'chromium-browser', 'chrome'))),
  None,
)


@pytest.mark.skipif(BROWSER is None, reason='Chromium is not installed')
def test_a_browser_reads_the_numbers_back(workdir, tmp_path):
  newest = workdir / 'evaluation' / 'step_000300.json'
  result, _ = result_files.load(newest)
  curve = np.array([[0.1, 1.0, 100.0], [40.0, 70.0, 100.0]])
  result |= {
    'NM/EER': 12.3,
    'NM/threshold@1e-2': 1.5,
    'NM/ROC': curve,
    'NM/distances': np.array([[1.0, 2, 3], [80, 20, 0], [0, 10, 90]]),
  }
  meta = dict(protocol='casia_b', metric='euclidean', views=VIEWS)
  result_files.save(result, newest, **meta)
  seen = walks.Walks(
    np.eye(3, 2, dtype=np.float32),
    np.array(['001', '001', '002']),
    np.array([['001/nm-05/000', '002/nm-01/090', '001/nm-01/090']]),
    np.array([[0.25, 0.5]], np.float32),
    np.array(['NM']),
    np.linspace(80, 100, 20, dtype=np.float32)[None],
    np.array([3, 3]),
  )
  walks.save(seen, newest.with_name('step_000300.walks.npz'))
  assert run(workdir) == 0
  page = tmp_path / 'frame.html'
  text = (workdir / 'report.html').read_text()
  page.write_text(PROBE.format(html.escape(text)))
  command = [
    BROWSER,
    '--headless',
    '--no-sandbox',
    '--disable-gpu',
    '--dump-dom',
  ]
  command += ['--disable-quic', '--no-first-run', '--disable-sync']
  command += ['--disable-background-networking', '--disable-component-update']
  command += [f'--user-data-dir={tmp_path / "user"}', page.as_uri()]
  done = subprocess.run(command, capture_output=True, text=True, timeout=240)
  found = json.loads(
    html.unescape(re.search('<pre id="out">(.*?)</pre>', done.stdout, re.S)[1])
  )
  assert found['rows'] == [
    ['Gait energy image, no network', '22.2'],
    ['Untrained network', '11.1'],
    ['Trained, step 100', '44.4'],
    ['Trained, step 300', '88.8'],
    ['Published', '97.9'],
  ]
  assert found['errors'] == [['EER', '12.3', '-', '-'],
                             ['threshold@1e-2', '1.5', '-', '-']]  # fmt: skip
  assert found['mistakes'][1] == 'Taken for002/nm-01/090 distance 0.250'
  assert found['plots'] == 8  # CMC, ROC, DET, distances, map, three columns.
  assert found['wide'] <= 390
  assert (found['keyless'], found['astray'], found['loaded']) == (0, 0, 0)


def test_the_newest_matrices_come_first(workdir):
  run(workdir)
  text = (workdir / 'report.html').read_text()
  assert text.index('gallery 090: 88.8') < text.index('gallery 090: 11.1')


def test_other_protocols_have_a_table_of_their_own(workdir, capsys):
  cross = {'NM/rank1': 55.5, 'NM/mAP': 33.3}
  result_files.save(
    cross, workdir / 'evaluation' / 'x.json', protocol='casia_b_cross_view'
  )
  assert run(workdir, f'--out={workdir / "sub" / "page.html"}') == 0
  text = (workdir / 'sub' / 'page.html').read_text()
  assert 'CASIA-B, per view' in text and 'CASIA-B, cross-view' in text
  assert '33.3' in capsys.readouterr().out


def test_only_the_evaluation_is_needed(tmp_path):
  result_files.save(
    result(50.0), tmp_path / 'evaluation' / 'x.json', protocol='casia_b'
  )
  assert run(tmp_path) == 0
  text = (tmp_path / 'report.html').read_text()
  assert 'Training' not in text
  assert '>Published<' not in text


def test_real_people_are_not_shown(workdir):
  run(workdir)
  assert '<img' not in (workdir / 'report.html').read_text()


@pytest.mark.parametrize(
  ('dataset', 'title'),
  [
    ('synthetic_walkers', 'synthetic walkers'),
    ('synthetic_walkers_pose', 'synthetic walkers in skeletons'),
  ],
)
def test_synthetic_walkers_are_called_synthetic(workdir, dataset, title):
  config = {**CONFIG, 'dataset': {'name': dataset}}
  (workdir / 'config.json').write_text(json.dumps(config))
  run(workdir)
  text = (workdir / 'report.html').read_text()
  assert 'says nothing about real people' in text
  assert f'<h1>GaitGS on {title}</h1>' in text
  assert '>Published<' not in text
  shown = re.findall('src="data:image/png;base64,([^"]*)"', text)
  assert bool(shown) == (dataset == 'synthetic_walkers')
  for each in shown:
    assert base64.b64decode(each, validate=True).endswith(b'IEND\xaeB`\x82')


@pytest.mark.parametrize(
  ('protocol', 'words'),
  [('oumvlp', 'which do not count.'), ('oumvlp_pose', 'which count too.')],
)
def test_identical_views_are_said_to_count_where_they_do(
  tmp_path, protocol, words
):
  path = tmp_path / 'evaluation' / 'x.json'
  result_files.save(result(50.0), path, protocol=protocol, views=VIEWS)
  assert run(tmp_path) == 0
  assert words in (tmp_path / 'report.html').read_text()


def test_a_dash_has_a_reason(tmp_path):
  numbers = {'NM/rank1': float('nan'), 'NM/rank1_by_view': np.array([[50.0]])}
  numbers |= {'NM/TAR@1e-2': float('nan')}
  path = tmp_path / 'evaluation' / 'x.json'
  result_files.save(numbers, path, protocol='casia_b', views=['090'])
  assert run(tmp_path) == 0
  text = (tmp_path / 'report.html').read_text()
  assert 'probes and gallery are seen from one view' in text
  assert 'identical views: NM 50.0' in text
  assert 'too few impostors: NM TAR@1e-2' in text


def test_a_run_without_a_protocol_has_a_page(workdir, capsys):
  (workdir / 'evaluation').rename(workdir / 'elsewhere')
  assert run(workdir) == 0
  assert 'no evaluation in this run' in capsys.readouterr().out
  text = (workdir / 'report.html').read_text()
  assert '<svg' in text and 'my_term' in text
  assert 'Accuracy' not in text


def test_the_strip_is_a_picture_with_people():
  png = app.draw_walkers(frames=2, width=40)
  assert png.startswith(PNG)
  width, height = struct.unpack('>II', png[16:24])
  # Three walks of two frames, two gaps between them.
  assert width == 6 * 40 + 2 * (40 // 3)
  assert 60 < height <= 240


def test_a_picture_in_the_workdir_is_taken(workdir):
  (workdir / 'walkers.png').write_bytes(PNG)
  run(workdir)
  assert 'base64,iVBORw0KGgo=' in (workdir / 'report.html').read_text()


def test_columns_skip_blanks_and_torn_lines(workdir):
  columns = workdir_files.read_columns(workdir / 'metrics.csv')
  assert sorted(columns) == ['NM/rank1', 'loss', 'my_term']
  np.testing.assert_array_equal(columns['loss'], [[1, 2], [0.5, 0.25]])
  np.testing.assert_array_equal(columns['NM/rank1'], [[2], [44.4]])
  assert workdir_files.read_columns(workdir / 'absent.csv') == {}


def spoil_run(folder):
  (folder / 'evaluation').rename(folder / 'elsewhere')
  (folder / 'metrics.csv').unlink()


def spoil_json(folder):
  (folder / 'evaluation' / 'untrained.json').write_text('{"result"')


def spoil_config(folder):
  (folder / 'config.json').write_text('[1]')


def spoil_protocol(folder):
  (folder / 'config.json').unlink()
  (folder / 'evaluation' / 'a.json').write_text('{"result": {"NM/rank1": 1}}')


def spoil_out(folder):
  (folder / 'report.html').mkdir()


def link_out(folder):
  (folder / 'report.html').symlink_to(folder.parent / 'somebody_elses')


@pytest.mark.parametrize(
  'spoil, message',
  [
    (spoil_run, 'is not the workdir of a run'),
    (spoil_json, 'untrained.json is not an evaluation file'),
    (spoil_config, 'config.json: it holds list'),
    (spoil_protocol, 'a.json does not say which protocol'),
    (spoil_out, 'cannot write'),
    (link_out, 'report.html: it is not a file; remove it, or pass --out'),
  ],
)
def test_bad_workdirs_are_a_sentence(workdir, capsys, spoil, message):
  spoil(workdir)
  assert run(workdir) == 2
  error = capsys.readouterr().err
  assert error.startswith('error: ') and message in error
  assert error.count('\n') == 1
  assert not list(workdir.glob('.*.tmp'))


def test_no_workdir_is_a_sentence(tmp_path, capsys):
  assert run(tmp_path / 'absent') == 2
  assert 'no run at' in capsys.readouterr().err


HOSTILE = '<img src=x onerror=alert(1)>\x1b[2J\ud800'


def test_hostile_names_are_text(workdir, capsys):
  name = '<img src=x onerror=alert(1)>\x1b[2J.json'
  meta = dict(protocol='casia_b', views=[HOSTILE, '090'])
  result_files.save(result(50.0), workdir / 'evaluation' / name, **meta)
  config = {
    **CONFIG,
    'model_name': HOSTILE,
    'dataset': {'name': HOSTILE, HOSTILE: HOSTILE},
    HOSTILE: {HOSTILE: [HOSTILE]},
  }
  (workdir / 'config.json').write_text(json.dumps(config))
  (workdir / 'versions.json').write_text(json.dumps({HOSTILE: HOSTILE}))
  (workdir / 'metrics.csv').write_text(
    f'step,{HOSTILE[:-1]},<b>/rank1\n1,2,3\n2,3,4\n'
  )
  assert run(workdir) == 0
  text = (workdir / 'report.html').read_text()
  assert '<img' not in text and '<b>' not in text and '\x1b' not in text
  assert text.count('&lt;img src=x onerror=alert(1)&gt;\\x1b[2J') >= 9
  assert 'Content-Security-Policy' in text
  assert '\x1b' not in capsys.readouterr().out


@pytest.mark.parametrize(
  ('field', 'value', 'message'),
  [
    ('NM/rank1', '12', 'is not a number'),
    ('NM/rank1', [['1']], 'is not a number'),
    ('NM/rank1', True, 'is not a number'),
    ('NM/rank1', 1e300, 'a number above'),
    ('NM/rank1', 10**400, 'a number above'),
    ('NM/rank1', {'a': 1}, 'is not a number'),
    ('NM/rank1_by_view', [1.0, 2.0], 'is not a square matrix'),
    ('NM/rank1_by_view', [[1.0, 2.0]], 'is not a square matrix'),
    ('NM/rank1_by_view', [[[1.0]]], 'is not a number'),
    ('NM/rank1_by_view', [[1.0, 2.0], [3.0]], 'inhomogeneous'),
    ('NM/rank1_by_view', [[]], 'is not a square matrix'),
    ('NM/rank1_by_view', [[0.0] * 10**6], 'more than 1,000 columns'),
    ('NM/rank1_by_probe_view', 3.0, 'is not a list'),
    ('NM/probes', None, 'is not a count'),
    ('NM/subjects', -1, 'is not a count'),
    ('NM/probes', [1], 'is not a count'),
  ],
)
def test_results_of_other_types_are_named(
  workdir, capsys, field, value, message
):
  content = {'protocol': 'casia_b', 'result': {**result(50.0), field: value}}
  text = json.dumps(content, default=np.ndarray.tolist)
  (workdir / 'evaluation' / 'x.json').write_text(text)
  assert run(workdir) == 2
  error = capsys.readouterr().err
  assert 'x.json is not an evaluation file' in error and message in error
  assert len(error) < 700


def test_a_list_in_place_of_a_number_is_no_column(workdir):
  path = workdir / 'evaluation' / 'x.json'
  result_files.save({'NM/rank1': [1.0, 2.0]}, path, protocol='casia_b')
  assert run(workdir) == 0


@pytest.mark.parametrize(
  ('name', 'text', 'message'),
  [
    ('evaluation/x.json', '{"result": {}, "protocol": ["a"]}', 'not text'),
    ('evaluation/x.json', '{"result": {}, "protocol": "a"}', 'unknown protoc'),
    ('evaluation/x.json', '{"result": {}, "metric": 1}', 'not text'),
    ('evaluation/x.json', '{"result": {}, "views": "000"}', 'list of names'),
    ('evaluation/x.json', '{"result": {}, "views": [1]}', 'list of names'),
    ('evaluation/x.json', '{"result": []}', 'no object called result'),
    ('evaluation/x.json', '{"result": {"NM/rank1": NaN}}', 'not finite'),
    ('evaluation/x.json', '[' * 10**6, 'nested too deeply'),
    ('config.json', '[' * 10**6, 'nested too deeply'),
    ('config.json', '{"seed": 1e400}', 'not finite'),
    ('config.json', '{"seed": 1, "seed": 2}', 'twice'),
    ('config.json', '{"dataset": "casia_b"}', 'is not a section'),
    ('config.json', '{"evaluation": []}', 'is not a section'),
    ('config.json', '{"dataset": {"name": ["casia_b"]}}', 'name is not text'),
    ('config.json', '{"model_name": {}}', 'model_name is not text'),
    ('config.json', '{"published": [9]}', 'published is not a section'),
    ('config.json', '{"published": {"size": 9}}', 'published lacks protocol'),
    ('config.json', '{"dataset": {"name": "own", "size": 64}}', 'size is 64; '),
    (
      'config.json',
      '{"dataset": {"name": "own"}, "inputs": {"rgb": {"size": ["64", 3]}}}',
      "config.inputs.rgb.size is ['64', 3]",
    ),
    ('versions.json', '3', 'it holds int'),
    ('metrics.csv', 'step,' + ','.join('ab' * 10**6), 'more than 500 columns'),
    ('metrics.csv', 'step,a\n1,"' + 'x' * 200_000, 'field limit'),
    ('walkers.png', '<svg onload=alert(1)>', 'is not a PNG'),
  ],
)
def test_odd_files_of_a_workdir_are_named(workdir, capsys, name, text, message):
  (workdir / name).write_text(text)
  assert run(workdir) == 2
  error = capsys.readouterr().err
  assert error.startswith('error: ') and error.count('\n') == 1
  assert message in error and len(error) < 700
  if 'unknown' not in message:
    assert name in error


@pytest.mark.parametrize(
  'name', ['evaluation/x.json', 'config.json', 'metrics.csv', 'walkers.png']
)
def test_pipes_and_devices_in_a_workdir_are_not_opened(workdir, capsys, name):
  path = workdir / name
  path.unlink(missing_ok=True)
  os.mkfifo(path)
  assert run(workdir) == 2
  assert f'{path}: Not a file but a pipe' in capsys.readouterr().err
  path.unlink()
  path.symlink_to('/dev/zero')
  assert run(workdir) == 2
  assert f'{path}: Not a file but a pipe' in capsys.readouterr().err
