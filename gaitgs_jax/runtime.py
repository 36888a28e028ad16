"""Settings that must be made before JAX, TensorFlow or OpenCV start.

Importing `gaitgs_jax` calls `configure()`; it only touches environment
variables, so it costs nothing and imports none of them.
"""

import importlib.metadata
import os

# Flag of XLA -> the versions of jaxlib that it was tried with: an XLA that does
# not know a flag aborts the process.
_FLAGS = {
  # jaxlib sends 2-D convolutions on CPU to YNNPACK, which is slower than Eigen
  # at them; matrix products stay there.
  '--xla_cpu_experimental_ynn_fusion_type=dot': ('0.10.2',),
  # A GPU's 3-D convolutions keep channels last instead of transposing around
  # each of them.
  '--xla_gpu_force_conv_nhwc=true': ('0.10.2', '0.11.2'),
}

# OpenCV would decode a file of 1 kB to a gigabyte. No camera of the published
# datasets comes near.
_MAX_PIXELS = 1 << 24


def configure() -> None:
  """Sets XLA's flags where they are known; silences TensorFlow and OpenCV.

  Makes OpenCV refuse images that claim to be enormous.

  A choice that the user made in the environment always wins.
  """
  try:
    version = importlib.metadata.version('jaxlib')
  except importlib.metadata.PackageNotFoundError:
    version = ''  # What needs it will say so.
  for flag, versions in _FLAGS.items():
    if version in versions:
      default_xla_flag(flag)
  os.environ.setdefault('TF_CPP_MIN_LOG_LEVEL', '3')
  os.environ.setdefault('TF_ENABLE_ONEDNN_OPTS', '0')
  # What is wrong with a video is said once, by us.
  os.environ.setdefault('OPENCV_LOG_LEVEL', 'ERROR')
  os.environ.setdefault('OPENCV_FFMPEG_LOGLEVEL', '-8')
  os.environ.setdefault('OPENCV_IO_MAX_IMAGE_PIXELS', str(_MAX_PIXELS))


def default_xla_flag(flag: str) -> None:
  """Adds '--name=value' to $XLA_FLAGS unless it sets that flag already.

  XLA takes flags that do not begin with a dash for the name of a file to read
  them from; these are left as they are.
  """
  flags = os.environ.get('XLA_FLAGS', '').strip()
  names = {each.partition('=')[0] for each in flags.split()}
  if flag.partition('=')[0] in names or (flags and flags[0] != '-'):
    return
  os.environ['XLA_FLAGS'] = f'{flags} {flag}'.strip()
