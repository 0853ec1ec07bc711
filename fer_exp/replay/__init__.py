"""Replay: search algorithms compared on a table, without training.

In: a table, whose every recipe was trained. Out: how many epochs each algorithm spends until it has found the best.

    table        a space with the objective after every epoch of every recipe
    sources      where tables come from: files, campaigns, packages of others
    player       one search, every epoch counted
    algorithms   those that can be replayed
    session      several algorithms with many seeds
    measure      what came out, with intervals
    words        the same as text
    figure       the same as a picture
"""
