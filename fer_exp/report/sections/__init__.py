"""Sections: each part of a campaign's report, with what it shows or why it cannot.

In: Contents. Out: blocks.

    outcome        question, verdict, leaderboard, recipes
    course         history, learning curves, importance, parallel coordinates
    recognition    confusion matrices, classes, slices, calibration, mistakes
    trust          overtuning, audit of the data, ledger
    account        cost, provenance, how it is reproduced
"""
