"""Hostile command lines and configs: a config, or one sentence."""

import contextlib
import json
import pathlib
import subprocess
import sys

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from training import tiny

from gaitgs_jax.errors import UserError
from gaitgs_jax.training import checks, preprocessing, setup

ROOT = pathlib.Path(__file__).parents[2]
# Flags can be parsed once in a process: each line is parsed in a copy of one.
SERVER = """
import json, os, sys
from fuzz import hostile
from gaitgs_jax.apps import launch
from gaitgs_jax.errors import UserError
from gaitgs_jax.training import choices
choices.all_models()  # So that no child imports them.
for line in sys.stdin:
  child = os.fork()
  if child:
    os.waitpid(child, 0)
    continue
  told = ''
  try:
    # The overrides of a config are looked up there.
    sys.argv = json.loads(line)
    with hostile.nothing_happens():
      launch._parse(sys.argv)
  except UserError as error:
    told = str(error)
  except BaseException as error:
    told = f'crash: {type(error).__name__}: {error}'
  print(json.dumps(told), flush=True)
  os._exit(0)
"""
FIELDS = [
  'seed', 'total_steps', 'augment', 'batch', 'batch.subjects', 'batch.frames',
  'inputs.silhouettes.size', 'dataset.size', 'dataset.name', 'model',
  'model.channels', 'model.parts',
  'losses.triplet.weight', 'losses', 'optimizer.learning_rate',
  'optimizer.name',
  'schedule', 'schedule.boundaries', 'evaluation', 'evaluation.every_steps',
  'mesh.data', 'average.start', 'checkpoint', 'tensorboard', 'model_name',
]  # fmt: skip
NAMES = st.one_of(
  st.sampled_from(FIELDS),
  st.sampled_from(
    ['', '.', 'batch.', '.batch', 'seed.x', 'batch.subjects.x', 'batch[0]',
     'inputs.silhouettes.size[0]', 'inputs.depth', 'batch..subjects',
     '__class__',
     'batch.__init__', 'items', 'batch.items', 'to_dict', 'a' * 300, '%s',
     'augment.flip', 'augment.0', 'augment.0.name', 'augment.0.probability.x',
     'augment.1.name', 'augment[0].per', 'augment[0]', 'augment.count.x',
     'losses.x.kind', 'losses.x.margin', 'losses.triplet.kind', 'batch.skip',
     'optimizer.beta1', 'model.depth',
     'evaluation.transform.0', 'evaluation.transform.0.frames']
  ),
  st.text(max_size=8),
)  # fmt: skip
TEXTS = st.one_of(
  st.sampled_from(
    ['', '0', '-1', '1e400', 'nan', '9' * 5000, 'None', 'True', '()', '(1,',
     '(64, 44)', '[1, 2]', '{}', "{'a': 1}", '(' * 5000, '((' * 60 + '))' * 60,
     '__import__("os").system("true")', '\x00', "b'x'", '1\n2', '1_0', '1j',
     '[[0]*9]*9', '-' * 5000 + '1', '9**9**9', 'lambda: 0', '%s%n', '\ud800']
  ),
  st.text(max_size=8),
)  # fmt: skip


@pytest.fixture(scope='module')
def parse():
  with subprocess.Popen(
    [sys.executable, '-c', SERVER],
    stdin=subprocess.PIPE,
    stdout=subprocess.PIPE,
    text=True,
    cwd=ROOT,
    env={
      'PYTHONPATH': f'{ROOT}:{ROOT / "tests"}',
      'PYTHONWARNINGS': 'ignore',
      'PYTHONDONTWRITEBYTECODE': '1',
    },
  ) as process:

    def parse(flags):
      process.stdin.write(json.dumps(['launch.py', *flags]) + '\n')
      process.stdin.flush()
      return json.loads(process.stdout.readline())

    yield parse
    process.stdin.close()


CONFIG, WORKDIR = '--config=configs/casia_b.py', '--workdir=x'


def test_overrides_that_are_right_are_taken(parse):
  assert parse([CONFIG, WORKDIR, '--config.batch.subjects=4']) == ''


@pytest.mark.parametrize(
  'flags',
  [
    ['--config.augment.0.name=rotation', '--config.augment.0.degrees=5'],
    ['--config.augment[0].name=shift', '--config.augment[1].name=shift'],
    ["--config.augment=[{'name': 'rotation', 'per': 'frame'}]"],
    ['--config.losses.second.kind=triplet', '--config.losses.second.margin=1'],
    [
      '--config.evaluation.transform.0.name=middle_frames',
      '--config.evaluation.transform.0.frames=30',
    ],
    ['--config.schedule.name=cosine', '--config.schedule.final=1e-5'],
    ['--config.batch.skip=2'],
    ['--config.model.dropout=0.1'],
    ['--config.init.checkpoint=runs/x', '--config.init.keep=extractor/*'],
    ['--config.teacher.momentum=0.99', '--config.optimizer.clip_norm=1'],
    [
      '--config.optimizer.groups.body.paths=extractor/*',
      '--config.optimizer.groups.body.rate=0',
    ],
  ],
)
def test_what_a_config_may_have_is_added(parse, flags):
  assert parse([CONFIG, WORKDIR, *flags]) == ''


def test_a_field_of_an_earlier_version_names_the_new_one(parse):
  told = parse([CONFIG, WORKDIR, '--config.model.views=2'])
  assert 'no config.model.views any more: leave it out' in told


def test_a_section_that_is_replaced_has_only_its_new_fields(parse):
  told = parse(
    [CONFIG, WORKDIR, '--config.batch={}', '--config.batch.subjects=4']
  )
  assert "no field 'subjects' in --config.batch.subjects" in told


@pytest.mark.parametrize(
  'flag, meant',
  [
    ('augment.0.name=rotatio', 'rotation'),
    ('losses.tripelt.margin=0.3', 'triplet'),
    ('losses.view.wieght=0.3', 'weight'),
    ('evaluation.transform.0.name=repare', 'repair'),
    ('optimizer.momentun=0.5', 'momentum'),
    ('schedule.warmup=3', 'warmup_steps'),
    ('batch.skp=3', 'skip'),
    ('dataset.partiton=x', 'partition'),
    ('model.dropot=0', 'dropout'),
    ('evaluation.protocl=x', 'protocol'),
    ('init.chekpoint=x', 'checkpoint'),
    ('teacher.momentun=1', 'momentum'),
    ('optimizer.groups.body.rates=1', 'rate'),
    ('optimizer.clipnorm=1', 'clip_norm'),
  ],
)
def test_a_misspelt_addition_names_the_nearest(parse, flag, meant):
  told = parse([CONFIG, WORKDIR, f'--config.{flag}'])
  assert f'did you mean {meant!r}?' in told


@pytest.mark.parametrize(
  'flags, words',
  [
    (['augment.flip.probability=0.3'], 'is a list of transforms: set a field'),
    (['augment.1.name=shift'], 'has 0 transforms, numbered from 0: .*0.name='),
    (['augment.0.share=0.1'], 'must be a dict with the name'),
    (
      ['augment.0.name=shift', 'augment.0.probabilty=1'],
      "(shift) has no field 'probabilty' (did you mean 'probability'?)",
    ),
    (['augment.0.name=shift', 'augment.0.share=x'], "share is 'x'; it must be"),
    (['augment.0.name=shift', 'augment.0.per=frames'], "mean 'frame'"),
    (['augment.0.name=crop', 'augment.0.per=frame'], "no field 'per'"),
  ],
)
def test_what_is_wrong_with_a_list_is_reported(parse, flags, words):
  told = parse([CONFIG, WORKDIR, *(f'--config.{flag}' for flag in flags)])
  for part in words.split(' .*'):
    assert part in told


@hypothesis.given(
  overrides=st.lists(st.tuples(NAMES, TEXTS), min_size=1, max_size=3)
)
@hypothesis.example(overrides=[('inputs.silhouettes.size', '(' * 5000)])
@hypothesis.example(overrides=[('seed', '9' * 5000)])
@hypothesis.example(overrides=[('batch', '3')])
@hypothesis.example(overrides=[('inputs.silhouettes.size[9]', '3')])
@hypothesis.example(overrides=[('seed.x', '3')])
@hypothesis.example(overrides=[('', '3')])
def test_an_override_is_taken_or_told_in_one_sentence(parse, overrides):
  flags = [f'--config.{name}={text}' for name, text in overrides]
  told = parse([CONFIG, WORKDIR, *flags])
  assert not told.startswith('crash'), told
  assert '\n' not in told
  assert len(told) < 2000


@hypothesis.given(
  flags=st.lists(
    st.one_of(
      st.sampled_from(
        [CONFIG, WORKDIR, '--config', '--workdir', '--', '-', '--mode=evaluate',
         '--nomode', '--config=', '--config=.', '--config=/', '--checkpoint']
      ),
      st.text(max_size=12),
      st.text(max_size=8).map('--{}'.format),
    ),
    max_size=5,
  )
)  # fmt: skip
def test_a_command_line_is_taken_or_told_in_one_sentence(parse, flags):
  told = parse(flags)
  assert not told.startswith('crash'), told
  assert '\n' not in told


VALUES = st.one_of(
  st.none(),
  st.booleans(),
  st.integers(-2, 3),
  st.sampled_from([10**12, -(10**12), 0.5, float('nan'), float('inf'), -1.0]),
  st.text(max_size=3),
  st.lists(st.integers(-1, 2), max_size=2).map(tuple),
  st.just({}),
  st.dictionaries(st.sampled_from(['name', 'weight', 'x']), st.integers(0, 1)),
)
CHANGES = [
  *FIELDS, 'schedule.name', 'schedule.factor', 'average.every',
  'losses.triplet',
  'losses.triplet.margin', 'evaluation.transform', 'log_every', 'average',
  'optimizer', 'optimizer.weight_decay', 'dataset', 'mesh',
  'evaluation.protocol',
]  # fmt: skip


def change(config, path, value):
  """Sets a field of whatever type, as a file may; absent sections are left."""
  *sections, last = path.split('.')
  for section in sections:
    config = config.get(section)
    if not hasattr(config, 'keys'):
      return
  with config.ignore_type():
    config[last] = value


@hypothesis.given(
  changes=st.lists(
    st.tuples(st.sampled_from(CHANGES), VALUES), min_size=1, max_size=3
  )
)
def test_a_config_is_whole_or_told(changes):
  config = tiny.get_config(ROOT)
  for path, value in changes:
    change(config, path, value)
  # JAX keeps what it compiles in files, which `hostile.read` would mind.
  with contextlib.suppress(UserError):
    describe(config)


def describe(config):
  """Does what a run does with its config before it opens data."""
  with np.errstate(all='ignore'):
    checks.check_config(config)
    preprocessing.create_augmentation(config)
    setup.create_losses(config)
    setup.create_optimizer(config)


def test_a_config_is_not_called_wrong_for_nothing():
  describe(tiny.get_config(ROOT))
