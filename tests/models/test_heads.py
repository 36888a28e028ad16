import jax
import numpy as np
from flax import nnx

from gaitgs_jax.models import heads
from gaitgs_jax.models.layers import SeparateDense


def test_the_embedding_is_of_either_side_of_the_neck():
  head = SeparateDense(3, 5, 4, rngs=nnx.Rngs(0))
  neck = heads.Neck(3, 4, 7, rngs=nnx.Rngs(0), dtype=np.dtype('float32'))
  parts = jax.random.normal(jax.random.key(0), (2, 3, 5))
  front, behind = (
    heads.embed_parts(parts, head, neck, behind_neck=side, train=False)
    for side in (False, True)
  )
  np.testing.assert_array_equal(front.embedding, front.features)
  np.testing.assert_array_equal(behind.features, front.features)
  np.testing.assert_allclose(
    np.linalg.norm(behind.embedding, axis=2), 1, rtol=0, atol=1e-5
  )
  classes = np.array(neck.identity.kernel[...])
  classes /= np.linalg.norm(classes, axis=1, keepdims=True)
  cosines = np.einsum('npd,pdk->npk', behind.embedding, classes)
  for output in (front, behind):
    np.testing.assert_allclose(cosines, output.logits, rtol=0, atol=1e-5)


def test_strips_of_several_scales_follow_one_another():
  x = jax.random.normal(jax.random.key(0), (2, 6, 4, 5))
  found = heads.pool_strips(x, (2, 1))
  for i, strip in enumerate((x[:, :3], x[:, 3:], x)):
    right = strip.mean(axis=(1, 2)) + strip.max(axis=(1, 2))
    np.testing.assert_allclose(found[:, i], right, rtol=0, atol=1e-5)
