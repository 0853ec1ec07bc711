"""The search: Keras Tuner proposes, trials answer, one state file remembers.

propose.py   the only module that imports keras_tuner: ask, tell, state
state.py     what a campaign remembers between two starts, and its lock
changes.py   what may change under a campaign's name, and what may not
drive.py     baseline first, then trials, until the budget is spent
retrain.py   the best recipe again, with several seeds
"""
