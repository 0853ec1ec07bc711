"""Audit: what is wrong with a data source, as far as machines can tell, for a person to look at.

In: Faces. Out: an Audit, and a folder with `audit.json`, contact sheets and one page. Counts are facts (copies, blank
images, conflicting labels); near copies are found by a rule whose errors were counted; non-faces and wrong labels are
candidates only. Nothing here changes data: `fer_exp.data.split.cleaning` does, at the user's wish.

    look           one audit, from faces to findings
    findings       what an audit says, as one value with a JSON form
    copies         equal images, and groups joined by near copies
    near           different pixels of the same photograph
    oddities       images that show next to nothing, or no face
    label_noise    labels that a model which never saw the image would not have given
    against        how much of another set lies in this one
    reduced        faces as an audit looks at them
    sheets         contact sheets of the images behind the numbers
    page           the audit as one HTML file
    text           the audit as text for a console
    write          the folder of an audit, whole or not at all
"""
