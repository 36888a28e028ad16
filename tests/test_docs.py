"""README.md and docs: their commands are right, their code runs.

Every command is read by the program's own parser, in fenced blocks and within
lines, and what it names must be there. Those in blocks run too unless `NOT_RUN`
says why not: in one folder, on a run of the tiny model that is called as in the
docs. A block of Python is compiled, and what it imports of the package must be
there; those of `RUN` run.
"""

import ast
import importlib
import json
import pathlib
import re
import shlex
import shutil

import cv2
import launch_flags
import numpy as np
import pytest
from training import tiny

from gaitgs_jax import __main__ as command
from gaitgs_jax import models
from gaitgs_jax.apps import config_file, launch, options
from gaitgs_jax.input import datasets
from gaitgs_jax.training import loop

ROOT = pathlib.Path(__file__).parents[1]
PAGES = [
  *(ROOT / name for name in ('README.md', 'CONTRIBUTING.md', 'data/README.md')),
  *sorted((ROOT / 'docs').glob('*.md')),
]
# Programs of others, whose options nobody here can know.
OTHERS = {'gcloud', 'tensorboard', 'echo', 'git', 'srun', 'cd', 'npm'}
# Pages whose Python runs, but for what needs thresholds of an evaluation.
RUN = ('gallery.md', 'export.md', 'library.md')
# Commands that do not run here -> why, or where else they run.
NOT_RUN = {
  r'(make|pip|git|\./\S+|\.venv\S+|\.) ': 'sets up or tests the project',
  r'(echo|gcloud|srun|tfds|tensorboard) ': "another's program",
  r'--': 'fields of a config alone, which are set',
  r'.* -m benchmarks\.': 'measures for minutes',
  r'(?!.*--mode=show).*(casia|oumvlp|OUMVLP|Gait(GS|Base)|configs/NAME)': (
    'needs licensed data or published weights'
  ),
  r'gaitgs fetch-models|.*(/street|(street|ada|demo)\.mp4|vtest\.avi)': (
    'needs networks that see people: tests/video, tests/apps/test_galleries.py'
  ),
  r'(?!.*--mode=show).*( prepare | train |launch\.py )|.*runs/own': (
    'trains for minutes: tests/test_install.py, with fewer walks'
  ),
  r'.*gait(gs|graph2)_synthetic': 'tests/apps/test_shipped.py',
  r'.* evaluate ': 'tests/apps/test_galleries.py',
  r'.* (report|compare) ': 'tests/apps/test_report.py, test_compare.py',
  r'.* (explain|walkers) ': 'tests/apps/test_explain.py, test_walkers.py',
}


def blocks(page):
  """Yields (first line's number, language, text) of the fenced blocks."""
  text = page.read_text()
  for match in re.finditer(
    r'^( *)```(\w*)\n(.*?)^ *```$', text, re.DOTALL | re.MULTILINE
  ):
    lines = [line.removeprefix(match[1]) for line in match[3].splitlines()]
    yield text[: match.start()].count('\n') + 2, match[2], '\n'.join(lines)


def inline(page):
  """Yields the commands within the lines of a page as lists of words."""
  text = re.sub(r'^ *```.*?^ *```$', '', page.read_text(), flags=re.S | re.M)
  for match in re.finditer(r'`((?:gaitgs|make|pip|python3?) [^`]+)`', text):
    words = shlex.split(match[1])
    # A program alone, or its help.
    if words[-1] not in ('launch.py', 'gaitgs_jax', '--help'):
      yield words


def commands(text):
  """Yields the commands of a block as lists of words."""
  for line in text.replace('\\\n', ' ').splitlines():
    # What a line of flags is followed by says what they are for.
    flags_alone = re.match(r'(--\S+( --\S+)*)(  |$)', line.strip())
    if not flags_alone and line.strip().startswith('--'):
      flags_alone = re.match(r'(--.*?)(  |$)', line.strip())
    line = flags_alone[1] if flags_alone else line
    words = shlex.split(line, comments=True)
    while words:
      end = next(
        (i for i, word in enumerate(words) if word in ('&&', '|', '>')),
        len(words),
      )
      some, after = words[:end], words[end:]
      while some and re.fullmatch(r'[A-Z_]+=\S*', some[0]):
        some.pop(0)
      if some:
        yield some
      words = after[2:] if after[:1] == ['>'] else after[1:]


def kind(language, text):
  """Returns what a block is: python, shell, json, or shown only."""
  if language in ('python', 'json'):
    return language
  if language in ('', 'sh', 'bash', 'console'):
    first = next(iter(text.split()), '')
    if re.match(r'(--\w|#|[A-Z_]+=|\.venv/|\.$)', first) or first in {
      *('python', 'python3', 'gaitgs', 'make', 'pip', 'tfds'),
      *OTHERS,
    }:
      return 'shell'
  return 'shown'


ALL = [(page, *block) for page in PAGES for block in blocks(page)]


def named(page, line):
  return f'{page.relative_to(ROOT)}:{line}'


def of_kind(wanted):
  return [
    pytest.param(page, text, id=named(page, line))
    for page, line, language, text in ALL
    if kind(language, text) == wanted
  ]


@pytest.fixture(autouse=True)
def _in_the_checkout(monkeypatch):
  monkeypatch.chdir(ROOT)


def check_launch(words):
  """Parses flags of `launch.py`; a config that the reader makes is demo's."""
  made = re.compile(r'(--config=)(?!configs/)\S*(?:/|\.json|\.py)\S*')
  words = [made.sub(r'\1demo', word) for word in words]
  words = [word.replace('configs/NAME.py', 'demo') for word in words]
  if not any(re.match(r'--(help|workdir|mode)', word) for word in words):
    words = [*words, '--workdir=x']
  launch_flags.reset()
  launch._parse(['launch.py', *words])


def check_command(name, words):
  """Parses a command's options."""
  if name in command.MODES:
    check_launch([*words, f'--mode={name}'])
    return
  assert name in command.COMMANDS, f'no command {name}'
  module, _ = command.COMMANDS[name]
  parser = options.Parser(prog=name)
  importlib.import_module(f'gaitgs_jax.apps.{module}').add_arguments(parser)
  args = parser.parse(words)
  if dataset := getattr(args, 'dataset', ''):
    assert dataset in datasets.DATASETS
  config = getattr(args, 'config', '')
  if config and 'runs/' not in config and 'NAME' not in config:
    config_file.load(config)


def check_program(words):
  """Checks a program of the project: its file, and the names of its options."""
  name = words[words.index('-m') + 1]
  path = ROOT / (name.replace('.', '/') + '.py')
  path = path if path.is_file() else path.with_suffix('') / '__main__.py'
  if name.split('.')[0] not in ('benchmarks', 'docs', 'tests', 'gaitgs_jax'):
    return  # A library's.
  assert path.is_file(), f'no {path}'
  known = path.read_text() + (ROOT / 'benchmarks/measuring.py').read_text()
  for word in words[words.index('-m') + 2 :]:
    if word.startswith('--'):
      assert f"'{word.partition('=')[0]}'" in known, word


def check(words):
  """Checks one command; raises if it is wrong, or nothing that is known."""
  first, *rest = words
  if first.startswith('--config.'):
    check_launch(['--config=gaitbase_casia_b', *words])
  elif first == 'make':
    target = next(word for word in rest if '=' not in word)
    assert f'\n{target}:' in (ROOT / 'Makefile').read_text(), target
  elif first == 'pip':
    for file in re.findall(r'-r (\S+)', ' '.join(words)):
      assert (ROOT / file).is_file(), file
  elif first == 'tfds':
    assert (ROOT / rest[1]).is_dir()
  elif first == 'gaitgs' and rest[1:]:
    check_command(rest[0], rest[1:])
  elif first == 'gaitgs':
    assert rest[0] in {**command.MODES, **command.COMMANDS}, rest[0]
  elif re.fullmatch(r'(\S*/)?python3?', first):
    if rest[0].endswith('launch.py'):
      check_launch(rest[1:])
    elif rest[:2] == ['-m', 'gaitgs_jax']:
      check_command(rest[2], rest[3:])
    elif rest[0] == '-m':
      check_program(words)
    else:
      assert (ROOT / rest[0]).is_file(), rest[0]
  elif first == '.':
    assert rest == ['.venv/bin/activate']
  else:
    assert first in OTHERS, f'{first}: is not looked at'
    if 'launch.py' in ' '.join(rest) and first == 'srun':
      check_launch(rest[rest.index('launch.py') + 1 :])


@pytest.mark.parametrize(('page', 'text'), of_kind('shell'))
def test_commands_are_right(page, text):
  for words in commands(text):
    check(words)


@pytest.mark.parametrize('page', PAGES, ids=lambda page: page.name)
def test_commands_within_lines_are_right(page):
  for words in inline(page):
    check(words)


@pytest.mark.parametrize(('page', 'text'), of_kind('python'))
def test_python_compiles_and_imports_what_there_is(page, text):
  for node in ast.walk(ast.parse(text)):
    if not isinstance(node, ast.Import | ast.ImportFrom):
      continue
    whole = getattr(node, 'module', None)
    for alias in node.names:
      name = whole or alias.name
      if name.split('.')[0] == 'gaitgs_jax':
        module = importlib.import_module(name)
        if whole and not hasattr(module, alias.name):
          importlib.import_module(f'{name}.{alias.name}')


@pytest.mark.parametrize(('page', 'text'), of_kind('json'))
def test_json_is_json(page, text):
  json.loads(text)


def test_a_command_among_what_is_only_shown_is_seen():
  for page, line, language, text in ALL:
    if kind(language, text) == 'shown':
      found = re.findall(r'^(?:python3?|gaitgs|make|pip) .*', text, re.M)
      assert not found, named(page, line)
  for page in PAGES:
    text = re.sub(r'^ *```.*?^ *```$', '', page.read_text(), flags=re.S | re.M)
    assert not re.findall(r'^ {4,}(?:python3?|gaitgs) .*', text, re.M), page


@pytest.mark.parametrize(
  ('words', 'message'),
  [
    ('python launch.py --config=configs/casia_x.py', 'casia_x'),
    ('python launch.py --config=demo --config.batch.subject=3', 'subject'),
    ('gaitgs enroll --galery=x', 'galery'),
    ('gaitgs enrol', 'enrol'),
    ('make demos', 'demos'),
    ('python -m benchmarks.export --frame=3', '--frame'),
    ('pip install -r requirements-x.txt', 'requirements-x'),
    ('rm -rf runs', 'rm'),
  ],
)
def test_a_wrong_command_is_found(words, message):
  with pytest.raises(Exception, match=message):
    check(shlex.split(words))


def test_the_readme_fits_two_screens():
  assert len((ROOT / 'README.md').read_text().splitlines()) <= 110


def test_the_tour_runs(capsys):
  cells = json.loads((ROOT / 'docs/tour.ipynb').read_text())['cells']
  values = {}
  for cell in cells:
    if cell['cell_type'] == 'code':
      exec(''.join(cell['source']), values)
      assert not cell['outputs'], 'clear the outputs'
  assert values['embeddings'].shape == (12, 8, 16)
  assert 0 <= values['table']['NM/rank1'] <= 100
  assert len(values['names']) == 6


@pytest.fixture(scope='module')
def reader(tmp_path_factory):
  """A reader's folder: a trained run, masks, walks and a PyTorch file."""
  folder = tmp_path_factory.mktemp('reader')
  tree = folder / 'tree'
  tiny.write_tree(tree)
  config = tiny.get_config(tree)
  config.total_steps = 1
  others = models.create

  def create(name, **fields):
    return (tiny.create if name == 'tiny' else others)(name, **fields)

  with pytest.MonkeyPatch.context() as patch:
    patch.setattr(models, 'create', create)
    loop.train(config, folder / 'runs/demo')
    for walk, source in (
      ('ada/1', '001/nm-01/000'),
      ('ada/2', '001/nm-02/000'),
      ('bo/1', '002/nm-01/000'),
      ('new/1', '001/nm-05/000'),
    ):
      shutil.copytree(tree / source, folder / 'walks' / walk)
    for number in range(20):
      for name in ('ann', 'bob'):
        for walk in ('walk1', 'walk2'):
          path = folder / 'WALKS' / name / walk / '000' / f'{number}.png'
          path.parent.mkdir(parents=True, exist_ok=True)
          frame = np.zeros((90, 70), np.uint8)
          frame[10:80, 20 : 30 + number] = 255
          cv2.imwrite(str(path), frame)
    yield folder


def reason(words):
  """Returns why a command does not run here; '' if it does."""
  line = ' '.join(words) + ' '
  return next((why for key, why in NOT_RUN.items() if re.match(key, line)), '')


def _argv(words):
  """Returns the words after `gaitgs` of a command that is to run."""
  if words[0] == 'gaitgs':
    return words[1:]
  if words[1] == 'launch.py':
    assert words[-1] == '--mode=show'
    return ['show', *words[2:-1]]
  assert words[:3] == ['python', '-m', 'gaitgs_jax']
  return words[3:]


def to_run(page):
  """Yields the kind and text of the blocks of a page of which some run."""
  for _, language, text in blocks(page):
    what = kind(language, text)
    is_cheap = what == 'shell' and not all(map(reason, commands(text)))
    if what == 'python':
      is_cheap = page.name in RUN and '.calibration()' not in text
    if is_cheap:
      yield what, text


def test_each_reason_is_needed():
  lines = [
    words
    for _, _, language, text in ALL
    if kind(language, text) == 'shell'
    for words in commands(text)
  ]
  assert {*map(reason, lines)} == {'', *NOT_RUN.values()}


@pytest.mark.parametrize(
  'page',
  [page for page in PAGES if any(to_run(page))],
  ids=lambda page: page.name,
)
def test_pages_run(page, reader, monkeypatch, capsys):
  """Runs a page's cheap commands and its Python, in their order."""
  shutil.copytree(ROOT / 'configs', reader / 'configs', dirs_exist_ok=True)
  monkeypatch.chdir(reader)
  frames = np.random.default_rng(0).integers(0, 256, (30, 8, 6), np.uint8)
  values = {'frames': frames, 'other_frames': frames, 'silhouettes': frames}
  for what, text in to_run(page):
    if what == 'python':
      exec(text, values)
      continue
    for words in commands(text):
      if reason(words):
        continue
      argv = _argv(words)
      if argv[0] in ('identify', 'verify'):
        # Without thresholds a message says how to get them.
        assert command.main(argv) == 2
        assert 'evaluation.verification=True' in capsys.readouterr().err
        continue
      assert command.main(argv) == 0, (words, capsys.readouterr().err)
  assert not list((reader / 'runs').glob('*.tmp'))
