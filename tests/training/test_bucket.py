import csv
import subprocess
import sys

from training import bucket_run, tiny


def _steps(run):
  with open(run / 'metrics.csv', newline='') as file:
    return {int(row['step']): row for row in csv.DictReader(file)}


def test_a_run_in_a_bucket_goes_on_and_ends_bit_for_bit_as_on_a_disk(tmp_path):
  tiny.write_tree(tmp_path / 'bucket' / 'tree')
  done = subprocess.run(
    [sys.executable, bucket_run.__file__, str(tmp_path)],
    env={**tiny.environment(), 'XDG_CACHE_HOME': str(tmp_path / 'cache')},
    capture_output=True,
    text=True,
  )
  assert not done.returncode, done.stderr
  run, disk = tmp_path / 'bucket' / 'run', tmp_path / 'disk'
  assert done.stdout.count('copying 48 files') == 1
  assert f'{bucket_run.RUN}/config.json is damaged: it is' in done.stdout
  assert 'going on from step 3 in gs://bucket/run' in done.stdout
  assert f'everything is in {bucket_run.RUN}' in done.stdout
  assert '6 is damaged (default is missing): it is 6.damaged' in done.stdout
  names = {path.name for path in (run / 'checkpoints').iterdir()}
  assert names == {'4', '6', '6.damaged'}
  # That of the end, which the bucket did not take.
  assert not (run / 'checkpoints' / '6' / 'commit_success.txt').exists()
  # As on a disk, but for what holds a folder there.
  assert {path.name for path in run.iterdir()} == {
    'checkpoints',
    'config.json',
    'config.json.damaged',
    'evaluation',
    'metrics.csv',
    'parameters.txt',
    'report.html',
    'versions.json',
  }
  assert not (run / 'checkpoints' / '4' / 'SHA256SUMS').exists()
  assert list(_steps(run)) == [2, 3, 4, 6]
  assert _steps(run)[6]['loss'] == _steps(disk)[6]['loss']
  assert {
    path.name for path in (tmp_path / 'other' / 'evaluation').iterdir()
  } == {
    f'run_step_{step}.{kind}'
    for step in ('000003', '000006')
    for kind in ('json', 'npz', 'walks.npz')
  }
