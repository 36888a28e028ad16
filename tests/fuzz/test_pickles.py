"""Hostile pickles: an array, or one sentence."""

import functools
import pickle

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from fuzz import hostile

from gaitgs_jax import modalities
from gaitgs_jax.input import pickles

FRAMES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)
VALID = [
  pickle.dumps(array, protocol)
  for protocol in range(6)
  for array in (
    FRAMES,
    FRAMES / np.float32(7),
    np.asfortranarray(FRAMES),
    [FRAMES[0] / 7, FRAMES[1, :2] / 7],
  )
]
GLOBALS = [
  (b'numpy', b'ndarray'),
  (b'numpy', b'dtype'),
  (b'numpy.core.multiarray', b'_reconstruct'),
  (b'numpy._core.numeric', b'_frombuffer'),
  (b'_codecs', b'encode'),
  (b'builtins', b'bytes'),
  (b'builtins', b'eval'),
  (b'os', b'system'),
]
# Instructions with what they carry; the stack machine's own, and lying sizes.
INSTRUCTIONS = [
  *(b'c' + module + b'\n' + name + b'\n' for module, name in GLOBALS),
  *(b'U' + bytes([len(x)]) + x for pair in GLOBALS for x in pair),
  *(b'X' + len(x).to_bytes(4, 'little') + x for pair in GLOBALS for x in pair),
  b'\x93', b'R', b'b', b'(', b't', b')', b'\x85', b'\x86', b'\x87', b'0', b'2',
  b'N', b'\x88', b'\x89', b'K\x00', b'K\x03', b'M\xff\xff',
  b'J\xff\xff\xff\xff',
  b'\x8a\xff' + b'\x7f' * 255, b'I' + b'9' * 4000 + b'\n', b'F1e999\n',
  b'q\x00', b'h\x00', b'\x94', b'r\xff\xff\xff\x7f', b'j\x00\x00\x00\x00',
  b'C\x04abcd', b'B\xff\xff\xff\x7fabcd', b'\x8e' + b'\xff' * 7 + b'\x00abcd',
  b'\x8d' + b'\xff' * 7 + b'\x00abcd', b'\x96' + b'\xff' * 7 + b'\x00abcd',
  b'U\x02u1', b'U\x02O8', b'U\x02f8', b'U\x01<', b'U\x06latin1', b'U\x01C',
  b']', b'a', b'e', b'}', b's', b'u', b'l', b'd', b'\x8f', b'\x90', b'\x91',
  b'i' + b'os\nsystem\n', b'o', b'\x81', b'\x92', b'P0\n', b'Q', b'\x82\x01',
  b'\x95' + b'\xff' * 7 + b'\x00', b'\x80\x04', b'\x80\xff', b'.',
]  # fmt: skip
# t, (t, t), ((t, t), (t, t)), ...: as text 2^300 letters long.
DOUBLING = b'q\x00h\x00\x86' * 300

files = st.one_of(
  hostile.mutated(*VALID),
  st.lists(st.sampled_from(INSTRUCTIONS), max_size=60).map(b''.join),
  # Instructions amid a whole file.
  st.builds(
    lambda content, at, more: content[:at] + b''.join(more) + content[at:],
    st.sampled_from(VALID),
    st.integers(0, 200),
    st.lists(st.sampled_from(INSTRUCTIONS), min_size=1, max_size=6),
  ),
)


# Python warns of odd escapes in the text form of a damaged pickle.
@pytest.mark.filterwarnings('ignore:invalid escape sequence')
@hypothesis.given(content=files)
@hypothesis.example(content=b'cnumpy\ndtype\nK\x00' + DOUBLING + b'\x85R.')
@hypothesis.example(
  content=b'cnumpy\ndtype\nX\xff\xff\x00\x00' + b'u' * 65535 + b'\x85R.'
)
# The name of what is looked up.
@hypothesis.example(content=b')' + DOUBLING + b'N\x93.')
@hypothesis.example(content=b'cnumpy\ndtype\n)' + b'\x85' * 900 + b'R.')
@hypothesis.example(
  content=VALID[0].replace(b'I2\n', b'I' + b'9' * 4000 + b'\n')
)
@hypothesis.example(content=pickle.dumps(FRAMES * np.float64(1e300), 4))
def test_a_pickle_is_an_array_or_is_refused(content, tmp_path):
  path = tmp_path / 'walk.pkl'
  path.write_bytes(content)
  loads = (
    functools.partial(pickles.load, modality=row)
    for row in modalities.MODALITIES.values()
  )
  for load in (pickles.load_array, *loads):
    array = hostile.read(load, path)
    if array is not None:
      assert array.dtype.kind in 'biuf'
      # As large as the file says with its numbers, which it must hold.
      assert array.size <= len(content)
  assert [path] == [*tmp_path.iterdir()]


@pytest.mark.filterwarnings('ignore:invalid escape sequence')
@hypothesis.given(content=files)
def test_a_shape_is_told_as_the_array_has_it(content, tmp_path):
  path = tmp_path / 'walk.pkl'
  path.write_bytes(content)
  shape = hostile.read(pickles.load_shape, path)
  array = hostile.read(pickles.load_array, path)
  # The head alone may look whole where the numbers are damaged.
  if array is not None:
    assert shape == array.shape
