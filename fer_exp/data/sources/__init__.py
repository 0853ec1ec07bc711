"""Sources: every form in which a face set comes, read into the same rows; and converted from one into another.

In: a path. Out: Faces, with each bad row named.

    read        which reader a path needs
    csv         FER2013's CSV, packed or not
    layout      where a CSV's columns are
    parquet     one row per face, with encoded images or pixels
    folder      folders of images, one for each class
    layouts     how known face sets lie on disk
    listed      images that a layout lists
    grouping    whom an image shows
    votes       FER+'s votes on FER2013, and the rules by which they become labels
    demo        cartoon faces drawn by this program
    convert     a source written in another form
    archives    the CSV inside a packed file
    unpacked    archives of images, as folders for as long as they are read
    images      encoded images to grey faces
    pixels      pixel text to images
    names       the words that sources use for classes and parts
    vocabulary  from what a source calls its classes to classes by name
    numbering   what label numbers mean where nothing says so
    recognise   what a file is that is no data of ours
    rows        where readers put their rows, good and bad
"""
