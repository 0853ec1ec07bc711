"""The leaderboard: which trial is best, how sure that is, and what the objective moved with.

In: finished records. Out: rows in order, and importances.

    rows          records to rows, best first, and whose models stay on disk
    table         rows as text, as a DataFrame, as CSV
    running       the leaderboard of a search at work
    ended         how many trials have ended, and how many epochs were asked of them
    importance    which hyperparameters the objective moved with
"""
