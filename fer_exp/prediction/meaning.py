"""What a prediction means, in the words that every output carries.

In: nothing. Out: text for the help, the end of a run, the files that are written, the pictures and the app.
"""

COLUMN = "apparent_expression"  # so that the name of the column says it, wherever a table goes
SHORT = "Apparent expression in a picture, not what a person feels."
MEANING = (
    "A prediction names the expression that a face appears to show in a picture. It does not say what the person feels."
)
USE = (
    "Not for decisions about people at work or in education: the EU AI Act, Article 5(1)(f), forbids to infer emotions "
    "there. Tell people when it looks at them: Article 50(3)."
)
