"""Data: a source becomes Faces, Faces become a development part and a sealed test part.

In: a file, a folder or the built-in demo. Out: arrays of faces, and the split of a protocol on disk.

    classes    the expressions that a data set tells apart, by name
    form       what a model takes and gives, as numbers
    reading    how a source becomes faces, where the user said so
    emotions   the seven expressions
    faces      what every source becomes, and what everything after it reads
    cache      a source is read once, and found again
    find       which data a command works on
    fetch      FER2013 from Kaggle, or from a file that was downloaded by hand
    check      what is in a source, and what is wrong with it
    clahe      histogram equalisation with OpenCV
    sources    readers of CSV, parquet, folders and the demo, and the writer of other forms
    split      which rows train, validate and test
"""
