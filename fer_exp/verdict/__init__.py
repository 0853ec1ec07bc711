"""The verdict: is one group of models really better than another, and by how much?

In: stored predictions of two groups of models. Out: better, not shown or worse, with an interval.

    resample    metrics on resampled images, for all models at once
    interval    the interval of a difference: images, seeds, and the luck of having been picked
    folds       the interval of a mean over the images of all folds
    judge       two groups to better, not shown or worse
    groups      which records a name means
    compare     whether two groups can be compared, and what comes out
    words       the verdict as text
    power       the smallest difference that images and seeds can show

Pure maths over stored predictions; method, sources and measured properties are in `docs/verdict.md`.
"""

from fer_exp.verdict.compare import Comparison, compare_groups
from fer_exp.verdict.groups import Group, baseline_of, find_groups, group_of, matching
from fer_exp.verdict.judge import LEVEL, Answer, Judgement, Scope
from fer_exp.verdict.words import sentence, verdict_text

__all__ = [
    "LEVEL",
    "Answer",
    "Comparison",
    "Group",
    "Judgement",
    "Scope",
    "baseline_of",
    "compare_groups",
    "find_groups",
    "group_of",
    "matching",
    "sentence",
    "verdict_text",
]
