"""The public Python API: what a notebook and the command line both call. `fer_exp` itself hands its functions out.

In: names, files and values, as a person gives them. Out: results that print as text and show themselves in a notebook.

    searching     search, dry_run, baseline
    request       what is to be searched, with everything that differs from its file
    searched      how a search went
    retraining    retrain_best
    ensembling    ensemble: the average of several trainings
    evaluating    evaluate, evaluate_on
    evaluated     what an evaluation found
    folding       evaluate_folds
    loading       Keras in the caller's process
    comparing     compare
    replaying     replay: search algorithms on recorded trainings
    recorded      load_campaign: a campaign's leaderboard, histories and figures
    pages         the report and the model card at the end
    place         where trials run: this machine or a cluster, how many at a time, with what
    source        which campaign is meant: a file, or a Campaign made in Python
    cells         a Campaign made in Python, written as a campaign file
    settings      settings as parameters change them
    names         from a name that a user gave to what it names
    dry_run       what a search would do, before it does it
    watching      what shows the progress: a terminal's view, or a notebook's
    view          progress on a terminal, and without one
    notebook      progress in a notebook: one output that is drawn anew
    told          results that say themselves, as text, HTML or a picture
    texts         results as text

Every function works below a home: `home=`, else `FER_EXP_HOME`, else `./mlruns`.
"""
