"""Running trainings: one process per attempt, so that a crash costs one attempt and memory stays flat.

engine.py    the interface: what runs attempts, and how an attempt ends
local.py     the engine of one machine: processes from a fork server
devices.py   graphics processors, found without starting one and dealt to slots
loop.py      fill free slots, wait, take in what ended, show how things stand
dispatch.py  which record is trained next
failures.py  what a failed attempt means: again, later, the recipe's own failure, or a machine that cannot train
fault.py     what can go wrong that says nothing about a recipe
crashes.py   what is noted about a failed attempt
entry.py     what a task is, and the entry of its process
child.py     an attempt: train, evaluate on validation, write the record to its end
lifeline.py  a process ends with those who started it
preload.py   what the fork server does before it loads what trials need
tracker.py   the parent's handle on the tracker's process
watch.py     what a search shows of itself
pace.py      how fast epochs go by, and how long the rest will take at most
"""
