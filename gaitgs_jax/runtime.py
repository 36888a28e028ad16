"""Settings that must be made before JAX, TensorFlow or OpenCV start.

Importing `gaitgs_jax` calls `configure()`; it only touches environment
variables, so it costs nothing and imports none of them.
"""

import importlib.metadata
import os

# jaxlib sends 2-D convolutions on CPU to YNNPACK, which is slower than Eigen at
# them; matrix products stay there. An XLA that does not know a flag aborts the
# process, hence the version guard.
YNN_FLAG = '--xla_cpu_experimental_ynn_fusion_type=dot'
_YNN_VERSIONS = ('0.10.2',)

# OpenCV would decode a file of 1 kB to a gigabyte. No camera of the published
# datasets comes near.
_MAX_PIXELS = 1 << 24


def configure() -> None:
  """Sets XLA's CPU flag where it is known and silences TensorFlow's logs.

  OpenCV is told to refuse images that claim to be enormous.

  A choice that the user made in the environment always wins.
  """
  flags = os.environ.get('XLA_FLAGS', '')
  try:
    known = importlib.metadata.version('jaxlib') in _YNN_VERSIONS
  except importlib.metadata.PackageNotFoundError:
    known = False  # What needs it will say so.
  if known and '--xla_cpu_experimental_ynn_fusion_type' not in flags:
    os.environ['XLA_FLAGS'] = f'{flags} {YNN_FLAG}'.strip()
  os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
  os.environ.setdefault('TF_ENABLE_ONEDNN_OPTS', '0')
  os.environ.setdefault('OPENCV_IO_MAX_IMAGE_PIXELS', str(_MAX_PIXELS))
