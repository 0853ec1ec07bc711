"""Splits: which rows train, which validate, which test, and the folder that holds the first two.

In: Faces and a protocol. Out: a development folder without test pixels.

    protocol    the closed list of ways to split
    assign      the part of each row under a protocol
    by_group    splits that keep a person, a sequence, a photo or a copy on one side
    cleaning    which training rows are left out at the user's wish
    info        what training leaves out, and what a split looks like
    prepare     faces and a protocol to the development folder
"""
