"""Hostile skeletons as json and csv: a sequence, or one sentence."""

import json

import hypothesis
import hypothesis.strategies as st
import numpy as np
from fuzz import hostile

from gaitgs_jax.input import keypoint_faults, keypoints

JOINTS = [[float(10 * j), float(20 * j), 0.5] for j in range(17)]
VALUES = [value for joint in JOINTS for value in joint]
FRAME = json.dumps(
  {'version': 1.3, 'people': [{'pose_keypoints_2d': VALUES}]}
).encode()
ROW = 'frames/001-nm-01-000/{:06}.jpg,' + ','.join(map(str, VALUES))
CSV = '\n'.join(['image,x,y', *map(ROW.format, range(3))]).encode()

numbers = st.one_of(
  st.floats(), st.integers(), st.just(10**400), st.none(), st.text(max_size=3)
)
contents = st.recursive(
  numbers,
  lambda inner: st.one_of(
    st.lists(inner, max_size=6),
    st.dictionaries(
      st.sampled_from(['people', 'pose_keypoints_2d', 'x']), inner, max_size=3
    ),
  ),
  max_leaves=20,
)
json_files = st.one_of(
  hostile.mutated(FRAME),
  contents.map(lambda content: json.dumps(content).encode()),
  st.lists(numbers, max_size=6).map(
    lambda values: json.dumps(
      {'people': [{'pose_keypoints_2d': values}]}
    ).encode()
  ),
)


def sequence(values):
  """Returns a file of one frame with one joint."""
  return b'{"people": [{"pose_keypoints_2d": [%s]}]}' % values


@hypothesis.given(content=json_files)
@hypothesis.example(content=b'[' * 100_000)
@hypothesis.example(content=b'{"people": ' * 10_000)
@hypothesis.example(content=sequence(b'1' + b'0' * 400 + b', 2, 3'))
@hypothesis.example(content=sequence(b'9' * 5000 + b', 2, 3'))
@hypothesis.example(content=sequence(b'1e39, NaN, -Infinity'))
@hypothesis.example(content=sequence(b'true, null, "3"'))
@hypothesis.example(content=FRAME.decode().encode('utf-16'))
@hypothesis.example(content=b'\xff\xfe\x00')
def test_json_is_a_sequence_or_is_refused(content, tmp_path):
  folder = tmp_path / '00001' / '000_00'
  folder.mkdir(parents=True, exist_ok=True)
  (folder / '0001_keypoints.json').write_bytes(content)
  tree = hostile.read(keypoints.open_tree, tmp_path)
  values = hostile.read(keypoints.read, tree.sequences[0])
  check(values)


row = st.one_of(
  st.sampled_from([ROW.format(i) for i in range(3)]),
  st.text(max_size=40),
  st.sampled_from(
    [
      'frames/001-nm-01-000/1.jpg',
      'frames/001-nm-01-000/1.jpg,',
      'frames/..-nm-..-000/../1.jpg,1,2,3',
      'frames/001-nm-01-000/' + '9' * 5000 + '.jpg,1,2,3',
      'frames/001-nm-01-000/1.jpg,1e400,nan,-inf',
      'frames/001-nm-01-000/1.jpg,1_0,0x1,1e39',
      'frames/001-nm-01-000/1.jpg,1,2\x0b,3',
      'frames/001-nm-01-000/1.jpg' + ',1' * 9000,
      'a-' * 5000 + 'b/1.jpg,1,2,3',
      '"frames/001-nm-01-000/1.jpg","1,2",3',
    ]
  ),
)
csv_files = st.one_of(
  hostile.mutated(CSV),
  st.lists(row, max_size=6).map(
    lambda rows: '\n'.join(rows).encode('utf-8', 'surrogatepass')
  ),
)


@hypothesis.given(content=csv_files)
@hypothesis.example(content=b'x/001-nm-01-000/' + b'9' * 5000 + b'.jpg,1,2,3')
@hypothesis.example(content=b'x/001-nm-01-000/1.jpg')
@hypothesis.example(content=b'x/001-nm-01-000/1.jpg,1e39,nan,1e400')
@hypothesis.example(content=b'x/001-nm-01-000/\xff.jpg,1,2,3\n\xff\xfe')
@hypothesis.example(content=b'x/001-nm-01-000/1\xe2\x80\xa82.jpg,1,2,3')
def test_a_csv_is_sequences_or_is_refused(content, tmp_path):
  path = tmp_path / keypoints.CSV
  path.write_bytes(content)
  tree = hostile.read(keypoints.open_tree, path)
  for each in tree.sequences if tree else ():
    assert '/' not in each.subject + each.condition + each.view
    check(hostile.read(keypoints.read, each))
  assert [path] == [*tmp_path.iterdir()]


def check(values):
  """Asserts that a sequence is one that the checks can look at."""
  if values is not None:
    assert values.dtype == np.float32
    assert values.shape[2:] == (3,)
    fault = keypoint_faults.fault(values)
    assert '\n' not in fault
