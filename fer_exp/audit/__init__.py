"""Audit: what is wrong with a data source, as far as machines can tell, for a person to look at.

In: Faces. Out: an Audit, and a folder with `audit.json`, contact sheets and one page. Counts are facts (copies, blank
images, conflicting labels); near copies are found by a rule whose errors were counted; non-faces and wrong labels are
candidates only. Nothing here changes data: `fer_exp.data.cleaning` does, at the user's wish.
"""
