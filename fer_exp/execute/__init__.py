"""Running trainings: one process per attempt, so that a crash costs one attempt and memory stays flat.

child.py   what happens in an attempt's process
crew.py    the parent's side: starts attempts, hears them, finds out how they ended
"""
