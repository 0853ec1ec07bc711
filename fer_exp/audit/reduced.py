"""Faces as an audit looks at them: grey and of 48 pixels a side, which its thresholds were chosen for.

In: Faces of any form. Out: the same rows, reduced.
"""

from dataclasses import replace

import numpy as np

from fer_exp.data.faces import Faces
from fer_exp.data.form import FER2013_FORM
from fer_exp.data.sources.images import grey_of, scaled


def reduced(faces: Faces) -> Faces:
    """The same faces in grey at 48x48; the very same where they are so already."""
    if faces.form.face == FER2013_FORM.face:
        return faces
    return replace(faces, images=np.stack([scaled(grey_of(image), FER2013_FORM.side) for image in faces.images]))
