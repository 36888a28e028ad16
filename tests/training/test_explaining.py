import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from gaitgs_jax.errors import UserError
from gaitgs_jax.input import augment
from gaitgs_jax.models import GaitOutput
from gaitgs_jax.training import explaining, states

SIZE = (8, 6)


class Rows(nnx.Module):
  """Embeds the mean frame, a part for each row of pixels; some count."""

  def __init__(self, weights):
    self.weights = nnx.Param(jnp.asarray(weights, jnp.float32))

  def __call__(self, inputs, mask):
    count = mask.sum(axis=1)[:, None, None].astype(jnp.float32)
    x = jnp.where(mask[..., None, None], inputs[..., 0], 0).sum(axis=1) / count
    x = x * self.weights[...][None, :, None]
    return GaitOutput(x, x)


class Speeds(nnx.Module):
  """A skeleton model that is activated by the confidence."""

  def activations(self, keypoints, mask):
    return jnp.where(mask[..., None], keypoints[..., 2], 0)


def saliency(weights, metric='euclidean', frames=None):
  random = np.random.default_rng(0)
  if frames is None:
    frames = random.integers(0, 256, (1, 5, *SIZE), np.uint8)
  mask = np.array([[True, True, True, False, False]])
  own, stranger = random.random((2, *SIZE), np.float32)
  weights = np.asarray(weights, np.float32)
  return explaining.saliency(
    *states.split(Rows(weights)),
    {'silhouettes': frames, 'mask': mask, 'subject': np.zeros(1, np.int32)},
    own * weights[:, None],
    stranger * weights[:, None],
    sizes={'silhouettes': SIZE},
    transform=augment.keep,
    metric=metric,
  )


@pytest.mark.parametrize('metric', ('euclidean', 'cosine'))
def test_heat_is_where_the_model_looks(metric):
  seen = saliency([0, 0, 1, 2, 0, 0, 0, 0], metric)
  assert seen.inputs.shape == seen.heat.shape == (3, *SIZE)
  looked = seen.heat.max(axis=(0, 2)) > 0
  assert looked.tolist() == [False, False, True, True] + [False] * 4
  assert seen.heat.max() == 1


def test_heat_of_a_model_that_looks_nowhere_is_zero():
  np.testing.assert_array_equal(saliency(np.zeros(8)).heat, 0)


def test_heat_is_the_gradient_of_the_margin():
  """One pixel counts: moving it towards its own is all that matters."""
  frames = np.zeros((1, 5, *SIZE), np.uint8)
  seen = saliency(np.eye(8)[3], frames=frames)
  # The mean over frames makes all of them count alike.
  np.testing.assert_allclose(seen.heat[0], seen.heat[2], atol=1e-2)


def test_neighbours_leave_out_the_walk_itself():
  embeddings = np.array([0.0, 1.0, 3.0, 0.5, 9.0], np.float32)[:, None, None]
  subjects = np.array(['a', 'a', 'a', 'b', 'c'])
  near = explaining.neighbours(embeddings, subjects, 1, 'euclidean')
  assert near == (0, 3, 1.0, 0.5)


def test_activations_of_valid_frames():
  keypoints = np.random.default_rng(0).random((1, 4, 3, 3), np.float32)
  batch = {
    'keypoints': keypoints,
    'mask': np.array([[True, True, True, False]]),
    'view': np.zeros(1, np.int32),
  }
  seen = explaining.activations(
    *states.split(Speeds()),
    batch,
    sizes={'keypoints': (3, 3)},
    transform=augment.keep,
  )
  np.testing.assert_array_equal(seen.inputs, keypoints[0, :3])
  np.testing.assert_array_equal(seen.heat, keypoints[0, :3, :, 2])


def test_a_model_without_activations_is_told():
  batch = {
    'keypoints': np.zeros((1, 4, 3, 3), np.float32),
    'mask': np.ones((1, 4), bool),
  }
  with pytest.raises(UserError, match='Rows has no method activations'):
    explaining.activations(
      *states.split(Rows([1])),
      batch,
      sizes={'keypoints': (3, 3)},
      transform=augment.keep,
    )
