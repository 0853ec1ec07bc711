"""An audit as text for a console of 80 columns.

In: an Audit. Out: lines. The tables of the check come first; a number in the lines below them is found by a rule, which
docs/audit.md explains.
"""

from fer_exp.audit.findings import Audit
from fer_exp.data.check import describe as describe_check


def describe(audit: Audit) -> str:
    """Everything found, in numbers."""
    return "\n".join([describe_check(audit.check), "", *(f"{name:54}{value}" for name, value in summary(audit))])


def summary(audit: Audit) -> list[tuple[str, str]]:
    """What the check does not count: names and values, as console and page show them."""
    near = audit.near
    lines = [
        ("copies and near copies of other images", f"{near.extra:,} in {len(near.groups):,} groups"),
        ("groups of these with conflicting labels", f"{near.conflicts:,}"),
        ("PublicTest images that Training nearly holds too", f"{near.public_test_in_training:,}"),
        ("PrivateTest images that Training nearly holds too", f"{near.private_test_in_training:,}"),
        ("PrivateTest images that PublicTest nearly holds too", f"{near.private_test_in_public_test:,}"),
        ("distinct images that are nearly blank", f"{len(audit.flat):,}"),
        ("candidates for images without a face", f"{len(audit.no_face):,}"),
    ]
    noise = audit.label_noise
    if noise is not None:
        lines.append(("candidates for wrong labels", f"{len(noise.suspects):,}"))
        lines.append(("accuracy of the model that suspects them", f"{100 * noise.accuracy:.1f} %"))
    return lines
