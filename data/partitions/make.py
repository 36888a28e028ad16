"""Derives the partition files of this folder from their published rules.

  python data/partitions/make.py

Each file names who trains and who is tested, and where that is written.
"""

import json
from pathlib import Path

# (training, tested) subjects of the variants of the synthetic walkers.
SYNTHETIC_WALKERS = {
  'tiny': (4, 4),
  'demo': (24, 10),
  'full': (74, 50),
  'wild': (900, 99),
  'street': (900, 99),
}


def partitions() -> dict[str, dict]:
  """Returns the content of every file of this folder by its name."""
  casia_b = {
    'source': (
      'The 74/50 split of S. Yu et al., ICPR 2006, doi 10.1109/ICPR.2006.67,'
      ' as the field reports it: the first 74 subjects train.'
    ),
    'TRAIN_SET': [f'{i:03d}' for i in range(1, 75)],
    'TEST_SET': [f'{i:03d}' for i in range(75, 125)],
  }
  without_005 = {
    'source': (
      'casia_b.json without subject 005, as GaitSet'
      ' (https://arxiv.org/abs/1811.06186) and CSTL released their code.'
    ),
    'TRAIN_SET': [name for name in casia_b['TRAIN_SET'] if name != '005'],
    'TEST_SET': casia_b['TEST_SET'],
  }
  # The last of the 10,307 subjects is odd, and yet it is tested.
  oumvlp = {
    'source': (
      'The 5,153/5,154 split of N. Takemura et al., IPSJ CVA 10:4, 2018,'
      ' doi 10.1186/s41074-018-0039-6: odd subjects train, even ones and'
      ' 10307 are tested.'
    ),
    'TRAIN_SET': [f'{i:05d}' for i in range(1, 10306, 2)],
    'TEST_SET': [f'{i:05d}' for i in (*range(2, 10307, 2), 10307)],
  }
  return {
    **_by_number(),
    'casia_b.json': casia_b,
    'casia_b_73.json': without_005,
    'oumvlp.json': oumvlp,
    **{
      f'synthetic_walkers_{variant}.json': _synthetic(*counts)
      for variant, counts in SYNTHETIC_WALKERS.items()
    },
  }


def _by_number() -> dict[str, dict]:
  """Returns the partitions whose subjects follow one another."""
  four, five = (
    lambda *span: [f'{i:04d}' for i in range(*span)],
    lambda *span: [f'{i:05d}' for i in range(*span)],
  )
  return {
    'casia_e.json': {
      'source': (
        "OpenGait's split, which differs from that of C. Song et al., TPAMI"
        ' 2023: the first 200 train, the other 814 are tested.'
      ),
      'TRAIN_SET': [f'{i:03d}' for i in range(1, 201)],
      'TEST_SET': [f'{i:03d}' for i in range(201, 1015)],
    },
    'ccpg.json': {
      'source': 'W. Li et al., CVPR 2023: the first 100 of 200 train.',
      'TRAIN_SET': [f'{i:03d}' for i in range(100)],
      'TEST_SET': [f'{i:03d}' for i in range(100, 200)],
    },
    'grew.json': {
      'source': (
        'Z. Zhu et al., ICCV 2021: 20,000 train, another 6,000 are tested.'
        " Names as in OpenGait's trees; who the probes are is withheld."
      ),
      'TRAIN_SET': [f'{name}train' for name in five(1, 20_001)],
      'TEST_SET': [*five(1, 6_001), 'probe'],
    },
    'hid.json': {
      'source': (
        'S. Yu et al., IJCB 2022: 500 train, 505 are the gallery; who the'
        ' probes are is withheld.'
      ),
      'TRAIN_SET': four(500),
      'TEST_SET': [*four(500, 1_005), 'probe'],
    },
    'hid2023.json': {
      'source': (
        'HID 2023 to 2025: nobody trains, 859 are the gallery; who the probes'
        ' are is withheld.'
      ),
      'TRAIN_SET': [],
      'TEST_SET': [*five(859), 'probe'],
    },
    'mgr.json': {
      'source': (
        'The MGR challenge of ACM Multimedia 2024, its test (phase 2): 1,000'
        ' train, the next 3,000 are the gallery; who the probes are is'
        ' withheld.'
      ),
      'TRAIN_SET': four(1_000),
      'TEST_SET': [*four(1_000, 4_000), 'probe'],
    },
    'mgr_phase1.json': {
      'source': (
        'As mgr.json, its validation (phase 1): 1,000 train, the next 1,000 are'
        ' the gallery.'
      ),
      'TRAIN_SET': four(1_000),
      'TEST_SET': [*four(1_000, 2_000), 'probe'],
    },
    'gaitlu.json': {
      'source': (
        'C. Fan et al., TPAMI 2023: not labelled. The outermost 100 folders,'
        ' which are no people.'
      ),
      'TRAIN_SET': [f'{i:03d}' for i in range(100)],
      'TEST_SET': [],
    },
  }


def _synthetic(train: int, test: int) -> dict:
  names = [f'{i:03d}' for i in range(1, train + test + 1)]
  return {
    'source': "gaitgs_jax.synthetic, in CASIA-B's order: the first ones train.",
    'TRAIN_SET': names[:train],
    'TEST_SET': names[train:],
  }


def text(content: dict) -> str:
  """Returns a partition as json."""
  return json.dumps(content, indent=1) + '\n'


def main() -> None:
  """Writes every file."""
  for name, content in partitions().items():
    Path(__file__).with_name(name).write_text(text(content))


if __name__ == '__main__':
  main()
