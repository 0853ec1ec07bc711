"""Metrics: from what a model said about a split to the numbers that describe it.

In: labels and probabilities. Out: scores, with the definition of each in one place.

    registry       each metric once: name, title, range, where it is recorded, shown and judged
    scores         accuracy, F1, recall and the report
    calibration    by how much a model is surer than it is right
    temperature    probabilities with every logit divided by one number
"""
