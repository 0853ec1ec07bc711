"""fer-exp: hyperparameter campaigns on facial-expression recognition.

The way of the data, top to bottom; nothing flows back up:

    data        a source becomes Faces, Faces become a development part and a sealed test part
    recipe      everything that changes a trained model except data and seed
    model       Recipe -> keras.Model
    train       (Recipe, development part, seed) -> epochs and weights, in a child process per attempt
    evaluate    predictions -> Scores; figures draws them
    records     a trial's folder: the only truth
    search      Keras Tuner proposes, records answer
    tracking    MLflow shows what the records say
    decide      finished records -> leaderboard
    cli         a skin over all of it
"""

import os

os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**26))  # read by OpenCV once; its own limit takes gigabytes

__version__ = "0.1.0"
