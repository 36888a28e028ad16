"""OpenGait's and FastPoseGait's models against the released networks' numbers.

A model is a row of `CASES`.
"""

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import golden_checks

from gaitgs_jax import losses

TRIPLET = dict(triplet=dict(margin=0.2))
LINEAR = dict(identity=dict(scale=1.0, smoothing=0.0))
SMOOTHED = dict(identity=dict(scale=1.0, smoothing=0.1))
IDENTITY = dict(identity=dict(scale=16.0, smoothing=0.1))
CONDITION = dict(identity=dict(labels='condition', scale=16.0, smoothing=0.1))
GAITTR = dict(triplet=dict(margin=0.3))
GPGAIT = dict(
  triplet=dict(margin=0.3, hardest=True),
  identity=dict(scale=16.0, smoothing=0.0),
)

# GaitGL's form for OU-MVLP and GREW.
DEEP = dict(channels=(32, 64, 128, 256), depth=2, strips=2)


@dataclasses.dataclass(frozen=True)
class Case:
  """A golden file.

  Attributes:
    model: the model's name.
    losses: `config.losses`.
    config: `config.model`.
    frozen: ours -> theirs, how the names begin of weights whose gradient is
      not compared: another case has that of the same blocks.
    trained: whether losses and gradients are compared: not of forms whose
      blocks another case trains.
    lengths: of the sequences that are embedded, as one padded batch; longer
      ones cost much and are treated no differently.
    spread: as of `golden_checks.Rounding`.
  """

  model: str
  losses: Mapping[str, Any]
  config: Mapping[str, Any] = dataclasses.field(default_factory=dict)
  frozen: Mapping[str, str] = dataclasses.field(default_factory=dict)
  trained: bool = True
  lengths: tuple[int, ...] = (1, 7)
  spread: float = 1e-4


CASES = {
  'gaitbase': Case('gaitbase', TRIPLET | IDENTITY, lengths=(7,)),
  'lidargait': Case(
    'gaitbase',
    TRIPLET | IDENTITY,
    dict(inputs=3, bins=(8,), size=(32, 32, 3)),
    trained=False,
    lengths=(7,),
  ),
  'gaitgl_casia': Case(
    'gaitgl', TRIPLET | LINEAR, dict(strips=8), lengths=(1, 2, 3, 7)
  ),
  'gaitgl_oumvlp': Case(
    'gaitgl', TRIPLET | SMOOTHED, DEEP, trained=False, lengths=(7,)
  ),
  'gaitgl_bnneck': Case(
    'gaitgl',
    TRIPLET | SMOOTHED,
    DEEP | dict(neck='cosine'),
    trained=False,
    lengths=(2,),
  ),
  'gln': Case(
    'gln',
    TRIPLET | dict(identity=dict(weight=0.1)),
    dict(dropout=0.0),
    frozen=dict(frames='sil_stage'),
    lengths=(7,),
  ),
  'gaitpart': Case('gaitpart', TRIPLET, dict(strips=(1, 4, 8))),
  'gaitset': Case('gaitset', TRIPLET),
  'deepgaitv2': Case('deepgaitv2', TRIPLET | IDENTITY, lengths=(7,)),
  'gaittr_coco': Case('gaittr', GAITTR, dict(dropout=0.0)),
  'gaittr_oumvlp': Case(
    'gaittr',
    GAITTR,
    dict(skeleton='openpose18', features=256, dropout=0.0),
    trained=False,
  ),
  # In evaluation the norms, as drawn, leave places in pixels, and the attention
  # has scores of thousands. The original's float32 is off by 2e-2 too.
  'gpgait': Case('gpgait', GPGAIT, spread=1e-1),
  'gpgaitpp': Case(
    'gpgaitpp',
    GPGAIT,
    dict(masked=True, dropout=0.0),
    trained=False,
    spread=1e-3,
  ),
  'parsinggait': Case(
    'parsinggait',
    TRIPLET | IDENTITY,
    dict(dropout=0.0),
    frozen=dict(backbone='Backbone.'),
    lengths=(7,),
  ),
  'parsinggait_both': Case(
    'parsinggait',
    TRIPLET | IDENTITY,
    dict(graphs=('fine', 'coarse'), dropout=0.0),
    trained=False,
    lengths=(7,),
  ),
  'sconet': Case('sconet', TRIPLET | CONDITION, trained=False, lengths=(7,)),
  'swingait': Case(
    'swingait',
    TRIPLET | IDENTITY,
    dict(blocks=(1, 4), depths=(4, 2)),
    frozen=dict(backbone='layer'),
  ),
  'skeletongait': Case(
    'skeletongait',
    TRIPLET | IDENTITY,
    dict(blocks=(1, 4, 4, 1)),
    trained=False,
    lengths=(7,),
  ),
  'skeletongaitpp': Case(
    'skeletongaitpp',
    TRIPLET | IDENTITY,
    dict(blocks=(1, 4, 4, 1)),
    trained=False,
    lengths=(7,),
  ),
}
if golden_checks.WHOLE:
  CASES = {
    name: dataclasses.replace(
      case,
      frozen={},
      trained=True,
      lengths=tuple(golden_checks.lengths(name, ())),
    )
    for name, case in CASES.items()
  }
TRAINED = [name for name, case in CASES.items() if case.trained]
# Those whose float32 is compared too: cheap ones, of different blocks.
ROUNDED = ['gaittr_coco']
# Those of which it is compared in evaluation alone, which takes two seconds at
# most of each.
EMBEDDED = ['gaitbase', 'sconet', 'gaitset', 'gaitpart', 'gaitgl_casia']
EMBEDDED += ['deepgaitv2', 'parsinggait']
if golden_checks.WHOLE:
  ROUNDED += ['gaitbase', 'gaitgl_casia', 'gaitpart']
  EMBEDDED = [name for name in CASES if name not in ROUNDED]

load = golden_checks.load
every_file = golden_checks.each('name', CASES)
every_trained_file = golden_checks.each('name', TRAINED)


@golden_checks.shared
def embed(name, dtype):
  case = CASES[name]
  return golden_checks.embed(
    case.model, load(name), dtype, case.lengths, **case.config
  )


@golden_checks.shared
def train_pass(name, dtype):
  case = CASES[name]
  loss_fn = losses.create(case.losses)
  return golden_checks.train_pass(
    case.model, load(name), dtype, loss_fn, frozen=case.frozen, **case.config
  )


def check_parts(found, right):
  """Compares [n,p,d] with the original's [n,d,p]."""
  golden_checks.check(found, right.swapaxes(1, 2))


@every_file
def test_padded_batch_gives_the_published_embeddings(name):
  golden = load(name)
  for length, output in golden_checks.by_length(
    golden, CASES[name].lengths, embed(name, 'float64')
  ):
    check_parts(output.embedding, golden[f'eval_emb_{length}'])
    has_logits = output.logits is not None
    assert has_logits == (f'eval_logits_{length}' in golden)
    if has_logits:
      check_parts(output.logits, golden[f'eval_logits_{length}'])


@every_trained_file
def test_losses(name):
  golden, found = load(name), train_pass(name, 'float64')
  check_parts(found.output.features, golden['train_emb'])
  golden_checks.check(found.total, golden['train_total'])
  for ours, theirs in (('triplet', 'triplet'), ('identity', 'softmax')):
    assert (ours in found.terms) == (f'train_{theirs}' in golden)
    if ours in found.terms:
      golden_checks.check(found.terms[ours], golden[f'train_{theirs}'])
  if 'train_logits' in golden:
    check_parts(found.output.logits, golden['train_logits'])
  if 'train_triplet_loss' in golden:  # Not of the hardest triplets.
    golden_checks.check_triplet(
      golden, found.output.features, **CASES[name].losses['triplet']
    )


@every_trained_file
def test_every_gradient(name):
  golden_checks.check_gradients(
    load(name),
    train_pass(name, 'float64').named,
    CASES[name].frozen.values(),
  )


@golden_checks.each(
  'name', [name for name in TRAINED if 'bn_names' in load(name)]
)
def test_running_statistics(name):
  golden_checks.check_statistics(load(name), train_pass(name, 'float64').named)


def test_parts_may_be_told_apart_where_joints_are_pooled_alone():
  golden = load('gpgaitpp')
  config = dict(CASES['gpgaitpp'].config, masked=False)
  output = golden_checks.embed('gpgaitpp', golden, 'float64', (7,), **config)
  check_parts(output.embedding, golden['eval_emb_unmasked_7'])


@golden_checks.each('name', EMBEDDED)
def test_embeddings_in_float32_differ_by_rounding_alone(name):
  golden_checks.check_embedded(
    functools.partial(embed, name), CASES[name].spread
  )


@golden_checks.each('name', ROUNDED)
def test_float32_differs_by_rounding_alone(name):
  golden_checks.check_rounding(
    load(name),
    functools.partial(embed, name),
    functools.partial(train_pass, name),
    golden_checks.TRIPLET,
  )
