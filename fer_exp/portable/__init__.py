"""Portable: a campaign's records as one file, and back into records on any machine; or gone for good.

In: a campaign's folder, or an archive. Out: the other. What is packed is the truth and nothing else: no caches, locks,
notes of the tracker, half-written files.

    manifest     what an archive holds, and which names it may hold
    paths        what a light archive says instead of the machine's paths
    packing      a folder into an archive
    unpacking    an archive into a folder, checked before anything takes its place
    deletion     a campaign out of the home and out of MLflow
    merge        whether an archive only adds to what is there
"""

from fer_exp.portable.manifest import Manifest
from fer_exp.portable.packing import pack
from fer_exp.portable.unpacking import Unpacked, unpack

__all__ = ["Manifest", "Unpacked", "pack", "unpack"]
