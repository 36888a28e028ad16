"""Hostile images: a frame, or one sentence."""

import os
import struct
import subprocess
import sys
import zlib

import cv2
import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
from fuzz import hostile

from gaitgs_jax.errors import UserError
from gaitgs_jax.input import images, masks, trees

FRAME = np.zeros((12, 8), np.uint8)
FRAME[2:10, 3:6] = 255
VALID = {
  kind: cv2.imencode(kind, FRAME)[1].tobytes()
  for kind in ('.png', '.jpg', '.bmp')
}
SIZES = st.sampled_from([0, 1, 8, 4096, 30_000, 2**20, 2**31 - 1, 2**32 - 1])


def chunk(kind, content):
  total = struct.pack('>I', zlib.crc32(kind + content))
  return struct.pack('>I', len(content)) + kind + content + total


def png(width, height, depth=8, color=0, rows=b''):
  """Returns a PNG that may claim any size, with checksums that are right."""
  head = struct.pack('>IIBBBBB', width, height, depth, color, 0, 0, 0)
  return (
    b'\x89PNG\r\n\x1a\n'
    + chunk(b'IHDR', head)
    + chunk(b'IDAT', zlib.compress(rows, 9))
    + chunk(b'IEND', b'')
  )


def resized(content, height, width):
  """Returns a jpg that claims another size."""
  at = content.index(b'\xff\xc0') + 5
  return content[:at] + struct.pack('>HH', height, width) + content[at + 4 :]


files = st.one_of(
  hostile.mutated(*VALID.values()),
  st.builds(
    png,
    SIZES,
    SIZES,
    st.sampled_from([1, 2, 4, 8, 16, 32]),
    st.integers(0, 7),
    st.binary(max_size=200),
  ),
)


# OpenCV tells on stderr what it also returns.
@hypothesis.given(content=files)
@hypothesis.example(content=resized(VALID['.jpg'], 65_000, 65_000))
def test_an_image_is_a_frame_or_is_refused(content, tmp_path):
  path = tmp_path / '001.png'
  path.write_bytes(content)
  frame = hostile.read(images.read, path)
  if frame is not None:
    assert frame.ndim == 2 and frame.dtype in (np.uint8, np.uint16, np.uint32)
    found = hostile.read(masks.foreground, [frame, frame])
    for mask in found[0] if found else ():
      assert mask.dtype == np.uint8 and mask.shape == frame.shape
      assert set(np.unique(mask)) <= {0, 255}
  assert [path] == [*tmp_path.iterdir()]


def test_a_small_image_takes_little_memory(tmp_path):
  # Whole files, of rows of zeros: a thousand times smaller than their frames.
  files = {
    'wide.png': png(30_000, 30_000, rows=bytes(30_001 * 1000)),
    'gray.png': png(5000, 5000, rows=bytes(5001 * 5000)),
    'colour.png': png(2890, 2890, 8, 6, rows=bytes(11_561 * 2890)),
    'deep.png': png(4000, 4000, 16, 6, rows=bytes(32_001 * 4000)),
    'claims.jpg': resized(VALID['.jpg'], 65_000, 65_000),
  }
  for name, content in files.items():
    (tmp_path / name).write_bytes(content)
  program = (
    'import pathlib, resource, sys\n'
    'from gaitgs_jax.input import images\n'
    'import cv2\n'
    'used = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n'
    'before = used()\n'
    'for name in sys.argv[1:]:\n'
    '  try:\n'
    '    images.read(pathlib.Path(name))\n'
    '  except images.UserError:\n'
    '    pass\n'
    'print(used() - before)'
  )
  done = subprocess.run(
    [sys.executable, '-c', program, *(str(tmp_path / name) for name in files)],
    capture_output=True,
    text=True,
    check=True,
  )
  unit = 1 if sys.platform == 'darwin' else 1024
  assert int(done.stdout) * unit < 2 * hostile.MEMORY


def test_neither_pipes_nor_endless_files_are_read(tmp_path):
  os.mkfifo(tmp_path / 'pipe.png')
  (tmp_path / 'zero.png').symlink_to('/dev/zero')
  with (tmp_path / 'sparse.png').open('wb') as file:
    file.truncate(2**40)
  for path in tmp_path.iterdir():
    with pytest.raises(UserError, match=r'Not a file|Larger'):
      images.read(path)


@pytest.mark.parametrize('name', [b'\xff\xfe', b'a\nb', b'\x1b[2J', b'%s{}'])
def test_odd_names_in_a_tree_are_read_or_told(tmp_path, name):
  folder = os.path.join(os.fsencode(tmp_path), b'001', name, b'090')
  os.makedirs(folder)
  with open(os.path.join(folder, b'1.png'), 'wb') as file:
    file.write(VALID['.png'])
  tree = hostile.read(trees.open_tree, tmp_path)
  if tree is None:
    assert not os.fsdecode(name).isprintable()
  else:
    assert [each.name for each in tree.sequences] == [
      f'001/{name.decode()}/090'
    ]


def test_links_in_circles_are_not_followed(tmp_path):
  folder = tmp_path / '001' / 'nm-01' / '090'
  folder.mkdir(parents=True)
  (folder / '1.png').write_bytes(VALID['.png'])
  (tmp_path / 'loop').symlink_to('loop')
  (tmp_path / '001' / 'above').symlink_to(tmp_path)
  tree = hostile.read(trees.open_tree, tmp_path)
  assert '001/nm-01/090' in [each.name for each in tree.sequences]
