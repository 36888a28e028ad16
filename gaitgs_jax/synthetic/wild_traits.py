"""What the walkers of `wild` are drawn from: clothes, cameras, segmenters.

Ranges are uniform unless a comment says otherwise. They are wide on purpose: a
network that learns over all of them meets a real camera as one more of them.
"""

# The body: one factor on all girths, and hats, by subject.
BUILD_SD = 0.10

# Usual clothes. Metres, and how far a coat or a skirt hangs down.
JACKET = 0.65  # Share of people with a jacket or a loose shirt.
TRUNK = (0.0, 0.032)
SLEEVE = (0.0, 0.024)
SKIRT = 0.5  # Share of people whose jacket, coat or dress has a hem.
HEM = (0.12, 1.25)
FLARE = (0.004, 0.045)
HOOD = 0.2
TROUSERS = (0.002, 0.034)
USUAL_BAG = 0.3

# How arms are held: (forward, elbow, inward, spread) in degrees and the damping
# of the swing, on the left and on the right.
ARMS = {
  'swinging': (0.0, 0.0, 0.0, 0.0, 1.0),
  'still': (0.0, 4.0, 2.0, -3.0, 0.3),
  'pockets': (-14.0, 38.0, 8.0, 6.0, 0.05),
  'front': (6.0, 78.0, 30.0, 2.0, 0.08),
  'behind': (-26.0, 18.0, 30.0, 4.0, 0.08),
}
ARMS_SHARES = (0.52, 0.2, 0.14, 0.1, 0.04)
USUAL_ARMS = 0.75  # Share of the walks in which arms are held as usual.

# Pace of a walk: factors on swing and cadence for one standard deviation.
PACE_SWING = 0.12
PACE_CADENCE = 0.07
SWING = 0.86

# Cameras.
ANGLE = 18.0  # Degrees around the view's.
TURNED = 8.0  # Degrees between the paths of a street and its camera's view.
ELEVATION = (0.0, 34.0)
DISTANCE = (3.5, 25.0)  # Metres; uniform in the logarithm.
# The least distance over that from the middle of the path to its end: nobody
# walks into the camera.
REACHES = 3.0
HEIGHT = (44.0, 150.0)  # Of the person in pixels; uniform in the logarithm.
ROLL_SD = 1.5
RATE = (8.0, 30.0)  # Frames a second; uniform in the logarithm.
TURN_SD = 14.0  # Degrees that the path bends, over all frames.

# The segmenter. Lengths are shares of the person's height. A mask is blurred
# over `REACH` and cut at a level: above a half the person is thinner, below it
# gaps close.
REACH = (0.004, 0.022)
LEVEL = (-0.30, 0.12)
WAVES = (0.02, 0.16)  # Deviation of the level over the body.
FLICKER = (0.02, 0.14)  # That of one frame, a part of which stays in the next.
STAY = (0.3, 0.9)
CELLS = (14, 7)  # Of the fields of the level, down and across.

# Faults that last: probability in a sequence.
CUT_FEET = 0.16
CUT_FEET_SHARE = (0.015, 0.10)
CUT_HEAD = 0.05
CUT_HEAD_SHARE = (0.02, 0.09)
SHADOW = 0.15
SHADOW_LENGTH = (0.05, 0.22)
OBJECT = 0.12  # Somebody or something else in the mask at one side.
# Mean number of episodes in a sequence of 30 frames.
LOST_LIMB = 0.8
LOST_BLOB = 1.2
EPISODE = (2, 14)  # Frames.
BLOB_RADIUS = (0.02, 0.085)

# The detector of keypoints: factor on the noise of `traits`, legs exchanged.
NOISE = (0.6, 2.2)
SWAPPED = 0.03

# What a landmark network makes of people who are small in the picture, measured
# on 27 real tracks (benchmarks/real_joints.py). It knows what people look like
# better than it sees them: the shoulders' share of the way from hips to ears,
# and by how much of the difference they are drawn to it; by how much both sides
# are drawn level; how far down the thigh the hips are, and the deviation of
# that within a walk.
SHOULDERS = 0.725
USUAL_SHOULDERS = 0.75
LEVELLED = 0.85
LOW_HIPS = 0.24
LOW_HIPS_SD = 0.06
# Deviations across and down in shares of the height, by joint, and the share
# of a frame's that the next one keeps. None lasts: what did would tell walks
# apart.
STAYS = 0.96
WANDERS = (
  *((0.050, 0.008),) * 5,  # Face.
  *((0.055, 0.004),) * 2,  # Shoulders, elbows, wrists.
  *((0.085, 0.022),) * 2,
  *((0.095, 0.045),) * 2,
  *((0.030, 0.003),) * 2,  # Hips, knees, ankles.
  *((0.035, 0.010),) * 2,
  *((0.028, 0.014),) * 2,
)
# Confidences and their deviations: face and shoulders, arms, hips, legs.
SURE = (
  *((0.95, 0.03),) * 7,
  *((0.66, 0.20),) * 4,
  *((0.97, 0.02),) * 2,
  *((0.87, 0.06),) * 4,
)
