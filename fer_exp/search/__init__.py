"""The search: Keras Tuner proposes, trials answer, one state file remembers.

conduct.py   puts a search or a retrain on its feet: fork server, data, tracker, loop, summary
proposer.py  the interface of what proposes trials: ask and tell, state, plan
keras_tuner_proposer.py  that interface over Keras Tuner's oracles
samples.py   what the space makes of fixed points, by which a changed one is told
answers.py   nothing is trained twice
board.py     the leaderboard of a search at work
oracles.py   the oracles, made to live in memory and to be put away whole
state.py     what a campaign remembers between two starts
recall.py    the proposer as an earlier start left it, from that state or from the records
footing.py   signals that are heard, a full disk that is told, a tracker that does not outlive the search
room.py      how much disk a campaign will need
changes.py   what may change under a campaign's name, and what may not
drive.py     baseline first, then trials, until the budget is spent
retrain.py   the best recipe again, with several seeds
handover.py  from a retrained record to a registered model and its alias
"""
