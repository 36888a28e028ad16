import base64
import io
import re

import numpy as np
import pytest
from PIL import Image
from training import tiny

from gaitgs_jax import __main__ as command
from gaitgs_jax import models
from gaitgs_jax.apps import explain
from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import walks
from gaitgs_jax.input import datasets
from gaitgs_jax.input.index import make
from gaitgs_jax.training import loop
from gaitgs_jax.training.setup import Data


@pytest.fixture(scope='module')
def run(tmp_path_factory):
  """A trained run and the tree it was trained on."""
  folder = tmp_path_factory.mktemp('explain')
  tiny.write_tree(folder / 'tree')
  config = tiny.get_config(folder / 'tree')
  config.total_steps = 1
  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(models, 'create', tiny.create)
    loop.train(config, folder / 'run')
    yield folder


def _explain(run, *options):
  return command.main(
    ['explain', f'--workdir={run / "run"}', f'--out={run / "out"}', *options]
  )


@pytest.mark.parametrize(
  ('options', 'name'),
  [
    (['--subject=005'], '005_bg-01_000'),
    (
      ['--subject=001', '--condition=nm-02', '--view=090'],
      '001_nm-02_090',
    ),
  ],
)
def test_a_silhouette_model_is_drawn(run, capsys, options, name):
  assert _explain(run, *options) == 0
  told = capsys.readouterr().out.splitlines()
  assert told[0] == 'opening casia_b'
  assert told[1].startswith('restoring ')
  assert 'sequences to compare it with' in told[2]
  assert told[-2:] == [
    f'wrote {run / "out" / name}.{end}' for end in ('gif', 'png')
  ]
  with Image.open(run / 'out' / f'{name}.gif') as animation:
    assert 1 < animation.n_frames < 12


def test_a_report_draws_walks_where_asked(run, capsys):
  path = run / 'run' / 'evaluation' / 'step_000001.walks.npz'
  names = ['005/bg-01/000', '006/nm-01/090', '005/nm-02/090']
  seen = walks.load(path)._replace(
    mistakes=np.array([names]), distances=np.ones((1, 2), np.float32)
  )
  walks.save(seen, path)
  assert command.main(['report', f'--workdir={run / "run"}']) == 0
  page = run / 'run' / 'report.html'
  assert names[0] in page.read_text() and '<img' not in page.read_text()
  assert command.main(['report', f'--workdir={run / "run"}', '--walks']) == 0
  pictures = re.findall('<img alt="(.*?)" src="(.*?)"', page.read_text())
  kinds = ['Probe: ', 'Taken for: ', 'Nearest of the same person: ']
  texts = [text for text, _ in pictures]
  assert texts[:3] == [*map(''.join, zip(kinds, names, strict=True))]
  assert texts[3].startswith(f'{names[0]}; nearest own 005/')
  for _, data in pictures:
    png = base64.b64decode(data.partition('base64,')[2], validate=True)
    with Image.open(io.BytesIO(png)) as image:
      assert image.height in (160, 320)
  names[1] = 'nobody/nm-01/090'
  walks.save(seen._replace(mistakes=np.array([names])), path)
  assert command.main(['report', f'--workdir={run / "run"}', '--walks']) == 2
  assert 'nobody/nm-01/090 is not in the data' in capsys.readouterr().err


@pytest.mark.parametrize(
  ('options', 'words'),
  [
    (['--subject=9'], '--subject=9; there are 001, 002'),
    (['--subject=001', '--condition=x'], 'there are bg-01, nm-01, nm-02'),
    (['--subject=001', '--view=7'], '--view=7; there are 000, 090'),
    (['--subject=001', '--checkpoint=/nowhere'], 'no checkpoint'),
  ],
)
def test_wrong_choices_are_told(run, capsys, options, words):
  assert _explain(run, *options) == 2
  assert words in capsys.readouterr().err


def _data(rows):
  index = make([(*name.split('/'), 9) for name in rows])
  source = type('Source', (), {'index': index})()
  facts = datasets.get('own')
  return Data(facts, source, np.array([], int), np.arange(len(index)))


def test_a_walk_is_compared_with_those_of_its_view():
  data = _data(['a/1/x', 'a/1/y', 'a/2/x', 'b/1/x', 'b/1/y', 'c/1/x'])
  assert explain.compared(data, 0).tolist() == [0, 2, 3, 5]
  # Nobody else's walk, or none of its own, is of this view: all count.
  assert explain.compared(data, 1).tolist() == [0, 1, 2, 3, 4, 5]


def test_a_walk_is_compared_with_a_bounded_number():
  data = _data(['a/1/x', 'a/2/x', *(f's{i:04d}/1/x' for i in range(1000))])
  rows = explain.compared(data, 1)
  assert len(rows) == 2 + 200
  assert rows[:2].tolist() == [0, 1]
  assert rows[-1] == 1001


@pytest.mark.parametrize('rows', (['a/1/x', 'b/1/x'], ['a/1/x', 'a/2/x']))
def test_a_walk_that_has_nothing_to_compare_with_is_told(rows):
  with pytest.raises(UserError, match='a/1/x can be compared with nothing'):
    explain.compared(_data(rows), 0)
