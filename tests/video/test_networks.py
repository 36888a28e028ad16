"""What surrounds the networks: their inputs and outputs, on made arrays."""

import base64
import json

import numpy as np
import pytest

from gaitgs_jax.errors import UserError
from gaitgs_jax.video import graphs, people, poses
from gaitgs_jax.video.interpreter import Network

BOX = np.array([100.0, 50.0, 140.0, 150.0])


def test_a_square_around_a_person_and_back():
  move = poses.square(BOX)
  centre, head = np.array([120.0, 100.0]), np.array([120.0, 50.0])
  np.testing.assert_allclose(move[:, :2] @ centre + move[:, 2], [128, 128])
  # 1.25 of the height are 256 pixels.
  top = move[:, :2] @ head + move[:, 2]
  np.testing.assert_allclose(top, [128, 128 - 256 / 2.5])


@pytest.mark.parametrize('shift', [0, -115, 900])
def test_a_mask_comes_back_where_the_person_is(shift):
  import cv2

  size, box = (200, 300), BOX + np.array([shift, 0, shift, 0])
  truth = np.zeros(size, np.float32)
  rows, columns = (
    slice(60, 140),
    slice(max(105 + shift, 0), max(135 + shift, 0)),
  )
  truth[rows, columns] = 1
  move = poses.square(box)
  patch = poses.placed(cv2.warpAffine(truth, move, (256, 256)), move, size)
  full = np.zeros(size, bool)
  height, width = patch.values.shape
  inside = patch.values > 0.5
  full[patch.top : patch.top + height, patch.left : patch.left + width] = inside
  assert (full != (truth > 0)).sum() <= 2 * (80 + 30)
  assert full.any() == (shift < 900)


def test_coco_joints_of_landmarks():
  move = poses.square(BOX)
  landmarks = np.zeros((39, 5), np.float32)
  landmarks[:, 0], landmarks[:, 1] = np.arange(39), 128
  landmarks[:, 3:] = [9, 9]
  landmarks[27, 3], landmarks[28, 4] = -9, -9  # A hidden and an absent ankle.
  keypoints = poses.coco(landmarks, move)
  assert keypoints.shape == (17, 3) and keypoints.dtype == np.float32
  # The left shoulder is landmark 11, the right ankle 28.
  np.testing.assert_allclose(keypoints[5, 0], 120 + (11 - 128) / 2.048, 1e-5)
  np.testing.assert_allclose(keypoints[:, 1], 100, 1e-5)
  assert (keypoints[15:, 2] < 0.01).all() and (keypoints[:15, 2] > 0.99).all()


def row(score, top, left, bottom, right):
  return np.array([0.0] * 51 + [top, left, bottom, right, score], np.float32)


def test_people_are_decoded_scaled_and_named_once():
  shown = np.stack(
    [
      row(0.9, 0.25, 0.5, 0.75, 0.6),
      row(0.8, 0.25, 0.5, 0.76, 0.6),  # The same person.
      row(0.3, 0, 0, 0.5, 0.1),
      row(0.05, 0, 0.8, 0.5, 0.9),
      row(0.9, 0.5, 0.5, 0.5, 0.5),  # Of no area.
      row(0.2, 0.25, 0.2, 0.75, 0.3),
    ]
  )
  found, scores = people.decoded(shown, (64, 128), 0.5, left=10)
  np.testing.assert_allclose(scores, [0.9, 0.3, 0.2], 1e-6)
  np.testing.assert_allclose(found[0], [138, 32, 163.6, 96], 1e-5)


class Crowd:
  """Finds six people in the whole picture, and one more in its right half."""

  def __init__(self):
    self.sizes = []

  def __call__(self, picture):
    self.sizes.append(picture.shape)
    if picture.shape[1] == 256:
      rows = [row(0.5, 0.1, x, 0.9, x + 0.05) for x in np.arange(6) / 8]
    else:
      rows = [row(0.5, 0.1, 0.8, 0.9, 0.9)] * 6
    return {'people': np.stack(rows)}


def test_a_crowd_is_looked_at_in_halves():
  network = Crowd()
  found = people.People(network, 256)(np.zeros((240, 512, 3), np.uint8))
  assert network.sizes == [(128, 256, 3), (128, 160, 3), (128, 160, 3)]
  # Who is found in the left half was found before.
  assert len(found.boxes) == 7


def const(name, value):
  value = np.asarray(value)
  kind = 'DT_INT32' if value.dtype == np.int32 else 'DT_FLOAT'
  return {'name': name, 'op': 'Const', 'attr': {'dtype': {'type': kind}}}


def coded(*words):
  return [base64.b64encode(word.encode()).decode() for word in words]


def graph_model():
  """A convolution with bias and ReLU6, then a slice with a new axis."""
  random = np.random.default_rng(0)
  constants = {
    'kernel': random.normal(size=(1, 1, 3, 4)).astype(np.float16),
    'bias': random.normal(size=4).astype(np.float16),
    'begin': np.array([0, 0, 0, 0, 1], np.int32),
    'end': np.array([0, 0, 0, 0, 3], np.int32),
    'step': np.ones(5, np.int32),
  }
  strides = {'list': {'i': ['1'] * 4}}
  floats = {'type': 'DT_FLOAT'}
  fused = {
    'name': 'conv',
    'op': '_FusedConv2D',
    'input': ['x', 'kernel', 'bias'],
    'attr': {
      'T': floats,
      'strides': strides,
      'dilations': strides,
      'padding': {'s': coded('SAME')[0]},
      'data_format': {'s': coded('NHWC')[0]},
      'num_args': {'i': '1'},
      'fused_ops': {'list': {'s': coded('BiasAdd', 'Relu6')}},
    },
  }
  # y = conv[:, :, newaxis, :, 1:3].
  masks = dict(begin_mask=15, end_mask=15, new_axis_mask=4)
  cut = {
    'name': 'y',
    'op': 'StridedSlice',
    'input': ['conv', 'begin', 'end', 'step'],
    'attr': {'T': floats, 'Index': {'type': 'DT_INT32'}}
    | {name: {'i': str(value)} for name, value in masks.items()},
  }
  shape = {'dim': [{'size': size} for size in ('1', '-1', '4', '3')]}
  given = {
    'name': 'x',
    'op': 'Placeholder',
    'attr': {'dtype': floats, 'shape': {'shape': shape}},
  }
  weights = [
    {
      'name': name,
      'shape': list(value.shape),
      'dtype': 'int32' if value.dtype == np.int32 else 'float32',
    }
    | (
      {} if value.dtype == np.int32 else {'quantization': {'dtype': 'float16'}}
    )
    for name, value in constants.items()
  ]
  nodes = [given, *(const(*each) for each in constants.items()), fused, cut]
  model = {
    'signature': {
      'inputs': {'x': {'name': 'x:0'}},
      'outputs': {'y': {'name': 'y:0'}},
    },
    'modelTopology': {'node': nodes},
    'weightsManifest': [{'weights': weights}],
  }
  data = b''.join(value.tobytes() for value in constants.values())
  return model, data, constants


def test_a_graph_of_tensorflow_js_computes_the_same(tmp_path):
  model, data, constants = graph_model()
  with pytest.raises(ValueError, match='bytes of weights'):
    graphs.convert(json.dumps(model).encode(), data + b'x')
  path = tmp_path / 'x.tflite'
  path.write_bytes(graphs.convert(json.dumps(model).encode(), data))
  network = Network(path, {'y': (1, -1, 1, 4, 2)}, threads=1)
  kernel = constants['kernel'][0, 0].astype(np.float32)
  for rows in (5, 3):  # Of any size.
    x = np.random.default_rng(1).normal(size=(rows, 4, 3)).astype(np.float32)
    full = np.clip(x @ kernel + constants['bias'].astype(np.float32), 0, 6)
    y = network(x)['y']
    np.testing.assert_allclose(y, full[:, None, :, 1:3], rtol=1e-4, atol=1e-4)
  with pytest.raises(UserError, match='is it the right network'):
    Network(path, {'y': (1, 7)})


def test_what_is_no_network_is_said(tmp_path):
  path = tmp_path / 'x.tflite'
  with pytest.raises(UserError, match='cannot be read'):
    Network(path, {})
  path.write_bytes(b'no network' * 100)
  with pytest.raises(UserError, match='is not a network of TensorFlow Lite'):
    Network(path, {})
