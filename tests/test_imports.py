"""Who may import whom: the layers of the package, read from its imports."""

import ast
import pathlib
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).parents[1]

NUMERIC = {'numpy', 'jax'}
COMMON = {
  'gaitgs_jax.atomic',
  'gaitgs_jax.cloud',
  'gaitgs_jax.dotted',
  'gaitgs_jax.errors',
  'gaitgs_jax.fields',
  'gaitgs_jax.files',
  'gaitgs_jax.limits',
  'gaitgs_jax.local',
  'gaitgs_jax.locks',
  'gaitgs_jax.npz',
  'gaitgs_jax.older',
  'gaitgs_jax.pickle_machine',
  'gaitgs_jax.runtime',
  'gaitgs_jax.skeletons',
  'gaitgs_jax.streams',
}
MODELS = {'gaitgs_jax.models'}
# Folder or module -> what it may import when it loads, apart from the standard
# library and itself. A name covers everything below it.
AT_THE_TOP = {
  'gaitgs_jax/models': {
    'jax',
    'flax',
    'numpy',
    'gaitgs_jax.dotted',
    'gaitgs_jax.errors',
    'gaitgs_jax.fields',
    'gaitgs_jax.skeletons',
  },
  'gaitgs_jax/losses': {
    'jax',
    'optax',
    'gaitgs_jax.dotted',
    'gaitgs_jax.errors',
    'gaitgs_jax.models.output',
  },
  'gaitgs_jax/evaluation': NUMERIC | COMMON,
  'gaitgs_jax/exported.py': NUMERIC,  # Users copy it.
  'gaitgs_jax/pages': {
    'jinja2',
    'markupsafe',
    'matplotlib',
    'numpy',
    'gaitgs_jax.evaluation',
  }
  | COMMON,
  'gaitgs_jax/gallery': {'numpy', 'gaitgs_jax.evaluation'} | COMMON,
  'gaitgs_jax/input': NUMERIC
  | COMMON
  | {'gaitgs_jax.modalities', 'gaitgs_jax.skeletons'},
  'gaitgs_jax/modalities.py': {
    'numpy',
    'gaitgs_jax.input.keypoint_faults',
    'gaitgs_jax.input.masks',
  }
  | COMMON,
  'gaitgs_jax/synthetic': {'numpy'} | COMMON,
  'gaitgs_jax/video': {'numpy', 'scipy', 'gaitgs_jax.input'}
  | COMMON
  | {'gaitgs_jax.skeletons'},
  'gaitgs_jax/interop': NUMERIC | COMMON | MODELS | {'flax'},
  'gaitgs_jax/training': NUMERIC
  | COMMON
  | MODELS
  | {
    'absl',
    'flax',
    'ml_collections',
    'optax',
    'orbax',
    'gaitgs_jax',
  },
  'data': {
    'absl',
    'numpy',
    'tensorflow_datasets',
    'gaitgs_jax.bar',
    'gaitgs_jax.data',
    'gaitgs_jax.input',
    'gaitgs_jax.modalities',
    'gaitgs_jax.synthetic',
  }
  | COMMON,
  # They are read before anything that takes seconds to import.
  'configs': {
    'ml_collections',
    'gaitgs_jax.configs',
    'gaitgs_jax.input.datasets',
    'gaitgs_jax.input.sizes',
  },
  'gaitgs_jax/apps/launch.py': {
    'absl',
    'ml_collections',
    'gaitgs_jax.apps.config_file',
    'gaitgs_jax.apps.options',
    'gaitgs_jax.apps.overrides',
  }
  | COMMON,
  'gaitgs_jax/apps/options.py': COMMON,
  'gaitgs_jax/apps/config_file.py': {
    'ml_collections',
    'gaitgs_jax.apps.shipped',
  }
  | COMMON,
  'gaitgs_jax/apps/shipped.py': COMMON,
  'gaitgs_jax/apps/overrides.py': {'ml_collections'} | COMMON,
  'gaitgs_jax/apps/__init__.py': COMMON,
  # Importing the package is light: `load` imports what it needs.
  'gaitgs_jax/__init__.py': {
    'gaitgs_jax.runtime',
  },
  'gaitgs_jax/__main__.py': COMMON | {'gaitgs_jax.apps'},
  'launch.py': {'gaitgs_jax.__main__'},
}
# Heavy or optional libraries, and the only modules that may name them at all.
ANYWHERE = {
  'clu': {'gaitgs_jax/training/writers.py'},
  'torch': set(),  # Only by name, where a .pt file is read.
  'tensorflow': {
    'gaitgs_jax/input',
    'data',
    'gaitgs_jax/apps/prepare.py',
    'gaitgs_jax/video',
  },
  'ai_edge_litert': {'gaitgs_jax/video/interpreter.py'},
  'tensorflow_datasets': {'gaitgs_jax/input', 'data', 'gaitgs_jax/apps'},
}


def modules(place):
  path = ROOT / place
  return [path] if path.suffix else sorted(path.rglob('*.py'))


def imported(path, *, nested):
  """Returns the modules that a file imports; nested ones too, if asked."""
  tree = ast.parse(path.read_text())
  nodes = ast.walk(tree) if nested else tree.body
  names = set()
  for node in nodes:
    if isinstance(node, ast.Import):
      names |= {alias.name for alias in node.names}
    elif isinstance(node, ast.ImportFrom):
      assert node.level == 0, f'{path} imports relatively'
      names |= {f'{node.module}.{alias.name}' for alias in node.names}
  return {
    name for name in names if name.split('.')[0] not in sys.stdlib_module_names
  }


def within(name, allowed):
  return any(name == each or name.startswith(f'{each}.') for each in allowed)


@pytest.mark.parametrize('room', AT_THE_TOP)
def test_rooms_import_only_what_they_may(room):
  own = room.removesuffix('.py').replace('/', '.')
  for path in modules(room):
    for name in imported(path, nested=False):
      assert within(name, AT_THE_TOP[room] | {own}), f'{path} imports {name}'


@pytest.mark.parametrize('library', ANYWHERE)
def test_heavy_libraries_stay_where_they_are(library):
  for path in [*modules('gaitgs_jax'), *modules('data'), ROOT / 'launch.py']:
    place = path.relative_to(ROOT).as_posix()
    if not any(place.startswith(room) for room in ANYWHERE[library]):
      names = {name.split('.')[0] for name in imported(path, nested=True)}
      assert library not in names, f'{place} imports {library}'


def test_models_input_and_evaluation_never_import_one_another():
  rooms = ('models', 'input', 'evaluation')
  for room in rooms:
    others = {f'gaitgs_jax.{other}' for other in rooms if other != room}
    for path in modules(f'gaitgs_jax/{room}'):
      for name in imported(path, nested=True):
        assert not within(name, others), f'{path} imports {name}'


def test_nobody_imports_the_front():
  for path in [*modules('gaitgs_jax'), *modules('data')]:
    for name in imported(path, nested=True):
      # What is called so may be the user's own.
      front = {'configs', 'data', 'launch', 'gaitgs_jax.configs'}
      assert not within(name, front), f'{path} imports {name}'


def test_training_and_evaluating_arrays_needs_no_tensorflow():
  """A step, an embedding and a table, with the heavy libraries blocked."""
  program = """
import sys
for name in ('tensorflow', 'tensorflow_datasets', 'clu', 'cv2', 'torch'):
  sys.modules[name] = None  # Importing it raises ImportError.
import jax, numpy as np, optax
from flax import nnx
from gaitgs_jax import losses, models
from gaitgs_jax.evaluation import evaluate
model = models.create(
    'cstl', rngs=nnx.Rngs(0), channels=(2, 4), parts=2, squeeze=2, features=4,
    num_classes=2)
graphdef, params = nnx.split(model)
loss_fn = losses.create({'triplet': {'margin': 0.2}, 'identity': {}})
x = np.random.default_rng(0).random((4, 6, 8, 6, 1), np.float32)
batch = {'subject': np.array([0, 0, 1, 1]), 'view': np.array([0, 1, 0, 1])}
def objective(params):
  return loss_fn(nnx.merge(graphdef, params)(x, train=True), batch)[0]
grads = jax.jit(jax.grad(objective))(params)
assert float(optax.global_norm(grads)) > 0
embeddings = jax.jit(lambda model, x: model(x).embedding)(model, x)
result = evaluate(
    'casia_b', np.asarray(embeddings), ['a', 'a', 'b', 'b'],
    ['nm-01', 'nm-05'] * 2, ['000', '018'] * 2)
assert 'NM/rank1' in result
"""
  subprocess.run([sys.executable, '-c', program], check=True, cwd=ROOT)
