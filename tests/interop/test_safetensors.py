"""Reading `.safetensors`: the arrays, or one message."""

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from interop.safetensors_file import packed, with_header

from gaitgs_jax.errors import UserError
from gaitgs_jax.interop import torch_file

ARRAYS = {
  'a.weight': np.arange(6, dtype=np.float32).reshape(2, 3),
  'b': np.array([1.5, -2], np.float16),
  'count': np.array(7, np.int64),
  'none': np.zeros((0, 4), np.float32),
}


def _read(tmp_path, data):
  path = tmp_path / 'model.bin'  # What it is shows in its bytes.
  path.write_bytes(data)
  return torch_file.read_checkpoint(path)


def test_arrays_are_read(tmp_path):
  found = _read(tmp_path, packed(ARRAYS))
  assert found.keys() == ARRAYS.keys()
  for name, array in ARRAYS.items():
    np.testing.assert_array_equal(found[name], array)
    assert found[name].dtype == (np.int64 if name == 'count' else np.float32)


def test_what_is_written_is_read(tmp_path):
  path = tmp_path / 'model.safetensors'
  torch_file.write_checkpoint(path, ARRAYS, key='model', prefix='net.')
  found = torch_file.read_checkpoint(path)
  assert found.keys() == {f'net.{name}' for name in ARRAYS}
  for name, array in ARRAYS.items():
    np.testing.assert_array_equal(found[f'net.{name}'], array)
  # Numbers start at a multiple of eight.
  assert int.from_bytes(path.read_bytes()[:8], 'little') % 8 == 0


def test_bfloat16_is_read(tmp_path):
  # 1.0 is 0x3f80.
  text = b'{"x":{"dtype":"BF16","shape":[1],"data_offsets":[0,2]}}'
  found = _read(tmp_path, with_header(text, bytes([0x80, 0x3F])))
  np.testing.assert_array_equal(found['x'], np.float32([1]))


WHOLE = dict(dtype='F32', shape=[2, 3], data_offsets=[0, 24])


@pytest.mark.parametrize(
  ('data', 'words'),
  [
    (packed(ARRAYS)[:-1], 'cut short'),
    (packed(ARRAYS)[:20], 'header is cut short'),
    (with_header(b'{]'), 'cannot|can be read'),
    (with_header(b'{"x":' * 99999), 'can be read'),
    (packed(ARRAYS, x=3), "'x' is not described"),
    (packed(ARRAYS, x=dict(WHOLE, dtype='C64')), "unknown dtype 'C64'"),
    (packed(ARRAYS, x=dict(WHOLE, shape=[2, -3])), "'x' has a shape that"),
    (packed(ARRAYS, x=dict(WHOLE, shape=[2, 4])), "'x' has a shape that"),
    (packed(ARRAYS, x=dict(WHOLE, data_offsets=[24, 0])), "'x' has a shape"),
    (packed(ARRAYS, x=WHOLE), 'cut short, or overlap'),
    (packed(ARRAYS, x=dict(WHOLE, data_offsets=[900, 924])), 'cut short'),
  ],
)
def test_what_is_damaged_is_one_message(tmp_path, data, words):
  with pytest.raises(UserError, match=words):
    _read(tmp_path, data)


@hypothesis.given(place=st.integers(0, 300), byte=st.integers(0, 255))
def test_any_changed_byte_gives_arrays_or_one_message(
  tmp_path_factory, place, byte
):
  data = bytearray(packed(ARRAYS))
  data[place % len(data)] = byte
  folder = tmp_path_factory.mktemp('changed')
  try:
    found = _read(folder, bytes(data))
  except UserError:
    return
  assert sum(array.nbytes for array in found.values()) < 1000
