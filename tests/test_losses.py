"""Losses against numbers worked out by hand."""

import jax
import jax.numpy as jnp
import lowered
import numpy as np
import pytest

from gaitgs_jax import losses
from gaitgs_jax.losses import pairs
from gaitgs_jax.models import GaitOutput


def output(features, **others):
  features = jnp.asarray(features, jnp.float32)
  return GaitOutput(features, features, **others)


def one_part(*values):
  return np.array(values, np.float32)[:, None, None]


def test_triplet_by_hand():
  # Subjects a: 0, 1; b: 3. Distances 0-1: 1, 0-3: 3, 1-3: 2.
  batch = {'subject': jnp.array([0, 0, 1])}
  # margin 1.5: (0,1,3): 1-3+1.5 < 0; (1,0,3): 1-2+1.5 = 0.5; with itself as
  # positive all are below 0 (0-3+1.5, 0-2+1.5, 0-3+1.5, 0-2+1.5).
  loss, facts = losses.triplet(output(one_part(0, 1, 3)), batch, margin=1.5)
  assert loss == pytest.approx(0.5)
  # Valid: anchors 0 and 1 have 2 positives x 1 negative, anchor 3 has 1 x 2.
  assert facts['active'] == pytest.approx(1 / 6)
  assert facts['distance'] == pytest.approx(2 * (1 + 3 + 2) / 9)
  # margin 2.5 adds (0,1,3): 0.5 and (1,1,3): 0.5; (1,0,3) is 1.5; (3,3,1): 0.5.
  loss, facts = losses.triplet(output(one_part(0, 1, 3)), batch, margin=2.5)
  assert loss == pytest.approx((0.5 + 0.5 + 1.5 + 0.5) / 4)
  assert facts['active'] == pytest.approx(4 / 6)


def test_hardest_triplets_by_hand():
  # Subjects a: 0, 1; b: 3, 7. Farthest of the own subject, nearest of another:
  # 0: 1, 3; 1: 1, 2; 3: 4, 2; 7: 4, 6.
  batch = {'subject': jnp.array([0, 0, 1, 1])}
  given = output(one_part(0, 1, 3, 7))
  loss, facts = losses.triplet(given, batch, margin=1.5, hardest=True)
  assert loss == pytest.approx((0.5 + 3.5) / 2)
  assert facts['active'] == pytest.approx(2 / 4)
  alone = {'subject': jnp.array([0, 0, 0, 0])}
  loss, facts = losses.triplet(given, alone, margin=1.5, hardest=True)
  assert (loss, facts['active']) == (0, 0)


def test_hardest_triplets_move_their_two_rows_alone():
  def objective(x):
    parts = losses.triplet_parts(
      x, jnp.array([0, 0, 1, 1]), margin=1.5, hardest=True
    )
    return parts['loss'][0]

  # (1 - 2 + 1.5 + 4 - 2 + 1.5) / 2 of |0-1|, |1-3|, |3-7| and |3-1|.
  grad = jax.grad(objective)(jnp.asarray(one_part(0, 1, 3, 7)))
  np.testing.assert_allclose(grad.ravel(), [-0.5, 1.5, -1.5, 0.5], rtol=1e-5)


def test_triplet_averages_over_parts_and_idle_parts_count_zero():
  features = np.concatenate([one_part(0, 1, 3), one_part(0, 0, 9)], axis=1)
  batch = {'subject': jnp.array([0, 0, 1])}
  loss, _ = losses.triplet(output(features), batch, margin=1.5)
  assert loss == pytest.approx(0.25)


def test_a_batch_of_equal_features_has_a_finite_gradient():
  features = jnp.ones((4, 2, 3))
  batch = {'subject': jnp.array([0, 0, 1, 1])}

  def objective(features):
    return losses.triplet(output(features), batch, margin=0.2)[0]

  loss, grad = jax.value_and_grad(objective)(features)
  assert loss == pytest.approx(0.2)
  assert np.all(grad == 0)


def test_the_distance_to_itself_is_zero():
  features = 100 * jax.random.normal(jax.random.key(0), (5, 3, 64))
  distance = losses.pairwise_distance(features)
  assert np.all(np.diagonal(distance, axis1=1, axis2=2) == 0)
  expected = np.linalg.norm(
    np.asarray(features)[:, None] - np.asarray(features)[None], axis=-1
  )
  np.testing.assert_allclose(
    distance, expected.transpose(2, 0, 1), rtol=1e-4, atol=1e-3
  )


@pytest.mark.parametrize('at_once', (1, 2**25))
def test_triplet_in_pieces_equals_brute_force(monkeypatch, at_once):
  monkeypatch.setattr(pairs, '_TRIPLETS_AT_ONCE', at_once)
  features = jax.random.normal(jax.random.key(1), (7, 3, 4))
  subject = np.array([0, 0, 1, 1, 1, 2, 2])
  parts = losses.triplet_parts(features, jnp.asarray(subject), margin=0.3)
  distance = np.asarray(losses.pairwise_distance(features))
  for p in range(3):
    hinges = [
      max(0.0, distance[p, a, b] - distance[p, a, c] + 0.3)
      for a in range(7)
      for b in range(7)
      for c in range(7)
      if subject[a] == subject[b] and subject[a] != subject[c]
    ]
    active = [hinge for hinge in hinges if hinge]
    assert parts['active'][p] == len(active)
    assert parts['loss'][p] == pytest.approx(np.mean(active), rel=1e-4)
    assert parts['hard'][p] == pytest.approx(max(hinges), rel=1e-4)


def test_view_by_hand():
  logits = jnp.log(jnp.array([[0.7, 0.2, 0.1], [0.1, 0.1, 0.8]]))
  given = output(np.zeros((2, 1, 1)), extras={'view_logits': logits})
  loss, facts = losses.view(given, {'view': jnp.array([0, 1])})
  assert loss == pytest.approx(-(np.log(0.7) + np.log(0.1)) / 2)
  assert facts['accuracy'] == pytest.approx(0.5)


def test_identity_by_hand():
  logits = jnp.array([[[2.0, 0.0], [0.0, 1.0]]])
  given = output(np.zeros((1, 2, 1)), logits=logits)
  batch = {'subject': jnp.array([0])}
  loss, facts = losses.identity(given, batch, scale=1.0, smoothing=0.1)
  # Targets 0.95 and 0.05; log-softmax of (2,0) and (0,1).
  first = 0.95 * np.log1p(np.exp(-2)) + 0.05 * np.log1p(np.exp(2))
  second = 0.95 * np.log1p(np.exp(1)) + 0.05 * np.log1p(np.exp(-1))
  assert loss == pytest.approx((first + second) / 2, rel=1e-5)
  assert facts['accuracy'] == pytest.approx(0.5)


def contrastive_by_loops(similarity, subject, active_only):
  m, total = len(subject), []
  for i in range(m):
    others = [j for j in range(m) if j != i]
    positives = [j for j in others if subject[j] == subject[i]]
    log_sum = np.log(sum(np.exp(similarity[i][j]) for j in others))
    each = [log_sum - similarity[i][j] for j in positives]
    total.append(np.mean(each) if each else 0.0)
  kept = [loss for loss in total if loss > 0 or not active_only]
  return np.mean(kept)


@pytest.mark.parametrize('active_only', (True, False))
@pytest.mark.parametrize('distance', ('euclidean', 'dot'))
def test_supervised_contrastive_equals_brute_force(distance, active_only):
  features = np.array(jax.random.normal(jax.random.key(3), (4, 2, 3)))
  # The last subject has its two views as only samples.
  subject = np.array([0, 0, 1, 2])
  samples = features.reshape(8, 3).astype(np.float64)
  if distance == 'dot':
    similarity = samples @ samples.T
  else:
    samples /= np.linalg.norm(samples, axis=1, keepdims=True)
    similarity = -np.linalg.norm(samples[:, None] - samples[None], axis=-1)
  expected = contrastive_by_loops(
    similarity / 0.5, np.repeat(subject, 2), active_only
  )
  loss, facts = losses.supervised_contrastive(
    output(features),
    {'subject': jnp.asarray(subject)},
    temperature=0.5,
    base_temperature=0.7,
    distance=distance,
    active_only=active_only,
  )
  assert loss == pytest.approx(expected * 0.5 / 0.7, rel=1e-5)
  np.fill_diagonal(similarity, -np.inf)
  nearest = np.repeat(subject, 2)[similarity.argmax(axis=1)]
  assert facts['accuracy'] == np.mean(nearest == np.repeat(subject, 2))


@pytest.mark.parametrize(('active_only', 'share'), ((True, 1), (False, 2 / 3)))
def test_supervised_contrastive_of_an_only_sample(active_only, share):
  # Orthogonal samples: each of the two alike ones chooses one of two.
  features = jnp.eye(3)[:, None]
  batch = {'subject': jnp.array([0, 0, 1])}
  loss, facts = losses.supervised_contrastive(
    output(features), batch, temperature=0.1, active_only=active_only
  )
  assert loss == pytest.approx(np.log(2) * share, rel=1e-5)
  assert facts['accuracy'] <= 2 / 3


@pytest.mark.parametrize('distance', ('euclidean', 'dot'))
def test_supervised_contrastive_has_a_finite_gradient(distance):
  batch = {'subject': jnp.array([0, 0, 1, 1])}

  def objective(features):
    return losses.supervised_contrastive(
      output(features), batch, temperature=0.01, distance=distance
    )[0]

  # Equal samples, zeros, and similarities far beyond float32's exponents.
  for features in (jnp.ones((4, 1, 2)), jnp.zeros((4, 1, 2))):
    loss, grad = jax.value_and_grad(objective)(features)
    assert loss == pytest.approx(np.log(3), rel=1e-4)
    assert np.all(np.isfinite(grad))
  far = jnp.asarray([[9.0, 0], [-9, 0], [9, 1], [0, 9]])[:, None]
  loss, grad = jax.value_and_grad(objective)(far)
  assert np.isfinite(loss)
  assert loss > 10
  assert np.all(np.isfinite(grad))


def test_an_unknown_distance_is_told():
  with pytest.raises(ValueError, match="no distance 'cosine'"):
    losses.supervised_contrastive(
      output(np.ones((2, 1, 2))),
      {'subject': jnp.zeros(2)},
      temperature=1.0,
      distance='cosine',
    )


def test_terms_are_named_and_weighted():
  logits = jnp.zeros((3, 2))
  given = output(one_part(0, 1, 3), extras={'view_logits': logits})
  batch = {'subject': jnp.array([0, 0, 1]), 'view': jnp.array([0, 1, 0])}
  loss_fn = losses.create(
    {
      'near': {'kind': 'triplet', 'margin': 1.5, 'weight': 2.0},
      'view': {'weight': 0.2},
    }
  )
  total, terms = loss_fn(given, batch)
  assert set(terms) == {
    'near',
    'near_active',
    'near_distance',
    'view',
    'view_accuracy',
  }
  assert terms['near'] == pytest.approx(0.5)
  assert terms['view'] == pytest.approx(np.log(2))
  assert total == pytest.approx(2 * 0.5 + 0.2 * np.log(2))


@pytest.mark.parametrize(
  ('config', 'sentence'),
  (
    ({}, 'names no loss'),
    ({'triplets': {'margin': 1}}, "no loss 'triplets'; choose one of triplet"),
  ),
)
def test_wrong_losses(config, sentence):
  with pytest.raises(ValueError, match=sentence):
    losses.create(config)


def test_identity_needs_a_head():
  with pytest.raises(ValueError, match=r'leave config\.model\.num_classes out'):
    losses.identity(output(np.zeros((1, 1, 1))), {'subject': jnp.zeros(1)})


@pytest.mark.parametrize(
  'chosen',
  [
    {'triplet': {'margin': 0.2}},
    {'supervised_contrastive': {'temperature': 0.1, 'distance': 'dot'}},
  ],
)
def test_distances_multiply_as_float32_wherever_they_run(chosen):
  loss_fn = losses.create(chosen)
  subject = np.array([0, 0, 1, 1])

  def total(features):
    output = GaitOutput(features, features)
    return loss_fn(output, {'subject': subject})[0]

  features = jnp.ones((4, 2, 8))
  found = lowered.products(jax.jit(jax.grad(total)).lower(features))
  assert len(found) > 1
  assert all(highest for _, highest in found)


def test_a_loss_reads_what_it_names():
  features = np.concatenate([one_part(0, 1, 3), one_part(0, 0, 9)], axis=1)
  given = output(features, extras={'near': jnp.asarray(one_part(0, 1, 3))})
  batch = {
    'subject': jnp.array([0, 0, 1]),
    'condition': jnp.array([0, 1, 1]),
  }
  loss_fn = losses.create(
    {
      'all': dict(kind='triplet', margin=1.5),
      'near': dict(kind='triplet', margin=1.5, features='near'),
      'worn': dict(
        kind='triplet', margin=1.5, features='near', labels='condition'
      ),
    }
  )
  _, terms = loss_fn(given, batch)
  assert terms['all'] == pytest.approx(0.25)
  assert terms['near'] == pytest.approx(0.5)
  # Alike are 1 and 3: (1,3,0): 2-1+1.5 = 2.5; (3,1,0): 2-3+1.5 = 0.5; with
  # itself as positive: (1,1,0): 0-1+1.5 = 0.5, (0,0,1): 0-1+1.5 = 0.5.
  assert terms['worn'] == pytest.approx((2.5 + 0.5 + 0.5 + 0.5) / 4)


@pytest.mark.parametrize(
  ('options', 'words'),
  [
    (dict(features='feature'), r"no output 'feature' \(did you mean 'featur"),
    (dict(features='logits'), r'leave config\.model\.num_classes out'),
    (dict(features='heads'), "no output 'heads'; it has embedding, features"),
    (dict(labels='subjects'), r"no labels 'subjects' \(did you mean 'subj"),
    (dict(features='flat'), r"'flat' is \[3, 1\]: features \[n,p,d\] are"),
  ],
)
def test_a_name_that_is_not_there_is_told(options, words):
  given = output(one_part(0, 1, 3), extras={'flat': jnp.zeros((3, 1))})
  batch = {'subject': jnp.array([0, 0, 1])}
  with pytest.raises(ValueError, match=words):
    losses.triplet(given, batch, margin=1.5, **options)


def test_cross_entropy_of_any_head_by_hand():
  logits = jnp.array([[1.0, 0.0, 0.0], [0.0, 0.0, 1.0]])
  given = output(np.zeros((2, 1, 1)), extras={'worn': logits})
  batch = {'condition': jnp.array([0, 1])}
  loss, facts = losses.cross_entropy(
    given, batch, logits='worn', labels='condition', scale=2.0, smoothing=0.3
  )
  # Targets 0.8 and twice 0.1; the logits are 2, 0, 0 and 0, 0, 2.
  total = np.log(np.exp(2) + 2)
  first, second = total - 0.8 * 2, total - 0.1 * 2
  assert loss == pytest.approx((first + second) / 2, rel=1e-6)
  assert facts['accuracy'] == pytest.approx(0.5)


COPIES = jax.random.normal(jax.random.key(5), (4, 2, 3, 6))


@pytest.mark.parametrize(
  'chosen',
  [
    {'triplet': dict(margin=0.2)},
    {'supervised_contrastive': dict(temperature=0.5)},
    {'cross_entropy': dict(logits='features')},
  ],
)
def test_copies_are_rows_like_others(chosen):
  subject = jnp.array([0, 0, 1, 2])
  loss_fn = losses.create(chosen)
  rows = COPIES.reshape(8, 3, 6)
  total, terms = loss_fn(output(COPIES), {'subject': subject})
  expected, others = loss_fn(output(rows), {'subject': jnp.repeat(subject, 2)})
  np.testing.assert_allclose(total, expected, rtol=1e-6)
  assert terms.keys() == others.keys()


def test_negative_cosine_by_loops():
  given = output(COPIES, extras={'predictions': COPIES[::-1]})
  x, y = np.asarray(COPIES[::-1]), np.asarray(COPIES)
  expected = [
    x[n, a, p] @ y[n, b, p] / np.linalg.norm(x[n, a, p])
    / np.linalg.norm(y[n, b, p])
    for n in range(4)
    for p in range(3)
    for a, b in ((0, 1), (1, 0))
  ]  # fmt: skip
  loss, facts = losses.negative_cosine(given, {})
  assert loss == pytest.approx(-np.mean(expected), rel=1e-5)
  assert 0.5 < facts['spread'] < 1.1
  collapsed = output(jnp.ones((4, 2, 3, 6)))
  loss, facts = losses.negative_cosine(collapsed, {}, predictions='features')
  assert loss == pytest.approx(-1)
  assert facts['spread'] == pytest.approx(0, abs=1e-6)


def test_no_gradient_passes_the_targets_of_negative_cosine():
  def objective(predictions, targets):
    given = output(targets, extras={'predictions': predictions})
    return losses.negative_cosine(given, {})[0]

  first, second = jax.grad(objective, argnums=(0, 1))(COPIES, COPIES[::-1])
  assert np.any(first) and not np.any(second)


@pytest.mark.parametrize('shape', [(4, 3, 6), (4, 1, 3, 6)])
def test_negative_cosine_needs_two_copies(shape):
  with pytest.raises(ValueError, match=r'copies.* count=2.* config.augment'):
    losses.negative_cosine(output(jnp.ones(shape)), {}, predictions='features')


@pytest.mark.parametrize('probabilities', [False, True])
def test_binary_cross_entropy_by_hand(probabilities):
  chance = np.array([[[0.9, 0.2]], [[0.6, 0.5]]])[..., None]  # [n,s,h,w].
  frames = np.array([[[255, 0]], [[255, 255]]], np.uint8)[..., None]
  # Two sequences of one frame, and a padded frame that must not count.
  chance = np.concatenate([chance, np.full_like(chance, 0.01)], axis=1)
  frames = np.concatenate([frames, np.full_like(frames, 255)], axis=1)
  maps = chance if probabilities else np.log(chance / (1 - chance))
  given = output(
    np.zeros((2, 1, 1)), extras={'maps': jnp.asarray(maps[..., None])}
  )
  batch = {
    'silhouettes': jnp.asarray(frames),
    'mask': jnp.array([[True, False], [True, False]]),
  }
  loss, facts = losses.binary_cross_entropy(
    given,
    batch,
    maps='maps',
    targets='silhouettes',
    probabilities=probabilities,
  )
  expected = -np.log([0.9, 0.8, 0.6, 0.5]).mean()
  assert loss == pytest.approx(expected, rel=1e-5)
  assert facts['accuracy'] == pytest.approx(0.75)


def test_targets_may_be_an_output_and_have_no_gradient():
  def objective(maps, targets):
    extras = {'maps': maps, 'seen': targets}
    given = output(np.zeros((2, 1, 1)), extras=extras)
    return losses.binary_cross_entropy(
      given, {'mask': jnp.ones((2, 3), bool)}, maps='maps', targets='seen'
    )[0]

  maps, targets = jnp.zeros((2, 4, 5)), jnp.full((2, 4, 5), 0.25)
  first, second = jax.grad(objective, argnums=(0, 1))(maps, targets)
  np.testing.assert_allclose(first, (0.5 - 0.25) / 40, rtol=1e-6)
  assert not np.any(second)
  with pytest.raises(ValueError, match=r"'maps' are .* but 'seen' is"):
    objective(maps, targets[:, 1:])
