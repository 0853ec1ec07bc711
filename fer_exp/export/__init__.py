"""Export: a kept model as a file of another format, and the proof that it answers as the model does.

In: a record or a `.keras` file, a format, a path. Out: one file (or folder, where the format is one) that takes raw
faces and gives named, calibrated probabilities, and its parity with Keras. Nothing half-made is ever at the path.

    formats          the formats, and the packages that each needs
    faces            which faces parity is measured on, and which calibrate int8
    network          the Keras model that is written: temperature inside, output named
    to_onnx          written as ONNX
    to_litert        written as LiteRT (TensorFlow Lite)
    to_openvino      written as OpenVINO's representation
    to_saved_model   written as TensorFlow's SavedModel
    to_web           written as a folder with a page that runs it in a browser (its files: page/)
    browser_runtime  onnxruntime-web, from npm or a folder
    runtimes         each format asked in its own runtime
    parity           how far the answers are apart
    run              all of it in order

Keras's own exporters do the writing, on its TensorFlow backend. CLAHE, views and temperature are the model's layers, so
they are in every format (`fer_exp/model/layers.py` uses operations alone that all of them have).
"""
