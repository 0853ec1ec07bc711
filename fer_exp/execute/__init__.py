"""Running trainings: one process per attempt, so that a crash costs one attempt and memory stays flat.

In: records to train. Out: records with an outcome.

    engine          the interface: what runs attempts, and how an attempt ends
    local           the engine of one machine: processes from a fork server
    ray_engine      the engine of a cluster: tasks of Ray, whose records come back epoch by epoch
    cluster         what that engine sends to nodes, what nodes do with it, and what comes back
    devices         graphics processors, found without starting one and dealt to slots
    loop            fills free slots, waits, takes in what ended, shows how things stand
    dispatch        which record is trained next
    failures        what a failed attempt means: again, later, the recipe's own failure, or a machine that cannot train
    fault           what can go wrong that says nothing about a recipe
    crashes         what is noted about a failed attempt
    start           a process without the main module of whoever calls
    task            what a task is, and how its process says why it ends
    entry           the functions that processes run
    child           an attempt: train, evaluate on validation, write the record to its end
    parent_watch    a process ends with those who started it
    preload         what the fork server does before it loads what trials need
    tracker         the parent's handle on the tracker's process
    progress        what a search shows while it runs
    eta             how fast epochs go by, and how long the rest will take at most
"""
