"""fer-exp: hyperparameter campaigns on facial-expression recognition.

The way of the data, top to bottom; nothing flows back up:

    data         a source becomes Faces, Faces become a development part and a sealed test part
    recipe       everything that changes a trained model except data and seed
    campaign     a question, its baseline recipe and the space around it
    model        Recipe -> keras.Model
    training     (Recipe, development part, seed) -> epochs and weights
    execute      trainings in child processes, one per attempt
    metrics      predictions -> Scores; `figures` draws them, `results` writes them beside the record
    records      a trial's folder: the only truth
    tuning       a proposer proposes, records answer
    tracking     MLflow shows what the records say
    leaderboard  finished records in order; `verdict` judges, `summary` writes the campaign's end
    holdout      the test part, opened once for a chosen model
    cli          a skin over all of it; `doctor`, `portable` and `audit` are tools beside the way
    system       files, locks, errors and provenance beneath all of it
"""

import os

os.environ.setdefault("OPENCV_IO_MAX_IMAGE_PIXELS", str(2**26))  # read by OpenCV once; its own limit takes gigabytes

__version__ = "0.1.0"
