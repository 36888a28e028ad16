import subprocess
import sys

PROGRAM = """
import sys

BLOCKED = {'tensorflow', 'tensorflow_datasets', 'clu', 'array_record', 'cv2'}

class Block:
  def find_spec(self, name, path=None, target=None):
    if name.split('.')[0] in BLOCKED:
      raise ImportError(f'{name} is blocked')

sys.meta_path.insert(0, Block())

import jax, numpy as np
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import augment, datasets, partitions, pipeline, sources

frames = [np.full((9, 64, 64), row, np.uint8) for row in range(8)]
subjects = [f'{row // 2:03d}' for row in range(8)]
views = ['000', '018'] * 4
source = sources.ArraySource(
    {'silhouettes': frames}, subjects, ['nm-01'] * 8, views)
batch = dict(subjects=2, sequences=2, frames=4)
options = dict(dataset=datasets.get('casia_b'), seed=0)
first = next(pipeline.train_batches(source, np.arange(8), batch, **options))
inputs = augment.inputs(first, {'silhouettes': (64, 44)})
assert inputs.shape == (4, 4, 64, 44, 1), inputs.shape
rows = [b['sequence'] for b in pipeline.evaluation_batches(
    source, np.arange(8), 4, dataset=datasets.get('casia_b'))]
assert sorted(np.concatenate(rows)) == list(range(8))
try:
  pipeline.train_batches(
      source, np.arange(8), batch, backend='tensorflow', **options)
except UserError as error:
  assert 'not installed' in str(error)
else:
  raise AssertionError
assert not BLOCKED & set(sys.modules)
print('done')
"""


def test_arrays_make_batches_where_tensorflow_is_not_installed():
  result = subprocess.run(
    [sys.executable, '-c', PROGRAM], capture_output=True, text=True, check=False
  )
  assert result.stdout == 'done\n', result.stderr
