"""What CSTL rates parts and frames with: narrow convolutions along time.

Huang et al., ICCV 2021; see `cstl`.
"""

import jax
import jax.numpy as jnp
from flax import nnx

from gaitgs_jax.models import layers, norms, products
from gaitgs_jax.models.convolution import join_frames
from gaitgs_jax.models.initializers import kernel
from gaitgs_jax.models.layers import leaky_relu, mask_frames


class PartConvolution(nnx.Module):
  """A convolution along time, each part with its own kernel; no bias.

  The parts' outputs lie side by side in one kernel [t,c,p*d] and all count in
  Xavier's fans, as in torch's grouped convolution.
  """

  def __init__(
    self,
    parts: int,
    taps: int,
    channels: int,
    features: int,
    *,
    rngs: nnx.Rngs,
  ):
    self.kernel = kernel(rngs, taps, channels, parts * features)
    self.parts = parts

  def __call__(self, x: jax.Array) -> jax.Array:
    """Maps part features [n,s,p,c] to [n,s,p,d], in the dtype of x."""
    t, c, _ = self.kernel.shape
    taps = self.kernel[...].astype(x.dtype).reshape(t * c, self.parts, -1)
    return products.einsum('nspc,cpd->nspd', join_frames(x, t), taps)


class NormedConvolution(nnx.Module):
  """A part convolution with a BatchNorm over its outputs."""

  def __init__(
    self,
    parts: int,
    taps: int,
    channels: int,
    features: int,
    *,
    rngs: nnx.Rngs,
  ):
    self.convolution = PartConvolution(
      parts, taps, channels, features, rngs=rngs
    )
    self.norm = norms.BatchNorm(parts * features, rngs=rngs)

  def __call__(
    self, x: jax.Array, mask: jax.Array, *, train: bool
  ) -> jax.Array:
    """Maps part features [n,s,p,c] to [n,s,p,d], in float32 or wider."""
    x = self.convolution(x)
    n, s, p, d = x.shape
    x = self.norm(x.reshape(n, s, p * d), mask, train=train)
    return x.reshape(n, s, p, d)


class Score(nnx.Module):
  """A bottleneck that rates the parts of each frame; see `weighted_mean`."""

  def __init__(
    self,
    parts: int,
    channels: int,
    squeeze: int,
    features: int,
    *,
    rngs: nnx.Rngs,
  ):
    hidden = channels // squeeze
    self.squeeze = NormedConvolution(parts, 1, channels, hidden, rngs=rngs)
    self.rate = PartConvolution(parts, 1, hidden, features, rngs=rngs)

  def __call__(
    self, x: jax.Array, mask: jax.Array, *, train: bool
  ) -> jax.Array:
    """Maps part features [n,s,p,c] to logits [n,s,p,d], float32 or wider."""
    return self.rate(leaky_relu(self.squeeze(x, mask, train=train)))


def weighted_mean(
  x: jax.Array,
  score: jax.Array,
  mask: jax.Array,
  axis: int | tuple[int, ...] = 1,
) -> jax.Array:
  """Averages x [n,s,...] over valid frames with the weights sigmoid(score).

  A softmax of the sigmoids' logarithms: the same, but never 0 / 0.

  Args:
    x: what is averaged.
    score: of x's rank.
    mask: bool [n,s].
    axis: what is averaged over, the frames among it.

  Returns:
    x without those axes, in float32 or wider.
  """
  wide = layers.wide(x.dtype)
  score = jax.nn.log_sigmoid(score.astype(wide))
  weights = jax.nn.softmax(mask_frames(score, mask, -jnp.inf), axis=axis)
  return (x.astype(wide) * weights).sum(axis=axis)
