"""The system beneath: files, locks, errors and facts of the machine.

In: the operating system. Out: the same behaviour on every one. Nothing here knows of campaigns or faces.

    errors        everything that the user can act on, and its exit code
    files         writing so that a reader finds the old content or the new one
    home          the one folder of all that running produces
    lock          one driver for a campaign, on machines that share a disk
    passwords     which text of an address may be shown
    provenance    code, versions and machine behind a result
    stderr        native libraries' output, kept off the terminal
    suggest       the word that was probably meant
    surroundings  which of a caller's environment and settings reaches a process of ours
    values        the base of values that cross a module's border
    words         counts in sentences
"""
