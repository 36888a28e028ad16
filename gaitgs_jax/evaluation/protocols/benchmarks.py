"""The protocols of the published benchmarks, as values."""

import dataclasses

from gaitgs_jax.evaluation.protocols.rules import (
  Protocol,
  Rerank,
  Rule,
  where,
)

_SAME_SIDE = ('subject', 'view')

_CASIA_B = Protocol(
  name='casia_b',
  title='CASIA-B, per view',
  gallery=where('nm-01', 'nm-02', 'nm-03', 'nm-04'),
  probes={
    'NM': where('nm-05', 'nm-06'),
    'BG': where('bg-01', 'bg-02'),
    'CL': where('cl-01', 'cl-02'),
  },
)
_OUMVLP = Protocol(
  name='oumvlp',
  title='OU-MVLP, per view',
  gallery=where('01'),
  probes={'NM': where('00')},
  invalid='both',
)
_SUSTECH1K = Protocol(
  name='sustech1k',
  title='SUSTech1K, per view',
  gallery=where('*00-nm*'),
  # A sequence may be of several.
  probes={
    'Normal': where('*01-nm*'),
    'Bag': where('*bg*'),
    'Clothing': where('*cl*'),
    'Carrying': where('*cr*'),
    'Umbrella': where('*ub*'),
    'Uniform': where('*uf*'),
    'Occlusion': where('*oc*'),
    'Night': where('*nt*'),
    'Overall': where('*01*', '*02*', '*03*', '*04*'),
  },
  metrics=('rank1', 'rank5'),
)
_CASIA_E = Protocol(
  name='casia_e',
  title='CASIA-E, per view',
  gallery=where(
    *(f'{height}-scene1-nm-{number}' for height in 'HL' for number in (1, 2))
  ),
  probes={
    name: where(
      *(
        f'{height}-{scene}-{name.lower()}-{number}'
        for height in 'HL'
        for scene in ('scene2', 'scene3', 'scene3_s')
        for number in (1, 2)
      )
    )
    for name in ('NM', 'BG', 'CL')
  },
  ignored=where(view='270'),
)
# Clothes changed as a whole, above, below, and a bag.
_CCPG = Protocol(
  name='ccpg',
  title='CCPG, re-identification',
  gallery={
    'CL': where('U1_D1', 'U2_D2', 'U3_D3'),
    'UP': where('U0_D3'),
    'DN': where('U1_D1'),
    'BG': where('U0_D0'),
  },
  probes={
    'CL': where('U0_D0_BG', 'U0_D0'),
    'UP': where('U3_D3'),
    'DN': where('U1_D0'),
    'BG': where('U0_D0_BG'),
  },
  mean_over='probes',
  dropped=_SAME_SIDE,
  metrics=('rank1', 'mAP', 'mINP'),
  invalid='excluded',
  view_until='_',
)
_GAIT3D = Protocol(
  name='gait3d',
  title='Gait3D',
  gallery=where(probe=False),
  probes={'': where(probe=True)},
  mean_over='probes',
  dropped=(),
  metrics=('rank1', 'rank5', 'rank10', 'CMC', 'mAP', 'mINP'),
  invalid='excluded',
)
_GREW = Protocol(
  name='grew',
  title='GREW, the submission',
  gallery=where('01', '02'),
  probes={'': where('03')},
  mean_over='probes',
  dropped=(),
  submission='grew',
)
_HID = Protocol(
  name='hid',
  title='HID, the submission',
  gallery=Rule(excluded=where(subject='probe')),
  probes={'': where(subject='probe')},
  mean_over='probes',
  dropped=(),
  rerank=Rerank(),
  submission='hid',
)

_ALL = (
  _CASIA_B,
  dataclasses.replace(
    _CASIA_B,
    name='casia_b_cross_view',
    title='CASIA-B, cross-view gallery',
    gallery=where('nm-02', 'bg-02', 'cl-02'),
    probes={'NM': where('nm-01'), 'BG': where('bg-01'), 'CL': where('cl-01')},
    mean_over='views',
    dropped=_SAME_SIDE,
    metrics=('rank1', 'mAP'),
  ),
  _OUMVLP,
  dataclasses.replace(
    _OUMVLP,
    name='oumvlp_cross_view',
    title='OU-MVLP, cross-view gallery',
    mean_over='views',
    dropped=_SAME_SIDE,
    metrics=('rank1', 'mAP'),
    invalid='errors',
  ),
  # GaitGraph2's. The distance of its embeddings of one part scaled to length 1
  # ranks as the cosine distance does.
  dataclasses.replace(
    _CASIA_B,
    name='casia_b_pose',
    title='CASIA-B skeletons, per view, as GaitGraph2',
  ),
  Protocol(
    name='oumvlp_pose',
    title='OU-MVLP-Pose, all views, as GaitGraph2',
    gallery=where('00'),
    probes={'NM': where('01')},
    dropped=(),
  ),
  _GAIT3D,
  dataclasses.replace(_GAIT3D, name='freegait', title='FreeGait'),
  dataclasses.replace(
    _GAIT3D,
    name='ccgr_mini',
    title='CCGR-MINI',
    gallery=where(gallery=True),
    probes={'': where(gallery=False)},
  ),
  Protocol(
    name='scoliosis1k',
    title='Scoliosis1K, three diagnoses',
    probes={'': Rule()},
    # Of the trees they are the walks, written with a capital by some.
    classes=('negative', 'neutral', 'positive'),
    mean_over='probes',
    dropped=(),
    metrics=('accuracy', 'precision', 'recall', 'f1'),
  ),
  # Names of its people begin with their class. Nothing is published of how it
  # is counted; the numbers are those of Scoliosis1K.
  Protocol(
    name='d_gait',
    title='D-Gait, depressed (D) or not (N)',
    probes={'': Rule()},
    classes=('N', 'D'),
    truth='subject',
    truth_until='_',
    mean_over='probes',
    dropped=(),
    metrics=('accuracy', 'precision', 'recall', 'f1'),
  ),
  _CCPG,
  dataclasses.replace(
    _CCPG,
    name='ccpg_gait',
    title='CCPG, gait, per view',
    mean_over='cells',
    dropped=('view',),
    metrics=('rank1', 'rank1_including_identical'),
    invalid='errors',
  ),
  _SUSTECH1K,
  _CASIA_E,
  _GREW,
  dataclasses.replace(
    _GREW,
    name='grew_local',
    title='GREW, a local stand-in, not comparable with the submission',
    gallery=where('01'),
    probes={'': where('02')},
    metrics=('rank1', 'rank5', 'rank10', 'rank20'),
    submission='',
  ),
  # Of datasets without a published protocol. A walk is found in every other.
  Protocol(
    name='leave_one_out',
    title='each walk against all others, of no benchmark',
    probes={'': Rule()},
    mean_over='probes',
    dropped=('subject', 'condition', 'view'),
    metrics=('rank1', 'rank5', 'mAP', 'mINP'),
    invalid='excluded',
  ),
  _HID,
  # As HID, and not re-ranked.
  dataclasses.replace(
    _HID,
    name='mgr',
    title='MGR, the submission',
    rerank=None,
    submission='mgr',
  ),
)

PROTOCOLS: dict[str, Protocol] = {each.name: each for each in _ALL}
