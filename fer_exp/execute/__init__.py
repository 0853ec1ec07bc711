"""Running trainings: one process per attempt, so that a crash costs one attempt and memory stays flat.

child.py   what happens in an attempt's process
local.py    the parent's side: starts attempts, hears them, finds out how they ended
crashes.py  what is noted about a process that died, and when its trial is given up
lifeline.py  a process ends with those who started it
"""
