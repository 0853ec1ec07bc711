"""Look: one audit, from faces to findings.

In: Faces. Out: an Audit. Every finder sees each distinct image once; what it finds is said of the image's first row.
"""

from collections.abc import Callable

import numpy as np

from fer_exp.audit.copies import copies_of, joined
from fer_exp.audit.findings import Audit
from fer_exp.audit.near import NEAR_CORRELATION, NEAR_DISTANCE, near_pairs
from fer_exp.audit.oddities import flat_images, without_face
from fer_exp.audit.reduced import reduced
from fer_exp.data.check import check
from fer_exp.data.faces import Faces
from fer_exp.data.split.by_group import image_groups
from fer_exp.data.split.cleaning import blank_images
from fer_exp.system.stderr import stderr_to

LABEL_EPOCHS = 12  # of the networks that suspect labels

Say = Callable[[str], None]


def audit(faces: Faces, *, label_epochs: int | None = None, say: Say = lambda _: None) -> Audit:
    """Everything that can be found in `faces`. Half a minute for FER2013 on two cores, without label noise.

    Args:
        faces: What to look at.
        label_epochs: Look for wrong labels as well, with networks trained for so many epochs; None leaves that out.
        say: Told what is being done.

    Raises:
        BadData: Wrong labels cannot be looked for, because an expression has too few faces.
    """
    groups = image_groups(faces.images)
    _, first = np.unique(groups, return_index=True)
    blank = blank_images(faces, np.arange(len(faces)))
    shown = first[~blank[first]]
    small = reduced(faces)
    images = small.images[shown]
    say(f"Comparing {len(first):,} distinct images.")
    pairs = near_pairs(images, shown)
    near_groups = joined(groups, pairs)
    say("Looking for images without a face.")
    no_face, searched = without_face(images, shown)
    noise = None
    if label_epochs is not None:
        with stderr_to():  # TensorFlow's chatter; Keras is loaded for this alone
            from fer_exp.audit.label_noise import label_noise

        noise = label_noise(small, near_groups, epochs=label_epochs, say=say)
    return Audit(
        check=check(faces),
        exact=copies_of(faces, groups),
        near=copies_of(faces, near_groups),
        near_pairs=pairs,
        near_distance=NEAR_DISTANCE,
        near_correlation=NEAR_CORRELATION,
        blank=tuple(np.flatnonzero(blank).tolist()),
        flat=flat_images(images, shown),
        no_face=no_face,
        no_face_searched=searched,
        label_noise=noise,
    )
