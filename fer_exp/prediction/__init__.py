"""Predict: faces in pictures and videos, and the expression that each appears to show.

In: pictures, folders, videos or arrays, and a kept model. Out: one row a face a frame. Preprocessing is the training's,
because it is inside the model; here a face is only found, cut out as FER2013's are, and made as small as the model's.

    meaning      what a prediction means, in the words that every output carries
    frames       one picture or moment; what cannot be read
    inputs       files, folders, arrays and lists as sources
    pictures     still and moving pictures, read by Pillow
    videos       videos, read by OpenCV
    faces        a face, and the square that is cut out for the model
    detectors    Haar's cascade and MTCNN
    boxes        boxes from a file
    looking      where faces are in each frame; a face of a video is followed
    models       which model answers, and what its classes are called
    run          sources in, frames with faces and probabilities out
    rows         as CSV, JSON lines, parquet or a DataFrame
    annotate     boxes and labels drawn into pictures and videos
    explain      what in a face speaks for the answer
    api          `predict`, for Python
    app          a page in the browser
"""

from fer_exp.prediction.api import predict
from fer_exp.prediction.meaning import MEANING, USE

__all__ = ["MEANING", "USE", "predict"]
