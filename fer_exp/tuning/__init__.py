"""The search: a proposer proposes, trials answer, one state file remembers; and the best recipe trained again.

In: a campaign and its data. Out: records, a leaderboard, and from `retrain` a registered model.

    run                     puts a search or a retrain together: fork server, data, tracker, loop, summary
    conditions              where and how to work: engine, cluster, tracking, report; nothing that changes a result
    values                  what a search is asked, and what it gives back
    search_request          what a search is asked for, and what its campaign then is
    teacher                 which model a campaign's recipes distil, and that it saw nothing it must not
    trials                  the work of a search: baseline first, then proposed trials, until the budget is spent
    proposer                the interface of what proposes trials: ask and tell, state, plan
    make                    the proposer of a campaign's algorithm
    declared                a space as Keras Tuner declares it, which every proposer shares
    keras_tuner_proposer    that interface over Keras Tuner's oracles
    oracles                 Keras Tuner's oracles, kept in memory and stored as a whole
    stock                   Keras Tuner's oracles as they are, for comparison
    adaptive_proposer       that interface over short trainings, a forecast, and longer ones
    stages                  which recipe is trained next, and how far
    forecast                what a recipe will reach at full budget
    samples                 what a campaign's space makes of fixed points, by which a changed space is told
    state                   what a campaign remembers between two starts
    resume                  the proposer as an earlier start left it, from that state or from the records
    reuse                   nothing is trained twice: records that answer later trials
    retrain                 the best recipe again, with several seeds
    reproduce               one record again, beside itself, and whether it comes out equal
    ensemble                finished trainings averaged into one model
    promote                 from a retrained record to a registered model and its alias
    interrupts              signals, a full disk, and a tracker that does not outlive the search
    store_check             whether MLflow's file belongs to this home, before anything is trained
    disk_need               how much disk a campaign will need
"""
