"""The holdout: the one package that may touch test faces.

In: a record with a model, and a data source. Out: test results in the record, and a line in the home's ledger.

    evaluate     a model meets the test part, and what it finds
    result       what came out, as a value
    recall       what was found at an opening, told again from stored predictions
    folds        the test parts of all folds, and what comes out over all of them
    external     a model meets another face set
    sealed       the only code that reads test faces
    ledger       who looked at a test part, when and why
    gap          validation against test, with and without images that training holds too
    reference    the numbers of the reference system
"""
