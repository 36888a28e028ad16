import numpy as np
import pytest

from gaitgs_jax.input.index import Index, concatenate, make

ROWS = [('001', 'nm-01', '000', 3), ('002', 'bg-01', '090', 5)]


def test_rows_become_columns():
  index = make(ROWS)
  assert len(index) == 2
  assert index.name(1) == '002/bg-01/090'
  assert index.length.dtype == np.int32
  both = concatenate([index, index.take(np.asarray([1]))])
  assert [both.name(i) for i in range(3)] == [
    '001/nm-01/000',
    '002/bg-01/090',
    '002/bg-01/090',
  ]
  assert len(make([])) == 0


def test_unequal_columns_are_refused():
  with pytest.raises(ValueError, match='four'):
    Index(['001'], ['nm-01'], ['000', '018'], [3])
