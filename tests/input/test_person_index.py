import pickle

import numpy as np
import pytest
import walker_trees

from gaitgs_jax.errors import UserError
from gaitgs_jax.input import keypoints, person_index

FRAMES = walker_trees.openpose(walker_trees.skeleton('001'))
BYSTANDER = FRAMES[0] + np.float32([200, 0, 0])


def write(path, value, protocol=4):
  path.parent.mkdir(parents=True, exist_ok=True)
  path.write_bytes(pickle.dumps(value, protocol))
  return path


# numpy's argmax is what OpenGait's tool writes.
@pytest.mark.parametrize('protocol', [3, 4, 5])
@pytest.mark.parametrize('number', [np.int64, int])
def test_an_index_is_read(tmp_path, protocol, number):
  given = {'0001': number(1), '0002': number(0), '0003': number(300)}
  path = write(tmp_path / 'x.pkl', given, protocol)
  assert person_index.read(path) == {'0001': 1, '0002': 0, '0003': 300}
  assert person_index.read(write(path, {}, protocol)) == {}


@pytest.mark.parametrize(
  'value, message',
  [
    ([1], 'is damaged'),
    ({'0001': -1}, 'a whole number for each frame'),
    ({'0001': 'a'}, 'a whole number for each frame'),
    ({'0001': 1.5}, 'is damaged'),
    ({'0001': print}, 'asks for builtins print'),
    (7, 'which person is taken'),
  ],
)
def test_what_is_not_an_index_is_refused(tmp_path, value, message):
  path = write(tmp_path / 'x.pkl', value)
  with pytest.raises(UserError, match=message):
    person_index.read(path)
  path.write_bytes(path.read_bytes()[:-9])
  with pytest.raises(UserError, match='is damaged'):
    person_index.read(path)
  with pytest.raises(UserError, match=r'cannot be read .* unpacked to'):
    person_index.read(tmp_path / 'none.pkl')


def test_of_several_people_the_one_of_the_index_is_taken(tmp_path):
  folder = tmp_path / '00001' / '090_00'
  names = ['0001_keypoints.json', '00001_090_00-0002.json', '0003.json']
  for name, frame in zip(names, FRAMES, strict=False):
    walker_trees.write_json(folder / name, [BYSTANDER, frame])
  (sequence,) = keypoints.open_tree(tmp_path).sequences
  index = {'0001': 1, '0002': 1}
  found = keypoints.read(sequence, people=index)
  np.testing.assert_array_equal(found, [*FRAMES[:2], BYSTANDER])
  with pytest.raises(UserError, match=r'shows 2 people.*takes number 2'):
    keypoints.read(sequence, people={'0003': 2})
