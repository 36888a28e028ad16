import io
import os
import pickle
import tracemalloc

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest

from gaitgs_jax import modalities
from gaitgs_jax.errors import UserError
from gaitgs_jax.input import pickles

SILHOUETTES = modalities.get('silhouettes')
KEYPOINTS = modalities.get('keypoints')
CLOUD = np.arange(21.0).reshape(7, 3)
FRAMES = np.arange(2 * 3 * 4, dtype=np.uint8).reshape(2, 3, 4)


class RunsCode:
  def __init__(self, path):
    self.path = path

  def __reduce__(self):
    return os.mkdir, (self.path,)


@pytest.mark.parametrize('protocol', range(6))
@pytest.mark.parametrize(
  'array',
  [
    FRAMES,
    np.asfortranarray(FRAMES),
    FRAMES[:, ::2],
    FRAMES[:0],
    FRAMES > 5,
    FRAMES.astype('>f4'),
    FRAMES.astype(np.float64),
    np.int64([[-1]]),
    np.uint8(FRAMES.repeat(100, 1)),
    np.array(3, np.float32),
  ],
)
def test_reads_what_numpy_writes(protocol, array):
  read = pickles.parse_array(io.BytesIO(pickle.dumps(array, protocol)))
  np.testing.assert_array_equal(read, array)
  assert read.dtype == array.dtype
  assert not read.flags.writeable


def test_reads_pickles_of_numpy_1_and_of_python_2():
  # The names and the text form that those versions wrote.
  old = pickle.dumps(FRAMES, 2).replace(b'numpy._core', b'numpy.core')
  np.testing.assert_array_equal(pickles.parse_array(io.BytesIO(old)), FRAMES)
  data = FRAMES[0, 0].tobytes()
  python2 = (
    b'\x80\x02cnumpy.core.multiarray\n_reconstruct\ncnumpy\nndarray\n'
    b'K\x00\x85U\x01b\x87R(K\x01K\x04\x85cnumpy\ndtype\nU\x02u1K\x00K\x01'
    b'\x87R(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb\x89'
    b'U\x04' + data + b'tb.'
  )
  np.testing.assert_array_equal(
    pickles.parse_array(io.BytesIO(python2)), FRAMES[0, 0]
  )


@pytest.mark.parametrize('protocol', range(6))
def test_the_shape_is_that_of_the_array(tmp_path, protocol):
  for array in (FRAMES, FRAMES.repeat(200, 0), FRAMES[:0], np.float64(FRAMES)):
    path = tmp_path / 'walk.pkl'
    path.write_bytes(pickle.dumps(array, protocol))
    assert pickles.load_shape(path) == array.shape
    path.write_bytes(pickle.dumps(array, protocol)[:-3])
    with pytest.raises(pickles.PickleError, match='damaged'):
      pickles.load_shape(path)


def test_the_shape_comes_from_the_head_alone(tmp_path, monkeypatch):
  path = tmp_path / 'walk.pkl'
  path.write_bytes(pickle.dumps(FRAMES.repeat(200, 0), 4))
  monkeypatch.delattr(pickles, 'parse_array')
  assert pickles.load_shape(path) == (400, 3, 4)


SQUARES = np.arange(90 * 64, dtype=np.uint16).astype('u1').reshape(90, 8, 8)


@pytest.mark.parametrize('protocol', range(6))
@pytest.mark.parametrize(
  'frames', [[], [3, 4, 5], [0], [89, 2, 2], [*range(0, 90, 3)], [*range(90)]]
)
def test_some_frames_are_those_of_the_whole(tmp_path, protocol, frames):
  path = write(tmp_path, pickle.dumps(SQUARES, protocol))
  part = pickles.load(path, SILHOUETTES, np.array(frames, int))
  np.testing.assert_array_equal(part, SQUARES[np.array(frames, int)])
  fortran = pickle.dumps(np.asfortranarray(SQUARES), protocol)
  part = pickles.load(
    write(tmp_path, fortran), SILHOUETTES, np.array(frames, int)
  )
  np.testing.assert_array_equal(part, SQUARES[np.array(frames, int)])
  with pytest.raises(IndexError):
    pickles.load(path, SILHOUETTES, np.array([5, 90]))


def test_other_frames_are_not_read(tmp_path, monkeypatch):
  path = write(tmp_path, pickle.dumps(SQUARES.repeat(9, 0), 4))
  monkeypatch.delattr(pickles, 'parse_array')
  read = []
  monkeypatch.setattr(np, 'empty', lambda *a: read.append(a) or np.zeros(*a))
  assert pickles.load(path, SILHOUETTES, np.array([7, 9])).shape == (2, 8, 8)
  assert [shape for shape, _ in read] == [(3, 8, 8)]


def test_a_file_that_is_cut_while_it_is_read(tmp_path, monkeypatch):
  path = write(tmp_path, pickle.dumps(SQUARES, 4))
  found = pickles._in_place

  def cut(*file):
    stored = found(*file)
    os.truncate(path, 3_000)
    return stored

  monkeypatch.setattr(pickles, '_in_place', cut)
  with pytest.raises(pickles.PickleError, match='cut while it was read'):
    pickles.load(path, SILHOUETTES)


def test_the_head_of_a_file_is_parsed_once(tmp_path, monkeypatch):
  path = write(tmp_path, pickle.dumps(SQUARES, 4))
  # What may change once more within a tick of the disk's clock is not known.
  for ticks in (10**12, -(10**12)):
    monkeypatch.setattr(pickles, '_TICK_NS', ticks)
    pickles.load(path, SILHOUETTES)
    with monkeypatch.context() as patch:
      patch.delattr(pickles, '_find')
      if ticks > 0:
        with pytest.raises(NameError):
          pickles.load(path, SILHOUETTES)
      else:
        part = pickles.load(path, SILHOUETTES, np.array([7]))
        np.testing.assert_array_equal(part, SQUARES[7:8])
  # As long as before, but changed.
  os.utime(write(tmp_path, pickle.dumps(np.asfortranarray(SQUARES), 4)), (1, 1))
  np.testing.assert_array_equal(pickles.load(path, SILHOUETTES), SQUARES)


def test_a_sequence_of_another_shape_has_changed(tmp_path):
  path = write(tmp_path, SQUARES)
  with pytest.raises(pickles.PickleError, match='changed while it was in use'):
    pickles.load(path, SILHOUETTES, shape=(89, 8, 8))
  pickles.load(path, SILHOUETTES, shape=(90, 8, 8))


def write(tmp_path, content):
  path = tmp_path / 'walk.pkl'
  path.write_bytes(
    content if isinstance(content, bytes) else pickle.dumps(content)
  )
  return path


def test_code_is_refused_by_name_and_never_runs(tmp_path):
  trap = tmp_path / 'trap'
  path = write(tmp_path, RunsCode(str(trap)))
  with pytest.raises(UserError, match=r'walk.pkl: refused.*posix.mkdir'):
    pickles.load_array(path)
  assert not trap.exists()


@pytest.mark.parametrize(
  ('content', 'message'),
  [
    ({'frames': FRAMES}, 'EMPTY_DICT'),
    ([FRAMES], r'its list holds uint8 \[2, 3, 4\]; frames of a list are float'),
    ([], 'holds a list that is not one of numeric arrays'),
    ([CLOUD, 'text'], 'holds a list that is not'),
    ([CLOUD, CLOUD], 'holds a list that is not'),
    ([CLOUD, CLOUD[:, :2]], r'its list holds float64 \[7, 2\]'),
    ([np.ones((9000, 3)), *np.ones((99, 1, 3))], 'far longer than the others'),
    ('text', 'holds a str'),
    (None, 'holds a nonetype'),
    (np.array([RunsCode('x')]), "'O8'"),
    (np.array([[1], 'a'], dtype=object), "'O8'"),
    (np.array(['a']), "'U1'"),
    (np.array([1 + 2j]), "'c16'"),
    (np.zeros(2, 'datetime64[s]'), "'M8'"),
    (np.zeros(2, [('a', 'u1')]), "'V1'"),
    (np.ma.masked_array([1]), 'numpy.ma'),
    (np.uint8(3), 'scalar'),
    (b'', 'damaged'),
    (b'\x89PNG', 'damaged'),
    (pickle.dumps(FRAMES, 4)[:-9], 'damaged'),
    (b'\x80\x04N' + b'0N' * 2000 + b'.', 'refused'),
    # A pickle within Python's rules that looks a name up and calls it.
    (b'cnumpy\nndarray\n)R.', 'calls ndarray'),
    (b'cbuiltins\neval\n(V1\ntR.', 'builtins.eval'),
  ],
)
def test_everything_else_is_refused(tmp_path, content, message):
  path = write(tmp_path, content)
  with pytest.raises(pickles.PickleError, match=message) as error:
    pickles.load_array(path)
  assert error.value.path == path
  assert str(error.value).startswith(f'{path}: {error.value.reason}')


@pytest.mark.parametrize(
  'content',
  [
    # numpy's array with 2^40 rows.
    pickle.dumps(FRAMES, 2).replace(
      b'K\x02K\x03K\x04\x87', b'\x8a\x06\x00\x00\x00\x00\x00\x01K\x03K\x04\x87'
    ),
    # The first array of `_reconstruct` is that large already.
    pickle.dumps(FRAMES, 2).replace(
      b'K\x00\x85', b'\x8a\x06\x00\x00\x00\x00\x00\x01\x85', 1
    ),
    # A memo index and two sizes for which Python's unpickler makes room.
    b'\x80\x02Nr\xff\xff\xff\x7f.',
    b'\x80\x04\x8e' + (2**40).to_bytes(8, 'little') + b'x.',
    b'\x80\x05\x96' + (2**40).to_bytes(8, 'little') + b'x.',
    b'\x80\x04\x95' + (2**62).to_bytes(8, 'little') + b'N.',
  ],
)
def test_small_files_cannot_ask_for_much_memory(tmp_path, content):
  path = write(tmp_path, content)
  tracemalloc.start()
  try:
    pickles.load_array(path)
  except pickles.PickleError:
    pass
  finally:
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
  assert peak < 2**20


# Python makes a `bytearray`, of protocol 5, of bytes.
@pytest.mark.parametrize(('protocol', 'times'), [(3, 1), (4, 1), (5, 2)])
def test_a_large_array_is_held_once(tmp_path, protocol, times):
  # In a sparse file, zeros take no room on the disk.
  array = np.zeros((1 << 12, 64, 64), np.uint8)
  path = write(tmp_path, pickle.dumps(array, protocol))
  tracemalloc.start()
  try:
    assert pickles.load_array(path).shape == array.shape
  finally:
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
  assert peak < (times + 0.1) * array.nbytes


@pytest.mark.parametrize('protocol', range(6))
def test_a_list_of_clouds_is_one_array(tmp_path, protocol):
  clouds = [CLOUD[:count] / 7 for count in (3, 7, 1)]
  path = write(tmp_path, pickle.dumps(clouds, protocol))
  read = pickles.load(path, modalities.get('points'))
  assert pickles.load_shape(path) == read.shape == (3, 7, 3)
  for frame, cloud in zip(read, clouds, strict=True):
    np.testing.assert_array_equal(frame[: len(cloud)], np.float32(cloud))
    assert np.isnan(frame[len(cloud) :]).all()
  path = write(tmp_path, pickle.dumps([CLOUD], protocol))
  assert pickles.load_shape(path) == (1, 7, 3)


def test_a_sparse_file_is_refused_by_its_size(tmp_path):
  path = write(tmp_path, b'')
  os.truncate(path, (1 << 29) + 1)
  with pytest.raises(UserError, match='Larger than 536,870,912 bytes'):
    pickles.load_array(path)
  with pytest.raises(UserError, match='Larger than'):
    pickles.load_shape(path)


def test_a_forged_shape_is_refused(tmp_path):
  forged = pickle.dumps(FRAMES, 2).replace(
    b'K\x02K\x03K\x04', b'K\x63K\x03K\x04'
  )
  with pytest.raises(UserError, match=r'\[99, 3, 4\] uint8 does not match'):
    pickles.load_array(write(tmp_path, forged))


@pytest.mark.parametrize(
  'shape, size',
  [
    (b'\x8a\x09' + (2**63 + 5).to_bytes(9, 'little') + b'\x85', 2**63 + 5),
    (b'(' + b'K\x01' * 70 + b'M\x80\x16t', SQUARES.size),
  ],
  ids=['long', 'deep'],
)
def test_a_shape_that_no_array_has_is_refused(tmp_path, shape, size):
  head, end = pickle.dumps(SQUARES, 4).split(
    b'B' + (5760).to_bytes(4, 'little')
  )
  head = head.replace(b'K\x5aK\x08K\x08\x87', shape)
  path = write(tmp_path, head + b'\x8e' + size.to_bytes(8, 'little') + end)
  for read in (pickles.load_array, pickles.load_shape):
    with pytest.raises(pickles.PickleError):
      read(path)


def test_a_disk_may_give_less_than_was_asked_for(tmp_path, monkeypatch):
  path = write(tmp_path, pickle.dumps(SQUARES / np.float32(7), 4))
  preadv, counts = os.preadv, []

  def some(descriptor, buffers, start):
    counts.append(preadv(descriptor, [buffers[0][:1_000]], start))
    return counts[-1]

  monkeypatch.setattr(os, 'preadv', some)
  np.testing.assert_array_equal(
    pickles.load_array(path), SQUARES / np.float32(7)
  )
  assert len(counts) == -(-4 * SQUARES.size // 1_000)


@pytest.mark.parametrize('array', [FRAMES[0], FRAMES.astype(np.float32)])
def test_frames_are_uint8_of_three_axes(tmp_path, array):
  with pytest.raises(UserError, match=r'not uint8 \[s,h,w\]'):
    pickles.load(write(tmp_path, array), SILHOUETTES)


def test_keypoints_are_floats_of_three_axes(tmp_path):
  for values in (FRAMES, FRAMES[0] / 2, FRAMES / 2):
    with pytest.raises(UserError, match=r'not float \[s,v,3\]'):
      pickles.load(write(tmp_path, values), KEYPOINTS)
  values = FRAMES[..., :3] / 2
  for dtype in ('f4', 'f8', '>f8', 'f2'):
    read = pickles.load(write(tmp_path, values.astype(dtype)), KEYPOINTS)
    assert read.dtype == np.float32
    np.testing.assert_array_equal(read, values)


def test_what_is_no_file_is_refused(tmp_path):
  with pytest.raises(UserError, match='No such file'):
    pickles.load(tmp_path / 'absent.pkl', SILHOUETTES)
  with pytest.raises(UserError, match='Is a directory'):
    pickles.load(tmp_path, SILHOUETTES)


# Python warns of odd escapes in the text form of a damaged pickle.
@pytest.mark.filterwarnings('ignore:invalid escape sequence')
@hypothesis.settings(deadline=None, max_examples=300)
@hypothesis.given(data=st.data(), protocol=st.integers(0, 5))
def test_damaged_pickles_give_a_numeric_array_or_the_error(data, protocol):
  content = bytearray(pickle.dumps(FRAMES, protocol))
  for _ in range(data.draw(st.integers(1, 4))):
    place = data.draw(st.integers(0, len(content) - 1))
    new = data.draw(st.binary(max_size=3))
    content[place : place + data.draw(st.integers(0, 3))] = new
    hypothesis.assume(content)
  file = io.BytesIO(content)
  try:
    array = pickles.parse_array(file)
  except pickles.Refused:
    return
  assert array.dtype.kind in 'biuf'
  assert array.size < 100


# Python warns of odd escapes in the text form of a damaged pickle.
@pytest.mark.filterwarnings('ignore:invalid escape sequence')
@hypothesis.settings(deadline=None)
@hypothesis.given(content=st.binary())
def test_any_bytes_give_the_error(content):
  with pytest.raises(pickles.Refused):
    pickles.parse_array(io.BytesIO(content))
