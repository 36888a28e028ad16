"""ParsingGait: strips of label maps, and a graph of the parts of the body.

Zheng et al., "Parsing is All You Need for Accurate Gait Recognition in the
Wild", ACM MM 2023, https://arxiv.org/abs/2308.16739. The numbers are those of
https://github.com/ShiqiYu/OpenGait. The published form is the defaults; the
other ones: graphs=('fine',) and graphs=('fine', 'coarse').
"""

import functools
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jax.typing import DTypeLike

from gaitgs_jax.errors import BadValue
from gaitgs_jax.fields import Share
from gaitgs_jax.models import (
  entry,
  gaitbase,
  heads,
  initializers,
  layers,
  norms,
  products,
  remat,
  resnet,
)
from gaitgs_jax.models.norms import BatchNorm
from gaitgs_jax.models.output import GaitOutput
from gaitgs_jax.models.resnet import ResNet

# See `models.facts`.
FACTS = {'num_classes': ('neck/identity/kernel', 2)}
# Silhouettes have the same shape, and would all be of one part.
INPUTS = ('parsing',)


class Parts(NamedTuple):
  """Parts of the body.

  Attributes:
    labels: of each part's pixels. They are: 1 head, 2 torso, 3 and 4 left and
      right arm, 5 and 6 hands, 7 and 8 legs, 9 and 10 feet, 11 dress.
    edges: pairs of parts that touch, by their places in `labels`.
  """

  labels: tuple[tuple[int, ...], ...]
  edges: tuple[tuple[int, int], ...]

  @property
  def adjacency(self) -> np.ndarray:
    """Weights [p,p] of parts in one another, https://arxiv.org/abs/1609.02907.

    A part is its own neighbour; an edge weighs one over the geometric mean of
    its ends' numbers of neighbours.
    """
    near = np.eye(len(self.labels))
    for one, other in self.edges:
      near[one, other] = near[other, one] = 1
    scale = near.sum(axis=0) ** -0.5
    return scale[:, None] * near * scale[None]


GRAPHS = {
  'fine': Parts(
    tuple((label,) for label in range(1, 12)),
    (
      *((0, 1), (0, 10)),
      *((1, 2), (1, 3), (1, 6), (1, 7)),
      *((2, 4), (3, 5), (2, 10), (3, 10)),
      *((6, 8), (7, 9), (6, 10), (7, 10)),
    ),
  ),
  # Head, torso and dress as one, and four limbs.
  'coarse': Parts(
    ((1, 2, 11), (3, 5), (4, 6), (7, 9), (8, 10)),
    ((0, 1), (0, 2), (0, 3), (0, 4)),
  ),
}


def create(
  *, rngs: nnx.Rngs, dtype: str = 'float32', **config: Any
) -> 'ParsingGait':
  """Builds ParsingGait from `config.model`; see `ParsingGait`."""
  return ParsingGait(rngs=rngs, dtype=jnp.dtype(dtype), **config)


class ParsingGait(nnx.Module):
  """Label maps in, one embedding for each strip and body part out.

  Frames are a set: neither their order nor repeating them all changes anything.

  Args:
    graphs: of the body: 'fine' of eleven parts, 'coarse' of five, or both.
    channels: widths of the backbone's four stages.
    bins: horizontal strips that are embedded; several numbers cut the maps
      several times.
    features: channels of the embedding.
    dropout: share of the inputs of each convolution over a graph.
    num_classes: training subjects.
    dtype: of the arithmetic; parameters stay float32, and norms and means are
      never computed in less.

  Raises:
    ValueError: an unknown graph, or channels that are not four.
  """

  def __init__(
    self,
    *,
    graphs: Sequence[str] = ('coarse',),
    channels: Sequence[int] = resnet.CHANNELS,
    bins: Sequence[int] = (16,),
    features: int = 256,
    dropout: Share = 0.5,
    num_classes: int = 3000,
    dtype: DTypeLike = jnp.float32,
    rngs: nnx.Rngs,
  ):
    if len(channels) != len(resnet.CHANNELS):
      raise BadValue(f'channels are four widths, not {tuple(channels)}')
    self.backbone = ResNet(resnet.plan(channels), rngs=rngs, dtype=dtype)
    make = functools.partial(PartGraph, dropout=dropout, rngs=rngs, dtype=dtype)
    self.graphs = nnx.List([make(name, channels[-1]) for name in graphs])
    self.bins, self.dtype = tuple(bins), dtype
    parts = sum(bins) + sum(len(graph.parts.labels) for graph in self.graphs)
    self.head, self.neck = heads.head_and_neck(
      parts, channels[-1], features, num_classes, rngs=rngs, dtype=dtype
    )

  @entry.label_maps
  def __call__(
    self,
    inputs: jax.Array,
    mask: jax.Array,
    *,
    train: bool = False,
    key: jax.Array | None = None,
  ) -> GaitOutput:
    """Embeds label maps.

    Args:
      inputs: [n,s,h,w,1], labels 0 to 11 of pixels, see `Parts`; each of the
        bins divides the height of the maps, which is h/4.
      mask: bool [n,s], which frames are valid; None means all.
      train: whether to use the batch's own statistics.
      key: for dropout; None switches it off.

    Returns:
      embedding and features [n,p,d], strips before parts; logits [n,p,k],
      which are cosines.
    """
    x, mask = layers.front_frames(inputs.astype(self.dtype), mask, shortest=1)
    labels = x.squeeze(4).astype(jnp.int32)
    x = self.backbone(x, mask, train=train)
    parts = [heads.pool_strips(layers.max_frames(x, mask), self.bins)]
    for i, graph in enumerate(self.graphs):
      drop = jax.random.fold_in(key, i) if train and key is not None else None
      parts.append(graph(x, labels, mask, drop, train=train))
    return heads.embed_parts(
      jnp.concatenate(parts, axis=1), self.head, self.neck, train=train
    )


class PartGraph(nnx.Module):
  """The features of a frame's parts, mixed with their neighbours'."""

  def __init__(
    self,
    name: str,
    channels: int,
    *,
    dropout: float,
    rngs: nnx.Rngs,
    dtype: DTypeLike,
  ):
    if name not in GRAPHS:
      raise BadValue(f'no graph {name!r}; choose one of {[*GRAPHS]}')
    self.name, self.dropout = name, dropout
    # How much a part's own pixels weigh; others weigh the rest.
    self.shares = nnx.Param(jnp.full((len(self.parts.labels),), 0.75))
    make = functools.partial(GraphConvolution, name, channels)
    self.layers = nnx.List([make(rngs=rngs, dtype=dtype) for _ in range(2)])

  @property
  def parts(self) -> Parts:
    """The parts and how they are linked."""
    return GRAPHS[self.name]

  def __call__(
    self,
    x: jax.Array,
    labels: jax.Array,
    mask: jax.Array,
    key: jax.Array | None,
    *,
    train: bool,
  ) -> jax.Array:
    """Maps maps [n,s,h,w,c] and larger maps of labels to parts [n,p,c]."""
    x = self.pool(x, labels)
    for i, layer in enumerate(self.layers):
      drop = None if key is None else jax.random.fold_in(key, i)
      x = layers.dropout(x, self.dropout, drop)
      x = jax.nn.relu(layer(x, mask, train=train))
    return layers.max_frames(x, mask)

  @remat.block('stem')
  def pool(self, x: jax.Array, labels: jax.Array) -> jax.Array:
    """Pools each part's pixels of maps [n,s,h,w,c], weighed: [n,s,p,c]."""
    n, s, h, w, c = x.shape
    labels = _nearest(_nearest(labels, h, axis=2), w, axis=3)
    within = [
      functools.reduce(jnp.logical_or, [labels == label for label in each])
      for each in self.parts.labels
    ]
    share = self.shares[...].astype(x.dtype)[None, None, :, None, None]
    weight = jnp.where(jnp.stack(within, axis=2), share, 1 - share)
    x = x[:, :, None] * weight[..., None]
    return layers.strips_to_parts(x.reshape(n, -1, h, w, c), 1).reshape(
      n, s, -1, c
    )


def _nearest(x: jax.Array, size: int, axis: int) -> jax.Array:
  """Shrinks an axis to a size, by the first of what each place covers."""
  places = np.arange(size) * x.shape[axis] // size
  return jnp.take(x, places, axis=axis, mode='clip')


class GraphConvolution(nnx.Module):
  """A linear map, a mean over neighbours and a norm of each part's own."""

  def __init__(
    self, graph: str, channels: int, *, rngs: nnx.Rngs, dtype: DTypeLike
  ):
    bound = channels**-0.5
    draw = functools.partial(initializers.uniform, rngs, bound=bound)
    self.kernel = nnx.Param(draw((channels, channels)))
    # As released, though the norm takes it off again.
    self.bias = nnx.Param(draw((channels,)))
    self.norm = BatchNorm(len(GRAPHS[graph].labels) * channels)
    self.graph, self.dtype = graph, dtype

  def __call__(
    self, x: jax.Array, mask: jax.Array, *, train: bool
  ) -> jax.Array:
    """Maps parts [n,s,p,c] to [n,s,p,c]."""
    n, s, p, c = x.shape
    weight = jnp.asarray(GRAPHS[self.graph].adjacency, self.dtype)
    x = products.matmul(x, self.kernel[...].astype(self.dtype))
    x = products.einsum('pq,nsqc->nspc', weight, x)
    x = x + self.bias[...].astype(self.dtype)[None, None, None]
    x = self.norm(x.reshape(n, s, p * c), mask, train=train)
    return x.reshape(n, s, p, c).astype(self.dtype)


def torch_names(
  *,
  graphs: Sequence[str] = ('coarse',),
  channels: Sequence[int] = resnet.CHANNELS,
  **_: Any,
) -> Iterator[tuple[str, list[str], str]]:
  """Names OpenGait's weights, as `cstl.torch_names` its own."""
  yield from gaitbase.torch_names(channels=channels)
  for i, graph in enumerate(graphs):
    yield f'graphs/{i}/shares', [f'gammas_{graph}'], 'same'
    for k in range(2):
      ours, theirs = f'graphs/{i}/layers/{k}', f'gcn_{graph}.gc{k + 1}'
      yield f'{ours}/kernel', [f'{theirs}.weight'], 'same'
      yield f'{ours}/bias', [f'{theirs}.bias'], 'same'
      yield from norms.norm_torch_names(f'{ours}/norm', f'{theirs}.bn')
