"""Attempts on the machines of a Ray cluster: what the parent sends, what a node does with it, what comes back.

In: records of the parent, a cluster's address. Out: the same records, filled. Ray places, isolates, moves bytes and
notices deaths; what a death means is decided where it is for one machine (`execute/failures.py`). No module here loads
Ray when it is imported.

    connect     the cluster: found, joined, its nodes and what they have
    roster      the nodes that a search may use, and its share of them
    fit         what must agree between the parent and a node, and whether it does
    messages    what an attempt on a node tells the parent
    parcels     a record on its way to a node and back
    shipping    the development part, put once a node by its digest
    attempt     what runs on a node: the attempt's process and a supervisor that streams what it writes
    faults      what Ray's own errors mean
"""
