"""Draws what a model looks at over a walk: an animation and a strip.

Pictures are RGB, uint8 [s,h,w,3].
"""

import io
import pathlib
from collections.abc import Iterable, Sequence

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from gaitgs_jax import atomic

_HEIGHT = 320  # Of one frame in the animation.
_MARGIN, _GAP = 12, 3
_BACKGROUND, _BODY, _BONE = (14, 14, 20), (92, 96, 108), (128, 132, 146)
_TEXT, _FAINT = (232, 232, 236), (150, 152, 162)
_FONT, _LINE = 13, 20
_BAR = (96, 8)  # Width and height of the colour scale.
_MILLISECONDS = 80  # Each frame is shown so long: half the speed of a camera.
# At most so many frames are animated; so many are in a strip, spread over
# about one cycle of the gait at a camera's 25 frames a second.
_ANIMATED, _SHOWN, _CYCLE = 60, 8, 26
# Blur of a silhouette and of the heat over it, in pixels of the input.
_ROUNDED, _SPREAD = 0.7, 1.0
# A joint's glow: its share of the heat, and its reach in pixels drawn.
_GLOW, _REACH = 0.7, 15.0
_SMOOTHED = 9  # Frames over which the centre of a walker is averaged.
_SHIFT = 4  # OpenCV draws to this many binary digits of a pixel.


def silhouettes(frames: np.ndarray, heat: np.ndarray) -> np.ndarray:
  """Returns silhouettes with heat over them.

  Args:
    frames: float [s,h,w] in 0..1.
    heat: float [s,h,w] in 0..1.
  """
  height, width = frames.shape[1:]
  scale = _HEIGHT / height
  size = (round(width * scale), _HEIGHT)

  def grown(picture: np.ndarray, blur: float) -> np.ndarray:
    large = cv2.resize(picture, size, interpolation=cv2.INTER_CUBIC)
    return cv2.GaussianBlur(large, (0, 0), blur * scale)

  pictures = []
  for frame, warmth in zip(frames, heat, strict=True):
    # The pixels' steps are rounded off; then the border is made sharp again.
    body = grown(frame, _ROUNDED)
    body = np.clip((body - 0.5) * scale + 0.5, 0, 1)[..., None]
    picture = (1 - body) * _BACKGROUND + body * _BODY
    pictures.append(_heated(picture, grown(warmth, _SPREAD)))
  return np.round(pictures).astype(np.uint8)


def skeletons(
  keypoints: np.ndarray, heat: np.ndarray, edges: Iterable[tuple[int, int]]
) -> np.ndarray:
  """Returns skeletons whose joints glow; missing joints are not drawn.

  The picture follows the walker; the scale is the same in all frames.

  Args:
    keypoints: float [s,v,3]: x, y in pixels, confidence; 0 is missing.
    heat: float [s,v] in 0..1.
    edges: pairs of joints.
  """
  size = (round(_HEIGHT * 0.6), _HEIGHT)
  found = keypoints[..., 2] > 0
  places = _centred(keypoints[..., :2], found, size)
  edges = tuple(edges)
  return np.stack(
    [
      _skeleton(*each, edges, size)
      for each in zip(places, found, heat, strict=True)
    ]
  )


def _centred(
  points: np.ndarray, found: np.ndarray, size: tuple[int, int]
) -> np.ndarray:
  """Moves and scales points [s,v,2] into a picture of (width, height)."""
  seen = np.where(found[..., None], points, np.nan)
  some = np.where(found.any(axis=1))[0]
  if not len(some):
    return points
  low, high = np.nanmin(seen[some], axis=1), np.nanmax(seen[some], axis=1)
  extent = np.percentile(high - low, 95, axis=0)
  room = np.array(size) - 4 * _MARGIN
  scale = np.min(room / np.maximum(extent, 1e-6))
  # The centre of a frame without anybody lies between its neighbours'.
  middle = np.stack(
    [
      np.interp(np.arange(len(points)), some, _smooth(line))
      for line in ((low + high) / 2).T
    ],
    axis=-1,
  )
  return (points - middle[:, None]) * scale + np.array(size) / 2


def _smooth(line: np.ndarray) -> np.ndarray:
  """Returns the running mean of [s], its ends repeated."""
  padded = np.pad(line, _SMOOTHED // 2, mode='edge')
  return np.convolve(padded, np.full(_SMOOTHED, 1 / _SMOOTHED), mode='valid')


def _skeleton(
  places: np.ndarray,
  found: np.ndarray,
  heat: np.ndarray,
  edges: Sequence[tuple[int, int]],
  size: tuple[int, int],
) -> np.ndarray:
  """Returns one frame [h,w,3]."""
  x, y = np.meshgrid(np.arange(size[0]), np.arange(size[1]))
  glow = np.zeros((size[1], size[0]), np.float32)
  for (left, top), warmth in zip(places[found], heat[found], strict=True):
    squares = (x - left) ** 2 + (y - top) ** 2
    near = np.exp(-squares / (2 * _REACH**2)).astype(np.float32)
    glow = np.maximum(glow, warmth * near)
  picture = _heated(np.asarray(_BACKGROUND), _GLOW * glow)
  picture = np.round(picture).astype(np.uint8)
  points = np.round(places * 2**_SHIFT).astype(int)
  for a, b in edges:
    if found[a] and found[b]:
      cv2.line(
        picture,
        points[a].tolist(),
        points[b].tolist(),
        _BONE,
        3,
        cv2.LINE_AA,
        _SHIFT,
      )
  for point, warmth in zip(points[found], heat[found], strict=True):
    colour = _heated(np.asarray(_BONE), warmth).round().tolist()
    radius = 3.5 + 3.5 * float(warmth)
    for grown, shade in ((1.5, _BACKGROUND), (0.0, colour)):
      whole = round((radius + grown) * 2**_SHIFT)
      cv2.circle(picture, point.tolist(), whole, shade, -1, cv2.LINE_AA, _SHIFT)
  return picture


def _heated(picture: np.ndarray, heat: np.ndarray) -> np.ndarray:
  """Puts heat [...] over a picture [...,3]: more of it hides more."""
  heat = np.clip(heat, 0, 1)
  cover = (heat * (2 - heat))[..., None]
  return (1 - cover) * picture + cover * _colours(heat)


def _colours(values: np.ndarray) -> np.ndarray:
  """Maps values [...] in 0..1 to the colours [...,3] of the map inferno."""
  levels = np.arange(256, dtype=np.uint8)[:, None]
  table = cv2.applyColorMap(levels, cv2.COLORMAP_INFERNO)[:, 0, ::-1]
  return table[np.round(values * 255).astype(int)].astype(np.float32)


def write(
  pictures: np.ndarray, caption: Sequence[str], stem: pathlib.Path
) -> tuple[pathlib.Path, pathlib.Path]:
  """Writes an animation of the middle frames and a strip of some of them.

  Args:
    pictures: uint8 [s,h,w,3].
    caption: lines above the pictures.
    stem: the files' path, without .gif and .png.

  Returns:
    The two files.

  Raises:
    UserError: they cannot be written.
  """
  gif, png = (stem.with_name(f'{stem.name}.{kind}') for kind in ('gif', 'png'))
  moving = _framed(_middle(pictures, _ANIMATED), caption)
  colours = Image.fromarray(np.concatenate(moving[:: len(moving) // 8 + 1]))
  # One palette for all, or the colours would flicker.
  palette = _quantize(colours)
  first, *rest = (
    Image.fromarray(frame).quantize(palette=palette, dither=Image.Dither.NONE)
    for frame in moving
  )
  animation = _encoded(
    'gif',
    first,
    save_all=True,
    append_images=rest,
    duration=_MILLISECONDS,
    loop=0,
  )
  cycle = _middle(pictures, _CYCLE)
  chosen = np.linspace(0, len(cycle) - 1, min(_SHOWN, len(cycle))).round()
  shape = (cycle.shape[1], len(chosen), cycle.shape[2] + _GAP, 3)
  strip = np.full(shape, _BACKGROUND, np.uint8)
  strip[:, :, :-_GAP] = cycle[chosen.astype(int)].swapaxes(0, 1)
  strip = strip.reshape(1, shape[0], -1, 3)
  (framed,) = _framed(strip, caption)
  still = _encoded('png', _quantize(Image.fromarray(framed)), optimize=True)
  # Both or none.
  with atomic.writing(gif) as one, atomic.writing(png) as other:
    one.write(animation)
    other.write(still)
  return gif, png


def _quantize(image: Image.Image) -> Image.Image:
  # Pillow's default takes the commonest colours, which are all dark here.
  return image.quantize(256, method=Image.Quantize.MAXCOVERAGE)


def _middle(pictures: np.ndarray, count: int) -> np.ndarray:
  start = max(len(pictures) - count, 0) // 2
  return pictures[start : start + count]


def _framed(pictures: np.ndarray, caption: Sequence[str]) -> list[np.ndarray]:
  """Puts the caption above pictures and the colour scale below."""
  font = ImageFont.load_default(_FONT)
  width = pictures.shape[2]
  text = max((font.getlength(line) for line in caption), default=0)
  width = max(width, int(text)) + 2 * _MARGIN
  top = _MARGIN // 2 + _LINE * len(caption)
  height = top + pictures.shape[1] + _LINE + _MARGIN
  page = Image.new('RGB', (width, height), _BACKGROUND)
  draw = ImageDraw.Draw(page)
  for i, line in enumerate(caption):
    place = (_MARGIN, _MARGIN // 2 + i * _LINE)
    draw.text(place, line, fill=_FAINT if i else _TEXT, font=font)
  _draw_scale(page, draw, height - _LINE - _MARGIN // 2)
  left = (width - pictures.shape[2]) // 2
  framed = []
  for picture in pictures:
    whole = np.array(page)
    whole[top : top + len(picture), left : left + picture.shape[1]] = picture
    framed.append(whole)
  return framed


def _draw_scale(page: Image.Image, draw: ImageDraw.ImageDraw, top: int) -> None:
  width, height = _BAR
  font = ImageFont.load_default(_FONT)
  draw.text((_MARGIN, top), 'less', fill=_FAINT, font=font)
  left = _MARGIN + round(font.getlength('less')) + 6
  bar = np.broadcast_to(np.linspace(0, 1, width), (height, width))
  page.paste(
    Image.fromarray(_colours(bar).astype(np.uint8)), (left, top + height // 2)
  )
  draw.text((left + width + 6, top), 'more', fill=_FAINT, font=font)


def _encoded(kind: str, image: Image.Image, **options: object) -> bytes:
  buffer = io.BytesIO()
  image.save(buffer, kind, **options)
  return buffer.getvalue()
