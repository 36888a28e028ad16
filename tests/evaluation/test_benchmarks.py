"""Protocols against what their published evaluators gave."""

import csv

import numpy as np
import pytest
from eval_golden import (
  METRICS,
  assert_same,
  close,
  labels,
  load,
  run,
  selected,
  with_metrics,
)

from gaitgs_jax.errors import UserError
from gaitgs_jax.evaluation import (
  evaluate,
  protocols,
  ranking,
  reranking,
  submit,
  tiles,
)
from gaitgs_jax.evaluation.protocols import mean_by_probe_view

GOLDEN = {
  name: load(name)
  for name in ('casiae', 'ccpg', 'gait3d', 'grew', 'hid', 'sustech1k')
}
metrics = pytest.mark.parametrize('metric', METRICS)


@metrics
def test_sustech1k(metric):
  data, short = GOLDEN['sustech1k'], METRICS[metric]
  wanted = [f'rank{k}' for k in range(1, 6)]
  ours = run(with_metrics('sustech1k', *wanted), data, metric)
  assert selected('sustech1k', data).view_names == data['view_list'].tolist()
  for name in protocols.PROTOCOLS['sustech1k'].probes:
    # As it is spelt there.
    theirs = name.replace('Umbrella', 'Umberalla')
    for k, number in enumerate(wanted):
      cells = ours[f'{name}/{number}_by_view']
      close(cells, data[f'acc_single_{short}_{theirs}'][..., k])
      by_angle = data[f'per_angle_single_{short}_{theirs}'][:, k]
      close(mean_by_probe_view(cells), by_angle)
      close(ours[f'{name}/{number}'], by_angle.mean())
    total = data[f'ret_single_{short}_scalar/test_accuracy/{theirs}@R1']
    close(ours[f'{name}/rank1'], total)


@metrics
def test_casia_e(metric):
  data, short = GOLDEN['casiae'], METRICS[metric]
  ours = run('casia_e', data, metric)
  assert selected('casia_e', data).view_names == data['view_list'].tolist()
  for name in ('NM', 'BG', 'CL'):
    cells = ours[f'{name}/rank1_by_view']
    close(cells, data[f'acc_single_{short}_{name}'][..., 0])
    total = data[f'ret_single_{short}_scalar/test_accuracy/{name}@R1']
    close(ours[f'{name}/rank1'], total)


def test_casia_e_needs_no_view_to_ignore():
  data = GOLDEN['casiae']
  kept = data['views'] != '270'
  without, ours = run('casia_e', data, rows=kept), run('casia_e', data)
  assert without['CL/rank1'] == ours['CL/rank1']


def gait3d(metric='euclidean', rows=slice(None), **changes):
  data = GOLDEN['gait3d']
  columns = {'probe': data['probe_mask'][rows], **changes}
  return run('gait3d', data, metric, rows, columns)


@metrics
def test_gait3d(metric):
  data, short = GOLDEN['gait3d'], METRICS[metric]
  ours = gait3d(metric)
  np.testing.assert_allclose(ours['CMC'], 100 * data[f'cmc_{short}'], rtol=1e-6)
  for number in ('rank1', 'rank5', 'rank10', 'mAP', 'mINP'):
    theirs = number.replace('rank', 'Rank-')
    total = data[f'ret_{short}_scalar/test_accuracy/{theirs}']
    # Computed there in float32.
    np.testing.assert_allclose(ours[number], total, rtol=1e-6)


@metrics
def test_each_probe_of_gait3d(metric):
  data, short = GOLDEN['gait3d'], METRICS[metric]
  probes, gallery = (
    np.flatnonzero(data['probe_mask'] == each) for each in (True, False)
  )
  blocks = ranking.distance_blocks(
    data['embeddings'], probes, gallery, metric=metric
  )
  subjects = np.unique(data['labels'], return_inverse=True)[1]
  ranks = ranking.rank_all(blocks, probes, gallery, subjects)
  valid = ranks.first > 0
  close_to = dict(rtol=1e-6)
  precision, penalty = ranks.precision[valid], ranks.penalty[valid]
  np.testing.assert_allclose(precision, data[f'acc_ap_{short}'], **close_to)
  np.testing.assert_allclose(penalty, data[f'acc_inp_{short}'], **close_to)


def test_gait3d_with_a_small_gallery():
  data = GOLDEN['gait3d']
  ours = gait3d(rows=data['small_subset'])
  # As long as the gallery.
  np.testing.assert_allclose(ours['CMC'], 100 * data['cmc_small_euc'])
  for number in ('mAP', 'mINP'):
    total = data[f'ret_small_euc_scalar/test_accuracy/{number}']
    np.testing.assert_allclose(ours[number], total, rtol=1e-6)


def test_rank_10_of_a_gallery_of_two():
  data = GOLDEN['gait3d']
  gallery = np.flatnonzero(~data['probe_mask'])[:2]
  same = np.isin(data['labels'], data['labels'][gallery])
  probes = np.flatnonzero(data['probe_mask'] & same)
  ours = gait3d(rows=np.concatenate([gallery, probes]))
  assert ours['rank10'] == 100
  assert len(ours['CMC']) == 2


@pytest.mark.parametrize('name', ['freegait', 'ccgr_mini'])
def test_as_gait3d_by_other_columns(name):
  data = GOLDEN['gait3d']
  probes = data['probe_mask']
  given = {'gallery': ~probes} if name == 'ccgr_mini' else {'probe': probes}
  assert_same(run(name, data, columns=given), gait3d())


def test_scoliosis_is_three_classes():
  logits = np.array([[[2, 0, 0]], [[0, 2, 0]], [[0, 2, 0]], [[0, 0, 2]]])
  walks = ['Negative', 'neutral', 'positive', 'Positive']
  people, views = [*'abcd'], ['000_180'] * 4
  ours = evaluate('scoliosis1k', logits, people, walks, views)
  assert ours['accuracy'] == 75
  assert ours['recall'] == pytest.approx(100 * (1 + 1 + 0.5) / 3)
  # Without c and d nothing is wrong, and without a and b one in two.
  for number in ('accuracy', 'precision', 'recall', 'f1'):
    low, high = ours[f'{number}_interval']
    assert low < ours[number] < high == 100
  alone = evaluate('scoliosis1k', logits, ['a'] * 4, walks, views)
  assert np.isnan(alone['accuracy_interval']).all()


def test_d_gait_is_two_classes_that_names_of_people_begin_with():
  logits = np.array([[[1, 0]], [[0, 2]], [[0, 1]], [[3, 1]]])
  people, same = ['N_000', 'N_000', 'D_001', 'D_007'], ['0'] * 4
  ours = evaluate('d_gait', logits, people, same, same)
  assert ours['accuracy'] == 50
  # Of N one of two guesses and one of two walks; of D the same.
  assert ours['f1'] == pytest.approx(50)
  low, high = ours['accuracy_interval']
  assert 0 <= low < 50 < high <= 100
  with pytest.raises(UserError, match="subject 'X' is not a class"):
    evaluate('d_gait', logits, ['X_1', *people[1:]], same, same)


def test_gait3d_needs_to_know_its_probes():
  with pytest.raises(UserError, match=r"needs column 'probe'.*there are cond"):
    run('gait3d', GOLDEN['gait3d'])
  with pytest.raises(UserError, match=r"'probe' holds names.*bools"):
    gait3d(probe=['no'] * 136)


def test_gait3d_without_anybody_to_find():
  data = GOLDEN['gait3d']
  strangers = data['probe_mask'] != (data['labels'] == '0020')
  with pytest.raises(UserError, match=r"no probe of protocol 'gait3d' has"):
    gait3d(rows=strangers)


@metrics
def test_ccpg(metric):
  data, short = GOLDEN['ccpg'], METRICS[metric]
  views = data['views'].copy()
  ours = run('ccpg', data, metric)
  for number, theirs in (
    ('rank1', 'cmc_r1'),
    ('mAP', 'acc_map'),
    ('mINP', 'acc_minp'),
  ):
    for task, value in zip(
      ('CL', 'UP', 'DN', 'BG'), data[f'{theirs}_{short}'], strict=True
    ):
      np.testing.assert_allclose(
        ours[f'{task}/{number}'], 100 * value, rtol=1e-6
      )
  np.testing.assert_array_equal(data['views'], views)


@metrics
def test_ccpg_gait(metric):
  data, short = GOLDEN['ccpg'], METRICS[metric]
  wanted = [f'rank{k}' for k in range(1, 6)]
  ours = run(
    with_metrics('ccpg_gait', *wanted, 'rank1_including_identical'),
    data,
    metric,
  )
  assert selected('ccpg_gait', data).view_names == data['view_list'].tolist()
  for place, task in enumerate(('CL', 'UP', 'DN', 'BG')):
    for k, number in enumerate(wanted):
      cells = ours[f'{task}/{number}_by_view']
      close(cells, data[f'acc_{short}'][place, ..., k])
    cells = ours[f'{task}/rank1_by_view']
    close(mean_by_probe_view(cells), data[f'per_angle_{short}'][place])
    close(ours[f'{task}/rank1'], data[f'acc_mean_excl_{short}'][place])
    close(
      ours[f'{task}/rank1_including_identical'],
      data[f'acc_mean_incl_{short}'][place],
    )


def test_a_task_of_ccpg_without_its_gallery_is_left_out():
  data = GOLDEN['ccpg']
  whole = run('ccpg', data)
  ours = run('ccpg', data, rows=data['types'] != 'U0_D3')
  kept = {k: v for k, v in whole.items() if not k.startswith('UP/')}
  assert_same(ours, kept)


@metrics
def test_grew_local(metric):
  data, short = GOLDEN['grew'], METRICS[metric]
  wanted = [f'rank{k}' for k in range(1, 21)]
  ours = run(with_metrics('grew_local', *wanted), data, metric)
  theirs = data[f'rank_real_scene_{short}']
  close([ours[number] for number in wanted], theirs)


def read(path):
  with open(path, newline='') as file:
    return list(csv.reader(file))


@metrics
def test_the_submission_of_grew(metric, tmp_path):
  data, short = GOLDEN['grew'], METRICS[metric]
  submit(tmp_path / 'x.csv', 'grew', *labels(data), metric=metric)
  header, *lines = read(tmp_path / 'x.csv')
  assert ','.join(header) == data['csv_header']
  assert [line[0] for line in lines] == data[f'csv_ids_{short}'].tolist()
  ranks = np.array([line[1:] for line in lines], int)
  np.testing.assert_array_equal(ranks, data[f'csv_ranks_{short}'])
  assert run('grew', data).keys() == {'probes', 'subjects'}


@metrics
@pytest.mark.parametrize('kind', ['rerank', 'plain'])
def test_the_submission_of_hid(metric, kind, tmp_path):
  data, short = GOLDEN['hid'], METRICS[metric]
  protocol = protocols.PROTOCOLS['hid']
  if kind == 'plain':
    plain = {k: v for k, v in protocol.plain().items() if k != 'rerank'}
    protocol = protocols.parse(plain, 'here')
  submit(tmp_path / 'x.csv', protocol, *labels(data), metric=metric)
  header, *lines = read(tmp_path / 'x.csv')
  assert header == ['videoID', 'label']
  assert [line[0] for line in lines] == data['csv_ids'].tolist()
  found = [line[1] for line in lines]
  assert found == data[f'csv_pred_{short}_{kind}'].tolist()


@metrics
def test_the_submission_of_mgr_is_that_of_hid_without_reranking(
  metric, tmp_path
):
  data, short = GOLDEN['hid'], METRICS[metric]
  submit(tmp_path / 'x.csv', 'mgr', *labels(data), metric=metric)
  header, *lines = read(tmp_path / 'x.csv')
  assert header == ['videoID', 'label']
  assert [line[0] for line in lines] == data['csv_ids'].tolist()
  assert [line[1] for line in lines] == data[f'csv_pred_{short}_plain'].tolist()


@metrics
def test_reranking_is_the_published_one(metric):
  data, short = GOLDEN['hid'], METRICS[metric]
  probes = len(data['csv_ids'])
  ours = ranking.rerank(data[f'dist_all_{short}'], probes)
  assert ours.dtype == np.float32
  # Which of two neighbours is nearer is the same choice in float32; the rest is
  # its rounding, and that of the distances on file.
  exact = data[f'rerank_dist64_{short}']
  np.testing.assert_allclose(ours, exact, rtol=0, atol=2e-5)
  # Half precision, as published.
  published = data[f'rerank_dist_{short}']
  np.testing.assert_allclose(ours, published, rtol=0, atol=2e-3)


def test_videos_of_hid_may_be_conditions(tmp_path):
  data, path = GOLDEN['hid'], tmp_path / 'x.csv'
  embeddings, subjects, _, videos = labels(data)
  same = ['default'] * len(videos)
  submit(path, 'hid', embeddings, subjects, videos, same)
  assert [line[0] for line in read(path)[1:]] == data['csv_ids'].tolist()


def test_each_walk_is_looked_for_among_all_others():
  embeddings = np.array([0.0, 1, 5, 6.5, 6])[:, None, None]
  people, walks = [*'aabbc'], [*'12121']
  ours = evaluate('leave_one_out', embeddings, people, walks, ['0'] * 5)
  # Of b's walks one is nearest to the other, and c has but one.
  assert ours['rank1'] == 50


def test_a_submission_says_what_it_lacks(tmp_path):
  path, data = tmp_path / 'x.csv', GOLDEN['grew']
  with pytest.raises(UserError, match=r"'grew_local' has nothing to submit"):
    submit(path, 'grew_local', *labels(data))
  few = np.flatnonzero(data['types'] == '03')[:3].tolist()
  few += np.flatnonzero(data['types'] == '01')[:5].tolist()
  with pytest.raises(UserError, match=r'ranks 20 .*and it has 5'):
    submit(path, 'grew', *labels(data, few))
  named = {**data, 'labels': np.char.add('id', data['labels'])}
  with pytest.raises(UserError, match=r"subject 'id\d+' is not a number"):
    submit(path, 'grew', *labels(named))
  assert not path.exists()


@metrics
def test_reranking_in_tiles_is_reranking_of_all_to_all(metric, monkeypatch):
  monkeypatch.setattr(tiles, 'PROBE_BYTES', 2**14)
  monkeypatch.setattr(tiles, 'GALLERY_BYTES', 2**13)
  monkeypatch.setattr(reranking, '_COMPARED', 2**12)
  data, short = GOLDEN['hid'], METRICS[metric]
  is_probe = data['labels'] == 'probe'
  probes, gallery = np.flatnonzero(is_probe), np.flatnonzero(~is_probe)
  made = ranking.Reranking(data['embeddings'], probes, gallery, metric=metric)
  blocks = list(made.blocks())
  assert len(blocks) > 1
  assert [start for start, _ in blocks][1] == len(blocks[0][1])
  ours = np.concatenate([block for _, block in blocks])
  exact = data[f'rerank_dist64_{short}']
  np.testing.assert_allclose(ours, exact, rtol=0, atol=2e-5)
