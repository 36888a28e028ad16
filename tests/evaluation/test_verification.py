"""Verification and open sets, against counting every pair."""

import numpy as np
import pytest
from eval_golden import METRICS, labels, load

from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import distance, protocols, tiles, verification

GOLDEN = load('casiab')


def every_pair(name, metric):
  """Returns distances of genuine and impostor pairs, and by probe."""
  rules = protocols.get_protocol('casia_b')
  embeddings, subjects, conditions, views = labels(GOLDEN)
  table = dict(subject=subjects, condition=conditions, view=views)
  probes = np.flatnonzero(rules.probes[name].rows(table))
  gallery = np.flatnonzero(rules.gallery.rows(table))
  block = np.asarray(
    distance.pairwise(embeddings[probes], embeddings[gallery], metric=metric)
  )
  kept = views[probes][:, None] != views[gallery]
  alike = subjects[probes][:, None] == subjects[gallery]
  return block, alike & kept, ~alike & kept


@pytest.mark.parametrize('metric', METRICS)
def test_every_number(metric, monkeypatch):
  monkeypatch.setattr(tiles, 'PROBE_BYTES', 2**12)
  ours = verification.verify('casia_b', *labels(GOLDEN), metric=metric)
  for name in ('NM', 'BG', 'CL'):
    block, genuine, impostor = every_pair(name, metric)
    right, wrong = np.sort(block[genuine]), np.sort(block[impostor])
    for rate in verification.RATES:
      threshold = ours[f'{name}/threshold@{rate}']
      assert np.mean(wrong <= threshold) <= float(rate)
      # No larger one would do, but for what one bin holds.
      assert np.mean(wrong <= threshold * 1.0003) > float(rate) * 0.98
      accepted = 100 * np.mean(right <= threshold)
      assert ours[f'{name}/TAR@{rate}'] == pytest.approx(accepted, abs=1e-9)
      low, high = ours[f'{name}/TAR@{rate}_interval']
      assert low <= accepted <= high and high - low < 60
      least = np.where(impostor, block, np.inf).min(1)
      own = np.where(genuine, block, np.inf).min(1)
      # One stranger more than is allowed is named by any larger threshold.
      allowed = int(float(rate) * len(own))
      limit = np.sort(least)[allowed]
      found = 100 * np.mean((own <= least) & (own < limit))
      wanted = found if allowed else np.nan
      np.testing.assert_allclose(ours[f'{name}/DIR@{rate}'], wanted)
      assert (f'{name}/DIR@{rate}_interval' in ours) == bool(allowed)
    equal = ours[f'{name}/EER'] / 100
    place = right[int((1 - equal) * len(right))]
    assert np.mean(wrong <= place) == pytest.approx(equal, abs=0.01)
    curve = ours[f'{name}/ROC']
    assert curve.shape == (2, 51)
    assert (np.diff(curve) >= 0).all()
    assert curve[1, -1] == 100
    middles, *shares = ours[f'{name}/distances']
    half = (middles[1] - middles[0]) / 2
    for share, each in zip(shares, (right, wrong), strict=True):
      assert share.sum() == pytest.approx(100)
      some = np.mean(each <= middles[19] + half)
      assert share[:20].sum() == pytest.approx(100 * some, abs=0.5)
    rates, distances = ours[f'{name}/thresholds']
    assert rates[0] / 100 * len(wrong) >= 1
    assert rates[-1] == 100 and distances[-1] >= wrong[-1]
    assert (np.diff(distances) >= 0).all()
    for rate, end in zip(rates / 100, distances, strict=True):
      assert np.mean(wrong <= end) <= rate
    place = np.flatnonzero(np.isclose(rates, 1.0))
    assert distances[place] == ours[f'{name}/threshold@1e-2']
    at = curve[1, np.isclose(curve[0], 1.0)]
    assert at == pytest.approx(ours[f'{name}/TAR@1e-2'])


def test_by_hand():
  # The gallery: a at 0 and 1, b at 10. Probes: a at 2, b at 4.
  place = np.array([0.0, 1, 10, 2, 4])[:, None, None]
  people, walks = [*'aabab'], ['g', 'g', 'g', 'p', 'p']
  rules = protocols.Protocol(
    'x',
    'X',
    probes={'': protocols.where('p')},
    gallery=protocols.where('g'),
    mean_over='probes',
    dropped=(),
  )
  ours = verification.verify(rules, place, people, walks, ['0'] * 5)
  # Genuine: 2, 1, 6; impostors: 8, 4, 3. At 3 one of three of each is wrong.
  assert ours['EER'] == pytest.approx(100 / 3)
  assert np.isnan(ours['TAR@1e-2'])
  assert np.isnan(ours['DIR@1e-2'])
  assert 'threshold@1e-2' not in ours
  # 39.8 % are one in three, and 79 % two: just below 4, and below 8.
  rates, distances = ours['thresholds']
  np.testing.assert_allclose(rates, 100 * np.logspace(-0.4, 0, 5))
  np.testing.assert_allclose(distances, [4, 4, 4, 8, 8], rtol=2e-4)


def test_what_has_no_pairs_is_told():
  with pytest.raises(UserError, match=r"'grew' has no genuine pairs"):
    verification.verify('grew', *labels(load('grew')))
